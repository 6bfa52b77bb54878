"""What counts for how much, in any engine. Chosen on the judged sets of bench/search."""

import math
from collections import Counter
from collections.abc import Iterable

HEADLINE = 0.3  # weight of a word in the headline, beside its weight in the text
TOGETHER = 0.1  # of the words standing together; more brings up whoever says the same phrase
TOGETHER_FROM, TOGETHER_TO = 2, 5  # words
ALMOST = 0.95  # of another wording, beside the word itself
MOST_TERMS = 40  # of a long query, those that the fewest articles hold are asked for
EXACT = 1000.0  # a headline typed in finds its article first
MOST_EXPANSIONS = 64  # words that a prefix stands for
DEEPEST = 20_000  # articles in the order of a search that can be asked for
WINDOW = 200  # best articles that are weighed anew: by words standing together, and by age
HALF_LIFE = 365 * 86_400  # seconds in which what freshness adds is halved
MOST_IN_A_FACET, MOST_YEARS = 12, 300  # values that are counted
# How many of so many words an article must hold. Whole sentences would find nothing if they had to.
NEEDED = {2: 2, 3: 2, 4: 3}

Terms = tuple[str, ...]  # of one word: several for a compound


def needed(words: int) -> int:
    """How many of so many words an article must hold."""
    return NEEDED.get(words, 1)


def apart(words: Counter[Terms]) -> Counter[Terms]:
    """The same words with compounds taken apart, each with how often it was said."""
    single: Counter[Terms] = Counter()
    for terms, count in words.items():
        for term in terms:
            single[(term,)] += count
    return single


def rarity(count: int, held: Iterable[int]) -> float:
    """What BM25 makes of terms that are held by so few of all articles."""
    return sum(math.log1p((max(0, count - n) + 0.5) / (n + 0.5)) for n in held)
