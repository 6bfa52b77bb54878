"""Searches that found nothing: which of them the newsroom may be told of. Plain values only."""

import re

LONGEST = 80  # characters; what is longer is no search but a text
MOST_WORDS = 10
LONGEST_WORD = 30  # letters; what is longer is a key, a code, an address
MOST_DIGITS = 6  # in a row, whatever stands between them: more are a telephone, a card, an account

_DIGITS = re.compile(r"\d(?:[\s()+./\-–]*\d)*")


def worth_telling(text: str) -> str:
    """The search as the newsroom may see it, without case and needless blanks; "" for one that may
    be about a person: an address, a number that somebody has, a text that was pasted."""
    said = " ".join(text.lower().split()).lstrip("=+-|%")  # in a table it would be a formula
    words = said.split()
    if not any(c.isalpha() for c in said) or len(said) > LONGEST or len(words) > MOST_WORDS:
        return ""
    if "@" in said or "://" in said or said.startswith("www."):
        return ""
    if any(len(word) > LONGEST_WORD for word in words):
        return ""
    if any(sum(c.isdigit() for c in run) > MOST_DIGITS for run in _DIGITS.findall(said)):
        return ""
    return said
