"""What editors tell the library, as a search needs it: remembered for some moments in each process.

Two small statements every REMEMBERED seconds, however many searches there are. A change counts at
once where it was made, and within these seconds in every other process.
"""

import time
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction

from standfirst.articles.queries import published
from standfirst.library.models import PinnedResult, Pinning, Synonyms
from standfirst.library.rules import Query
from standfirst.library.synonyms import Thesaurus, pinned_as

REMEMBERED = 2.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All synonyms, and for each search that has pinned results their row and its last day."""

    thesaurus: Thesaurus = field(default_factory=Thesaurus)
    pinned: dict[str, tuple[int, date | None]] = field(default_factory=dict)


_memory: dict[str, tuple[float, list[Any], list[Any], Desk]] = {}


def the_desk() -> Desk:
    """What editors have told the library by now."""
    known = _memory.get("it")
    if known and time.monotonic() < known[0]:
        return known[3]
    synonyms = list(Synonyms.objects.order_by("pk").values_list("pk", "words", "one_way"))
    pinnings = list(Pinning.objects.order_by("pk").values_list("pk", "words", "until"))
    if known and (synonyms, pinnings) == known[1:3]:
        desk = known[3]
    else:
        pinned: dict[str, tuple[int, date | None]] = {}
        for pk, words, until in pinnings:
            for name in Pinning(words=words).names:
                pinned.setdefault(name, (pk, until))
        groups = [Synonyms(words=words, one_way=one_way).group for _, words, one_way in synonyms]
        desk = Desk(thesaurus=Thesaurus(groups), pinned=pinned)
    _memory["it"] = (time.monotonic() + REMEMBERED, synonyms, pinnings, desk)
    return desk


def forget(**_: Any) -> None:
    """Ask the database again with the next search."""
    _memory.clear()


def pinned_to(query: Query, today: date) -> list[int]:
    """The published articles that an editor wants first for this query, in their order."""
    row, until = the_desk().pinned.get(pinned_as(query), (0, None))
    if not row or (until and until < today):
        return []
    rows = PinnedResult.objects.filter(pinning=row, article__in=published())
    return list(dict.fromkeys(rows.order_by("sort_order").values_list("article", flat=True)))


def changed(**_: Any) -> None:
    """An editor has told the library something else; said in the transaction of that."""
    forget()
    transaction.on_commit(forget)
