"""A letter before it is cut into single ones, and the words that stand in its slots.

It imports no framework.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from standfirst.newsletters.slots import SLOTS, WORD

CLIPPED_AT = 100_000  # bytes; Gmail hides what comes after about 102,000
HEADERS = 3_000  # bytes kept for the headers with a signature
SOFT_BREAKS = 6  # bytes around what stands in a slot, which has lines to itself

_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Source(NamedTuple):
    """What a letter says to all who get it, with the words of `slots` where they differ."""

    subject: str
    html: str
    text: str


def defused(text: str) -> str:
    """The text with no word in it that would be taken for a slot."""
    return WORD.sub(r"zq0-\1-0qz", text)


def encoded_size(source: Source, values: Mapping[str, str]) -> int:
    """About how many bytes the letter takes on its way to a reader (`values` as for `filled`),
    quoted-printable (RFC 2045, 6.7)."""
    slots = len(WORD.findall(source.html)) + len(WORD.findall(source.text))
    whole = filled(source, values)
    return HEADERS + slots * SOFT_BREAKS + _encoded(whole.html) + _encoded(whole.text)


def _encoded(text: str) -> int:
    raw = text.encode()
    safe = len(re.sub(rb"[^\t\n -<>-~]", b"", raw))
    size = safe + 3 * (len(raw) - safe)
    return size + 3 * (size // 73) + text.count("\n")  # soft line ends; a CR before each LF


def filled(source: Source, values: Mapping[str, str]) -> Source:
    """The letter as one reader gets it. `values` are plain text by the names of the slots; a slot
    without one stays empty. Nothing in a value is taken for mark-up, a line or a slot."""

    def plain(match: re.Match[str]) -> str:
        return one_line(values.get(match[1], "")) if match[1] in SLOTS else match[0]

    return Source(
        WORD.sub(plain, source.subject),
        WORD.sub(lambda match: escape(plain(match)), source.html),
        WORD.sub(plain, source.text),
    )


def one_line(text: str) -> str:
    """The text without line ends, other controls, and marks that turn the direction of what follows
    them. Joiners stay: names in Persian or Hindi and many emoji need them."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def in_words(number: int) -> str:
    """A number as a sentence says it: in letters up to nine."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)
