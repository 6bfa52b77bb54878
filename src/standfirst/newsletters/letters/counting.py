"""Counting what readers do with a letter, where a publisher has asked for it. It imports no
framework."""

import re
from collections.abc import Mapping
from html import unescape

from standfirst.newsletters.letters.source import Source
from standfirst.newsletters.slots import WORDS

PIXEL = 0  # its number; links count from 1
_LINK = re.compile(r'(<a\b[^>]*?\bhref=")(https?://[^"]*)(")')


def counted(
    letters: Mapping[str, Source], *, links: bool, pixel: bool
) -> tuple[dict[str, Source], dict[int, str]]:
    """The letters with what is counted put in, and the address of each number that they lead to
    (the pixel's is empty).

    A link goes by our own page, which knows the address by its number alone: so nobody can make it
    lead elsewhere. What a slot leads to, and the plain text, stay as they are.
    """
    numbers: dict[str, int] = {}
    ours = WORDS["links"]

    def numbered(match: re.Match[str]) -> str:
        number = numbers.setdefault(unescape(match[2]), len(numbers) + 1)
        return f"{match[1]}{ours}{number}/{match[3]}"

    image = f'<img src="{ours}{PIXEL}/" width="1" height="1" alt="">'
    found = {}
    for variant, letter in letters.items():
        html = _LINK.sub(numbered, letter.html) if links else letter.html
        if pixel:
            html = html.replace("</body>", f"{image}</body>")
        found[variant] = letter._replace(html=html)
    addresses = {number: address for address, number in numbers.items()}
    return found, {PIXEL: "", **addresses} if pixel else addresses
