"""How long `standfirst subscriptions reconcile` takes, and what memory it needs, where ours is as
the provider's: one subscription is sold at the stand-in and followed, then both are copied."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.load import Row, say
from bench.subscriptions.webhooks import PROGRAM, sell, standin
from standfirst.subscriptions.standin.store import Store

COPY = [sys.executable, "-m", "bench.subscriptions.looking"]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--subscriptions", type=int, nargs="+", default=[1_000, 10_000])


def measure(folder: Path, chosen: argparse.Namespace) -> dict[str, Row]:
    return {str(many): with_many(folder / str(many), many) for many in chosen.subscriptions}


def show(found: dict[str, Row]) -> None:
    print(f"{'subscriptions':>14}{'seconds':>10}{'a second':>10}{'peak MB':>10}")
    for name, row in found.items():
        print(f"{name:>14}{row['seconds']:10}{row['per_s']:10}{row['peak_mb']:10}")


def with_many(home: Path, many: int) -> Row:
    home.mkdir()
    file = home / "standin.sqlite3"
    with standin("--file", str(file)) as base:
        sell(base, 1)
    say(f"copying it {many:,} times there")
    copy_there(file, many)
    with standin("--file", str(file)) as base:
        os.environ |= {
            "STANDFIRST_HOME": str(home), "DATABASE_URL": "", "STRIPE_KEY": "sk_test_any",
            "STRIPE_API": base, "SECRET_KEY": "for-benchmarks-" + "x" * 50, "DEMO": "1",
            "BASE_URL": "http://localhost", "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        }  # fmt: skip
        subprocess.run([*PROGRAM, "prepare"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*COPY, "copy", str(many)], check=True)
        say(f"comparing {many:,}")
        began = time.monotonic()
        work = subprocess.Popen(
            [*PROGRAM, "subscriptions", "reconcile"], stdout=subprocess.PIPE, text=True
        )
        assert work.stdout
        said = work.stdout.read()
        _, status, used = os.wait4(work.pid, 0)
        seconds = time.monotonic() - began
    assert status == 0, said
    assert said.startswith(f"{many:,} subscriptions and {many:,} bills compared: 0 "), said
    return {
        "seconds": round(seconds, 1),
        "per_s": round(many / seconds),
        "peak_mb": round(used.ru_maxrss / 1024, 1),
    }


def copy_there(file: Path, many: int) -> None:
    """Copy everything that belongs to the one customer; a copy's ids end with its number."""
    store = Store(str(file))
    (customer,) = store.find("customer")
    rows = store.run("select body from thing where customer = ?", customer["id"])
    things = [json.loads(row[0]) for row in rows]
    mine = [customer, *(one for one in things if one["object"] != "event")]
    text = json.dumps([one for one in mine if one["id"] == customer["id"] or one is not customer])
    ids = sorted({one["id"] for one in mine} | _items(mine), key=len, reverse=True)
    with store.transaction():
        for number in range(1, many):
            copied = text
            for one in ids:
                copied = copied.replace(one, f"{one}{number}")
            for thing in json.loads(copied):
                store.put(thing)
    store.close()


def _items(things: list[dict[str, object]]) -> set[str]:
    """Ids of what lies inside of subscriptions, and is asked for by them."""
    found = set()
    for one in things:
        if one["object"] == "subscription":
            found |= {item["id"] for item in one["items"]["data"]}  # type: ignore[index]
    return found
