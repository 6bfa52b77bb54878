"""How quick is choosing a credit? `make bench-credits`: one run, one table, a last line of JSON.

On SQLite and on a PostgreSQL of its own that really writes to the disk: the bare limit (one durable
insert a transaction, prepared, through the same driver into a table of three numbers), then the
product's `unlock_with_credit` with everything that follows it, from as many workers; this by turns,
since a disk is not equally quick at all times; then a fight of all workers for a few members. At
last the ledger is counted.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, product
from typing import Any

import psycopg
from tests.servers import postgres

PROCESSES, THREADS = 2, 4  # as `standfirst serve` runs Django
WORKERS = PROCESSES * THREADS
FOUGHT_FOR = 25  # members whom all workers serve at once
ARTICLES = 5
ROUNDS = 3
Samples = list[float]
_members: dict[int, Any] = {}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=9)
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.inside:
        print(json.dumps(measure(chosen.seconds)))
        return 0
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found["sqlite"] = on(f"sqlite:///{folder}/ledger.sqlite3", folder, chosen.seconds)
        try:
            with postgres(fsync=True) as address:
                found["postgresql"] = on(address, folder, chosen.seconds)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
    print(f"{'':12}{'choices/s':>10}{'p99 ms':>9}{'bare/s':>9}{'share':>7}  exact")
    for name, row in found.items():
        print(
            f"{name:12}{row['choices_s']:10.0f}{row['p99_ms']:9.2f}{row['bare_s']:9.0f}"
            f"{row['share']:7.2f}  {'yes' if row['exact'] else 'NO'}"
        )
    print(json.dumps(found))
    return 0 if len(found) == 2 and all(row["exact"] for row in found.values()) else 1


def on(address: str, folder: str, seconds: float) -> dict[str, float]:
    """The figures of one database, from a process of its own."""
    print(f"{address.partition(':')[0]}: making tables and members ...", file=sys.stderr)
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "STANDFIRST_HOME": folder,
        "PAGE_STORE": f"{folder}/pages",
        "SECRET_KEY": "for-benchmarks-" + "x" * 50,
        "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
    }
    command = [sys.executable, "-m", "bench.credits", "--inside", "--seconds", str(seconds)]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def measure(seconds: float) -> dict[str, float]:
    """Bare limit, choices and fight on the database that the settings name."""
    _start()
    from django.db import connection

    from standfirst.reading import host

    members, articles = _people(int(seconds * 3000) // WORKERS * WORKERS)
    began = host.generations().now
    connection.close()
    bare, choices = [], []
    for number in range(ROUNDS):
        bare.append(_run(_bare, seconds / ROUNDS, []))
        # Each worker's own members, three choices for each; what is measured is not a fight.
        calls = [[(m, a) for a in articles[:3]] for m in members[FOUGHT_FOR + number :: ROUNDS]]
        choices.append(_run(_choose, seconds / ROUNDS, calls))
        print(f"  bare {bare[-1][0]:.0f}/s, choices {choices[-1][0]:.0f}/s", file=sys.stderr)
    outcomes = sum((counted for _, _, counted in choices), Counter[str]())
    # Everybody wants the same at the same moment.
    few = list(product(members[:FOUGHT_FOR], articles))
    _, _, fought = _run(_choose, 600, [few] * WORKERS)
    print(f"  {outcomes}, fight for {FOUGHT_FOR} members: {fought}", file=sys.stderr)
    exact = set(outcomes) == {"chosen"} and fought["chosen"] == 3 * FOUGHT_FOR
    exact = exact and sum(fought.values()) == len(few) * WORKERS
    exact = exact and _exact(outcomes["chosen"] + fought["chosen"], 3, began)
    bare_s, choices_s = (sum(rate for rate, _, _ in runs) / ROUNDS for runs in (bare, choices))
    bare_p99, p99 = (_p99([t for _, times, _ in runs for t in times]) for runs in (bare, choices))
    return {
        "choices_s": round(choices_s, 1),
        "p99_ms": p99,
        "bare_s": round(bare_s, 1),
        "bare_p99_ms": bare_p99,
        "share": round(choices_s / bare_s, 3),
        "exact": exact,
    }


def _p99(times: Samples) -> float:
    return round(sorted(times)[int(len(times) * 0.99)] * 1000, 2)


# -- workers ----------------------------------------------------------------------------------


def _run(
    work: Callable[[Iterator[tuple[int, int]], float], tuple[Samples, Counter[str]]],
    seconds: float,
    calls: list[list[tuple[int, int]]],
) -> tuple[float, Samples, Counter[str]]:
    """Have all workers work for so long, or until nothing is left: rate, times, outcomes.

    Each list of calls (member, article) goes to one worker.
    """
    spawn = multiprocessing.get_context("spawn")
    start, answers = spawn.Barrier(PROCESSES), spawn.Queue()
    processes = [
        spawn.Process(target=_process, args=(work, seconds, calls, n, start, answers))
        for n in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    samples = [sample for times, _, _ in found for sample in times]
    outcomes = sum((counted for _, counted, _ in found), Counter[str]())
    rate = sum(len(times) / took for times, _, took in found)
    return rate, samples, outcomes


def _process(work, seconds, calls, number, start, answers) -> None:  # type: ignore[no-untyped-def]
    _start()
    from django.db import connection

    from standfirst.members.models import Member

    _members.update(Member.objects.in_bulk())

    def one(thread: int) -> tuple[Samples, Counter[str]]:
        try:
            mine = calls[number * THREADS + thread :: WORKERS]
            return work(chain.from_iterable(mine), end)
        finally:
            connection.close()

    start.wait()
    began = time.perf_counter()
    end = began + seconds
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(one, range(THREADS)))
    took = time.perf_counter() - began
    times = [sample for samples, _ in found for sample in samples]
    answers.put((times, sum((counted for _, counted in found), Counter()), took))


def _bare(calls: Iterator[tuple[int, int]], end: float) -> tuple[Samples, Counter[str]]:
    """One durable insert a transaction, with the driver alone."""
    from django.db import connection

    connection.ensure_connection()
    cursor = connection.connection.cursor()
    if connection.vendor == "postgresql":
        cursor = psycopg.Cursor(connection.connection)  # prepares; Django's own does not
    mark = "?" if connection.vendor == "sqlite" else "%s"
    insert = f"INSERT INTO bare (member, article, at) VALUES ({mark}, {mark}, {mark})"
    times: Samples = []
    while (before := time.perf_counter()) < end:
        cursor.execute(insert, (1, 2, before))
        times.append(time.perf_counter() - before)
    return times, Counter()


def _choose(calls: Iterator[tuple[int, int]], end: float) -> tuple[Samples, Counter[str]]:
    """The product's own action."""
    from django.utils import timezone

    from standfirst.access.actions import unlock_with_credit
    from standfirst.access.rules import Terms
    from standfirst.publication.queries import remembered, the_publication

    times: Samples = []
    outcomes: Counter[str] = Counter()
    # Member and publication have been read for the request.
    with remembered():
        the_publication()
        for pk, article in calls:
            before = time.perf_counter()
            if before >= end:
                break
            choice = unlock_with_credit(
                _members[pk], article, "x", Terms.METERED, now=timezone.now()
            )
            times.append(time.perf_counter() - before)
            outcomes[choice.outcome.value] += 1
    return times, outcomes


