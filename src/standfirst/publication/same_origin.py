"""Forms on kept pages carry no token of one person, so the browser's word is asked instead."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

SAFE = {"GET", "HEAD", "OPTIONS"}

View = Callable[..., HttpResponse]


def posts_from_here_only(view: View) -> View:
    """Let a POST through only where the browser says it comes from our own pages.

    `Sec-Fetch-Site` (Fetch Metadata, W3C) decides where it is sent; else `Origin` (RFC 6454, which
    browsers send with every POST); else `Referer`. A request with none of the three, or with a
    foreign one, is answered 403 with a sentence, and nothing is changed. Stands in for Django's
    token, which would make every page personal (docs/decisions/0003).
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in SAFE and not comes_from_here(request):
            return render(request, "errors/cross_site.html", status=403)
        return view(request, *args, **kwargs)

    return csrf_exempt(guarded)


def comes_from_here(request: HttpRequest) -> bool:
    """Does the browser say that this request was made by one of our own pages?"""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    source = request.headers.get("Origin") or request.headers.get("Referer")
    if not source:
        return False
    parts = urlsplit(source)
    return (parts.scheme, parts.netloc) == (request.scheme, request.get_host())
