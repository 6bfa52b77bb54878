"""An article in passages, short enough that one vector says what a passage is about."""

from collections.abc import Sequence
from itertools import pairwise

WORDS = 180  # of a passage, headline included
MOST = 200  # passages of one article: 30,000 words


def passages(headline: str, texts: Sequence[str]) -> list[str]:
    """Stretches of about equal length, each with the headline before it: a paragraph far down
    seldom says again what the article is about."""
    words = [word for text in texts for word in text.split()]
    before = headline.split()[: WORDS // 3]
    room = WORDS - len(before)
    count = min(MOST, -(-len(words) // room))
    if not count:
        return [" ".join(before)] if before else []
    ends = [round(n * min(len(words), MOST * room) / count) for n in range(count + 1)]
    return [" ".join((*before, *words[start:end])) for start, end in pairwise(ends)]
