"""A cluster that all hosts share: one writes, no older state comes back, no failure loses anything.

What is found is tested with the embedded engine's tests (test_library_index.py)."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from urllib3 import Timeout

from standfirst.articles.models import Article
from standfirst.library import build, house
from standfirst.library.actions import note
from standfirst.library.engine import (
    Broken,
    Busy,
    Search,
    Unreachable,
)
from standfirst.library.engines import lease, opensearch
from standfirst.library.indexer import Indexer, apply
from standfirst.library.rules import parse
from tests.flows.test_library import headlines, page
from tests.making import make_article, make_magazine
from tests.opensearch import OpenSearch
from tests.patience import patient
from tests.searching import catch_up, cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(settings: Any, tmp_path: Path) -> Iterator[OpenSearch]:
    with cluster() as found:
        settings.SEARCH_URL, settings.LIBRARY = found.address, tmp_path / "one"
        settings.MEDIA_ROOT = tmp_path / "media"
        make_magazine()
        yield found


@pytest.fixture
def indexer(ours: OpenSearch) -> Iterator[Indexer]:
    indexer = Indexer()
    yield indexer
    ours.status = ours.delay = 0
    indexer.close()


def written(title: str, text: str = "Salt.") -> Article:
    return make_article(title, body=[("paragraph", f"<p>{text}</p><p>More.</p>")])


def found(text: str) -> list[int]:
    return list(house.live().search(Search(query=parse(text), count=100)).keys)


# -- a cluster that fails ---------------------------------------------------------------------

SORRY = "cannot be searched for the moment"


@pytest.fixture
def hurried(ours: OpenSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opensearch, "TRIES", 3)
    monkeypatch.setattr(opensearch, "LONGEST_PAUSE", 0.05)


@pytest.mark.parametrize(
    "failure", ["off", "slow", "429", "503", "red", "401", "404", "nonsense", "odd"]
)
def test_a_cluster_that_cannot_be_asked_is_a_sentence_and_nothing_is_rebuilt(
    hurried: None, indexer: Indexer, ours: OpenSearch, failure: str, caplog: Any
) -> None:
    written("Salt")
    catch_up(indexer)
    before, client = set(ours.indexes), Client()
    assert headlines(page(client, "salt")) == ["Salt"]
    wire = house.the_house()._wire  # type: ignore[attr-defined]
    (way,) = wire._client.transport.connection_pool.connections
    patience = way.pool.timeout
    match failure:
        case "off":
            ours.stop()
        case "slow":
            ours.delay = 4.0
            way.pool.timeout = Timeout(0.3)
        case "red":
            next(iter(ours.indexes.values())).red = True
        case "nonsense":
            ours.answer = lambda *_: (200, ["hello"])  # type: ignore[method-assign]
        case "odd":
            ours.answer = lambda *_: (404, ["hello"])  # type: ignore[method-assign]
        case "404":  # of something else that answers there
            ours.answer = lambda *_: (404, "<h1>Not found</h1>")  # type: ignore[method-assign]
        case status:
            ours.status = int(status)
    caplog.clear()
    began = time.monotonic()
    assert SORRY in page(client, "salt")
    assert time.monotonic() - began < patient(3)
    asked = len(ours.requests)
    assert SORRY in page(client, "salt")
    assert len(ours.requests) == asked  # a cluster that failed is left alone for a while
    said = [r.getMessage() for r in caplog.records if r.name == "standfirst.library"]
    assert len(said) == 1
    assert "SEARCH_URL" in said[0]
    assert "secret" not in caplog.text
    ours.status, ours.delay = 0, 0.0
    way.pool.timeout = patience
    if failure == "off":
        ours.start()
    for index in ours.indexes.values():
        index.red = False
    ours.__dict__.pop("answer", None)
    wire._not_before = 0  # a while has passed
    assert headlines(page(client, "salt")) == ["Salt"]
    catch_up(indexer)
    assert set(ours.indexes) == before  # it was only away


@pytest.mark.parametrize("which", ["all", "the live one"])
def test_an_alias_that_is_gone_is_an_index_to_build(
    indexer: Indexer, ours: OpenSearch, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SIGN", 0)
    written("Salt")
    catch_up(indexer)
    (index,) = ours.indexes.values()
    index.aliases -= index.aliases if which == "all" else {"library"}
    house.reopen()
    assert "in a moment" in page(Client(), "salt")
    catch_up(indexer)
    assert headlines(page(Client(), "salt")) == ["Salt"]
    assert len(ours.indexes) == 1  # the one that nobody named is cleared away


def test_a_changed_article_waits_until_the_cluster_is_there_again(
    hurried: None, indexer: Indexer, ours: OpenSearch
) -> None:
    article = written("A")
    catch_up(indexer)
    article.title = "Pepper"
    article.save()
    ours.status = 503
    with pytest.raises(Unreachable):
        indexer.step()
    ours.status = 0
    indexer.close()
    catch_up(indexer)
    assert found("pepper") == [article.pk]


def test_rows_that_a_busy_cluster_does_not_take_are_sent_again(
    hurried: None, indexer: Indexer, ours: OpenSearch
) -> None:
    catch_up(indexer)
    articles = [written(f"Number {n}") for n in range(8)]
    ours.refused_rows = 5
    catch_up(indexer)
    assert sorted(found("salt")) == [a.pk for a in articles]
    for article in articles:
        article.title += " pepper"
        article.save()
    ours.refused_rows = 10**6  # for longer than anybody waits
    with pytest.raises(Unreachable):
        catch_up(indexer)
    ours.refused_rows = 0
    indexer.close()
    catch_up(indexer)
    assert sorted(found("pepper")) == [a.pk for a in articles]
    assert build.differing(house.live()) == []


def test_an_article_that_the_cluster_cannot_take_is_named_and_holds_up_nothing(
    indexer: Indexer, ours: OpenSearch, caplog: Any
) -> None:
    catch_up(indexer)
    one, other = written("One"), written("Other")
    ours.poisoned = str(one.pk)
    catch_up(indexer)
    assert found("salt") == [other.pk]
    assert f"Article {one.pk} cannot be indexed" in caplog.text
    assert build.differing(house.live()) == [one.pk]


def test_a_kill_before_the_position_is_written_has_the_same_notes_read_again(
    indexer: Indexer, ours: OpenSearch
) -> None:
    article = written("A")
    catch_up(indexer)
    article.title = "Pepper"
    article.save()

    def die(method: str, path: str) -> None:
        if method == "PUT" and "/_doc/state" in path:
            raise OSError("killed")

    index = indexer._index
    assert index is not None
    before = index.position()
    ours.meddle = die
    with pytest.raises(Unreachable):
        apply(index)
    ours.meddle = lambda method, path: None
    assert found("pepper") == [article.pk]  # written, but not noted
    assert house.live().position() == before
    indexer.close()
    catch_up(indexer)
    assert house.live().count() == 1
    assert house.live().position() != before


# -- many hosts -------------------------------------------------------------------------------


class Host:
    """Another host: another folder for its locks, another indexer."""

    def __init__(self, settings: Any, folder: Path) -> None:
        self.settings, self.folder, self.indexer = settings, folder, Indexer()

    def step(self) -> int:
        here, self.settings.LIBRARY = self.settings.LIBRARY, self.folder
        try:
            return self.indexer.step()
        finally:
            self.settings.LIBRARY = here

    def close(self) -> None:
        self.indexer.close()


@pytest.fixture
def other(settings: Any, tmp_path: Path, ours: OpenSearch) -> Iterator[Host]:
    host = Host(settings, tmp_path / "other")
    yield host
    host.close()


def test_of_all_hosts_one_writes_and_the_next_begins_when_it_says_goodbye(
    indexer: Indexer, other: Host
) -> None:
    catch_up(indexer)
    with pytest.raises(Busy):
        other.step()
    article = written("A")
    catch_up(indexer)
    assert found("salt") == [article.pk]
    indexer.close()
    more = written("B")
    while other.step():
        pass
    assert set(found("salt")) == {article.pk, more.pk}
    with pytest.raises(Busy):
        indexer.step()


def test_a_host_that_falls_silent_is_followed_by_another_and_can_bring_nothing_old_back(
    indexer: Indexer, other: Host, ours: OpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT", 0.2)
    article, gone = written("A", "Old salt."), written("B", "Old salt.")
    catch_up(indexer)
    sleeper = indexer._index
    assert sleeper is not None
    article.title = "Pepper"
    article.save()
    late = list(build.documents([article.pk, gone.pk], build.the_publication().zone))
    with pytest.raises(Busy):
        other.step()
    time.sleep(0.25)
    Article.objects.filter(pk=article.pk).update(title="Newer")
    gone.unpublish()
    note(article.pk)
    while other.step():
        pass
    assert found("newer") == [article.pk]
    with pytest.raises(Busy):
        sleeper.put(late)  # what it had read before it slept
    assert other.step() == 0
    house.live()._patient.ask("POST", f"/{house.live().handle}/_refresh")  # type: ignore[attr-defined]
    assert found("newer") == [article.pk]
    assert found("old") == [article.pk]
    assert build.differing(house.live()) == []
    indexer.close()  # it lets go without a word
    with pytest.raises(Busy):
        indexer.step()


def test_signs_are_given_while_nothing_happens(
    indexer: Indexer, other: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT", 1.5)
    monkeypatch.setattr(lease, "SIGN", 0.05)
    catch_up(indexer)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert indexer.step() == 0
        with pytest.raises(Busy):
            other.step()
        time.sleep(0.06)


def test_one_host_builds_at_a_time_and_another_goes_on_where_it_was(
    indexer: Indexer, other: Host, ours: OpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "READ_AT_ONCE", 2)
    monkeypatch.setattr(build, "COMMIT_AFTER", 2)
    monkeypatch.setattr(lease, "SILENT", 0.1)
    for n in range(7):
        written(f"Number {n}")
    kill = iter([False, False, True])

    def stop() -> bool:
        if next(kill):
            raise KeyboardInterrupt  # as a kill: nothing is said
        return False

    monkeypatch.setattr(opensearch.Index, "close", lambda self: None)
    with pytest.raises(KeyboardInterrupt):
        build.build(stopped=stop)
    monkeypatch.undo()
    monkeypatch.setattr(lease, "SILENT", 0.1)
    with pytest.raises(Busy):
        other.step()
    time.sleep(0.15)
    with pytest.raises(Broken):
        house.live()
    assert other.step() == 8
    assert len(found("salt")) == 7
    assert len(ours.indexes) == 1
    puts = [r for r in ours.requests if r.endswith("/_bulk")]
    assert len(puts) < 6  # the first four articles were not sent again


def test_a_rebuild_is_swapped_in_by_one_request_and_no_search_fails(
    indexer: Indexer, ours: OpenSearch
) -> None:
    for n in range(30):
        written(f"Number {n}")
    catch_up(indexer)
    first = set(ours.indexes)
    failed: list[object] = []
    ended = threading.Event()

    def search() -> None:
        while not ended.is_set():
            try:
                try:
                    seen = len(found("salt"))
                except Broken:  # as queries.search does
                    house.reopen()
                    seen = len(found("salt"))
                if seen != 30:
                    failed.append(seen)
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        for _ in range(3):
            ours.requests.clear()
            assert build.build().articles == 30
            assert ours.requests.count("POST /_aliases") == 1
    finally:
        ended.set()
        thread.join()
    assert not failed
    assert set(ours.indexes) != first
    assert len(ours.indexes) == 1
    article = written("Pepper")  # and the one who wrote the old one goes on with the new
    catch_up(indexer)
    assert found("pepper") == [article.pk]


def test_what_stands_in_the_way_of_a_building_is_put_away(
    indexer: Indexer, ours: OpenSearch
) -> None:
    written("A")
    catch_up(indexer)
    (live,) = ours.indexes
    other = {"library-a": "library-b", "library-b": "library-a"}[live]
    ours.indexes[other] = ours.indexes[live].__class__({"properties": {}}, set())
    assert build.build().articles == 1
    assert set(ours.indexes) == {other}
    assert len(found("salt")) == 1
