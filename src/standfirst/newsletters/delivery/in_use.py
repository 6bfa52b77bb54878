"""The name of the road that letters leave by, as limits, rests and the newsroom know it."""

from django.conf import settings

ROAD_LENGTH = 80


def road_in_use() -> str:
    """A provider’s name (mailgun), a mail server’s (smtp.example.org), folder or screen: what
    EMAIL_URL says."""
    match settings.EMAIL_BACKEND.split("."):
        case ["anymail", "backends", provider, *_]:
            name = provider
        case [*_, "smtp", _]:
            name = settings.EMAIL_HOST.lower()
        case [*_, "filebased", _]:
            name = "folder"
        case [*_, "console", _]:
            name = "screen"
        case [*_, other, _]:
            name = other
        case _:
            name = settings.EMAIL_BACKEND
    return name[:ROAD_LENGTH]