# -- what is there ----------------------------------------------------------------------------


def _start() -> None:
    import django

    django.setup()
    from django.conf import settings

    # SQLite as the magazine sets it does not wait for the disk at each commit (WAL, NORMAL). Here
    # it does, for the bare limit and for choices alike: durable is what is compared.
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace("=NORMAL", "=FULL")


class _FromModels(dict[str, None]):
    """Tables are made from the models: all of Wagtail's migrations take a minute."""

    def __contains__(self, app: object) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def _people(count: int) -> tuple[list[int], list[int]]:
    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from tests.making import make_article

    from standfirst.access.rules import Terms
    from standfirst.members.models import Member

    settings.MIGRATION_MODULES = _FromModels()
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("createcachetable")
    key = "INTEGER PRIMARY KEY" if connection.vendor == "sqlite" else "BIGSERIAL PRIMARY KEY"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare (id {key}, member BIGINT, article BIGINT, at FLOAT)")
    articles = [make_article(terms=Terms.METERED).pk for _ in range(ARTICLES)]
    Member.objects.bulk_create(
        (Member(email=f"m{n}@example.org", password="!") for n in range(count)), batch_size=1000
    )
    members = list(Member.objects.order_by("pk").values_list("pk", "email"))
    EmailAddress.objects.bulk_create(
        (EmailAddress(user_id=pk, email=e, primary=True, verified=True) for pk, e in members),
        batch_size=1000,
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return [pk for pk, _ in members], articles


def _exact(successes: int, allowance: int, began: int) -> bool:
    """Nobody above the allowance, nothing paid for twice, a row for each success, the host told."""
    from django.db import connection

    from standfirst.access.models import Unlock
    from standfirst.reading import host

    rows = list(Unlock.objects.values_list("member", "article"))
    held = Counter(member for member, _ in rows)
    connection.close()
    numbers = host.generations()
    return (
        len(rows) == successes == len(set(rows))
        and max(held.values()) <= allowance
        and not any(numbers.holds(member, numbers.epoch, began) for member in held)
    )


if __name__ == "__main__":
    sys.exit(main())
