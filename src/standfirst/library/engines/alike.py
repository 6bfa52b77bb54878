"""Which words of an article tell what it is about, so that others are found by them."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import log, sqrt

TERMS = 40
HEADLINE = 3  # times that a word of the headline counts; so one time there is enough
OFTEN = 2  # times that a word must be said
FEW = 20  # words said often; in a text with fewer, one time is enough
TOO_COMMON, ALWAYS_ALLOWED = 0.3, 10  # share of all articles; that many in any case
MOST_READ = 4_000  # terms of a text: what it is about is said by then
SHORTEST = 3  # letters


def telling(
    texts: Sequence[Sequence[str]], frequency: Callable[[str], int], articles: int
) -> list[tuple[str, float]]:
    """The telling terms of an article with their weights (at most 1), the heaviest first.

    `texts` are its terms, the headline's first; `frequency` says in how many of all `articles` a
    term stands. What stands in no other article tells nothing, nor what stands in most."""
    said: Counter[str] = Counter()
    for number, terms in enumerate(texts):
        for term in terms:
            said[term] += 1 if number else HEADLINE
        if said.total() > MOST_READ:
            break
    often = {term: times for term, times in said.items() if times >= OFTEN}
    weighed = []
    for term, times in (often if len(often) >= FEW else said).items():
        if len(term) < SHORTEST or term.isdigit():
            continue
        others = frequency(term)
        if 2 <= others <= max(ALWAYS_ALLOWED, articles * TOO_COMMON):
            rarity = log(1 + (articles - others + 0.5) / (others + 0.5))
            weighed.append((sqrt(times) * rarity, term))
    heaviest = sorted(weighed, reverse=True)[:TERMS]
    return [(term, weight / heaviest[0][0]) for weight, term in heaviest]
