"""The roads that the settings know: SMTP, a provider's requests, a folder, the screen. Which one,
says EMAIL_URL."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from standfirst.newsletters.delivery import headers
from standfirst.newsletters.delivery.chunks import (
    ChunkLetter,
    Provider,
    Reader,
    provider_named,
    send_chunk,
)
from standfirst.newsletters.delivery.dkim import Signer
from standfirst.newsletters.delivery.folder import ConsoleLine, FolderLine
from standfirst.newsletters.delivery.in_use import road_in_use
from standfirst.newsletters.delivery.message import Head, compile_letter
from standfirst.newsletters.delivery.provider import ProviderLine, worded
from standfirst.newsletters.delivery.road import (
    Answer,
    Line,
    Outgoing,
)
from standfirst.newsletters.delivery.sender import Make, Road
from standfirst.newsletters.delivery.smtp import Server, SmtpLine
from standfirst.newsletters.delivery.values import Recipient
from standfirst.newsletters.links import message_id
from standfirst.newsletters.models import Letter, Sending, SendingKind
from standfirst.newsletters.senders import bounces_to, domain_of


def road() -> Road:
    """The road that EMAIL_URL names. Raises LookupError where it names none for newsletters."""
    backend = settings.EMAIL_BACKEND
    if provider := provider_named(backend):
        return ChunkRoad(provider)
    match backend.split(".")[-2:]:
        case ["smtp", "EmailBackend"]:
            return SmtpRoad(_server())
        case ["filebased", "EmailBackend"]:
            return FolderRoad(Path(getattr(settings, "EMAIL_FILE_PATH")))  # noqa: B009
        case ["console", "EmailBackend"]:
            return FolderRoad(None)
    raise LookupError(f"No newsletter can leave by {backend}. Set EMAIL_URL.")


def _server() -> Server:
    return Server(
        host=settings.EMAIL_HOST,
        port=settings.EMAIL_PORT,
        user=settings.EMAIL_HOST_USER,
        password=settings.EMAIL_HOST_PASSWORD,
        secure=settings.EMAIL_USE_SSL,
        start_tls=settings.EMAIL_USE_TLS,
        hello=urlsplit(settings.WAGTAILADMIN_BASE_URL).hostname or "",
    )


# -- letters whose message is made here -----------------------------------------------------------


def compiled(sending: int, variant: str) -> Make:
    """The finished message of a sending's letter, for each recipient.

    Raises OSError and ValueError for a key that cannot sign, and what `compile_letter` raises."""
    letter = Letter.objects.select_related("sending__newsletter").get(
        sending=sending, variant=variant
    )
    of = letter.sending
    name, address = parseaddr(of.sender)
    host = domain_of(address)
    made = compile_letter(
        letter.subject,
        letter.html,
        letter.text,
        Head(
            address=address,
            name=name,
            reply_to=of.reply_to,
            list_name=of.newsletter.name if of.newsletter else "",
            list_host=list_host(of.consent),
            automatic=of.kind != SendingKind.EDITION,
        ),
        _signers(host),
    )
    clock = _Clock()

    def make(who: Recipient, values: Mapping[str, str]) -> Outgoing:
        body = made.body_for(
            values, who.name, who.address, message_id(who.delivery, host), clock.date()
        )
        return Outgoing(who.delivery, who.address, body, dotless=True)

    return make


def list_host(consent: str) -> str:
    """The id of the list of those who said yes to a kind of letter (RFC 2919)."""
    return f"{consent}.{urlsplit(settings.WAGTAILADMIN_BASE_URL).hostname or 'localhost'}"


def _signers(domain: str) -> Sequence[Signer]:
    if not settings.DKIM_KEY:
        return ()
    return (Signer(domain, settings.DKIM_SELECTOR, Path(settings.DKIM_KEY).read_bytes()),)


class _Clock:
    """The Date of letters, written anew each second."""

    def __init__(self) -> None:
        self._second, self._written = 0, ""

    def date(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._written = headers.date(datetime.fromtimestamp(second, UTC))
        return self._written


@dataclass
class SmtpRoad:
    """To a mail server: our own relay, or one of a provider that speaks SMTP."""

    server: Server
    name: str = field(default_factory=road_in_use)

    def line(self, sending: int) -> Line:
        """See sender.Road."""
        _, address = parseaddr(Sending.objects.values_list("sender", flat=True).get(pk=sending))
        return SmtpLine(self.server, bounces_to(address))

    def letter(self, sending: int, variant: str) -> Make:
        """See sender.Road."""
        return compiled(sending, variant)


@dataclass
class FolderRoad:
    """Into a folder, one file a letter; or onto the screen where there is none."""

    folder: Path | None
    name: str = field(default_factory=road_in_use)

    def line(self, sending: int) -> Line:
        """See sender.Road."""
        return FolderLine(self.folder) if self.folder else ConsoleLine()

    def letter(self, sending: int, variant: str) -> Make:
        """See sender.Road."""
        return compiled(sending, variant)


# -- letters that a provider finishes -------------------------------------------------------------


@dataclass
class ChunkRoad:
    """To a provider, as many as one request takes."""

    provider: Provider
    send: Callable[[ChunkLetter, Sequence[Reader]], list[Answer]] = send_chunk
    name: str = field(default_factory=road_in_use)

    def line(self, sending: int) -> Line:
        """See sender.Road."""
        return ProviderLine(self.provider, self.send)

    def letter(self, sending: int, variant: str) -> Make:
        """See sender.Road."""
        found = Letter.objects.select_related("sending__newsletter").get(
            sending=sending, variant=variant
        )
        of = found.sending
        name = of.newsletter.name if of.newsletter else ""
        return worded(
            ChunkLetter(
                subject=found.subject,
                html=found.html,
                text=found.text,
                sender=of.sender,
                reply_to=of.reply_to,
                automatic=of.kind != SendingKind.EDITION,
                list_id=headers.list_id(name, list_host(of.consent)).decode().replace("\r\n", ""),
            )
        )
