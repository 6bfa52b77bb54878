"""Which of the articles whose words are alike are read next. Plain values in, plain values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WORDS = 20  # the higher, the less the order by words counts
TOPIC, REGION = 0.3, 0.2  # what a shared one adds, for each unit of its rarity
AGE = 0.97  # what an article counts for, beside an equal one that is a year younger
YEAR = 365.25 * 86_400

Subject = tuple[str, int]  # kind and id


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An article that may be read next, or that others may be read after. `filed` holds topics and
    regions alone."""

    key: int
    headline: str
    filed: frozenset[Subject]
    published_at: datetime


def ranked(
    article: Candidate,
    alike: Sequence[Candidate],
    rarity: Mapping[Subject, float],
) -> list[int]:
    """The keys of those that are `alike` in their words (the nearest first), as one should read on:
    what is filed under the same topics and regions comes before what is not, the more so the rarer
    these are; a younger one before an equal older one. None is the article itself, and of two with
    one headline there is one.

    `rarity` says of a subject how telling it is. Age is weighed so that two articles keep their
    order as time goes by, and what was found stays true.
    """
    scores = []
    for place, other in enumerate(alike):
        shared = article.filed & other.filed
        same = sum(
            (TOPIC if kind == "topic" else REGION) * rarity.get((kind, pk), 0.0)
            for kind, pk in shared
        )
        age = (article.published_at - other.published_at).total_seconds() / YEAR
        scores.append((WORDS / (WORDS + place) * (1 + same) * AGE**age, other))
    scores.sort(key=lambda row: (-row[0], row[1].key))
    found: dict[str, int] = {article.headline.casefold(): article.key}
    for _, other in scores:
        found.setdefault(other.headline.casefold(), other.key)
    return [key for key in found.values() if key != article.key]
