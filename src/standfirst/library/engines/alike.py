"""Which words of an article tell what it is about, so that others are found by them."""

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import nlargest
from math import log, sqrt

TERMS = 40
HEADLINE = 3  # times that a word of the headline counts; so one time there is enough
OFTEN = 2  # times that a word must be said
FEW = 20  # words said often; in a text with fewer, one time is enough
TOO_COMMON, ALWAYS_ALLOWED = 0.3, 10  # share of all articles; that many in any case
MOST_READ = 4_000  # terms of a text: what it is about is said by then
SHORTEST = 3  # letters


def telling(
    headline: Sequence[str],
    text: Sequence[str],
    frequency: Callable[[str], int],
    articles: int,
) -> list[tuple[str, float]]:
    """The telling terms of an article with their weights (at most 1), the heaviest first.

    `headline` and `text` are its terms; `frequency` says in how many of all `articles` a term
    stands. What stands in no other article tells nothing, nor what stands in most."""
    said = Counter(text[:MOST_READ])
    for term in headline:
        said[term] += HEADLINE
    often = [(term, times) for term, times in said.items() if times >= OFTEN]
    common = max(ALWAYS_ALLOWED, articles * TOO_COMMON)
    weighed = []
    for term, times in often if len(often) >= FEW else said.items():
        if len(term) < SHORTEST or term.isdigit():
            continue
        others = frequency(term)
        if 2 <= others <= common:
            rarity = log(1 + (articles - others + 0.5) / (others + 0.5))
            weighed.append((sqrt(times) * rarity, term))
    heaviest = nlargest(TERMS, weighed)
    return [(term, weight / heaviest[0][0]) for weight, term in heaviest]
