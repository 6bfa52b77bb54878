"""Redis only counts attempts: it may go and come, and joining, choosing and reading go on."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.core.management import call_command
from django.test import Client
from redis import Redis

from standfirst.access.rules import Terms
from standfirst.publication import counting
from tests.making import SECRET, make_article, make_magazine
from tests.patience import patient
from tests.servers import free_port

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.server,
    pytest.mark.skipif(
        not shutil.which("redis-server"), reason="MISSING: Redis. apt-get install redis-server"
    ),
]


@contextmanager
def redis_at(port: int, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                Redis(port=port).ping()
                break
            except Exception:  # redis has its own errors for "not yet"
                time.sleep(0.05)
        yield server
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def port(settings: Any, tmp_path: Path) -> int:
    settings.PAGE_STORE = tmp_path / "pages"
    found = free_port()
    from standfirst.project import settings as ours

    settings.CACHES = {
        "default": {
            "BACKEND": "standfirst.publication.counting.RedisElseDatabase",
            "LOCATION": f"redis://127.0.0.1:{found}/0",
            "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
        },
        "database": ours.CACHES["database"],
        "renditions": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    call_command("createcachetable")
    caches["database"].clear()
    return found


def join(number: int, article: Any) -> Any:
    """The answer to somebody new who joins at the article, and whether they then may read it."""
    client = Client(headers={"sec-fetch-site": "same-origin"})
    form = {"email": f"reader{number}@example.org", "article": article.pk}
    answer = client.post("/join/now/", form)
    return answer.status_code, SECRET in client.get(article.get_absolute_url()).content.decode()


def test_readers_join_while_redis_is_up_away_silent_and_back(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_magazine()
    article = make_article(terms=Terms.METERED)
    with redis_at(port, tmp_path) as server:
        monkeypatch.setattr(counting.RedisElseDatabase, "ask_again", 0.0)
        assert join(1, article) == (302, True)
        assert Redis(port=port).dbsize() > 0
        # It takes connections and says nothing.
        server.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert join(2, article) == (302, True)
        assert time.monotonic() - began < patient(5)
        server.send_signal(signal.SIGCONT)
    # Away: the limit of 20 a minute from one network holds all the same.
    monkeypatch.setattr(counting.RedisElseDatabase, "ask_again", 0.0)
    statuses = [join(number, article)[0] for number in range(3, 30)]
    assert set(statuses) == {302, 429}
    assert statuses.index(429) in {19, 20}
    assert Client().get(article.get_absolute_url()).status_code == 200
    monkeypatch.setattr(counting.RedisElseDatabase, "ask_again", 0.0)
    with redis_at(port, tmp_path):
        assert join(40, article) == (302, True), "counted in Redis, which has forgotten"
        assert Redis(port=port).dbsize() > 0
        cache.set("here", "1", 60)
        assert cache.get("here") == "1"
        assert caches["database"].get("here") is None
