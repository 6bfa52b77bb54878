"""`standfirst serve` for real: doors in front, Django behind, and what is killed under load."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.server]


@pytest.fixture
def served(demo: str, demo_home: Path) -> tuple[str, Path]:
    """The demo's address and folder. What is killed in it comes back by itself."""
    home = demo_home / "magazine"
    if not home.exists():
        pytest.skip("A demo of somebody else is not killed.")
    return demo, home


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


def test_a_killed_door_is_replaced_and_no_reader_waits_long(served: tuple[str, Path]) -> None:
    address, home = served
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


def test_while_django_is_away_kept_pages_are_answered(served: tuple[str, Path]) -> None:
    address, home = served
    article = an_article(address)
    get(article)
    _status, body, _ = get(article)
    parents = processes("standfirst.project.behind", home)
    for pid in parents:
        os.kill(pid, signal.SIGKILL)
    assert get(article)[:2] == (200, body)
    eventually(lambda: get(f"{address}/account/login/")[0] == 200)
    assert get(article)[0] == 200


def test_the_store_may_be_deleted_under_readers(served: tuple[str, Path]) -> None:
    address, home = served
    article = an_article(address)
    get(article)
    _, body, _ = get(article)
    shutil.rmtree(home / "pages")
    for _ in range(5):
        assert get(article)[:2] == (200, body)
    # What is in memory is answered for a twentieth of a second more.
    eventually(lambda: get(article)[0] == 200 and (home / "pages" / "pages.sqlite3").exists())


def test_kept_pages_are_pressed_in_idle_moments(served: tuple[str, Path]) -> None:
    address, _ = served
    article = an_article(address)

    def tag() -> str:
        request = urllib.request.Request(article, headers={"Accept-Encoding": "br"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.headers["ETag"])

    eventually(lambda: tag().endswith('-br-pressed"'))


def test_a_hundred_thousand_junk_query_strings_make_nothing_grow(served: tuple[str, Path]) -> None:
    address, home = served
    article = an_article(address)
    eventually(lambda: get(article) and get(article)[0] == 200)
    path = urlsplit(article).path
    assert heads(address, [path] * 2000) == 2000
    doors = processes("standfirst.reading.wire", home)
    before = sum(resident(pid) for pid in doors), kept(home)
    behind = {pid: cpu(pid) for pid in processes("standfirst", home) if pid not in doors}
    asked = 100_000
    junk = [f"{path}?utm_source={n}&{n:x}={'x' * (n % 40)}" for n in range(asked)]
    assert heads(address, junk) == asked
    assert kept(home) == before[1]
    assert sum(resident(pid) for pid in doors) - before[0] < 4_000_000
    # Nor did any of them go to Django, which needs 10 ms for a page.
    used = sum(cpu(pid) - was for pid, was in behind.items())
    assert used < asked * 0.0001


def heads(address: str, targets: list[str]) -> int:
    """How many of these HEADs, sent in bundles on one connection, are answered with 200."""
    where = urlsplit(address)
    assert where.hostname
    good = 0
    with socket.create_connection((where.hostname, where.port or 80), 20) as line:
        for at in range(0, len(targets), 200):
            bundle = targets[at : at + 200]
            line.sendall(
                b"".join(
                    f"HEAD {t} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode() for t in bundle
                )
            )
            text = b""
            while text.count(b"\r\n\r\n") < len(bundle):
                more = line.recv(1 << 20)
                assert more, text[-500:]
                text += more
            good += text.count(b"HTTP/1.1 200 OK")
    return good


def kept(home: Path) -> int:
    with sqlite3.connect(f"file:{home}/pages/pages.sqlite3?mode=ro", uri=True) as db:
        return int(db.execute("SELECT count(*) FROM pages").fetchone()[0])


def resident(pid: int) -> int:
    """Bytes of memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu(pid: int) -> float:
    """Seconds of CPU used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_large_form_is_refused_before_it_is_read_and_nobody_else_waits(
    served: tuple[str, Path],
) -> None:
    address, _ = served
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
