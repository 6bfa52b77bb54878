"""Slots: where a letter that is composed once differs from reader to reader.

A template writes `{{ slots.greeting }}`; what comes out is a word that survives MJML, CSS inlining
and quoted-printable, and at which the finished message is cut (`delivery.message`). It imports no
framework.
"""

import re
from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """What may stand in a slot, which says how it is escaped: words of a sentence, or an address
    that stands alone in an href."""

    WORDS = "words"
    URL = "url"


SLOTS: Mapping[str, Kind] = {
    "greeting": Kind.WORDS,  # "Good morning, Ada" or "Good morning"
    "address": Kind.WORDS,  # where this letter went to
    "choices": Kind.WORDS,  # "Two of your three choices are left until 1 December."; else ""
    "preferences": Kind.URL,
    "unsubscribe": Kind.URL,
    "links": Kind.URL,  # what the number of a counted link follows, where links are counted
}
WORD = re.compile(r"zq0([a-z]+)0qz")


def word_of(slot: str) -> str:
    """The word that stands for a slot until the message is cut. Raises KeyError for no slot."""
    SLOTS[slot]
    return f"zq0{slot}0qz"


WORDS: Mapping[str, str] = {slot: word_of(slot) for slot in SLOTS}
