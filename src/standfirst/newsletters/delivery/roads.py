"""The roads that the settings know: SMTP, a folder, the screen, or a provider's
requests. Which one, says EMAIL_URL."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from itertools import islice
from pathlib import Path
from typing import Any, cast
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
from standfirst.newsletters.delivery.message import Head, compile_letter
from standfirst.newsletters.delivery.road import Answer, Driver, Line, Outcome, Outgoing
from standfirst.newsletters.delivery.sender import Make, Road
from standfirst.newsletters.delivery.server import lines_by
from standfirst.newsletters.delivery.values import Recipient
from standfirst.newsletters.links import message_id
from standfirst.newsletters.models import Letter, Sending
from standfirst.newsletters.senders import bounces_to, domain_of

SETTINGS = (
    *("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"),
    *("EMAIL_USE_SSL", "EMAIL_USE_TLS", "EMAIL_TIMEOUT", "EMAIL_FILE_PATH"),
)


def road() -> Road:
    """The road that EMAIL_URL names. Raises server.NoRoad where it leads nowhere."""
    if provider := provider_named(settings.EMAIL_BACKEND):
        return ChunkRoad(provider)
    given = {name: getattr(settings, name, None) for name in SETTINGS}
    lines_by(given, sender="post@localhost")  # is there one?
    return MessageRoad(given)


def our_host() -> str:
    """The magazine's name in the DNS, by which we greet servers."""
    return urlsplit(settings.WAGTAILADMIN_BASE_URL).hostname or "localhost"


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
    return f"{consent}.{our_host()}"


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
class MessageRoad:
    """To a mail server, or into a folder or onto the screen, by Django's EMAIL_* `settings`."""

    settings: Mapping[str, Any]
    name: str = "mail"

    def line(self, sending: int) -> Line:
        """See sender.Road. Raises server.NoRoad."""
        _, address = parseaddr(Sending.objects.values_list("sender", flat=True).get(pk=sending))
        lines = lines_by(self.settings, sender=bounces_to(address), hello=our_host())
        return lines(1)[0]

    def letter(self, sending: int, variant: str) -> Make:
        """See sender.Road."""
        return compiled(sending, variant)


# -- letters that a provider finishes -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Personal:
    """A reader's part of a request, in an Outgoing's place."""

    number: int
    recipient: str

    name: str
    values: Mapping[str, str]
    letter: ChunkLetter


@dataclass
class ChunkRoad:
    """To a provider, as many as one request takes."""

    provider: Provider
    send: Callable[[ChunkLetter, Sequence[Reader]], list[Answer]] = send_chunk
    name: str = "provider"

    def line(self, sending: int) -> Line:
        """See sender.Road."""
        return _ChunkLine(self.provider.most, self.send)

    def letter(self, sending: int, variant: str) -> Make:
        """See sender.Road."""
        found = Letter.objects.select_related("sending__newsletter").get(
            sending=sending, variant=variant
        )
        of = found.sending
        name = of.newsletter.name if of.newsletter else ""
        letter = ChunkLetter(
            subject=found.subject,
            html=found.html,
            text=found.text,
            sender=of.sender,
            reply_to=of.reply_to,
            list_id=headers.list_id(name, list_host(of.consent)).decode().replace("\r\n", ""),
        )

        def make(who: Recipient, values: Mapping[str, str]) -> Outgoing:
            return cast(Outgoing, Personal(who.delivery, who.address, who.name, values, letter))

        return make


class _ChunkLine:
    def __init__(
        self, most: int, send: Callable[[ChunkLetter, Sequence[Reader]], list[Answer]]
    ) -> None:
        self._most, self._send = most, send

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """See road.Line. The request is what is in doubt where no answer came."""
        last: Outgoing | None = None
        while True:
            chunk: list[Personal] = []
            first, last = last, None
            for letter in [first] if first else []:
                chunk.append(_personal(letter))
            for letter in islice(letters, self._most - len(chunk)):
                # Both variants may stand in a batch, and a request has one text.
                if chunk and _personal(letter).letter is not chunk[0].letter:
                    last = letter
                    break
                chunk.append(_personal(letter))
            if not chunk:
                return
            leaving: list[Personal] = []
            for one in chunk:
                if not driver.body_leaves(one.number):
                    break
                leaving.append(one)
            await self._hand_over(leaving, driver)
            if len(leaving) < len(chunk):
                unsent = [one.number for one in chunk[len(leaving) :]]
                for number in [*unsent, *([last.number] if last else [])]:
                    driver.answered(Answer(number, Outcome.NOT_TRIED))
                return

    async def _hand_over(self, chunk: Sequence[Personal], driver: Driver) -> None:
        if not chunk:
            return
        readers = [Reader(one.number, one.name, one.recipient, one.values) for one in chunk]
        said = await asyncio.to_thread(self._send, chunk[0].letter, readers)
        answers = {one.number: one for one in said}
        for one in chunk:
            driver.answered(answers[one.number])

    async def close(self) -> None:
        """See road.Line."""


def _personal(letter: Outgoing) -> Personal:
    return cast(Personal, cast(object, letter))  # this road's own letters
