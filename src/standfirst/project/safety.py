"""What a browser may load and run on readers' pages."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse


def only_our_own_scripts(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Send CONTENT_SECURITY_POLICY with all that readers get.

    Not with the newsroom, whose editor runs scripts that stand in its pages, nor with the page that
    tells a developer of an error.
    """
    newsroom = reverse("wagtailadmin_home")

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code < 500 and not request.path.startswith(newsroom):
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    return middleware
