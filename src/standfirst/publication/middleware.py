"""What holds for every request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from standfirst.publication.queries import remembered, the_publication


def at_the_publications_place(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Read the publication once a request, and show times where it is and in its language."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with remembered():
            publication = the_publication()
            with timezone.override(publication.zone), translation.override(publication.language):
                return get_response(request)

    return middleware
