"""The library's index on this host's disk, by Tantivy. The only module that searches with it."""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query, SnippetGenerator

from standfirst.library.engine import (
    FACETS,
    Broken,
    Document,
    Found,
    Fragment,
    Highlighter,
    Order,
    Search,
    Value,
)
from standfirst.library.engines import alike, spelling
from standfirst.library.engines.analysis import FORMAT, normal, plain, register, schema, stemmed
from standfirst.library.engines.asking import Asking
from standfirst.library.engines.weights import (
    DEEPEST,
    HALF_LIFE,
    MOST_IN_A_FACET,
    MOST_YEARS,
    WINDOW,
)
from standfirst.library.rules import Query as Asked

log = logging.getLogger("standfirst.library")

STATE = "state.json"
LIVE_MEMORY, BUILDING_MEMORY = 30_000_000, 200_000_000
MOST_OF_A_BEGINNING = 3_000  # words, when the one that was meant is looked for


class Index:
    """An index in a folder. Reading needs no more; `write` makes it ready for changes.

    Many processes may read while one writes: each looks at every search whether there is a newer
    state. Every method that reads raises Broken where the files are damaged or gone.
    """

    def __init__(self, folder: Path, state: Mapping[str, Any]) -> None:
        self.folder, self.language = folder, str(state["language"])
        self._position = str(state["position"])
        self._stemmed, self._plain = stemmed(self.language), plain()
        self._writer: tantivy.IndexWriter | None = None
        with _readable():
            self._index = tantivy.Index.open(str(folder))
            register(self._index, self.language)
            self._index.config_reader("manual")
            self._seen = self._state_of_files()
            self._index.reload()

    @classmethod
    def open(cls, folder: Path) -> "Index":
        """The index in a folder. Raises Broken where there is none that this version can read."""
        try:
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
            if state["format"] != FORMAT:
                raise Broken(f"the index in {folder.name} is of another version")
            return cls(folder, state)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Broken(f"the index in {folder.name} cannot be read: {error}") from error

    @classmethod
    def create(cls, folder: Path, language: str) -> "Index":
        """A new, empty index. Raises OSError or Broken where the folder cannot be written."""
        folder.mkdir(parents=True)
        with _readable():
            tantivy.Index(schema(), str(folder))
        _write_state(folder, language, "")
        return cls.open(folder)

    def write(self, *, building: bool = False) -> None:
        """Be the one who writes. Raises Broken where another process does."""
        with _readable():
            memory = BUILDING_MEMORY if building else LIVE_MEMORY
            self._writer = self._index.writer(memory, 0 if building else 1)

    def close(self) -> None:
        """Write no more; what is not committed is dropped."""
        if self._writer:
            writer, self._writer = self._writer, None
            with _readable():
                # Not `rollback`: that begins a new writer, and leaves merges behind that go on.
                writer.wait_merging_threads()

    # -- changes -------------------------------------------------------------------------------

    def put(self, documents: Iterable[Document]) -> None:
        writer = self._the_writer
        with _readable():
            for document in documents:
                writer.delete_documents_by_term("key", document.key)
                writer.add_document(_row(document, self._plain))

    def delete(self, keys: Iterable[int]) -> None:
        with _readable():
            for key in keys:
                self._the_writer.delete_documents_by_term("key", key)

    def commit(self, position: str) -> None:
        # A kill between the two leaves the older position, and what lies between is put again.
        with _readable():
            self._the_writer.commit()
            _write_state(self.folder, self.language, position)
        self._position = position

    def position(self) -> str:
        return self._position

    @property
    def _the_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise Broken("this index was opened for reading only")
        return self._writer

    # -- reading -------------------------------------------------------------------------------

    def search(self, search: Search) -> Found:
        if search.start + search.count > DEEPEST:  # a place for each is set aside beforehand
            return Found(keys=[], total=0)
        with _readable():
            searcher = self._searcher()
            asking = self._asking(searcher)
            query = asking.query(search)
            if search.order is Order.NEWEST:
                page: Any = searcher.search(
                    query, search.count, order_by_field="at", offset=search.start
                )
                keys = searcher.fast_field_values("key", [at for _, at in page.hits])
            else:
                page, keys = self._best(searcher, asking, query, search)
            facets = self._facets(searcher, asking, query, search) if search.facets else {}
        return Found(
            keys=[int(key) for key in keys if key], total=int(page.count or 0), facets=facets
        )

    def _best(
        self, searcher: tantivy.Searcher, asking: Asking, query: Query, search: Search
    ) -> tuple[Any, Any]:
        """The best articles. Those before WINDOW are weighed anew: one in which the words stand
        together counts for more, and so does a fresh one."""
        end = search.start + search.count
        if end > WINDOW:
            page = searcher.search(query, search.count, offset=search.start)
            return page, searcher.fast_field_values("key", [at for _, at in page.hits])
        page = searcher.search(query, WINDOW)
        places = [at for _, at in page.hits]
        keys = searcher.fast_field_values("key", places)
        scores = dict(zip(keys, (score for score, _ in page.hits), strict=True))
        if near := asking.together(search.query, [int(key or 0) for key in keys]):
            found = searcher.search(near, WINDOW, count=False).hits
            nearer = searcher.fast_field_values("key", [at for _, at in found])
            for key, (score, _) in zip(nearer, found, strict=True):
                scores[key] += score
        if search.freshness and search.now:
            now = search.now.timestamp()
            for key, at in zip(keys, searcher.fast_field_values("at", places), strict=True):
                age = max(0, now - float(at or 0))
                scores[key] *= 1 + search.freshness * 0.5 ** (age / HALF_LIFE)
        ranked = sorted(keys, key=lambda key: -scores[key])  # equal ones stay as they were
        return page, ranked[search.start : end]

    def _facets(
        self, searcher: tantivy.Searcher, asking: Asking, query: Query, search: Search
    ) -> dict[str, list[tuple[Value, int]]]:
        chosen = {facet for facet, _ in search.only if facet in FACETS}
        counted = searcher.aggregate(query, _counts(f for f in FACETS if f not in chosen))
        for facet in chosen:
            counted |= searcher.aggregate(asking.query(search, facet), _counts([facet]))
        return {
            facet: [(_value(b["key"]), b["doc_count"]) for b in counted[facet]["buckets"]]
            for facet in FACETS
        }

    def corrections(self, words: Sequence[str]) -> dict[str, str]:
        with _readable():
            searcher = self._searcher()

            def frequency(word: str) -> int:
                return searcher.doc_freq("words", word)

            def beginning(prefix: str) -> Sequence[tuple[str, int]]:
                return searcher.terms_with_prefix("words", prefix, limit=MOST_OF_A_BEGINNING)

            found = {}
            for word in dict.fromkeys(words):
                terms = self._stemmed.analyze(normal(word))
                if len(terms) != 1 or searcher.doc_freq("text", terms[0]):
                    continue
                near = spelling.nearest(self._plain.analyze(normal(word))[0], frequency, beginning)
                if near:
                    found[word] = near
            return found

    def complete(self, beginning: str, count: int = 8) -> list[str]:
        with _readable():
            typed = self._plain.analyze(normal(beginning))
            if len(typed) != 1 or len(typed[0]) < 2:
                return []
            found = self._searcher().terms_with_prefix("words", typed[0], limit=count)
            return [word for word, _ in found]

    def related(self, key: int, texts: Sequence[str], count: int = 6) -> list[int]:
        with _readable():
            searcher = self._searcher()
            words = alike.telling(
                self._stemmed.analyze(normal(texts[0])) if texts else (),
                self._stemmed.analyze(normal("\n".join(texts[1:]))),
                lambda term: searcher.doc_freq("text", term),
                searcher.num_docs,
            )
            if not words:
                return []
            likely = [
                (
                    Occur.Should,
                    Query.boost_query(Query.term_query(self._index.schema, "text", term), weight),
                )
                for term, weight in words
            ]
            # Itself is left out afterwards: a query of nothing but alternatives is quicker.
            page = searcher.search(Query.boolean_query(likely), count + 1, count=False)
            keys = searcher.fast_field_values("key", [at for _, at in page.hits])
            return [int(found) for found in keys if found and found != key][:count]

    def highlighter(self, query: Asked, length: int) -> Highlighter:
        with _readable():
            searcher = self._searcher()
            marks = self._asking(searcher).marks(query)
            generator = SnippetGenerator.create(searcher, marks, self._index.schema, "text")
            generator.set_max_num_chars(length)

        def find(text: str) -> Fragment:
            document = tantivy.Document()
            document.add_text("text", text)
            snippet = generator.snippet_from_doc(document)
            stretch = snippet.fragment().encode()
            marks = [
                (len(stretch[: mark.start].decode()), len(stretch[: mark.end].decode()))
                for mark in snippet.highlighted()
            ]
            return Fragment(stretch.decode(), marks)

        return find

    def stamps(self) -> dict[int, int]:
        with _readable():
            searcher = self._searcher()
            if not searcher.num_docs:
                return {}
            page = searcher.search(Query.all_query(), searcher.num_docs, count=False)
            places = [at for _, at in page.hits]
            keys = searcher.fast_field_values("key", places)
            stamps = searcher.fast_field_values("stamp", places)
            return {int(k or 0): int(s or 0) for k, s in zip(keys, stamps, strict=True)}

    def count(self) -> int:
        """How many documents there are."""
        with _readable():
            return self._searcher().num_docs

    def _asking(self, searcher: tantivy.Searcher) -> Asking:
        return Asking(self._index.schema, searcher, self._stemmed, self._plain)

    def _searcher(self) -> tantivy.Searcher:
        state = self._state_of_files()
        if state != self._seen:
            self._index.reload()
            self._seen = state
        return self._index.searcher()

    def _state_of_files(self) -> tuple[int, int]:
        found = os.stat(self.folder / "meta.json")
        return found.st_ino, found.st_mtime_ns


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:  # Tantivy knows no other for damaged files
        raise Broken(" ".join(str(error).split())[:300]) from error


def _write_state(folder: Path, language: str, position: str) -> None:
    new = folder / f"{STATE}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "language": language, "position": position}, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / STATE)


def _row(document: Document, words: tantivy.TextAnalyzer) -> tantivy.Document:
    row = tantivy.Document()
    row.add_integer("key", document.key)
    row.add_integer("stamp", document.stamp)
    row.add_integer("at", int(document.published_at.timestamp()))
    for facet in FACETS:
        for value in document.filed.get(facet, ()):
            if isinstance(value, int):
                row.add_integer(facet, value)
            else:
                row.add_text(facet, value)
    headline = normal(document.headline)
    row.add_text("headline", headline)
    row.add_text("exact", " ".join(words.analyze(headline)))
    for text in (document.headline, *document.open_text, *document.names):
        row.add_text("words", normal(text))
    for text in (document.headline, *document.open_text, *document.rest, *document.names):
        row.add_text("text", normal(text))
    return row


def _counts(facets: Iterable[str]) -> dict[str, Any]:
    return {
        facet: {
            "terms": {"field": facet, "size": MOST_YEARS if facet == "year" else MOST_IN_A_FACET}
        }
        for facet in facets
    }


def _value(key: Any) -> Value:
    return key if isinstance(key, str) else int(key)
