"""The second road: one request to a provider for many recipients, through Anymail.

The provider puts each reader's words into the text it was given, in its own syntax. Anymail neither
splits a list nor has a key by which a request is done once, so the ledger claims as many as one
request takes, and that chunk is what is in doubt where no answer came. What each provider writes
between is from its documentation, and was tried at a stand-in alone.
"""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailInvalidAddress, AnymailRecipientsRefused
from anymail.message import AnymailMessage
from anymail.utils import parse_address_list
from django.conf import settings
from django.core.mail import get_connection

from standfirst.newsletters.delivery.addresses import named
from standfirst.newsletters.delivery.road import Answer, Outcome
from standfirst.newsletters.slots import SLOTS, WORD, Kind

WORDS = 400
AS_IT_STANDS = (400, 422)  # a request that would be refused tomorrow as well


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider takes a chunk: the most recipients of a request, how a reader's word is
    written in the text and (escaped by us) in HTML, and what would be read as such a word."""

    most: int
    in_text: Callable[[str], str]
    in_html: Callable[[str], str]
    openings: tuple[str, ...]
    extra: Mapping[str, Any]
    tracks: bool = True  # unless it is told not to


PROVIDERS: Mapping[str, Provider] = {
    "mailgun": Provider(
        1000,
        lambda name: f"%recipient.{name}%",
        lambda name: f"%recipient.{name}%",
        ("%recipient",),
        {},
    ),
    "sparkpost": Provider(
        1000, lambda name: f"{{{{{{{name}}}}}}}", lambda name: f"{{{{{{{name}}}}}}}", ("{{",), {}
    ),
    "mailjet": Provider(
        50,
        lambda name: f"[[var:{name}]]",
        lambda name: f"[[var:{name}]]",
        ("[[", "{{", "{%"),
        {"Globals": {"TemplateLanguage": True}},
    ),
    "brevo": Provider(
        500,
        lambda name: f"{{{{params.{name}}}}}",
        lambda name: f"{{{{params.{name}|safe}}}}",
        ("{{", "{%"),
        {},
        tracks=False,
    ),
}


def provider_named(backend: str) -> Provider | None:
    """The provider of an EMAIL_BACKEND, or None for one that takes no chunks (SMTP, a folder)."""
    parts = backend.split(".")
    return PROVIDERS.get(parts[2]) if parts[:2] == ["anymail", "backends"] else None


@dataclass(frozen=True, slots=True)
class Reader:
    """One recipient of a chunk. `values` has every slot's words, not escaped."""

    number: int
    name: str
    address: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLetter:
    """What is sent to all of a chunk, with the slots' words still in it. `automatic`: no person
    began it (RFC 3834)."""

    subject: str
    html: str
    text: str
    sender: str
    reply_to: str
    list_id: str
    automatic: bool = False


def send_chunk(letter: ChunkLetter, readers: Sequence[Reader]) -> list[Answer]:
    """Hand one chunk to the provider that EMAIL_URL names, and say what became of each reader.

    Every reader has exactly one answer. Where no answer came, all are UNCERTAIN; where the request
    certainly was not taken, all are DEFERRED or REFUSED. Raises LookupError where EMAIL_URL names
    no provider that takes chunks, ValueError for more readers than it takes or one address twice.
    """
    provider = provider_named(settings.EMAIL_BACKEND)
    if provider is None:
        raise LookupError("EMAIL_URL names no provider that takes many recipients in one request.")
    addresses = [reader.address for reader in readers]
    if len(readers) > provider.most or len(set(addresses)) < len(addresses):
        raise ValueError("A chunk has too many readers, or one address twice.")
    # One address that cannot be written would have the whole request refused.
    usable = [reader for reader in readers if _can_be_written(reader.address)]
    answers = {
        reader.number: Answer(reader.number, Outcome.REFUSED, 0, "This is not an address.")
        for reader in readers
    }
    for answer in _without_the_refused(provider, letter, usable) if usable else []:
        answers[answer.number] = answer
    return list(answers.values())


def _without_the_refused(
    provider: Provider, letter: ChunkLetter, readers: Sequence[Reader]
) -> list[Answer]:
    """Hand a chunk over. Where the request is refused as it stands, nothing of it was taken, but
    it may be for one address (Mailgun and Brevo don't say whose): the others must not wait for
    ever. So if the first or the last reader alone is taken, the halves are asked apart, down to
    the one who is refused; if neither is, it is about the letter, or about us."""
    answers = _handed_over(provider, letter, readers)
    if not _is_refused_as_it_stands(answers) or len(readers) == 1:
        return answers
    first = _handed_over(provider, letter, readers[:1])
    last = _handed_over(provider, letter, readers[-1:])
    if _is_refused_as_it_stands(first) and _is_refused_as_it_stands(last):
        return answers
    return [
        *_of_one(first),
        *_parted(provider, letter, readers[1:-1]),
        *_of_one(last),
    ]


