"""What grows with the archive? `make bench-archive`: one run, one table, a last line of JSON.

Makes a small and a large magazine on SQLite and, where it is installed, on a PostgreSQL of its own,
with what lies beside articles after years (revisions, history, reviews, pictures), and asks both,
in one process and beside nobody else, for every kind of page, every list of the newsroom and every
act on one article. The pages and acts are those of `tests/archive.py`, which the tests hold too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
        print(json.dumps(measure(chosen.inside, chosen.times)))
        return 0
    if chosen.magazine:
        chosen.magazine.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kept = chosen.magazine or Path(folder) / "sqlite"
        sizes = (chosen.small, chosen.articles)
        found = {"sqlite": [on(kept / str(size), size, chosen.times) for size in sizes]}
        try:
            found["postgresql"] = []
            for size in sizes:
                with postgres() as address:
                    home = Path(folder) / f"postgresql-{size}"
                    found["postgresql"].append(on(home, size, chosen.times, address))
        except FileNotFoundError as error:
            del found["postgresql"]
            say(str(error))
    grown = [name for database, pair in found.items() for name in show(database, *pair)]
    print("Grown: " + ("; ".join(grown) or "nothing."))
    print(json.dumps({"small": sizes[0], "large": sizes[1], "grown": grown, "found": found}))
    return 1 if grown else 0


def on(home: Path, size: int, times: int, address: str = "") -> Found:
    """The figures of a magazine of so many articles, made unless it is there, in a process of its
    own."""
    name = address.partition(":")[0] or "sqlite"
    say(f"{name}: a magazine of {size:,} articles")
    home.mkdir(parents=True, exist_ok=True)
    (home / "this-is-a-demo").touch()
    if address:  # the demo takes nothing from the environment
        (home / ".env").write_text(f"DATABASE_URL={address}\n")
    load = ["demo", "--load-only", "--home", str(home), "--articles", str(size)]
    subprocess.run([*PROGRAM, *load], check=True)
    again = [sys.executable, "-m", "bench.archive", "--inside", str(size), "--times", str(times)]
    environment = {**os.environ, "BENCH_HOME": str(home)}
    run = subprocess.run(again, env=environment, stdout=subprocess.PIPE, check=True)
    found: Found = json.loads(run.stdout.splitlines()[-1])
    return found


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


def measure(size: int, times: int) -> Found:
    """Milliseconds and queries of every page and act of the magazine in BENCH_HOME."""
    from standfirst.project.commands.demo import _surroundings

    _surroundings(Path(os.environ["BENCH_HOME"]), "http://localhost:8000")
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["*"]
    # Nobody signs in by password here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from django.test import Client
    from tests import archive

    editor = _with_years(size)
    clients = {"reader": Client(), "newsroom": Client()}
    clients["newsroom"].force_login(editor, "django.contrib.auth.backends.ModelBackend")
    found: Found = {}
    for kind, addresses in archive.pages().items():
        for name, address in addresses.items():
            ask = lambda client=clients[kind], address=address: _whole(client.get(address))  # noqa: E731
            ask()
            found[f"{kind}: {name}"] = _timed(ask, times)
    for number in range(times + 1):  # the first time things are remembered
        for name, act in archive.acts().items():
            row = _timed(act, 1)
            if number:
                rows = found.setdefault(f"act: {name}", {"ms": 0, "queries": 0})
                rows["ms"] += row["ms"] / times
                rows["queries"] = max(rows["queries"], row["queries"])
    return found


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


def _whole(answer: Any) -> None:
    assert answer.status_code in {200, 302, 404}, answer.status_code
    if answer.streaming:
        for _ in answer.streaming_content:
            pass


def _timed(work: Callable[[], object], times: int) -> dict[str, float]:
    from tests.work import counted

    took, queries = [], 0
    for _ in range(times):
        before = time.perf_counter()
        with counted() as done:
            work()
        took.append((time.perf_counter() - before) * 1000)
        queries = max(queries, len(done.queries))
    return {"ms": round(statistics.median(took), 2), "queries": queries}


if __name__ == "__main__":
    sys.exit(main())
