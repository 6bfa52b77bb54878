"""Does the newsroom's list of members open within 300 ms with 200,000 members?

    python -m bench.subscriptions.members [--members 200000] [--entries 1000000]

On SQLite and on a PostgreSQL of its own: the first and the last page of the whole list and of every
filter, searches that find many, one and none, every order; and a report over a ledger of a million
entries. Each is asked for through Django, as a colleague asks, five times: the table shows the
middle and the slowest. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.servers import postgres

MOST_MS = 300
TIMES = 5


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    arguments(options)
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.inside:
        print(json.dumps(_ask(chosen.members, chosen.entries)))
        return 0
    found = run(members=chosen.members, entries=chosen.entries)
    print(json.dumps(found))
    return 0 if all(row["worst_ms"] <= MOST_MS for row in found.values()) else 1


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--members", type=int, default=200_000)
    parser.add_argument("--entries", type=int, default=1_000_000)


def measure(folder: Path, chosen: argparse.Namespace) -> dict[str, dict[str, float]]:
    """As a part of `bench.subscriptions`."""
    return run(members=chosen.members, entries=chosen.entries)


def show(found: dict[str, dict[str, float]]) -> None:
    """The table was printed as it came."""


def run(*, members: int = 200_000, entries: int = 1_000_000) -> dict[str, dict[str, float]]:
    """Measure on both databases (on SQLite alone where PostgreSQL is missing), print a table, and
    give the figures by database."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sqlite = f"sqlite:///{folder}/members.sqlite3"
        found["sqlite"] = _on(sqlite, folder, members, entries)
        try:
            with postgres(fsync=True) as address:
                found["postgresql"] = _on(address, folder, members, entries)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
    return found


def _on(address: str, folder: str, members: int, entries: int) -> dict[str, float]:
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "STANDFIRST_HOME": folder,
        "PAGE_STORE": f"{folder}/pages",
        "SECRET_KEY": "for-benchmarks-" + "x" * 50,
        "BASE_URL": "http://testserver",
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
    }
    command = [sys.executable, "-m", "bench.subscriptions.members", "--inside"]
    command += ["--members", str(members), "--entries", str(entries)]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    *table, last = run.stdout.splitlines()
    print(address.partition(":")[0], *table, sep="\n")
    found: dict[str, float] = json.loads(last)
    return found


# -- in a process with the settings of one database ---------------------------------------------


