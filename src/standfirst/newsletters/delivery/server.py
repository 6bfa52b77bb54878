"""Which lines there are, by Django's EMAIL_* settings as project.environment makes them from
EMAIL_URL. The values come in as arguments: it imports no framework."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from standfirst.newsletters.delivery.folder import ConsoleLine, FolderLine
from standfirst.newsletters.delivery.road import Line
from standfirst.newsletters.delivery.smtp import Patience, Server, SmtpLine

SMTP, FOLDER, CONSOLE = (
    f"django.core.mail.backends.{name}.EmailBackend" for name in ("smtp", "filebased", "console")
)
Lines = Callable[[int], list[Line]]
Answer = TypeVar("Answer")


class NoRoad(ValueError):  # noqa: N818
    """Letters to many cannot leave by these settings; the text says what to set."""


def lines_by(settings: Mapping[str, Any], *, sender: str, hello: str = "") -> Lines:
    """A function that makes so many lines. `settings` are EMAIL_BACKEND and what it needs;
    `sender` is the address that bounces go to; `hello` our name for EHLO.

    Raises NoRoad, and BadAddress for the sender."""
    backend = settings.get("EMAIL_BACKEND")
    if backend == SMTP:
        server = server_of(settings, hello=hello)
        SmtpLine(server, sender)  # a bad sender is told now, not when letters wait
        return lambda count: [SmtpLine(server, sender) for _ in range(count)]
    if backend == FOLDER:
        folder = Path(settings["EMAIL_FILE_PATH"])
        return lambda count: [FolderLine(folder) for _ in range(count)]
    if backend == CONSOLE:
        return lambda count: [ConsoleLine() for _ in range(count)]
    raise NoRoad(
        f"Letters to many cannot leave by {backend}. Set EMAIL_URL to smtp://user:password@host:587,"
        " smtps://..., file:///folder or console:."
    )


def server_of(settings: Mapping[str, Any], *, hello: str = "") -> Server:
    """The SMTP server that EMAIL_HOST and its like name."""
    patience = Patience()
    if settings.get("EMAIL_TIMEOUT"):
        patience = replace(patience, connect=float(settings["EMAIL_TIMEOUT"]))
    return Server(
        host=settings["EMAIL_HOST"],
        port=int(settings["EMAIL_PORT"]),
        user=settings.get("EMAIL_HOST_USER") or "",
        password=settings.get("EMAIL_HOST_PASSWORD") or "",
        secure=bool(settings.get("EMAIL_USE_SSL")),
        start_tls=bool(settings.get("EMAIL_USE_TLS")),
        hello=hello,
        patience=patience,
    )


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run it in a loop of its own: uvloop, in which a letter costs half."""
    return uvloop.run(work)
