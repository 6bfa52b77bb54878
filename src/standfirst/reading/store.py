"""The page store: kept pages on this host's disk, by path, variant and encoding.

It is a read model: it may be deleted at any moment, and fills itself again. Broken or missing, it
only makes pages slower. Preview and full text are records of their own, and a reader gets the one
that `decide` names. No framework here: the door reads, Django writes.
"""

import gzip
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import brotli
import zstandard

from standfirst.access.rules import Terms
from standfirst.reading.generations import Generations

ENCODINGS = ("br", "zstd", "gzip")  # RFC 9110, 8.4.1; the one we like best first
_SHAPE = 4
_TABLES = """
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, variant TEXT NOT NULL, until REAL NOT NULL,
    article INTEGER, terms TEXT, unless_from TEXT NOT NULL, unless_crawler INTEGER NOT NULL,
    etag TEXT NOT NULL, headers TEXT NOT NULL,
    br BLOB NOT NULL, zstd BLOB NOT NULL, gzip BLOB NOT NULL, plain BLOB NOT NULL,
    pressed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (path, variant)
);
CREATE INDEX IF NOT EXISTS to_press ON pages (id) WHERE NOT pressed;
CREATE TABLE IF NOT EXISTS tags (
    tag TEXT NOT NULL, page INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, page)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_of_a_page ON tags (page);
"""
DROP = (
    "DELETE FROM pages WHERE id IN"
    " (SELECT page FROM tags WHERE tag IN (SELECT value FROM json_each(?)))"
)
_LOOK_AT_SIZE_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One page as readers get it. `until` is seconds since 1970; `article` and `terms` are those
    of an article's page, None on others, which are the same for everybody (variant `full`).
    For readers in the networks `unless_from`, separated by spaces, Django decides; so it does, with
    `unless_crawler`, for an agent that may be a search engine's."""

    path: str
    variant: str
    until: float
    article: int | None
    terms: Terms | None
    headers: Sequence[tuple[str, str]]
    body: bytes
    tags: frozenset[str]
    unless_from: str = ""
    unless_crawler: bool = False


def etag_of(body: bytes) -> str:
    """The strong validator of a page (RFC 9110, 8.8.3) without quotes and encoding."""
    return sha256(body).hexdigest()[:24]