def _parted(provider: Provider, letter: ChunkLetter, readers: Sequence[Reader]) -> Iterator[Answer]:
    """The answers to readers among whom somebody may be refused."""
    if not readers:
        return
    answers = _handed_over(provider, letter, readers)
    if not _is_refused_as_it_stands(answers):
        yield from answers
    elif len(readers) == 1:
        yield from _of_one(answers)
    else:
        middle = len(readers) // 2
        yield from _parted(provider, letter, readers[:middle])
        yield from _parted(provider, letter, readers[middle:])


def _is_refused_as_it_stands(answers: Sequence[Answer]) -> bool:
    return all(one.everyone and one.code in AS_IT_STANDS for one in answers)


def _of_one(answers: Sequence[Answer]) -> list[Answer]:
    """What a request for one reader alone was answered, while others are taken."""
    if not _is_refused_as_it_stands(answers):
        return list(answers)
    return [one._replace(outcome=Outcome.REFUSED, everyone=False) for one in answers]


def _handed_over(
    provider: Provider, letter: ChunkLetter, readers: Sequence[Reader]
) -> list[Answer]:
    message = _message(provider, letter, readers)
    try:
        get_connection().send_messages([message])
    except AnymailRecipientsRefused:
        pass  # each one's own status says so
    except AnymailAPIError as error:
        return _all_alike(readers, error)
    said = message.anymail_status.recipients
    return [_answer(reader, said.get(reader.address)) for reader in readers]


def _can_be_written(address: str) -> bool:
    try:
        # No provider says that it takes a first part that is not ASCII.
        return address.isascii() and len(parse_address_list([address])) == 1
    except AnymailInvalidAddress:
        return False


def _message(provider: Provider, letter: ChunkLetter, readers: Sequence[Reader]) -> AnymailMessage:
    message = AnymailMessage(
        subject=_unread(letter.subject, provider, in_html=False),
        body=_slots(_unread(letter.text, provider, in_html=False), provider.in_text, ""),
        from_email=letter.sender,
        to=[named(_one_line(reader.name), reader.address) for reader in readers],
        reply_to=[letter.reply_to] if letter.reply_to else None,
        headers={"List-ID": letter.list_id, "Precedence": "bulk"},
    )
    if letter.automatic:
        message.extra_headers["Auto-Submitted"] = "auto-generated"
    written = _slots(_unread(letter.html, provider, in_html=True), provider.in_html, "_html")
    message.attach_alternative(written, "text/html")
    message.merge_data = {reader.address: _merged(reader) for reader in readers}
    message.merge_metadata = {
        reader.address: {"delivery": str(reader.number)} for reader in readers
    }
    message.merge_headers = {
        reader.address: {
            "List-Unsubscribe": f"<{reader.values['unsubscribe']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        for reader in readers
    }
    if provider.tracks:
        message.track_opens = message.track_clicks = False
    message.esp_extra = dict(provider.extra)
    return message


def _merged(reader: Reader) -> dict[str, str]:
    values = {}
    for name, kind in SLOTS.items():
        value = reader.values.get(name, "")
        values[name] = value if kind is Kind.URL else _one_line(value)
        values[f"{name}_html"] = html.escape(values[name])
    return values


def _slots(text: str, written: Callable[[str], str], ending: str) -> str:
    return WORD.sub(lambda found: written(found.group(1) + ending), text)


def _unread(text: str, provider: Provider, *, in_html: bool) -> str:
    """The text, with what an editor wrote that the provider would take for a word of its own."""
    for opening in provider.openings:
        first, rest = opening[0], opening[1:]
        apart = f"&#{ord(first)};{rest}" if in_html else f"{first}\u2060{rest}"
        text = text.replace(opening, apart)
    return text


def _answer(reader: Reader, said: Any) -> Answer:
    status = getattr(said, "status", None)
    if status in {"sent", "queued"}:
        return Answer(reader.number, Outcome.ACCEPTED, 250)
    if status in {"rejected", "invalid", "failed"}:
        words = f"The provider did not take it: {status}."
        return Answer(reader.number, Outcome.REFUSED, 550, words)
    words = "The provider’s answer does not say what became of it."
    return Answer(reader.number, Outcome.UNCERTAIN, 0, words)


def _all_alike(readers: Sequence[Reader], error: AnymailAPIError) -> list[Answer]:
    status = error.status_code or 0
    words = _one_line(error.describe_response() or str(error))[:WORDS]
    if 400 <= status < 500 or status == 503 or _never_arrived(error):
        # Too fast; or our key, our domain or our text, which is the same for everybody.
        outcome = Outcome.DEFERRED
    else:
        outcome = Outcome.UNCERTAIN  # it broke off, or broke down: nobody knows when
    return [Answer(one.number, outcome, status, words, everyone=True) for one in readers]


def _never_arrived(error: AnymailAPIError) -> bool:
    """Did the request certainly not reach the provider?"""
    return isinstance(error, requests.exceptions.ConnectTimeout) or (
        isinstance(error, requests.exceptions.ConnectionError)
        and "Failed to establish a new connection" in str(error.__cause__)
    )


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
