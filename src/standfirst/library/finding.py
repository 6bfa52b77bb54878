"""Asking an engine as a reader means it: typos mended, and no dead end where words are held."""

from dataclasses import dataclass, replace

from standfirst.library import rules
from standfirst.library.engine import Engine, Found, Order, Search

FEW = 10  # articles: where fewer hold the words asked for, those with some of them follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, and for which query. `corrected`: words of it were replaced; `loosened`: few
    articles hold enough of the words, so some hold one of them."""

    found: Found
    query: rules.Query
    corrected: bool = False
    loosened: bool = False


def find(engine: Engine, search: Search, exactly: bool = False) -> Answer:
    """Search for what was meant; `exactly`: for the words as they were typed. Raises Broken."""
    meant = _corrected(engine, search, exactly)
    found = meant.found
    few = FEW if search.order is Order.RELEVANCE else 1
    if found.total < few and len(meant.query.words) > 1:
        some = engine.search(replace(search, query=meant.query, any_word=True))
        if some.total > found.total:
            return replace(meant, found=some, loosened=True)
    return meant


def _corrected(engine: Engine, search: Search, exactly: bool) -> Answer:
    query = search.query
    if not exactly and (instead := engine.corrections(query.words)):
        meant = rules.with_words(query, instead)
        found = engine.search(replace(search, query=meant))
        if found.total:
            return Answer(found=found, query=meant, corrected=True)
    return Answer(found=engine.search(search), query=query)
