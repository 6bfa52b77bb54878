"""A search as OpenSearch's query language has it. The terms are what our own analysis makes of the
words: the cluster has no analysers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from tantivy import TextAnalyzer

from standfirst.library.engine import FACETS, Order, Search, Value
from standfirst.library.engines.weights import (
    HALF_LIFE,
    MOST_IN_A_FACET,
    MOST_YEARS,
    TOGETHER,
    WINDOW,
)
from standfirst.library.engines.wording import ALL, Wording
from standfirst.library.rules import Query

__all__ = ["ALL", "ARTICLES", "Asking", "same_copy", "values_of"]

Clause = dict[str, Any]
# In how many articles terms stand in a field; under ALL how many articles there are.
Frequencies = Callable[[Iterable[str], str], Mapping[str, int]]

ARTICLES: Clause = {"exists": {"field": "key"}}  # what else is in the index has no key


class Asking(Wording[Clause]):
    """Makes requests from searches, in one language."""

    def __init__(
        self, stemmed: TextAnalyzer, plain: TextAnalyzer, frequencies: Frequencies
    ) -> None:
        super().__init__(stemmed, plain)
        self._frequencies = frequencies

    def body(self, search: Search) -> Clause:
        """The body of a `_search`: keys alone come back."""
        only: list[tuple[str, Clause]] = [(facet, one_of(facet, v)) for facet, v in search.only]
        query = self._query(search)
        body: Clause = {
            "query": query,
            "from": search.start,
            "size": search.count,
            "track_total_hits": True,
            "_source": False,
        }
        if search.facets:
            # Counts leave their own facet's choice out, so the choices come after the counting.
            body["aggs"] = {facet: _counted(facet, only) for facet in FACETS}
            if only:
                body["post_filter"] = {"bool": {"filter": [clause for _, clause in only]}}
        else:
            query["bool"]["filter"] += [clause for _, clause in only]
        if search.order is Order.NEWEST:
            body["sort"] = [{"at": "desc"}, {"key": "desc"}]
        elif search.freshness and search.now:
            body["rescore"] = _weighed_anew(search.freshness, int(search.now.timestamp()))
        return body

    def _query(self, search: Search) -> Clause:
        parts: dict[str, list[Clause]] = {"must": [], "should": [], "must_not": [], "filter": []}
        for role, clause in self.words(search.query, search.any_word):
            parts[role.value].append(clause)
        if terms := self.near(search.query):
            parts["should"].append(_phrase(terms, slop=len(terms), boost=TOGETHER))
        if not parts["must"]:
            parts["must"].append({"constant_score": {"filter": ARTICLES}})
        parts["must_not"] += [one_of(*row) for row in search.without]
        span = {}
        if search.since:
            span["gte"] = int(search.since.timestamp())
        if search.before:
            span["lt"] = int(search.before.timestamp())
        if span:
            parts["filter"].append({"range": {"at": span}})
        return {"bool": parts}

    # -- words ---------------------------------------------------------------------------------

    def term(self, field: str, term: str) -> Clause:
        return {"term": {field: {"value": term}}}

    def row(self, terms: Sequence[str]) -> Clause:
        return _phrase(terms)

    def beginning(self, text: str) -> Clause:
        terms, beginnings = self.begun(text)
        found = [self.word(term) for term in terms]
        found += [{"prefix": {"text": {"value": start}}} for start in beginnings]
        return self.some(found) if found else {"match_none": {}}

    def boosted(self, clause: Clause, weight: float) -> Clause:
        return {"bool": {"must": [clause], "boost": weight}}

    def constant(self, clause: Clause, score: float) -> Clause:
        return {"constant_score": {"filter": clause, "boost": score}}

    def some(self, clauses: Sequence[Clause], least: int = 1) -> Clause:
        return {"bool": {"should": [*clauses], "minimum_should_match": least}}

    def best(self, clauses: Sequence[Clause]) -> Clause:
        return {"dis_max": {"queries": [*clauses]}}

    def held(self, terms: Iterable[str], field: str) -> Mapping[str, int]:
        return self._frequencies(terms, field)

    def marks(self, asked: Query) -> tuple[list[str], list[str]]:
        """The terms that a text may be marked for, and what such terms may begin with."""
        terms, typed = self.marked(asked)
        begun = [self.begun(text) for text in typed]
        whole = dict.fromkeys([*terms, *(term for before, _ in begun for term in before)])
        return list(whole), list(dict.fromkeys(start for _, starts in begun for start in starts))


def same_copy(search: Search) -> str:
    """What sends one search's pages to one copy of the index: ties are broken alike there."""
    return blake2b(repr(search.query).encode("utf-8", "replace"), digest_size=8).hexdigest()


def values_of(facet: str, counted: Mapping[str, Any]) -> list[tuple[Value, int]]:
    """What a response counted for one facet."""
    buckets: Sequence[Mapping[str, Any]] = counted[facet]["values"]["buckets"]
    return [
        (key if isinstance(key := bucket["key"], str) else int(key), int(bucket["doc_count"]))
        for bucket in buckets
    ]


def _phrase(terms: Sequence[str], **more: float) -> Clause:
    return {"match_phrase": {"text": {"query": " ".join(terms), **more}}}


def one_of(facet: str, values: frozenset[Value]) -> Clause:
    """Filed under one of these."""
    if not values:
        return {"match_none": {}}
    return {"terms": {facet: sorted(values, key=str)}}


def _counted(facet: str, only: list[tuple[str, Clause]]) -> Clause:
    others = [clause for chosen, clause in only if chosen != facet]
    size = MOST_YEARS if facet == "year" else MOST_IN_A_FACET
    return {
        "filter": {"bool": {"filter": others}} if others else {"match_all": {}},
        "aggs": {"values": {"terms": {"field": facet, "size": size}}},
    }


def _weighed_anew(freshness: float, now: int) -> Clause:
    """Times 1 + freshness * 0.5 ** (age / HALF_LIFE), for the best WINDOW."""
    age = {"origin": now, "scale": HALF_LIFE, "decay": 0.5}
    return {
        "window_size": WINDOW,
        "query": {
            "score_mode": "multiply",
            "rescore_query": {
                "function_score": {
                    "query": {"match_all": {}},
                    "functions": [{"weight": 1}, {"exp": {"at": age}, "weight": freshness}],
                    "score_mode": "sum",
                    "boost_mode": "replace",
                }
            },
        },
    }