class Writer:
    """Keeps and drops pages. Opens the file for each, since it may have been deleted meanwhile."""

    def __init__(self, path: Path, generations: Generations, limit: int) -> None:
        """`limit` is the largest size of the file, in bytes."""
        self._path, self.generations, self._limit = path, generations, limit
        self._kept = 0

    def keep(self, page: Kept, seen: int) -> bool:
        """Keep a page, unless pages were dropped since `generations.pages` was `seen`.

        Says whether it was kept. What was read before a change must not outlive it.
        """
        packed = _packed(page.body)
        try:
            with self._open() as db:
                if self.generations.pages != seen:
                    return False
                db.execute(
                    "DELETE FROM pages WHERE path = ? AND variant = ?", (page.path, page.variant)
                )
                row = db.execute(
                    "INSERT INTO pages (path, variant, until, article, terms, unless_from,"
                    " unless_crawler, etag, headers, br, zstd, gzip, plain)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(page.path, page.variant, page.until, page.article, page.terms),
                        *(page.unless_from, page.unless_crawler, etag_of(page.body)),
                        *(json.dumps(list(page.headers)), *packed),
                    ),
                )
                db.executemany(
                    "INSERT INTO tags VALUES (?, ?)", ((tag, row.lastrowid) for tag in page.tags)
                )
            self._kept += 1
            if self._kept % _LOOK_AT_SIZE_EVERY == 0:
                self._shrink()
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return False
        return True

    def drop(self, tags: Iterable[str]) -> int:
        """Drop every page with one of these tags; says how many. Counts for every door at once.

        Raises sqlite3.Error where the store can be neither read nor replaced.
        """
        wanted = json.dumps(sorted(set(tags)))
        return self._drop(DROP, wanted)

    def drop_all(self) -> int:
        """Drop every page."""
        return self._drop("DELETE FROM pages")

    def _drop(self, statement: str, *values: str) -> int:
        # Before, so that what is being rendered now is not kept; after, so that doors forget it.
        self.generations.raise_pages()
        try:
            if not self._path.exists():
                return 0
            with self._open() as db:
                return db.execute(statement, values).rowcount
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._mend(error)
            return 0
        finally:
            self.generations.raise_pages()

    def press(self) -> bool:
        """Compress one page that was kept with quick compression as well as can be.

        Says whether there was one. Doors go on sending what they hold in memory until they forget
        it. Raises sqlite3.Error where the store is missing, locked or broken.
        """
        if not self._path.exists():
            return False
        with self._open() as db:
            rows = db.execute(
                "SELECT id, etag, plain FROM pages WHERE NOT pressed ORDER BY id LIMIT 1"
            ).fetchall()
        if not rows:
            return False
        page, etag, body = rows[0]
        smaller = _packed(body, best=True)[:-1]  # outside of the transaction: it takes long
        with self._open() as db:
            db.execute(  # unless the page was replaced meanwhile: numbers are given again
                "UPDATE pages SET br = ?, zstd = ?, gzip = ?, pressed = 1"
                " WHERE id = ? AND etag = ?",
                (*smaller, page, etag),
            )
        return True

    def _shrink(self) -> None:
        """Drop the oldest tenth where the file has outgrown its limit."""
        with self._open() as db:
            used = db.execute(
                "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
                " pragma_freelist_count, pragma_page_size"
            ).fetchone()[0]
            if used > self._limit:
                db.execute(
                    "DELETE FROM pages WHERE id IN (SELECT id FROM pages ORDER BY id LIMIT"
                    " (SELECT 1 + count(*) / 10 FROM pages))"
                )

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        if isinstance(error, sqlite3.OperationalError):
            return  # locked, or no room: the page is only not kept
        for end in ("", "-wal", "-shm"):
            Path(f"{self._path}{end}").unlink(missing_ok=True)
        self.generations.raise_pages()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the lock for writing from its beginning."""
        made = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=5, isolation_level=None)) as db:
            db.executescript("PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;")
            if db.execute("PRAGMA user_version").fetchone()[0] != _SHAPE:
                db.execute("PRAGMA journal_mode=WAL")
                db.executescript(
                    "BEGIN IMMEDIATE; DROP TABLE IF EXISTS tags; DROP TABLE IF EXISTS pages;"
                    f"{_TABLES} PRAGMA user_version={_SHAPE}; COMMIT;"
                )
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        if made:
            self.generations.raise_pages()  # the doors still look at the one that was deleted


@dataclass(frozen=True, slots=True)
class Page:
    """A kept page in one encoding, as the door answers with it.

    `etag` is bare, `head` the header fields as they stand in an answer (RFC 9112, 5), each with its
    line's end; `unless_from` and `unless_crawler` as in `Kept`.
    """

    until: float
    etag: bytes
    unless_from: str
    unless_crawler: bool
    head: bytes
    body: bytes

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return 500 + len(self.head) + len(self.body)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        rows = (line.partition(b": ") for line in self.head.splitlines())
        return [(name, value) for name, _, value in rows]


class Reader:
    """Looks kept pages up. Raises sqlite3.Error where the store is missing or broken."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2)

    def terms_of(self, path: str) -> tuple[int | None, Terms | None] | None:
        """The article and the terms at a path; (None, None) for a page that is the same for all;
        None where nothing is known of it."""
        row = self._db.execute(
            "SELECT article, terms FROM pages WHERE path = ? LIMIT 1", (path,)
        ).fetchall()
        if not row:
            return None
        article, terms = row[0]
        return article, Terms(terms) if terms else None

    def page(self, path: str, variant: str, encoding: str) -> Page | None:
        """A kept page in one of ENCODINGS, or "" for none."""
        column = encoding if encoding in ENCODINGS else "plain"
        rows = self._db.execute(
            f"SELECT until, etag, unless_from, unless_crawler, headers, pressed, {column}"  # noqa: S608  ours
            " FROM pages"
            " WHERE path = ? AND variant = ?",
            (path, variant),
        ).fetchall()
        if not rows:
            return None
        until, etag, unless_from, unless_crawler, headers, pressed, body = rows[0]
        lines = [f"{name}: {value}\r\n" for name, value in json.loads(headers)]
        if encoding:
            # Other bytes, another strong validator.
            form = f"{encoding}-pressed" if pressed else encoding
            lines.append(f'etag: "{etag}-{form}"\r\ncontent-encoding: {encoding}\r\n')
        else:
            lines.append(f'etag: "{etag}"\r\n')
        lines.append(f"content-length: {len(body)}\r\n")
        head = "".join(lines).encode("latin-1")
        return Page(until, etag.encode(), unless_from, bool(unless_crawler), head, body)

    def tags_of(self, path: str, variant: str) -> list[str]:
        """What a kept page was made from."""
        rows = self._db.execute(
            "SELECT tag FROM tags JOIN pages ON page = id WHERE path = ? AND variant = ?"
            " ORDER BY tag",
            (path, variant),
        ).fetchall()
        return [tag for (tag,) in rows]

    def close(self) -> None:
        self._db.close()


def _packed(body: bytes, *, best: bool = False) -> tuple[bytes, bytes, bytes, bytes]:
    """Brotli, Zstandard, gzip, plain: quickly, since a reader waits for the page, or at best."""
    return (
        brotli.compress(body, quality=11 if best else 4),
        zstandard.compress(body, 19 if best else 3),
        gzip.compress(body, 9 if best else 4, mtime=0),
        body,
    )
