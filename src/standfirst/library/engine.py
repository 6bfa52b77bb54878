"""What the library asks of a search engine, in words of our own. Nothing else knows an engine.

An engine finds keys; headlines and texts come from the database by key, so that what was withdrawn
a moment ago is not shown, and what may be shown of a text is decided there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from standfirst.library.rules import Query

FACETS = ("section", "region", "topic", "author", "format", "year")
Value = int | str  # an id, a format, a year


class Order(StrEnum):
    RELEVANCE = "relevance"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A published article as an engine gets it. `open_text` is what every reader may see of it,
    `rest` the remainder; `filed` maps facets to values. `stamp` is of all the rest of this row."""

    key: int
    headline: str
    open_text: Sequence[str]
    rest: Sequence[str]
    names: Sequence[str]
    filed: Mapping[str, Sequence[Value]]
    published_at: datetime
    stamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for. The names in `query.filed` are no longer asked for here: `only` holds, for
    each facet, values of which an article must have one; `without` what it must not have, also of
    "key". `any_word`: one of the words is enough, where several would be asked for otherwise."""

    query: Query
    only: Sequence[tuple[str, frozenset[Value]]] = ()
    without: Sequence[tuple[str, frozenset[Value]]] = ()
    since: datetime | None = None
    before: datetime | None = None
    order: Order = Order.RELEVANCE
    start: int = 0
    count: int = 20
    facets: bool = False
    any_word: bool = False
    freshness: float = 0.0  # share by which an article of `now` counts for more than an old one
    now: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Keys in order, how many there are in all, and how many for each value of each facet. The
    counts of a facet are those one gets by choosing another of its values."""

    keys: Sequence[int]
    total: int
    facets: Mapping[str, Sequence[tuple[Value, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of a text with the ranges in it that answer the query."""

    text: str
    marks: Sequence[tuple[int, int]]


Highlighter = Callable[[str], Fragment]


class Broken(Exception):  # noqa: N818
    """The index cannot be read, or there is none. It is rebuilt from the database."""


class Gone(Broken):
    """The index is not there any more: another is in its place, or none."""


class Unreachable(Exception):  # noqa: N818
    """The engine cannot be asked at the moment. The index is as it was: nothing is rebuilt."""


class Busy(Exception):  # noqa: N818
    """Another process does this at the moment."""


class Engine(Protocol):
    """One index."""

    def put(self, documents: Iterable[Document]) -> None:
        """Add documents, each in place of the one with its key; seen after `commit`."""

    def delete(self, keys: Iterable[int]) -> None:
        """Take documents out; seen after `commit`."""

    def commit(self, position: str) -> None:
        """Make what was put and deleted last, and remember how far the index is."""

    def position(self) -> str:
        """What the last commit remembered; "" for a new index."""

    def search(self, search: Search) -> Found:
        """Articles that answer. Raises Broken."""

    def corrections(self, words: Sequence[str]) -> dict[str, str]:
        """For words that no article holds: the nearest that is printed where all may read it."""

    def complete(self, beginning: str, count: int = 8) -> list[str]:
        """Words that begin so, the most frequent first: of what every reader may see."""

    def related(self, key: int, texts: Sequence[str], count: int = 6) -> list[int]:
        """Keys of the articles nearest to one with these texts, the headline first."""

    def highlighter(self, query: Query, length: int) -> Highlighter:
        """A function that finds the stretch of a text, at most `length` long, that answers best."""

    def stamps(self) -> dict[int, int]:
        """Every key with the stamp of its document."""


class Index(Engine, Protocol):
    """An engine's index as those see it who keep it. Every method may raise Broken, Unreachable."""

    language: str

    def count(self) -> int:
        """How many documents there are."""

    def write(self, *, building: bool = False) -> None:
        """Be the one who writes. Raises Busy or Broken where another does."""

    def close(self) -> None:
        """Write no more; what is not committed may be dropped."""


class House(Protocol):
    """Where indexes are kept: the live one, and one that is being built beside it."""

    def live(self) -> Index:
        """The live index, for reading. Raises Broken where there is none that can be read."""

    def reopen(self) -> None:
        """Open the live index anew with the next look."""

    def damaged(self, error: Broken) -> None:
        """Note that the live index cannot be read, so that the indexer builds another."""

    def to_write(self, current: Index | None) -> Index | None:
        """The live index for who writes: `current` where it still is; None where another must be
        built. Raises Busy where somebody else writes `current` now."""

    def only_one(self, what: str) -> AbstractContextManager[None]:
        """Be the only process of this host that does this. Raises Busy where another does."""

    def begun(self) -> tuple[Index, int] | None:
        """What is being built, ready for writing, and the last article that is in it; None where
        nothing is. Raises Broken where it cannot be gone on with, Busy where another builds it."""

    def begin(self, language: str) -> Index:
        """A new, empty index, ready for writing, in place of what was being built."""

    def note_progress(self, index: Index, after: int) -> None:
        """Remember what is in it, so that a building that was killed goes on from there."""

    def tear_down(self) -> None:
        """Throw away what was being built."""

    def swap(self) -> None:
        """Make what was built the live index, in one step, and remove the older ones."""
