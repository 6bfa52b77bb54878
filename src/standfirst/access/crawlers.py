"""Search engines whose address is verified (never their user agent alone)."""

from django.http import HttpRequest


def verified_crawler(request: HttpRequest) -> str | None:
    """The name of the search engine that is asking, or None."""
    return None
