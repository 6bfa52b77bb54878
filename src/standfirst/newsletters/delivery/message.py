"""A letter that is compiled once and finished a million times.

Its MIME message is made once, in quoted-printable, with a line of its own for each slot; it is cut
there, and a recipient costs filling the slots and one join. Constants and values hold no line that
begins with a dot (nothing need be stuffed), no tabs, no runs of blanks and none at the end of a
line (what DKIM calls the relaxed body is the body). It imports no framework.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import TypeVar
from urllib.parse import quote

from standfirst.newsletters.delivery import headers
from standfirst.newsletters.delivery.dkim import Signer, relaxed_fields
from standfirst.newsletters.slots import SLOTS, WORD, Kind

LINE = 75  # octets, and the sign of a soft line break: 76 (RFC 2045 §6.7)
SOFT = b"=\r\n"
FORMS = TEXT, HTML = "text", "html"  # in the order in which _words and _links give a value
UNSUBSCRIBE = "unsubscribe"
# Slots of the head, by their fields; all but the last are none of a template.
FIELDS = {
    "to": "To", "subject": "Subject", "date": "Date", "id": "Message-ID",
    UNSUBSCRIBE: "List-Unsubscribe",
}  # fmt: skip
# What stands in every part as it is: nothing that HTML escapes, no "=", no dot in front, no blank
# at an end or beside another.
_SIMPLE = re.compile(r"(?![.]|From )[!#-%(-;?-~]+(?: [!#-%(-;?-~]+)*")
_SIMPLE_LINK = re.compile(r"[A-Za-z0-9:/?#@!$()*+,;~%_-][A-Za-z0-9:/?#@!$()*+,;~%._-]*")
_LINK = re.compile(r"[A-Za-z0-9:/?#@!$'&()*+,;=~%._-]{1,900}")


@dataclass(frozen=True)
class Head:
    """What all letters of a sending say of themselves. `list_host` is the id of the list (such as
    daily.magazine.example), empty for none. `unsubscribe`: the letter carries the two fields of
    RFC 8058, with the address of the slot of that name. `automatic`: no person began it (RFC 3834);
    editors begin an edition. `extra`: more fields, name and text."""

    address: str
    name: str = ""
    reply_to: str = ""
    list_name: str = ""
    list_host: str = ""
    unsubscribe: bool = True
    bulk: bool = True
    automatic: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)


class Compiled:
    """A letter with its slots open. `slots` are those that it fills."""

    def __init__(
        self,
        subject: str,
        head: Sequence[bytes | str],
        body: Sequence[bytes | tuple[str, str]],
        signers: Sequence[Signer],
    ) -> None:
        self._subject = None if WORD.search(subject) else headers.words(subject)
        self._subject_with_slots = subject
        self._signers = signers
        self._fixed = relaxed_fields(b"".join(part for part in head if isinstance(part, bytes)))
        self._parts = [part if isinstance(part, bytes) else b"" for part in (*head, *body)]
        self._body_begins = len(head)
        self._unsubscribe = UNSUBSCRIBE in head
        self._fields = [head.index(slot) for slot in FIELDS if slot in head]
        places: dict[str, list[tuple[int, int]]] = {}
        for number, part in enumerate(body, len(head)):
            if not isinstance(part, bytes):
                places.setdefault(part[0], []).append((number, FORMS.index(part[1])))
        self._fills = [(slot, _WAYS[SLOTS[slot]], where) for slot, where in places.items()]
        own = {UNSUBSCRIBE} if self._unsubscribe else set()
        self.slots = frozenset({*places, *WORD.findall(subject), *own})

    def body_for(
        self,
        values: Mapping[str, str],
        to_name: str,
        to_address: str,
        message_id: str,
        date: str,
    ) -> bytes:
        """The finished message to one recipient, with CRLF line ends and no line that begins with
        a dot: give it as `Outgoing(..., dotless=True)`. It is of seven bits, unless an address
        needs SMTPUTF8.

        `values` has a text for each of `slots`: plain, escaped here. `message_id` and `date` are
        made by `links.message_id` and `headers.date`. Raises KeyError for a value that is
        missing, BadAddress, and ValueError for an id, a date or a link that cannot be one."""
        fields = [
            headers.mailbox(to_name, to_address),
            self._subject or _subject(self._subject_for(values)),
            headers.checked_date(date),
            headers.checked_id(message_id),
        ]
        if self._unsubscribe:
            fields.append(b"<%b>" % _link(values[UNSUBSCRIBE]).encode())
        parts = self._parts.copy()
        for number, value in zip(self._fields, fields, strict=True):
            parts[number] = value
        for slot, way, where in self._fills:
            forms = way(values[slot])
            for number, form in where:
                parts[number] = forms[form]
        if not self._signers:
            return b"".join(parts)
        return self._signed(fields, parts)

    def _signed(self, fields: Sequence[bytes], parts: Sequence[bytes]) -> bytes:
        begin = self._body_begins
        relaxed, body = self._fixed.copy(), b"".join(parts[begin:])
        for name, value in zip(FIELDS.values(), fields, strict=False):  # the last may be missing
            key = name.lower().encode()
            relaxed[key] = [b"%b:%b" % (key, value.replace(b"\r\n ", b" "))]
        signatures = [signer.field(relaxed, body) for signer in self._signers]
        return b"".join([*signatures, *parts[:begin], body])

    def _subject_for(self, values: Mapping[str, str]) -> str:
        return WORD.sub(lambda found: values[found[1]], self._subject_with_slots)


def compile_letter(
    subject: str, html: str, text: str, head: Head, signers: Sequence[Signer] = ()
) -> Compiled:
    """Compile a letter with the words of slots in it. Raises KeyError for a slot that there is
    not, BadAddress for a sender, and ValueError for what cannot stand in a header."""
    rim = b"=_" + sha256(f"{html}\0{text}".encode("utf-8", "replace")).hexdigest()[:32].encode()
    # "=_" is nothing that quoted-printable can say, so the rim stands in no part.
    kind = b'Content-Type: text/%b; charset="utf-8"\r\n'
    kind += b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    body: list[bytes | tuple[str, str]] = [b"--%b\r\n%b" % (rim, kind % b"plain")]
    body += _quoted(text, TEXT)
    body.append(b"\r\n--%b\r\n%b" % (rim, kind % b"html"))
    body += _quoted(html, HTML)
    body.append(b"\r\n--%b--\r\n" % rim)
    return Compiled(subject, _joined(list(_head(head, rim))), _joined(body), signers)


def _head(head: Head, rim: bytes) -> Iterator[bytes | str]:
    yield headers.field("From", headers.mailbox(head.name, head.address))
    for slot, name in FIELDS.items():
        if slot != UNSUBSCRIBE or head.unsubscribe:
            yield f"{name}: ".encode()
            yield slot
            yield b"\r\n"
    if head.reply_to:
        yield headers.field("Reply-To", headers.mailbox("", head.reply_to))
    if head.list_host:
        yield headers.field("List-Id", headers.list_id(head.list_name, head.list_host))
    if head.unsubscribe:
        yield headers.field("List-Unsubscribe-Post", b"List-Unsubscribe=One-Click")
    if head.bulk:
        yield headers.field("Precedence", b"bulk")
    if head.automatic:
        yield headers.field("Auto-Submitted", b"auto-generated")
    for name, text in head.extra.items():
        yield headers.field(name, headers.words(text, name))
    yield headers.field("MIME-Version", b"1.0")
    yield b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n' % rim


# -- quoted-printable -------------------------------------------------------------------------


def _quoted(text: str, form: str) -> Iterator[bytes | tuple[str, str]]:
    """The text encoded, with a pair (slot, form) for each slot, which has whole lines to itself."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines):
        if number:
            yield b"\r\n"
        begun = False
        for place, piece in enumerate(WORD.split(line)):
            if not piece:
                continue
            if begun:
                yield SOFT
            begun = True
            if place % 2:
                SLOTS[piece]
                yield piece, form
            else:
                yield _lines(piece)


