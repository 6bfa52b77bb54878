"""A search as OpenSearch's query language has it. Built term by term from what our own analysis
makes of the words: no text of a reader's is ever read by the cluster's parsers or analysers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from tantivy import TextAnalyzer

from standfirst.library.engine import FACETS, Order, Search, Value
from standfirst.library.engines.analysis import normal
from standfirst.library.engines.weights import (
    ALMOST,
    EXACT,
    HEADLINE,
    MOST_TERMS,
    TOGETHER,
    TOGETHER_FROM,
    TOGETHER_TO,
    apart,
    needed,
    rarity,
)
from standfirst.library.rules import Either, Part, Phrase, Query, Word

WINDOW = 200  # best articles that are weighed anew by their age
HALF_LIFE = 365 * 86_400  # seconds in which what freshness adds is halved
MOST_IN_A_FACET, MOST_YEARS = 12, 300

Clause = dict[str, Any]
# In how many articles terms stand in a field; under ALL how many articles there are.
Frequencies = Callable[[Iterable[str], str], Mapping[str, int]]
ALL = "*"

ARTICLES: Clause = {"exists": {"field": "key"}}  # what else is in the index has no key


class Asking:
    """Makes requests from searches, in one language."""

    def __init__(
        self, stemmed: TextAnalyzer, plain: TextAnalyzer, frequencies: Frequencies
    ) -> None:
        self._stemmed, self._plain = stemmed, plain
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
        for kind, clause in self._words(search.query, search.any_word):
            parts[kind].append(clause)
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

    def _words(self, asked: Query, any_word: bool) -> Iterator[tuple[str, Clause]]:
        single: Counter[tuple[str, ...]] = Counter()
        said: dict[tuple[str, ...], Word] = {}
        for part in asked.wanted:
            if isinstance(part, Word) and not part.prefix:
                if terms := tuple(self.terms(part.text)):
                    single[terms] += 1
                    said.setdefault(terms, part)
            elif clause := self._part(part):
                yield "must", clause
        if single:
            least = 1 if any_word else needed(len(single))
            # Where one word is enough, those of a compound (ice-breaker) count one by one.
            telling = self._most_telling(apart(single) if least == 1 else single)
            clauses = [
                _boosted(clause, count)
                for terms, count in telling
                if (clause := self._or_also(said.get(terms), _in_a_row([*terms])))
            ]
            yield "must", _some(clauses, least)
        together = [term for terms in single.elements() for term in terms]
        if TOGETHER_FROM <= len(together) <= TOGETHER_TO and len(single) > 1:
            yield "should", _phrase(together, slop=len(together), boost=TOGETHER)
        if asked.wanted and all(isinstance(p, Word | Phrase) for p in asked.wanted):
            typed = " ".join(p.text for p in asked.wanted if not isinstance(p, Either))
            exact = {"term": {"exact": {"value": self.exact(typed)}}}
            yield "should", {"constant_score": {"filter": exact, "boost": EXACT}}
        for unwanted in asked.unwanted:
            if clause := self._part(unwanted):
                yield "must_not", clause

    def _most_telling(self, words: Counter[tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
        """The words, each with how often it was said; of very many, the rarest."""
        if len(words) <= MOST_TERMS:
            return [*words.items()]
        held = self._frequencies({term for terms in words for term in terms}, "text")
        rarest = sorted(words.items(), key=lambda row: min(held[term] for term in row[0]))
        return rarest[:MOST_TERMS]

    def _or_also(self, word: Word | None, clause: Clause | None) -> Clause | None:
        """A word or what means the same: the better of them counts. However rare the other wording
        is, an article with it comes after one with the word itself."""
        if word is None or not word.also:
            return clause
        clauses = [clause] if clause else []
        own = self.terms(word.text)
        for other in word.also:
            terms = self.terms(other.text)
            if not own or not (meant := _in_a_row(terms)):
                continue
            fields = ["text", "headline"] if len(terms) == 1 == len(own) else ["text"]
            if len(own) > len(terms) == 1:
                meant = {"term": {"text": {"value": terms[0]}}}
            share = min(self._rarity(own, f) / self._rarity(terms, f) for f in fields)
            clauses.append(_boosted(meant, ALMOST * min(1.0, share)))
        return {"dis_max": {"queries": clauses}} if len(clauses) > 1 else clause

    def _rarity(self, terms: list[str], field: str) -> float:
        held = self._frequencies(terms, field)
        return rarity(held[ALL], [held[term] for term in terms])

    def _part(self, part: Part) -> Clause | None:
        match part:
            case Either(parts):
                found = [clause for one in parts if (clause := self._part(one))]
                return _some(found, 1) if found else None
            case Word(text, prefix=True):
                terms, beginnings = self._beginning_with(text)
                found = [_word(term) for term in terms]
                found += [{"prefix": {"text": {"value": start}}} for start in beginnings]
                return _some(found, 1) if found else {"match_none": {}}
            case Word(text):
                return self._or_also(part, _in_a_row(self.terms(text)))
            case Phrase(text):
                return _in_a_row(self.terms(text))

    # -- terms ---------------------------------------------------------------------------------

    def terms(self, text: str) -> list[str]:
        return self._stemmed.analyze(normal(text))

    def words(self, text: str) -> list[str]:
        return self._plain.analyze(normal(text))

    def exact(self, text: str) -> str:
        """The text as the one term that a headline of the same words is kept as."""
        return " ".join(self.words(text))

    def marks(self, asked: Query) -> tuple[list[str], list[str]]:
        """The terms that a text may be marked for, and what such terms may begin with."""
        terms: dict[str, None] = {}
        beginnings: dict[str, None] = {}
        for part in asked.wanted:
            for one in part.parts if isinstance(part, Either) else (part,):
                if isinstance(one, Word) and one.prefix:
                    whole, begun = self._beginning_with(one.text)
                    beginnings |= dict.fromkeys(begun)
                else:
                    whole = self.terms(one.text)
                    for other in one.also if isinstance(one, Word) else ():
                        whole += self.terms(other.text)
                terms |= dict.fromkeys(whole)
        return list(terms), list(beginnings)

    def _beginning_with(self, text: str) -> tuple[list[str], list[str]]:
        """For a prefix: the whole terms before it, and what it stands for. In the index are stems:
        policies* must find polici, too."""
        *before, last = self.words(text) or [""]
        stem = (self.terms(last) or [""])[0]
        return [t for word in before for t in self.terms(word)], sorted({last, stem} - {""})


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


def _word(term: str) -> Clause:
    headline = {"term": {"headline": {"value": term, "boost": HEADLINE}}}
    return _some([{"term": {"text": {"value": term}}}, headline], 1)


def _in_a_row(terms: list[str]) -> Clause | None:
    """One word as a word, several (well-being, a phrase) as they stand."""
    if not terms:
        return None
    return _word(terms[0]) if len(terms) == 1 else _phrase(terms)


def _phrase(terms: list[str], **more: float) -> Clause:
    return {"match_phrase": {"text": {"query": " ".join(terms), **more}}}


def _boosted(clause: Clause, weight: float) -> Clause:
    return clause if weight == 1 else {"bool": {"must": [clause], "boost": weight}}


def _some(clauses: list[Clause], least: int) -> Clause:
    return {"bool": {"should": clauses, "minimum_should_match": least}}


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
