"""Indexing in processes of its own, killed at any moment: nothing is lost, no search fails."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from standfirst.articles.models import Article
from standfirst.articles.related import KEPT, kept_for
from standfirst.library import build, house, related
from standfirst.library.engine import Broken, Search
from standfirst.library.indexer import Indexer
from standfirst.library.models import Due
from standfirst.library.rules import parse
from standfirst.project.commands import library as check
from tests.apart import Apart, begin
from tests.librarian import build_it, index, relate
from tests.making import make_article, make_magazine
from tests.patience import patient
from tests.searching import library

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.attack]


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.LIBRARY, settings.SEARCH_URL = tmp_path / "library", ""
    make_magazine()
    return settings.LIBRARY


@pytest.fixture
def start(folder: Path, settings: Any) -> Iterator[Any]:
    running: list[Apart] = []

    def begun(act: Any, library: Path = folder) -> Apart:
        process = begin(act, LIBRARY=library, SEARCH_URL=settings.SEARCH_URL)
        running.append(process)
        assert process.line() == "ready\n"
        return process

    yield begun
    for process in running:
        process.kill()


def found(text: str) -> list[int]:
    asked = Search(query=parse(text), count=500)
    try:
        return list(house.live().search(asked).keys)
    except Broken:  # swapped between two looks; `queries.search` does the same
        house.reopen()
        return list(house.live().search(asked).keys)


def until(true: Any, seconds: float) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "that took too long"
        time.sleep(0.02)
    return time.monotonic() - began


def publish(title: str) -> Article:
    return make_article(title, body=[("paragraph", "<p>Salt.</p><p>More.</p>")])


def test_a_change_is_found_by_another_process_within_a_second(start: Any) -> None:
    article = publish("Beginning")
    start(index)
    until(lambda: house.live_folder() is not None and found("salt") == [article.pk], 60)
    late = []
    for number in range(5):
        article.title = f"Pepper{number}"
        article.save_revision().publish()
        late.append(until(lambda n=number: found(f"pepper{n}") == [article.pk], 30))
        assert found("salt") == [article.pk]
    assert sorted(late)[len(late) // 2] < patient(1), late  # one of them may meet a busy machine


@pytest.mark.parametrize(("kind", "rounds"), [("embedded", 4), ("opensearch", 2)])
def test_an_indexer_that_is_killed_again_and_again_loses_nothing(
    start: Any, settings: Any, tmp_path: Path, kind: str, rounds: int
) -> None:
    with library(kind, settings, tmp_path):
        kill_again_and_again(start, rounds)


def kill_again_and_again(start: Any, rounds: int) -> None:
    chance = random.Random(4)
    articles = [publish(f"Number{n}") for n in range(5)]
    for round_ in range(rounds):
        process = start(index)
        end = time.monotonic() + chance.uniform(0.2, 1.2)
        while time.monotonic() < end:
            articles.append(publish(f"Number{len(articles)}"))
            one = chance.choice(articles)
            one.title = f"Number{articles.index(one)} again{round_}"
            one.save()
        process.kill()
    indexer = Indexer()
    while indexer.step():
        pass
    indexer.close()
    assert build.differing(house.live()) == []
    assert house.live().count() == len(articles)
    assert sorted(found("salt")) == sorted(a.pk for a in articles)


def test_two_share_what_is_related_and_one_that_is_killed_leaves_nothing_undone(
    start: Any,
) -> None:
    words = ["salt", "road", "canal", "grain", "cable", "harbour", "monsoon", "border"]
    articles = []
    for n in range(32):
        text = f"{words[n % 8]} {words[n * 3 % 7]} " * 3
        articles.append(make_article(f"Number {n}", body=[("paragraph", f"<p>{text}</p>")]))
    build.build()
    one, other = start(relate), start(relate)
    for _ in range(3):
        one.line()
    one.kill()
    assert other.rest().splitlines()[-1].startswith("related ")
    assert not Due.objects.exists()
    keys = [article.pk for article in articles]
    best = related.nearest(house.live(), keys)
    assert kept_for(keys) == {pk: best[pk][:KEPT] for pk in keys}
    assert all(best.values())


def test_every_host_keeps_its_own_index_and_one_that_was_killed_catches_up(
    start: Any, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = [tmp_path / "one", tmp_path / "two"]

    def on(host: Path, text: str) -> list[int]:
        settings.LIBRARY = host
        return sorted(found(text)) if house.live_folder() else []

    def soon(text: str, keys: list[int], among: list[Path]) -> float:
        return until(lambda: all(on(host, text) == sorted(keys) for host in among), 30)

    stay, goes = publish("Beginning"), publish("Withdrawn")
    processes = [start(index, host) for host in hosts]
    until(lambda: all(on(host, "salt") == [stay.pk, goes.pk] for host in hosts), 60)
    late = []
    for n in range(3):  # each is published, corrected and withdrawn
        article = publish(f"Pepper{n}")
        late.append(soon(f"pepper{n}", [article.pk], hosts))
        article.title = f"Vinegar{n}"
        article.save_revision().publish()
        late.append(soon(f"vinegar{n}", [article.pk], hosts))
        assert on(hosts[0], f"pepper{n}") == on(hosts[1], f"pepper{n}") == []
        if n % 2:
            article.unpublish()
            late.append(soon(f"vinegar{n}", [], hosts))
    assert sorted(late)[len(late) // 2] < patient(1), late  # one of them may meet a busy machine

    stay.title = "Mustard"
    stay.save_revision().publish()
    processes[1].kill()  # in the midst of it, or before
    goes.unpublish()
    new = publish("Mustard too")
    soon("mustard", [stay.pk, new.pk], hosts[:1])
    assert new.pk not in on(hosts[1], "mustard")  # searched, but left behind
    start(index, hosts[1])
    until(lambda: on(hosts[1], "mustard") == [stay.pk, new.pk], 60)
    for host in hosts:
        settings.LIBRARY = host
        assert build.differing(house.live()) == []
        assert check._check() == 0
        assert "All is well: 4 articles." in capsys.readouterr().out
    assert on(hosts[0], "salt") == on(hosts[1], "salt")


def test_a_building_that_is_killed_goes_on_and_no_search_fails_while_it_is_swapped_in(
    start: Any, folder: Path
) -> None:
    articles = [publish(f"Number{n}") for n in range(60)]
    build.build()
    failed: list[object] = []
    searched = 0
    ended = threading.Event()

    def search() -> None:
        nonlocal searched
        try:
            while not ended.is_set():
                for _ in range(20):
                    if len(found("salt")) != 60:
                        failed.append("less")
                    searched += 1
                time.sleep(0.01)  # the processes want to go on too
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    resumed = 0
    try:
        for _ in range(2):
            process = start(build_it)
            for _ in range(random.randint(3, 8)):
                process.line()
            process.kill()
            last = start(build_it).rest().splitlines()[-1].split()
            assert last[:2] == ["built", "60"]
            resumed += int(last[2])
    finally:
        ended.set()
        thread.join()
        connection.close()
    assert not failed
    assert searched > 100
    assert resumed > 0  # it did go on where it was
    assert build.differing(house.live()) == []
    assert {a.pk for a in articles} == set(found("salt"))
    assert len(list(folder.glob("index-*"))) == 1
