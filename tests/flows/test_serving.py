"""`standfirst serve` for real: doors in front, Django behind, and what is killed under load."""

import os
import re
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo import running_demo

pytestmark = [pytest.mark.server]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    home = tmp_path_factory.mktemp("serving")
    with running_demo(home) as address:
        yield address, home / "magazine"


def get(url: str, timeout: float = 20) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {}


def an_article(address: str) -> str:
    page = get(address + "/")[1].decode()
    found = re.search(r'href="(/\d{4}/\d{2}/[^"]+)"', page)
    assert found
    return address + found[1]


def processes(word: str, home: Path) -> list[int]:
    """Those of this demo whose command line has a word."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            around = (entry / "environ").read_bytes()
        except (OSError, ValueError):
            continue
        if word in command and str(home).encode() in around:
            found.append(int(entry.name))
    return found


def eventually(holds: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


def test_a_killed_door_is_replaced_and_no_reader_waits_long(demo: tuple[str, Path]) -> None:
    address, home = demo
    article = an_article(address)
    status, body, _ = get(article)
    assert status == 200
    stop, bad, good = threading.Event(), [], []

    def read() -> None:
        while not stop.is_set():
            try:
                answer = get(article)
            except OSError:
                bad.append("cut")  # the one request that the killed process had in hand
                continue
            (good if (answer[0], answer[1]) == (200, body) else bad).append(answer[0])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    first = processes("standfirst.reading.wire", home)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    eventually(lambda: len(processes("standfirst.reading.wire", home)) == 2)
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(good) > 100
    assert len(bad) <= 8
    assert set(bad) <= {"cut"}


def test_while_django_is_away_kept_pages_are_answered(demo: tuple[str, Path]) -> None:
    address, home = demo
    article = an_article(address)
    get(article)
    _status, body, _ = get(article)
    parents = processes("standfirst.project.behind", home)
    for pid in parents:
        os.kill(pid, signal.SIGKILL)
    assert get(article)[:2] == (200, body)
    eventually(lambda: get(f"{address}/account/login/")[0] == 200)
    assert get(article)[0] == 200


def test_the_store_may_be_deleted_under_readers(demo: tuple[str, Path]) -> None:
    address, home = demo
    article = an_article(address)
    get(article)
    _, body, _ = get(article)
    shutil.rmtree(home / "pages")
    for _ in range(5):
        assert get(article)[:2] == (200, body)
    # What is in memory is answered for a twentieth of a second more.
    eventually(lambda: get(article)[0] == 200 and (home / "pages" / "pages.sqlite3").exists())


def test_a_large_form_is_refused_before_it_is_read_and_nobody_else_waits(
    demo: tuple[str, Path],
) -> None:
    address, _ = demo
    article = an_article(address)
    request = urllib.request.Request(f"{address}/join/now/", data=b"x" * 4_000_000, method="POST")
    try:
        status = urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:  # the server closed the connection while we were still sending
        status = 413
    assert status == 413
    assert get(article)[0] == 200
