"""The nearest known word to one that nobody wrote. Which words are known, the caller says."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SHORTEST, SHORTEST_FOR_TWO = 4, 7  # letters, of what is corrected by one change, and by two
FIRST_LETTERS = 2  # are right where two changes are made

Frequency = Callable[[str], int]
Beginning = Callable[[str], Sequence[tuple[str, int]]]


def may_be_corrected(word: str) -> bool:
    """Is it long enough, and no number?"""
    return len(word) >= SHORTEST and not any(c.isdigit() for c in word)


def nearest(word: str, frequency: Frequency, beginning: Beginning) -> str | None:
    """The most frequent word one change away (a letter left out, added, changed, or two turned
    round), or else two; None where there is none. One that begins with the same letter comes first:
    few mistake that. `beginning` gives words with a prefix."""
    if not may_be_corrected(word):
        return None
    near_ones = {near for near in _one_change(word) if len(near) >= SHORTEST}
    known = [(count, near) for near in near_ones if (count := frequency(near))]
    if known:
        return max(known, key=lambda row: (row[1][0] == word[0], row))[1]
    if len(word) < SHORTEST_FOR_TWO:
        return None
    letters = Counter(word)
    found = [
        (count, other)
        for other, count in beginning(word[:FIRST_LETTERS])
        if abs(len(other) - len(word)) <= 2
        and sum(((letters - Counter(other)) + (Counter(other) - letters)).values()) <= 4
        and _distance(word, other) <= 2
    ]
    return max(found)[1] if found else None


def _one_change(word: str) -> Iterator[str]:
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in LETTERS)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in LETTERS)


def _distance(one: str, other: str) -> int:
    """How many changes lead from one word to the other."""
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(row[-1] + 1, last[j] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                best = min(best, before_last[j - 2] + 1)
            row.append(best)
        before_last, last = last, row
    return last[-1]
