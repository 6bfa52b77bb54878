"""The library's index in an OpenSearch cluster, which all hosts share.

Texts are made into terms here, by the same analysis as the embedded engine's, and sent as terms
between blanks: the same words are found, in every language that we know, and the cluster needs no
analysers. It keeps no text that could be read out of it: no source, no order of what is searched.

An index is known by an alias of its own (`handle`), never by its name: so nobody reads from, or
writes into, one that was made anew under the same name, and no late request makes one by itself.

One document of the index is not an article: how far the index is, and who writes it (`lease`).
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import uuid4

from standfirst.library.engine import (
    FACETS,
    Broken,
    Document,
    Found,
    Gone,
    Highlighter,
    Search,
    Unreachable,
)
from standfirst.library.engines import alike, spelling
from standfirst.library.engines.analysis import FORMAT as ANALYSIS
from standfirst.library.engines.analysis import plain, stemmed
from standfirst.library.engines.clauses import ALL, ARTICLES, Asking, same_copy, values_of
from standfirst.library.engines.lease import STATE, Lease
from standfirst.library.engines.marking import marking
from standfirst.library.engines.weights import DEEPEST
from standfirst.library.engines.wire import Answer, Wire, understood
from standfirst.library.rules import Query

log = logging.getLogger("standfirst.library")

FORMAT = [ANALYSIS, 1]  # an index of another format is rebuilt
AT_ONCE = 4_000_000  # bytes in one request
TRIES, LONGEST_PAUSE = 6, 4.0  # for rows that a busy cluster did not take
SEARCH_TIME = "1500ms"  # in the cluster
PAGE = 5_000
COUNTED_AT_ONCE = 500  # terms in one request
REMEMBERED = 10_000  # terms whose frequency is remembered

_number = {"type": "long"}
_terms = {"type": "text", "analyzer": "whitespace"}
FIELDS = {
    **dict.fromkeys(("key", "at", "section", "region", "topic", "author", "year"), _number),
    "stamp": {"type": "long", "index": False},
    "format": {"type": "keyword"},
    "text": _terms,
    "headline": {**_terms, "index_options": "freqs"},
    "exact": {"type": "keyword", "doc_values": False},
    "words": {"type": "keyword", "eager_global_ordinals": True},
    STATE: {"type": "object", "enabled": False},
}
SETTINGS = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "refresh_interval": "-1",  # seen after `commit`
    "max_result_window": DEEPEST,
    "gc_deletes": "1h",  # so long a late writer cannot bring back what was deleted
}


class Index:
    """An index in the cluster. Every method may raise Unreachable, and Broken where it is gone."""

    def __init__(
        self, wire: Wire, patient: Wire, handle: str, language: str, who: str = ""
    ) -> None:
        self.handle, self.language = handle, language
        self._wire, self._patient = wire, patient
        self.lease = Lease(patient, handle, who)
        stems = stemmed(language)
        self._asking = Asking(stems, plain(), self._frequencies_of)
        self._stem = lru_cache(20_000)(lambda word: "".join(stems.analyze(word)))
        self._known: dict[str, int] = {}

    @classmethod
    def open(cls, wire: Wire, patient: Wire, alias: str, who: str = "") -> "Index":
        """The index that an alias names. Raises Broken where there is none that we can use."""
        answer = wire.ask("GET", f"/{alias}/_mapping")
        try:
            (name, found), *more = answer.items()
            facts = found["mappings"]["_meta"]["standfirst"]
            if more or facts["format"] != FORMAT:
                raise Broken(f"the index {name} is of another version")
            return cls(wire, patient, facts["handle"], facts["language"], who)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(f"the index behind {alias} is not of this program") from error

    @classmethod
    def create(cls, wire: Wire, patient: Wire, name: str, alias: str, language: str) -> None:
        """Make an empty index that the alias names. Raises Wrong where the name is taken."""
        handle = f"{name}-{uuid4().hex[:12]}"
        facts = {"format": FORMAT, "language": language, "handle": handle}
        mappings = {
            "dynamic": "strict",
            "_source": {"includes": [STATE, f"{STATE}.*"]},
            "_meta": {"standfirst": facts},
            "properties": FIELDS,
        }
        body = {
            "settings": {"index": SETTINGS},
            "mappings": mappings,
            "aliases": {alias: {}, handle: {}},
        }
        patient.ask("PUT", f"/{name}", body)

    def write(self, *, building: bool = False) -> None:
        self.lease.take()

    def close(self) -> None:
        self.lease.give_back()

    # -- changes -------------------------------------------------------------------------------

    def put(self, documents: Iterable[Document]) -> None:
        self._rows(
            ({"index": self._address(document.key)}, self._row(document)) for document in documents
        )

    def delete(self, keys: Iterable[int]) -> None:
        self._rows(({"delete": self._address(key)},) for key in keys)

    def commit(self, position: str) -> None:
        # A kill between the two leaves the older position, and what lies between is put again.
        self._patient.ask("POST", f"/{self.handle}/_refresh")
        self.lease.note(position=position)

    def position(self) -> str:
        return str(self.lease.get("position", ""))

    def _address(self, key: int) -> dict[str, Any]:
        if not self.lease.held:
            raise Broken("this index was opened for reading only")
        return {"_id": str(key), "version": self.lease.epoch, "version_type": "external_gte"}

    def _rows(self, rows: Iterable[tuple[dict[str, Any], ...]]) -> None:
        waiting: list[tuple[dict[str, Any], ...]] = []
        size = 0
        for row in rows:
            waiting.append(row)
            size += len(str(row))
            if size > AT_ONCE:
                self._send(waiting)
                waiting, size = [], 0
        if waiting:
            self._send(waiting)

    def _send(self, rows: list[tuple[dict[str, Any], ...]]) -> None:
        """All of these rows; those that a busy cluster does not take, again."""
        pause, why = 0.1, ""
        for _ in range(TRIES):
            if self.lease.sign_is_due():
                self.lease.note()
            lines = [line for row in rows for line in row]
            answer = self._patient.bulk(f"/{self.handle}/_bulk", lines, require_alias=True)
            again = []
            for row, item in zip(rows, answer["items"], strict=True):
                (result,) = item.values()
                status = result["status"]
                if status < 300 or (status == 404 and "error" not in result):
                    continue  # done, or what is to be deleted is not there
                why = f"{status} {result['error'].get('type')}: {result['error'].get('reason')}"
                if status == 409:
                    raise self.lease.lost()
                if status == 404:
                    raise Gone(why)
                if status == 429 or status >= 500:
                    again.append(row)
                else:
                    log.error("Article %s cannot be indexed: %s", result.get("_id"), why)
            if not again:
                return
            rows = again
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        raise Unreachable(f"the search cluster did not take {len(rows)} articles: {why}")

    def _row(self, document: Document) -> dict[str, Any]:
        terms, words = self._asking.terms, self._asking.plain
        open_texts = (document.headline, *document.open_text, *document.names)
        return {
            "key": document.key,
            "stamp": document.stamp,
            "at": int(document.published_at.timestamp()),
            **{facet: list(document.filed.get(facet, ())) for facet in FACETS},
            "headline": " ".join(terms(document.headline)),
            "exact": self._asking.exact(document.headline),
            "words": sorted({word for text in open_texts for word in words(text)}),
            # One after the other, with a gap between them, as a list's texts have it.
            "text": [" ".join(terms(text)) for text in (*open_texts, *document.rest)],
        }

    # -- reading -------------------------------------------------------------------------------

    def search(self, search: Search) -> Found:
        if search.start + search.count > DEEPEST:
            return Found(keys=[], total=0)
        answer = self._search(self._asking.body(search), preference=same_copy(search))
        with understood():
            counted = answer.get("aggregations", {})
            return Found(
                keys=[int(hit["_id"]) for hit in answer["hits"]["hits"]],
                total=int(answer["hits"]["total"]["value"]),
                facets={facet: values_of(facet, counted) for facet in FACETS}
                if search.facets
                else {},
            )

    def corrections(self, words: Sequence[str]) -> dict[str, str]:
        typed: dict[str, str] = {}
        ask: dict[str, Any] = {}
        for word in dict.fromkeys(words):
            terms = self._asking.terms(word)
            if len(terms) == 1 and spelling.may_be_corrected(text := self._asking.exact(word)):
                typed[word] = text
                ask[word] = {"term": {"text": {"value": terms[0]}}}
        if not typed:
            return {}
        suggest = {
            f"{n}-{edits}": _nearest(text, edits)
            for n, text in enumerate(typed.values())
            for edits in ((1, 2) if len(text) >= spelling.SHORTEST_FOR_TWO else (1,))
        }
        body = {"size": 0, "aggs": {"known": {"filters": {"filters": ask}}}, "suggest": suggest}
        answer = self._search(body)
        with understood():
            known = answer["aggregations"]["known"]["buckets"]
            found = {}
            for n, word in enumerate(typed):
                if known[word]["doc_count"]:
                    continue
                for edits in (1, 2):
                    options = [
                        option["text"]
                        for entry in answer["suggest"].get(f"{n}-{edits}", ())
                        for option in entry["options"]
                        if len(option["text"]) >= spelling.SHORTEST
                    ]
                    if options:
                        found[word] = options[0]
                        break
            return found

    def complete(self, beginning: str, count: int = 8) -> list[str]:
        typed = self._asking.plain(beginning)
        if len(typed) != 1 or len(typed[0]) < 2:
            return []
        # Words are letters and digits alone, so there is nothing to escape in the pattern.
        terms = {"field": "words", "include": f"{typed[0]}.*", "size": count}
        query = {"prefix": {"words": {"value": typed[0]}}}
        answer = self._search({"size": 0, "query": query, "aggs": {"words": {"terms": terms}}})
        with understood():
            return [bucket["key"] for bucket in answer["aggregations"]["words"]["buckets"]]

    def related(self, key: int, texts: Sequence[str], count: int = 6) -> list[int]:
        headline, *others = texts or [""]
        said, text = self._asking.terms(headline), self._asking.terms("\n".join(others))
        held = self._frequencies_of({t for t in (*said, *text) if len(t) >= alike.SHORTEST})
        words = alike.telling(said, text, lambda term: held.get(term, 0), held[ALL])
        if not words:
            return []
        likely = [{"term": {"text": {"value": term, "boost": weight}}} for term, weight in words]
        itself = {"ids": {"values": [str(key)]}}
        some = {"bool": {"should": likely, "minimum_should_match": 1}}
        query = {"bool": {"must": [some], "must_not": [itself]}}
        answer = self._search({"query": query, "size": count, "_source": False})
        with understood():
            return [int(hit["_id"]) for hit in answer["hits"]["hits"]]

    def highlighter(self, query: Query, length: int) -> Highlighter:
        terms, beginnings = self._asking.marks(query)
        ask = {f"={term}": {"term": {"text": {"value": term}}} for term in terms}
        ask |= {f"^{start}": {"prefix": {"text": {"value": start}}} for start in beginnings}
        known = self._how_many(ask)
        return marking(
            {term: 1 / (1 + known[f"={term}"]) for term in terms},
            {start: 1 / (1 + known[f"^{start}"]) for start in beginnings},
            self._stem,
            length,
        )

    def _how_many(self, ask: Mapping[str, Any]) -> Mapping[str, int]:
        """How many articles answer each of these. Remembered, since it only weighs words."""
        found = {name: self._known[name] for name in ask if name in self._known}
        missing = [name for name in ask if name not in found]
        for start in range(0, len(missing), COUNTED_AT_ONCE):
            filters = {name: ask[name] for name in missing[start : start + COUNTED_AT_ONCE]}
            body = {"size": 0, "aggs": {"known": {"filters": {"filters": filters}}}}
            answer = self._search(body)
            with understood():
                buckets = answer["aggregations"]["known"]["buckets"]
                found |= {name: int(buckets[name]["doc_count"]) for name in filters}
        if len(self._known) > REMEMBERED:
            self._known = {}
        self._known |= {name: found[name] for name in missing}
        return found

    def _frequencies_of(self, terms: Iterable[str] = (), field: str = "text") -> dict[str, int]:
        """In how many articles each term stands in this field; under ALL how many there are."""
        names = {term: f"{'h' if field == 'headline' else ''}={term}" for term in terms}
        ask = {name: {"term": {field: {"value": term}}} for term, name in names.items()}
        known = self._how_many({**ask, ALL: ARTICLES})
        return {ALL: known[ALL], **{term: known[name] for term, name in names.items()}}

    def stamps(self) -> dict[int, int]:
        opened = self._patient.ask("POST", f"/{self.handle}/_search/point_in_time", keep_alive="2m")
        body: dict[str, Any] = {
            "pit": {"id": opened["pit_id"], "keep_alive": "2m"},
            "size": PAGE,
            "query": ARTICLES,
            "sort": [{"key": "asc"}],
            "_source": False,
            "docvalue_fields": ["stamp"],
        }
        stamps: dict[int, int] = {}
        try:
            while hits := self._patient.ask("POST", "/_search", body)["hits"]["hits"]:
                stamps |= {int(hit["_id"]): int(hit["fields"]["stamp"][0]) for hit in hits}
                body["search_after"] = hits[-1]["sort"]
        finally:
            self._patient.ask("DELETE", "/_search/point_in_time", {"pit_id": [opened["pit_id"]]})
        return stamps

    def count(self) -> int:
        wire = self._patient if self.lease.held else self._wire
        return int(wire.ask("POST", f"/{self.handle}/_count", {"query": ARTICLES})["count"])

    def _search(self, body: dict[str, Any], **params: Any) -> Answer:
        """Whole answers only: what some shards do not say must not look like nothing found."""
        answer = self._wire.ask(
            "POST",
            f"/{self.handle}/_search",
            {**body, "timeout": SEARCH_TIME},
            allow_partial_search_results=False,
            **params,
        )
        if answer.get("timed_out"):
            raise Unreachable("the search cluster is too slow at the moment")
        return answer


def _nearest(word: str, edits: int) -> dict[str, Any]:
    """The most frequent word so many changes away, as `spelling.nearest` has it."""
    return {
        "text": word,
        "term": {
            "field": "words",
            "size": 5,  # more than one: the nearest are looked at, then put in order of frequency
            "sort": "frequency",
            "suggest_mode": "missing",
            "max_edits": edits,
            "prefix_length": spelling.FIRST_LETTERS if edits > 1 else 0,
            "min_word_length": spelling.SHORTEST,
        },
    }
