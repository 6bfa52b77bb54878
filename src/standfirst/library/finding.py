"""Asking an engine as a reader means it: typos mended, synonyms asked for, no dead end where words
are held."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from standfirst.library import rules
from standfirst.library.engine import Engine, Found, Order, Search
from standfirst.library.synonyms import Thesaurus, to_correct, widened

FEW = 10  # articles: where fewer hold the words asked for, those with some of them follow
NO_SYNONYMS = Thesaurus()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, and by which search. `meant` is the query before synonyms (`also`) came in.
    `corrected`: words of it were replaced; `loosened`: few articles hold enough of the words, so
    some hold one of them."""

    found: Found
    search: Search
    meant: rules.Query
    also: Sequence[str] = ()
    corrected: bool = False
    loosened: bool = False


def find(
    engine: Engine, search: Search, thesaurus: Thesaurus = NO_SYNONYMS, exactly: bool = False
) -> Answer:
    """Search for what was meant; `exactly`: for the words as they were typed. Raises Broken."""
    if exactly:
        thesaurus = NO_SYNONYMS
    answer = _corrected(engine, search, thesaurus, exactly)
    few = FEW if search.order is Order.RELEVANCE else 1
    if answer.found.total < few and len(answer.meant.words) > 1:
        any_word = replace(answer.search, any_word=True)
        some = engine.search(any_word)
        if some.total > answer.found.total:
            return replace(answer, found=some, search=any_word, loosened=True)
    return answer


def _corrected(engine: Engine, search: Search, thesaurus: Thesaurus, exactly: bool) -> Answer:
    query = search.query
    wide, also = widened(query, thesaurus)
    typed = len(query.words) <= rules.MOST_PARTS  # what was pasted holds no slips of the hand
    if typed and not exactly and (instead := engine.corrections(to_correct(wide))):
        meant = rules.with_words(query, instead)
        wide_meant, also_meant = widened(meant, thesaurus)
        corrected = replace(search, query=wide_meant)
        found = engine.search(corrected)
        if found.total:
            return Answer(
                found=found, search=corrected, meant=meant, also=also_meant, corrected=True
            )
    wanted = replace(search, query=wide)
    return Answer(found=engine.search(wanted), search=wanted, meant=query, also=also)
