"""Rankings to compare: the library's own, and two that one gets without any work of one's own."""

import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.search.sets import Text
from bench.search.texts import NOW
from bench.search.vectors import Vectors

Ranker = Callable[[str, int], list[str]]  # words, how many -> ids, the best first


def ours(texts: list[Text], folder: Path, freshness: float = 0.0) -> Ranker:
    """The library as a reader has it: their words, mended where they are misspelt."""
    from standfirst.library.engine import Search
    from standfirst.library.engines.embedded import Index
    from standfirst.library.finding import find
    from standfirst.library.rules import parse

    index = filled(Index.create(folder, "en"), texts)

    def rank(words: str, count: int) -> list[str]:
        asked = Search(query=parse(words), count=count, freshness=freshness, now=NOW)
        return [texts[key - 1].id for key in find(index, asked).found.keys]

    return rank


def with_meaning(
    texts: list[Text], folder: Path, vectors: Vectors, freshness: float = 0.0
) -> Ranker:
    """The same in an index that `ours` made, with what is near in meaning."""
    from standfirst.library.engine import Search
    from standfirst.library.engines.embedded import Index
    from standfirst.library.finding import find
    from standfirst.library.rules import parse
    from standfirst.library.semantic.meaning import fused

    index = Index.open(folder)

    def rank(words: str, count: int) -> list[str]:
        asked = Search(query=parse(words), count=count, freshness=freshness, now=NOW)
        answer = find(index, asked)
        found = fused(index, answer, words, vectors.nearest, lambda key: texts[key - 1].title)
        return [texts[key - 1].id for key in found.keys]

    return rank


def filled(index: object, texts: list[Text]) -> object:
    """The index with these texts in it; the key of each is its place, from 1."""
    index.write(building=True)  # type: ignore[attr-defined]
    index.put(documents(texts))  # type: ignore[attr-defined]
    index.commit("")  # type: ignore[attr-defined]
    index.close()  # type: ignore[attr-defined]
    return index


def documents(texts: list[Text]) -> Iterable[object]:
    """The texts as the index gets articles; two paragraphs are open to all."""
    from standfirst.library.engine import Document

    for key, text in enumerate(texts, 1):
        yield Document(
            key=key,
            headline=text.title,
            open_text=text.paragraphs[:3],
            rest=text.paragraphs[3:],
            names=text.names,
            filed={"year": [text.at.year]},
            published_at=text.at,
            stamp=key,
        )


def plain(texts: list[Text]) -> Ranker:
    """Tantivy with its own reading of queries, over title and text, English stemming."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in ("title", "text"):
        builder.add_text_field(name, tokenizer_name="en_stem")
    builder.add_integer_field("key", fast=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(60_000_000, 1)
    for key, text in enumerate(texts):
        row = tantivy.Document()
        row.add_text("title", text.title)
        row.add_text("text", "\n".join((*text.paragraphs, *text.names)))
        row.add_integer("key", key)
        writer.add_document(row)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def rank(words: str, count: int) -> list[str]:
        query, _ = index.parse_query_lenient(words, ["title", "text"])
        page = searcher.search(query, count)
        keys = searcher.fast_field_values("key", [at for _, at in page.hits])
        return [texts[int(key)].id for key in keys]

    return rank


def fts5(texts: list[Text]) -> Ranker:
    """SQLite's full text search with its Porter stemmer; any word, the title counts thrice."""
    database = sqlite3.connect(":memory:")
    database.execute("create virtual table t using fts5(title, body, tokenize='porter unicode61')")
    rows = ((text.title, "\n".join((*text.paragraphs, *text.names))) for text in texts)
    database.executemany("insert into t(title, body) values (?, ?)", rows)

    def rank(words: str, count: int) -> list[str]:
        any_of = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", words))
        if not any_of:
            return []
        found = database.execute(
            "select rowid from t where t match ? order by bm25(t, 3.0, 1.0) limit ?",
            (any_of, count),
        )
        return [texts[key - 1].id for (key,) in found]

    return rank