def _lines(text: str) -> bytes:
    """Text without line ends, encoded, in lines that end with soft breaks; none after the last."""
    raw, lines, line = text.encode("utf-8", "replace"), [], bytearray()
    for place, byte in enumerate(raw):
        if byte == 32:
            shown = 0 < place < len(raw) - 1 and raw[place - 1] != 32
        else:
            shown = 33 <= byte <= 126 and byte != 61
            if shown and not line:  # dots are stuffed, and mailboxes spoil a "From "
                shown = byte != 46 and not raw.startswith(b"From ", place)
        token = bytes((byte,)) if shown else b"=%02X" % byte
        if len(line) + len(token) > LINE:
            lines.append(bytes(line))
            line.clear()
            if byte in (46, 70):  # now in front
                token = b"=%02X" % byte
        line += token
    return SOFT.join([*lines, bytes(line)])


Slot = TypeVar("Slot", str, tuple[str, str])


def _joined(parts: Sequence[bytes | Slot]) -> list[bytes | Slot]:
    """Constants that follow one another made one."""
    made: list[bytes | Slot] = []
    for part in parts:
        last = made[-1] if made else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            made[-1] = last + part
        else:
            made.append(part)
    return made


# -- values: as text, and as HTML -------------------------------------------------------------


@lru_cache(maxsize=1024)  # greetings and sentences come again
def _words(value: str) -> tuple[bytes, bytes]:
    if len(value) <= LINE and _SIMPLE.fullmatch(value):
        raw = value.encode()
        return raw, raw
    value = headers.clean(value)
    return _lines(value), _lines(escape(value))


def _links(value: str) -> tuple[bytes, bytes]:
    if len(value) <= 2 * LINE and _SIMPLE_LINK.fullmatch(value) and value[LINE : LINE + 1] != ".":
        raw = value.encode()
        if len(raw) > LINE:
            raw = raw[:LINE] + SOFT + raw[LINE:]
        return raw, raw
    link = _link(value)
    return _lines(link), _lines(escape(link))


def _link(value: str) -> str:
    """An address as it may stand in an href and in a header: ASCII, no blanks, no brackets."""
    if _LINK.fullmatch(value):
        return value
    link = quote(headers.clean(value), safe=":/?#@!$&'()*+,;=%~-._")
    if not 0 < len(link) <= 900:
        raise ValueError(f"{value[:80]!r} cannot be a link in a letter.")
    return link


@lru_cache(maxsize=1024)
def _subject(text: str) -> bytes:
    return headers.words(text)


_WAYS: Mapping[Kind, Callable[[str], tuple[bytes, bytes]]] = {Kind.WORDS: _words, Kind.URL: _links}
__all__ = ["Compiled", "Head", "compile_letter"]
