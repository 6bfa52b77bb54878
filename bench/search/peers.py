"""The same articles and questions, asked of SQLite's and PostgreSQL's own full-text search."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg
from tests.servers import postgres

from bench.load import say
from bench.search.speed import Times, middle_and_end
from bench.search.texts import Words, articles
from standfirst.library.engine import Document

LIMIT = 20.0  # seconds for each kind of question
Ask = Callable[[str], object]


def measure(folder: Path, count: int, asked: int) -> dict[str, dict[str, object]]:
    """By peer: documents indexed a second, and the times of each kind of question."""
    found = {"sqlite fts5": _sqlite(folder / "fts5.sqlite3", count, asked)}
    try:
        with postgres() as address:
            found["postgresql"] = _postgresql(address, count, asked)
    except FileNotFoundError as error:
        say(str(error))
    return found


def _sqlite(file: Path, count: int, asked: int) -> dict[str, object]:
    say("SQLite FTS5")
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode=wal")
    database.execute("PRAGMA cache_size=-200000")
    database.execute(
        "CREATE VIRTUAL TABLE texts USING fts5(title, body, tokenize='porter unicode61')"
    )
    began = time.perf_counter()
    database.execute("BEGIN")
    database.executemany("INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)", _rows(count))
    database.execute("COMMIT")
    spent = time.perf_counter() - began

    def ask(text: str) -> object:
        return database.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts, 3.0, 1.0) LIMIT 20",
            [text],
        ).fetchall()

    quoted = {
        "one word": lambda said: f'"{said}"',
        "two words": lambda said: " ".join(f'"{word}"' for word in said.split()),
        "phrase": lambda said: '"{}"'.format(said.replace('"', "")),
    }
    return {"index_docs_s": count / spent, "kinds": _kinds(ask, quoted, asked)}


def _postgresql(address: str, count: int, asked: int) -> dict[str, object]:
    say("PostgreSQL")
    with psycopg.connect(address.replace("postgres://", "postgresql://"), autocommit=True) as base:
        base.execute(
            "CREATE TABLE texts (id bigint PRIMARY KEY, title text, body text, words tsvector)"
        )
        began = time.perf_counter()
        with base.cursor().copy("COPY texts (id, title, body) FROM STDIN") as copy:
            for row in _rows(count):
                copy.write_row(row)
        base.execute(
            "UPDATE texts SET words = setweight(to_tsvector('english', title), 'A')"
            " || to_tsvector('english', body)"
        )
        base.execute("CREATE INDEX ON texts USING gin (words)")
        base.execute("ANALYZE texts")
        spent = time.perf_counter() - began

        def ask(text: str) -> object:
            return base.execute(
                "SELECT id FROM texts, websearch_to_tsquery('english', %s) asked"
                " WHERE words @@ asked ORDER BY ts_rank(words, asked) DESC LIMIT 20",
                [text],
            ).fetchall()

        quoted: dict[str, Callable[[str], str]] = {
            "one word": str,
            "two words": str,
            "phrase": lambda said: f'"{said}"',
        }
        return {"index_docs_s": count / spent, "kinds": _kinds(ask, quoted, asked)}


def _rows(count: int) -> Iterable[tuple[int, str, str]]:
    return (
        (d.key, d.headline, "\n".join([*d.open_text, *d.rest]).replace("\x00", ""))
        for d in articles(count)
        if isinstance(d, Document)
    )


def _kinds(ask: Ask, quoted: dict[str, Callable[[str], str]], asked: int) -> dict[str, Times]:
    said = Words()
    make = {
        "one word": lambda: said.some(1),
        "two words": lambda: said.some(2),
        "phrase": lambda: said.phrase(3),
    }
    kinds = {}
    for name, one in make.items():
        spent: list[float] = []
        end = time.perf_counter() + LIMIT
        while len(spent) < asked and time.perf_counter() < end:
            text = quoted[name](one())
            began = time.perf_counter()
            ask(text)
            spent.append((time.perf_counter() - began) * 1000)
        kinds[name] = middle_and_end(spent)
    return kinds


def show(found: dict[str, dict[str, object]], ours: dict[str, Times]) -> None:
    names = ["one word", "two words", "phrase"]
    print(f"{'p50 / p99 ms':28}" + "".join(f"{name:>20}" for name in names))
    rows = {"the library": ours} | {name: row["kinds"] for name, row in found.items()}  # type: ignore[dict-item]
    for peer, kinds in rows.items():
        cells = (f"{kinds[name][0]:.2f} / {kinds[name][1]:.2f}" for name in names)
        print(f"{peer:28}" + "".join(f"{cell:>20}" for cell in cells))
    print()
