"""Header fields as RFC 5322 and RFC 2047 want them: nothing in a value can begin a field of its
own, and no line is longer than 78 octets unless one word is. It imports no framework.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from standfirst.newsletters.delivery.addresses import on_the_wire

LINE = 76
ROOM = 39  # octets of text in one encoded word: 64 with its frame, so that a name fits before it
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_FIELD = re.compile(r"[!-9;-~]{1,70}")
_DATE = re.compile(r"[A-Za-z0-9:, +-]{10,60}")
_ID = re.compile(r"<[!-;=?-~]{1,240}>")


def clean(text: str) -> str:
    """In one line: line ends, control characters and runs of blanks become one blank."""
    return _UNPRINTABLE.sub(" ", text).strip()


def field(name: str, value: bytes) -> bytes:
    """A whole field; `value` comes from one of the functions below.

    Raises ValueError where the name is no name of a field."""
    if not _FIELD.fullmatch(name):
        raise ValueError(f"{name[:70]!r} cannot be the name of a header field.")
    return b"%b: %b\r\n" % (name.encode(), value)


def words(text: str, name: str = "Subject") -> bytes:
    """Text of a field such as Subject; encoded where it is not ASCII, or would be misread."""
    text = clean(text)
    if text.isascii() and "=?" not in text:
        lines, used = [""], len(name) + 2
        for word in text.split(" "):
            if lines[-1] and used + 1 + len(word) > LINE:
                lines.append("")
                used = 0
            used += len(word) + bool(lines[-1])
            lines[-1] += f" {word}" if lines[-1] else word
        if all(len(line) <= LINE for line in lines):
            return "\r\n ".join(lines).encode()
    return _encoded(text, len(name) + 2)


def mailbox(name: str, address: str) -> bytes:
    """A name with its address, or the address alone. An address whose first part is not ASCII
    stands in UTF-8, which needs SMTPUTF8 (RFC 6532). Raises BadAddress."""
    wire = on_the_wire(address).encode()
    if not name:
        return wire
    if len(name) <= 40 and _ATOMS.fullmatch(name) and "=?" not in name:
        phrase = name.encode()
    elif not (cleaned := clean(name)):
        return wire
    else:
        phrase = _phrase(cleaned) if len(cleaned) < 100 else _phrase.__wrapped__(cleaned)
    fits = len(phrase) + len(wire) < LINE - 10
    return b"%b <%b>" % (phrase, wire) if fits else b"%b\r\n <%b>" % (phrase, wire)


def list_id(name: str, host: str) -> bytes:
    """RFC 2919: a name that people read, and an id that never changes. `host` is such as
    daily.magazine.example."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", host):
        raise ValueError(f"{host[:80]!r} cannot be the id of a list.")
    phrase = _phrase(clean(name)) if clean(name) else b""
    return b"%b\r\n <%b>" % (phrase, host.encode()) if phrase else b"<%b>" % host.encode()


def checked_id(made: str) -> bytes:
    """The id as it is. Raises ValueError where it is none."""
    if not _ID.fullmatch(made):
        raise ValueError(f"{made[:80]!r} cannot be a Message-ID.")
    return made.encode()


def date(moment: datetime) -> str:
    """A moment with its zone, as Date has it."""
    return format_datetime(moment)


@lru_cache(maxsize=16)
def checked_date(made: str) -> bytes:
    """The date as it is. Raises ValueError where it is none."""
    if not _DATE.fullmatch(made):
        raise ValueError(f"{made[:60]!r} cannot be a Date.")
    return made.encode()


@lru_cache(maxsize=4096)  # names come again
def _phrase(text: str) -> bytes:
    """A name of at least one character, cleaned before."""
    if not text.isascii() or "=?" in text or len(text) > 60:
        return _encoded(text)
    if _ATOMS.fullmatch(text):
        return text.encode()
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.encode()


def _encoded(text: str, used: int = 0) -> bytes:
    """Encoded words of RFC 2047, each of whole characters, one a line; the first after a field's
    name of so many octets."""
    pieces = _pieces(text, ROOM if used <= 12 else ROOM // 2)
    return b"\r\n ".join(b"=?utf-8?b?%b?=" % b64encode(piece) for piece in pieces)


def _pieces(text: str, room: int) -> Iterator[bytes]:
    piece = b""
    for character in text:
        more = character.encode()
        if len(piece) + len(more) > room:
            yield piece
            piece = b""
        piece += more
    yield piece
