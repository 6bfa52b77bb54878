"""How much anybody may send at once."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse


def no_oversized_forms(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 413 to a body that is larger than any form of ours, before a byte of it is read.

    Readers type a few words; only the newsroom sends pictures.
    """
    newsroom = reverse("wagtailadmin_home")

    def middleware(request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if request.path.startswith(newsroom):
            limit = settings.NEWSROOM_UPLOAD_MAX_SIZE
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > limit:
            return too_large(request)
        return get_response(request)

    return middleware


def too_large(request: HttpRequest) -> HttpResponse:
    """The page that says so. The connection is closed, for the rest of the body is not wanted."""
    response = render(request, "errors/too_large.html", status=413)
    response["Connection"] = "close"
    return response
