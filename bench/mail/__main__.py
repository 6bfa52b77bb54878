"""How quick do letters leave? `make bench-mail`: one run, one table, a last line of JSON.

An edition of 45 KB with each reader's name, links and address goes to a sink on loopback that
counts (bench.mail.sink). Clients run in processes of their own.

wire        the bare limit: finished messages, streamed over as many pipelined connections
compiled    ours without a ledger: letters made as they leave
signed      the same with DKIM by RSA of 2,048 bits; `rsa_us` is what OpenSSL alone needs for one
distance    ours, to a sink that answers after 50 ms, over 100 connections
django      Django's SMTP backend over one kept connection
postfix     ours, to a real Postfix that discards what it has taken
sqlite, postgresql   ours with the ledger on (bench.mail.ledger)

`wire` and `compiled` go by turns, and the median of each counts: a machine is not equally quick at
all times.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.load import say
from bench.mail import letter, postfix
from bench.mail.sink import Running, running

Row = dict[str, float]
ROUNDS = 3
COLUMNS = ("messages_s", "vs_wire", "cpu_us", "peak_mb")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=50_000, help="of the quick rows")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=("bare", "ledger"), default=["bare", "ledger"])
    chosen = parser.parse_args()
    found: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        found |= quick(chosen.letters, chosen.connections)
        if "bare" in chosen.only:
            found |= slow(folder, chosen.letters, chosen.connections)
        if "ledger" in chosen.only:
            found |= with_ledger(folder, chosen)
    for row in found.values():
        row.setdefault("vs_wire", row["messages_s"] / found["wire"]["messages_s"])
    show(found)
    print(json.dumps({name: tidy(row) for name, row in found.items()}))
    return 0


def quick(many: int, connections: int) -> dict[str, Row]:
    rows: dict[str, list[Row]] = {"wire": [], "compiled": []}
    for turn in range(ROUNDS):
        for name, taken in rows.items():
            say(f"{name}, {turn + 1} of {ROUNDS}")
            with running() as server:
                taken.append(client(name, server, many, connections))
    return {name: middle(taken) for name, taken in rows.items()}


def slow(folder: Path, many: int, connections: int) -> dict[str, Row]:
    found = {}
    say("signed")
    with running() as server:
        found["signed"] = client("signed", server, many // 10, connections)
    found["signed"]["rsa_us"] = bare_signature()
    say("at a distance of 50 ms")
    with running(delay=50) as server:
        found["distance"] = client("compiled", server, many // 4, 100)
    say("django")
    with running() as server:
        found["django"] = client("django", server, many // 50, 1)
    if why := postfix.missing():
        say(why)
    else:
        say("postfix")
        inner = folder / "postfix"
        inner.mkdir()
        with postfix.postfix(inner) as port:
            found["postfix"] = told("compiled", port, many // 10, 4)
    return found


def with_ledger(folder: Path, chosen: argparse.Namespace) -> dict[str, Row]:
    """Rows with the ledger on: `measure(folder, chosen)` of bench.mail.ledger gives `sqlite` and
    `postgresql`, each with the columns above and `signed` (letters a second), `vs_wire` left out.
    """
    if not importlib.util.find_spec("bench.mail.ledger"):
        say("The ledger's rows are not there yet.")
        return {}
    found: dict[str, Row] = importlib.import_module("bench.mail.ledger").measure(folder, chosen)
    return found


def client(name: str, server: Running, many: int, connections: int) -> Row:
    """A row, after the sink has counted that each letter came."""
    row = told(name, server.port, many, connections)
    counts = server.tell()
    assert counts["accepted"] == many, counts
    return row


def told(name: str, port: int, many: int, connections: int) -> Row:
    command = [sys.executable, "-m", "bench.mail.clients", name, f"--port={port}"]
    command += [f"--letters={many}", f"--connections={connections}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    told = json.loads(said.splitlines()[-1])
    return {
        "messages_s": many / told["seconds"],
        "cpu_us": told["cpu"] / many * 1e6,
        "peak_mb": told["peak_mb"],
    }


def middle(rows: list[Row]) -> Row:
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def bare_signature() -> float:
    """Microseconds of CPU for one signature and nothing else."""
    signer, many = letter.signer(), 500
    began = time.process_time()
    for _ in range(many):
        signer._raw(b"x" * 800)
    return (time.process_time() - began) / many * 1e6


def show(found: dict[str, Row]) -> None:
    print(f"{'':12}" + "".join(f"{name:>12}" for name in COLUMNS) + "  more")
    for name, row in found.items():
        digits = (0, 2, 1, 0)
        figures = (f"{row[one]:12,.{after}f}" for one, after in zip(COLUMNS, digits, strict=True))
        more = " ".join(f"{one}={row[one]:,.0f}" for one in row if one not in COLUMNS)
        print(f"{name:12}" + "".join(figures) + f"  {more}")


def tidy(row: Row) -> Row:
    return {name: round(value, 3 if name == "vs_wire" else 1) for name, value in row.items()}


if __name__ == "__main__":
    raise SystemExit(main())
