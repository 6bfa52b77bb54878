"""The library on a full disk, and asked for the worst that can be typed: nothing is lost."""

import logging
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from standfirst.library import build, house, indexer
from standfirst.library.engine import Broken, Search
from standfirst.library.indexer import Indexer
from standfirst.library.rules import (
    MOST_PREFIXES,
    MOST_ROWS,
    MOST_WORDS,
    Phrase,
    Word,
    in_a_row,
    parse,
)
from tests.making import make_magazine
from tests.searching import catch_up, found, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper(settings: Any, tmp_path: Path) -> Iterator[Indexer]:
    settings.LIBRARY = tmp_path / "library"
    make_magazine()
    keeper = Indexer()
    yield keeper
    keeper.close()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing_and_what_was_found_stays_found(keeper: Indexer) -> None:
    old = written("Old", "salt")
    catch_up(keeper)
    new = written("New", "salt pepper " + " ".join(f"word{n}" for n in range(400)))
    for _ in range(2):
        with files_of_at_most(64), pytest.raises((Broken, OSError)):
            catch_up(keeper)
        keeper.close()
        assert found("salt") == [old.pk]
    catch_up(keeper)  # there is room again
    assert set(found("salt")) == {old.pk, new.pk}
    assert found("pepper") == [new.pk]
    assert build.differing(house.live()) == []


def test_a_first_index_that_finds_no_room_is_built_when_there_is_some(keeper: Indexer) -> None:
    article = written("A", "salt")
    with files_of_at_most(64), pytest.raises((Broken, OSError)):
        catch_up(keeper)
    keeper.close()
    assert house.live_folder() is None
    catch_up(keeper)
    assert found("salt") == [article.pk]


def test_the_worker_says_that_it_cannot_write_waits_and_goes_on(
    keeper: Indexer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    catch_up(keeper)
    article = written("A", "salt")
    waits: list[float] = []
    full = files_of_at_most(64)

    class Clock:
        """The disk is full until the worker has waited once; at its second pause it is stopped."""

        def is_set(self) -> bool:
            return len(waits) > 1

        def wait(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 1:
                full.__exit__(None, None, None)

    monkeypatch.setattr(keeper, "_stop", Clock())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=300_000))
    monkeypatch.setattr(indexer, "close_old_connections", lambda: None)
    full.__enter__()
    with caplog.at_level(logging.ERROR, logger="standfirst.library"):
        keeper._work()
    assert waits == [indexer.PAUSE, indexer.EVERY]
    assert "could not be written, tried again soon" in caplog.text
    assert "Only 0.3 MB are free where LIBRARY lies: make room there." in caplog.text
    assert found("salt") == [article.pk]


def test_a_folder_that_vanishes_while_the_worker_writes_is_made_anew(keeper: Indexer) -> None:
    one = written("A", "salt")
    catch_up(keeper)
    folder = house.live_folder()
    assert folder
    shutil.rmtree(folder)
    two = written("B", "salt")
    try:
        catch_up(keeper)
    except Broken:
        keeper.close()
        catch_up(keeper)
    assert set(found("salt")) == {one.pk, two.pk}


# -- too much at once -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"{a}{b}*" for a in "abcdefgh" for b in "aeiou"),
        " OR ".join(f"{a}{b}*" for a in "abcdefgh" for b in "aeiou"),
        " ".join(f"-{a}{b}*" for a in "abcdefgh" for b in "aeiou"),
        " OR ".join(f"word{n}" for n in range(1_000)),
        " OR ".join('"word1 word2"' for _ in range(1_000)),
        "(" * 5_000 + "word1" + ")" * 5_000,
        "word1 " * 2_000,
        '"' + "word1 word2 " * 500 + '"',
        "".join(map(chr, range(1, 800))) * 9,
    ],
)
def test_the_worst_that_can_be_typed_is_bounded(keeper: Indexer, text: str) -> None:
    written("A", " ".join(f"{a}{b}{n} word{n}" for a in "abcde" for b in "aeiou" for n in range(9)))
    catch_up(keeper)
    query = parse(text)
    assert len(query.wanted) + len(query.unwanted) <= MOST_WORDS
    began = time.thread_time()
    house.live().search(Search(query=query, facets=True))
    house.live().highlighter(query, 260)("word1 " * 5_000)
    assert time.thread_time() - began < 1


def test_beginnings_of_words_are_few_and_the_rest_are_words() -> None:
    query = parse(" ".join(f"ab{n}*" for n in range(9)) + " -cd*")
    beginnings = [part for part in query.wanted if isinstance(part, Word) and part.prefix]
    assert len(beginnings) == MOST_PREFIXES
    assert len(query.wanted) == 9
    assert query.unwanted == (Word("cd"),)


def test_phrases_are_few_and_the_rest_are_words() -> None:
    query = parse(" ".join(f'"of the {n}"' for n in range(7)) + " well-being " + '-"of the"')
    assert sum(map(in_a_row, query.wanted)) == MOST_ROWS
    assert query.wanted[:MOST_ROWS] == tuple(Phrase(f"of the {n}") for n in range(MOST_ROWS))
    assert query.wanted[-2:] == (Word("well"), Word("being"))
    assert query.unwanted == ()  # to exclude its words would be something else
