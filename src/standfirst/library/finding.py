"""Asking an engine as a reader means it: typos mended, and no dead end where words are held."""

from dataclasses import dataclass, replace

from standfirst.library import rules
from standfirst.library.engine import Engine, Found, Order, Search

FEW = 10  # articles: where fewer hold the words asked for, those with some of them follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, and by which search. `corrected`: words of the query were replaced;
    `loosened`: few articles hold enough of the words, so some hold one of them."""

    found: Found
    search: Search
    corrected: bool = False
    loosened: bool = False

    @property
    def query(self) -> rules.Query:
        return self.search.query


def find(engine: Engine, search: Search, exactly: bool = False) -> Answer:
    """Search for what was meant; `exactly`: for the words as they were typed. Raises Broken."""
    meant = _corrected(engine, search, exactly)
    few = FEW if search.order is Order.RELEVANCE else 1
    if meant.found.total < few and len(meant.query.words) > 1:
        loose = replace(meant.search, any_word=True)
        some = engine.search(loose)
        if some.total > meant.found.total:
            return replace(meant, found=some, search=loose, loosened=True)
    return meant


def _corrected(engine: Engine, search: Search, exactly: bool) -> Answer:
    if not exactly and (instead := engine.corrections(search.query.words)):
        meant = replace(search, query=rules.with_words(search.query, instead))
        found = engine.search(meant)
        if found.total:
            return Answer(found=found, search=meant, corrected=True)
    return Answer(found=engine.search(search), search=search)
