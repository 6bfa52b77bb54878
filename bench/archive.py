"""What grows with the archive? `make bench-archive`: one run, one table, a last line of JSON.

Makes a small and a large magazine on SQLite and, where it is installed, on a PostgreSQL of its own,
with what lies beside articles after years (revisions, history, reviews, pictures), and asks both in
turn for every kind of page, every list of the newsroom and every act on one article. They are those
of `tests/archive.py`, which the tests hold too.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers import postgres

from bench.load import say

PROGRAM = [sys.executable, "-m", "standfirst"]
BATCH = 500
SLOWER, MS = 2.0, 30  # a page that takes so many times as long, and so much longer, has grown
# What a small magazine has less of than the bound.
UP_TO = {
    "reader: sitemap of articles": "2,000 articles",
    "newsroom: articles, a word": "10,000 headlines",
    "newsroom: articles, terms and a word": "10,000 headlines",
    "newsroom: chooser, a word": "10,000 headlines",
    "newsroom: history of all": "10,000 changes",
    "newsroom: history, one verb": "10,000 changes",
    "newsroom: history as a file": "10,000 changes",
    "newsroom: reviews": "10,000 reviews",
    "newsroom: steps of reviews": "10,000 steps",
    "act: worker: sitemaps": "2,000 articles",
}
Found = dict[str, dict[str, float]]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=50_000)
    options.add_argument("--small", type=int, default=500)
    options.add_argument("--times", type=int, default=5, help="each page is asked for; the median")
    options.add_argument(
        "--magazine", type=Path, help="folder where SQLite's magazines are kept and used again"
    )
    options.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.inside is not None:
        answer(chosen.inside)
        return 0
    sizes = (chosen.small, chosen.articles)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kept = chosen.magazine or Path(folder) / "sqlite"
        found = {"sqlite": both([Home(kept / str(size), size) for size in sizes], chosen.times)}
        try:
            with ExitStack() as clusters:
                homes = [
                    Home(
                        Path(folder) / f"postgresql-{size}",
                        size,
                        clusters.enter_context(postgres()),
                    )
                    for size in sizes
                ]
                found["postgresql"] = both(homes, chosen.times)
        except FileNotFoundError as error:
            say(str(error))
    grown = [name for database, pair in found.items() for name in show(database, *pair)]
    print("Grown: " + ("; ".join(grown) or "nothing."))
    print(json.dumps({"small": sizes[0], "large": sizes[1], "grown": grown, "found": found}))
    return 1 if grown else 0


class Home:
    """A magazine of so many articles, made unless it is there, and a process of its own that does
    in it what it is told."""

    def __init__(self, folder: Path, size: int, address: str = "") -> None:
        say(f"{address.partition(':')[0] or 'sqlite'}: a magazine of {size:,} articles")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "this-is-a-demo").touch()
        if address:  # the demo takes nothing from the environment
            (folder / ".env").write_text(f"DATABASE_URL={address}\n")
        load = ["demo", "--load-only", "--home", str(folder), "--articles", str(size)]
        subprocess.run([*PROGRAM, *load], check=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.archive", "--inside", str(size)],
            env={**os.environ, "BENCH_HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.names: list[str] = self._read()

    def _read(self) -> Any:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        assert line, "The process that works in a magazine has ended; it says why above."
        return json.loads(line)

    def do(self, name: str) -> dict[str, float]:
        """Ask for a page, or do an act: its milliseconds and queries."""
        self._process.stdin.write(f"{name}\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        row: dict[str, float] = self._read()
        return row

    def end(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()


def both(homes: list[Home], times: int) -> list[Found]:
    """The figures of two magazines, asked in turn, so that a busy minute harms both alike."""
    samples: list[dict[str, list[dict[str, float]]]] = [{}, {}]
    say("measuring")
    for number in range(times + 1):
        for name in homes[0].names:
            # Who comes second may find the processor warm.
            for which in (0, 1) if number % 2 else (1, 0):
                row = homes[which].do(name)
                if number:  # the first time things are remembered
                    samples[which].setdefault(name, []).append(row)
    for home in homes:
        home.end()
    return [
        {
            name: {
                "ms": round(statistics.median(row["ms"] for row in rows), 2),
                "queries": max(row["queries"] for row in rows),
            }
            for name, rows in found.items()
        }
        for found in samples
    ]


def show(database: str, small: Found, large: Found) -> list[str]:
    """Print a table of both sizes; which rows have grown."""
    print(f"\n{database:44}{'small':>16}{'large':>16}{'ratio':>8}")
    print(f"{'':44}{'ms':>9}{'queries':>7}{'ms':>9}{'queries':>7}")
    grown = []
    for name, row in large.items():
        before = small[name]
        ratio = row["ms"] / before["ms"]
        more = ratio > SLOWER and row["ms"] - before["ms"] > MS
        more = more or row["queries"] > 1.5 * before["queries"] + 5
        bound = f"  bounded: {UP_TO[name]}" if name in UP_TO else ""
        grown += [f"{database}, {name}"] if more and not bound else []
        print(
            f"{name:44}{before['ms']:9.1f}{before['queries']:7.0f}{row['ms']:9.1f}"
            f"{row['queries']:7.0f}{ratio:8.2f}{bound or ('  GROWN' if more else '')}"
        )
    return grown


# -- within a magazine ------------------------------------------------------------------------


def answer(size: int) -> None:
    """Work in the magazine in BENCH_HOME: say what there is to do, then do what stdin names."""
    from standfirst.project.commands.demo import _surroundings

    _surroundings(Path(os.environ["BENCH_HOME"]), "http://localhost:8000")
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["*"]
    # Nobody signs in by password here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    logging.getLogger("django.request").setLevel(logging.ERROR)  # some pages are not there
    from django.test import Client
    from tests import archive

    editor = _with_years(size)
    clients = {"reader": Client(), "newsroom": Client()}
    clients["newsroom"].force_login(editor, "django.contrib.auth.backends.ModelBackend")
    todo: dict[str, Callable[[], object]] = {}
    for kind, addresses in archive.pages().items():
        for name, address in addresses.items():
            todo[f"{kind}: {name}"] = partial(_whole, clients[kind], address)
    todo |= {f"act: {name}": act for name, act in archive.acts().items()}
    print(json.dumps(list(todo)), flush=True)
    for line in sys.stdin:
        print(json.dumps(_timed(todo[line.strip()])), flush=True)


def _with_years(size: int) -> Any:
    """An editor; what lies beside the articles is put there, once."""
    from django.contrib.auth.models import Group
    from django.db import connection
    from tests import archive
    from tests.making import make_member
    from wagtail.models import WorkflowState

    from standfirst.articles.actions import EDITORS
    from standfirst.articles.jobs import write_sitemaps
    from standfirst.articles.models import Article
    from standfirst.members.models import Member

    email = "editor@archive.example"
    editor = Member.objects.filter(email=email).first() or make_member(email, is_staff=True)
    editor.groups.set([Group.objects.get(name=EDITORS)])
    have = WorkflowState.objects.filter(requested_by=editor).count()
    articles = Article.objects.order_by("pk").defer_streamfields()
    for start in range(have, size, BATCH):
        archive.add_years(list(articles[start : min(start + BATCH, size)]), editor.pk)
        if start % 10_000 == 0:
            say(f"  years beside articles: {start:,} of {size:,}")
    write_sitemaps()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return editor


def _whole(client: Any, address: str) -> None:
    found = client.get(address)
    assert found.status_code in {200, 302, 404}, (address, found.status_code)
    if found.streaming:
        for _ in found.streaming_content:
            pass


def _timed(work: Callable[[], object]) -> dict[str, float]:
    from tests.work import counted

    before = time.perf_counter()
    with counted() as done:
        work()
    return {"ms": (time.perf_counter() - before) * 1000, "queries": len(done.queries)}


if __name__ == "__main__":
    sys.exit(main())