def _ask(members: int, entries: int) -> dict[str, float]:
    """Fill the database, ask for every page, and print a line for each."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import override_settings
    from django.utils import timezone

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    override_settings(
        ALLOWED_HOSTS=["*"], STORAGES={**settings.STORAGES, "staticfiles": plain}
    ).enable()
    call_command("migrate", verbosity=0)
    began = time.monotonic()
    colleague = _people(members)
    print(f"{members:,} members made in {time.monotonic() - began:.0f} s", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(colleague)
    client.get("/newsroom/members/")  # templates are read once
    worst = 0.0
    for name, query in _questions():
        for page in ("1", "last"):
            asked = {**query, "p": _last(client, query) if page == "last" else 1}
            times = []
            for _ in range(TIMES):
                start = time.perf_counter()
                answer = client.get("/newsroom/members/", asked)
                times.append((time.perf_counter() - start) * 1000)
                assert answer.status_code == 200, answer.status_code
            worst = max(worst, statistics.median(times))
            many = answer.context_data["items_count"]
            print(
                f"{name:32} page {asked['p']:>5}  {many:8,} members"
                f"{statistics.median(times):8.0f} ms  slowest {max(times):5.0f} ms"
            )
    found = {"worst_ms": round(worst, 1), "members": float(members)}
    if entries:
        found |= _report(client, entries, timezone.now())
    return found


def _questions() -> Iterator[tuple[str, dict[str, Any]]]:
    from django.utils import timezone

    from standfirst.access.members_list import STANDINGS
    from standfirst.subscriptions.models import Plan

    today = timezone.now().date()
    yield "everybody", {}
    for standing in STANDINGS:
        yield standing, {"standing": standing}
    yield "plan", {"plan": Plan.objects.get().pk}
    yield (
        "joined in a month",
        {
            "joined_from": str(today - timedelta(days=60)),
            "joined_to": str(today - timedelta(days=30)),
        },
    )
    yield "no newsletter", {"newsletter": "false"}
    yield "with a note", {"note": "true"}
    yield "without a note, free", {"note": "false", "standing": "free"}
    yield "search: many", {"q": "reader"}
    yield "search: some", {"q": "7777"}
    yield "search: one", {"q": "reader123456@"}
    yield "search: none", {"q": "nobody-has-this"}
    yield (
        "search: none, free, by address",
        {
            "q": "nobody-has-this",
            "standing": "free",
            "ordering": "email",
        },
    )
    for order in ("joined_at", "email", "until", "-until"):
        yield f"ordered by {order}", {"ordering": order}
    yield "past due by until", {"standing": "past_due", "ordering": "until"}


def _last(client: Any, query: dict[str, Any]) -> int:
    return int(client.get("/newsroom/members/", query).context_data["paginator"].num_pages)


def _people(many: int) -> Any:
    """Members, their addresses, subscriptions in every state, notes; and a colleague with keys."""
    from allauth.account.models import EmailAddress
    from django.utils import timezone

    from standfirst.members.models import Consent, Member, MemberNote
    from standfirst.subscriptions.models import Plan, Subscription

    random, now = Random(1), timezone.now()
    colleague = Member.objects.create_superuser("colleague@example.org")
    plan = Plan.objects.create(name="Monthly")
    at_once = 20_000
    for first in range(0, many, at_once):
        numbers = range(first, min(first + at_once, many))
        some = Member.objects.bulk_create(
            [
                Member(
                    email=f"reader{n}@sample.example",
                    name=f"Sample Reader {n}" if n % 3 else "",
                    password="!",
                    joined_at=now - timedelta(minutes=(many - n) * 5),
                )
                for n in numbers
            ],
            batch_size=2_000,
        )
        Consent.objects.bulk_create(
            [
                Consent(member=one, letter="newsletter", given=random.random() < 0.7, at=now)
                for one in some
            ],
            batch_size=2_000,
        )
        EmailAddress.objects.bulk_create(
            [
                EmailAddress(
                    user=one, email=one.email, primary=True, verified=random.random() > 0.1
                )
                for one in some
            ],
            batch_size=2_000,
        )
        Subscription.objects.bulk_create(
            [_subscription(random, one, plan, now) for one in some if random.random() < 0.5],
            batch_size=2_000,
        )
        Subscription.objects.bulk_create(
            [
                Subscription(member=one, starts_at=now, ends_at=now + timedelta(days=90))
                for one in some[::500]
            ]
        )
        MemberNote.objects.bulk_create(
            [MemberNote(member=one, text="A sample", by=colleague) for one in some[::100]]
        )
    return colleague


def _subscription(random: Random, member: Any, plan: Any, now: Any) -> Any:
    from standfirst.subscriptions.models import Subscription

    states = ["active", "trialing", "past_due", "cancelled", "ended", "given"]
    state = random.choices(states, weights=[70, 5, 2, 5, 15, 3])[0]
    until = now + timedelta(minutes=random.randrange(1, 500_000))
    if state == "ended":
        until = now - timedelta(minutes=random.randrange(1, 500_000))
    return Subscription(
        member=member,
        provider="complimentary" if state == "given" else "stripe",
        provider_id=f"sub_{member.pk}",
        plan=plan if state != "given" else None,
        state="cancelled" if state == "given" else state,
        starts_at=min(now, until) - timedelta(days=30),
        ends_at=until,
        currency="EUR",
        interval="month",
    )


def _report(client: Any, entries: int, now: Any) -> dict[str, float]:
    """How long the report takes over so many entries, at first and remembered."""
    from django.db import connection

    from bench.subscriptions.history import fill
    from standfirst.insights.queries import forget

    written = fill(entries // 10, now=now, renewals=1.6)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    found = {"entries": float(written)}
    for name, query in (("twelve_months", {}), ("thirty_days", {"span": "30d"})):
        forget()
        for turn in ("", "_again"):
            start = time.perf_counter()
            answer = client.get("/newsroom/reports/subscribers/", query)
            assert answer.status_code == 200
            found[f"{name}{turn}_s"] = round(time.perf_counter() - start, 2)
    for name, value in found.items():
        print(f"report: {name} {value:,}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
