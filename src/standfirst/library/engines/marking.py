"""Finding the stretch of a text that answers a query, for an engine that does not do it here."""

import re
from collections.abc import Callable, Iterator, Mapping

from standfirst.library.engine import Fragment, Highlighter

_WORD = re.compile(r"[^\W_]+")

Stem = Callable[[str], str]


def marking(
    terms: Mapping[str, float], beginnings: Mapping[str, float], stem: Stem, length: int
) -> Highlighter:
    """A highlighter for these terms, and all that begin so, with what each of them tells. The
    stretch begins and ends with a word; without a match it is empty."""
    starts = tuple(beginnings)

    def known(word: str) -> str | None:
        term = stem(word)
        if term in terms:
            return term
        if starts and term.startswith(starts):
            return next(start for start in starts if term.startswith(start))
        return None

    def find(text: str) -> Fragment:
        words = [(*word.span(), known(word[0])) for word in _WORD.finditer(text)]
        hits = [n for n, (_, _, term) in enumerate(words) if term is not None]
        if not hits:
            return Fragment("", [])
        first, last = max(_stretches(words, hits, {**beginnings, **terms}, length))[2:]
        first, last = _widened(words, first, last, length)
        start, end = words[first][0], words[last][1]
        marks = [
            (a - start, b - start) for a, b, term in words[first : last + 1] if term is not None
        ]
        return Fragment(text[start:end], marks)

    return find


def _stretches(
    words: list[tuple[int, int, str | None]],
    hits: list[int],
    weights: Mapping[str, float],
    length: int,
) -> Iterator[tuple[float, int, int, int]]:
    """Every stretch from one match to another that is short enough and could not be longer: what
    it tells (each term once), minus its place in the text, and its first and last word."""
    counts: dict[str, int] = {}
    first = 0
    for last, n in enumerate(hits):
        term = str(words[n][2])
        counts[term] = counts.get(term, 0) + 1
        while first < last and words[n][1] - words[hits[first]][0] > length:
            gone = str(words[hits[first]][2])
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
            first += 1
        yield sum(weights[one] for one in counts), -hits[first], hits[first], n


def _widened(
    words: list[tuple[int, int, str | None]], first: int, last: int, length: int
) -> tuple[int, int]:
    """The stretch with what stands around it, about as much before as after."""
    left = (length - (words[last][1] - words[first][0])) // 2
    begin = words[first][0] - left
    while first and words[first - 1][0] >= begin:
        first -= 1
    while last + 1 < len(words) and words[last + 1][1] - words[first][0] <= length:
        last += 1
    while first and words[last][1] - words[first - 1][0] <= length:
        first -= 1
    return first, last
