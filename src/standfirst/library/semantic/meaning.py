"""Finding by meaning, beside words: two orders of articles made into one.

Words alone decide where a reader was exact: a phrase, -word, OR, a beginning*, newest first. What a
search is narrowed to holds for both.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.conf import settings

from standfirst.articles.models import Article
from standfirst.articles.rules import filed_as
from standfirst.library import house, rules
from standfirst.library.engine import Engine, Found, Order, Search, Value
from standfirst.library.engines.weights import MOST_IN_A_FACET
from standfirst.library.finding import Answer
from standfirst.library.semantic.model import Embedder, lacking, load

if TYPE_CHECKING:
    from standfirst.library.semantic.store import Rows

log = logging.getLogger("standfirst.library")

DEEP = 200  # articles of each order that are made into one
DAMPING = 60  # of a rank: one at the top of both comes before one at the top of either
LEAST = 0.25  # alike, from -1 to 1; below, nearness says nothing
A_FEW = 4  # words

Nearest = Callable[[str], list[int]]
TitleOf = Callable[[int], str]


@dataclass(slots=True)
class _Loaded:
    embedder: Embedder
    rows: "Rows"


_loaded: dict[str, _Loaded | None] = {}
_loading = threading.Lock()


def nearest(words: str) -> list[int]:
    """The articles nearest in meaning, the best first; none where that is off or not possible."""
    folder = str(house.root())
    if folder not in _loaded:
        with _loading:
            if folder not in _loaded:
                _loaded[folder] = _load()
    loaded = _loaded[folder]
    if loaded is None:
        return []
    return loaded.rows.nearest(loaded.embedder.vectors([words])[0], DEEP, LEAST)


def _load() -> _Loaded | None:
    if why := lacking():
        log.warning("Articles are not found by meaning. %s", why)
        return None
    try:
        from standfirst.library.semantic.store import Rows

        embedder = load(house.root())
        return _Loaded(embedder, Rows(house.root() / "vectors", embedder.name, embedder.size))
    except OSError as error:
        log.error("Articles are not found by meaning, the model cannot be read: %s", error)
        return None


def fused(
    engine: Engine,
    answer: Answer,
    typed: str,
    near: Nearest = nearest,
    title_of: TitleOf | None = None,
) -> Found:
    """What was found by words, with what is near in meaning to the text as it was typed: a page of
    one order, and totals and counts of both. Raises Broken."""
    search = answer.search
    if not settings.LIBRARY_SEMANTIC or not of_plain_words(search):
        return answer.found
    words = " ".join(search.query.words)
    # The model knows more words than an archive has: a sentence is better left as it is.
    few = len(search.query.words) <= A_FEW
    keys = near(words if answer.corrected and few else typed)
    if not keys:
        return answer.found
    here = replace(search, start=0, facets=False, freshness=0.0)
    narrowed = replace(here, query=rules.Query(), any_word=False, count=len(keys))
    anywhere = Search(query=search.query, any_word=search.any_word, count=len(keys))

    allowed = set(engine.search(_among(narrowed, keys)).keys)
    by_words = set(engine.search(_among(anywhere, keys)).keys)
    added = [key for key in keys if key not in by_words]
    more = engine.search(_among(replace(narrowed, facets=search.facets), added))
    first = engine.search(replace(search, start=0, count=DEEP, facets=False)).keys

    order = one_order(first, [key for key in keys if key in allowed])
    if (
        first
        and order[0] != first[0]
        and filed_as((title_of or _title)(first[0])) == filed_as(words)
    ):
        order = [first[0], *(key for key in order if key != first[0])]
    return Found(
        keys=_page(engine, search, order, frozenset(order) - frozenset(first)),
        total=answer.found.total + more.total,
        facets={
            facet: _sum(counts, more.facets.get(facet, ()), facet)
            for facet, counts in answer.found.facets.items()
        },
    )


def of_plain_words(search: Search) -> bool:
    """Is it one that meaning may add to?"""
    query = search.query
    return (
        search.order is Order.RELEVANCE
        and bool(query.wanted)
        and not query.unwanted
        and all(isinstance(part, rules.Word) and not part.prefix for part in query.wanted)
    )


def one_order(*orders: Sequence[int]) -> list[int]:
    """Reciprocal rank fusion: a key counts for 1 / (DAMPING + rank) in each order it is in."""
    worth: dict[int, float] = {}
    for order in orders:
        for rank, key in enumerate(order, 1):
            worth[key] = worth.get(key, 0.0) + 1 / (DAMPING + rank)
    return sorted(worth, key=lambda key: -worth[key])


def _among(search: Search, keys: Iterable[int]) -> Search:
    return replace(search, only=[*search.only, ("key", frozenset(keys))])


def _page(engine: Engine, search: Search, order: Sequence[int], risen: frozenset[int]) -> list[int]:
    """What stands on the page: of the one order, and behind its end of what words found. `risen`
    are those that words alone would have further behind, or not at all."""
    end = search.start + search.count
    keys = list(order[search.start : end])
    if len(keys) < search.count and len(order) - len(risen) >= DEEP:
        begin = max(search.start, len(order))
        rest = replace(
            search,
            without=[*search.without, ("key", frozenset(risen))],
            start=begin - len(risen),
            count=end - begin,
            facets=False,
        )
        keys += engine.search(rest).keys
    return keys


def _sum(
    one: Iterable[tuple[Value, int]], other: Iterable[tuple[Value, int]], facet: str
) -> list[tuple[Value, int]]:
    counts = dict(one)
    for value, count in other:
        counts[value] = counts.get(value, 0) + count
    most = len(counts) if facet == "year" else MOST_IN_A_FACET
    return sorted(counts.items(), key=lambda row: (-row[1], str(row[0])))[:most]


def _title(key: int) -> str:
    return Article.objects.filter(pk=key).values_list("title", flat=True).first() or ""
