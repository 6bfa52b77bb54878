"""Whole pages of results over HTTP, from `standfirst serve`, to readers who all ask at once."""

import json
import os
import statistics
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import quote

from tests.servers import free_port

from bench.load import Row, family, private, say, server, wrk
from bench.search.texts import Words

PROGRAM = [sys.executable, "-m", "standfirst"]
READERS = 8
DIFFERENT = 2_000  # searches
SCRIPT = """
local asked = {{ {addresses} }}
local n = 0
request = function()
  n = n + 1
  wrk.headers["X-Forwarded-For"] = string.format("10.%d.%d.%d",
    math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
  return wrk.format("GET", asked[n % #asked + 1])
end
"""


def measure(folder: Path, count: int, seconds: int, home: Path | None) -> Row:
    """Searches of one to three words and phrases, each from an address of its own, by visitors."""
    port = free_port()
    if home is None:
        home = folder / "magazine"
        say(f"loading {count:,} articles; this takes minutes")
        load = ["demo", "--load-only", "--home", str(home), "--port", str(port)]
        subprocess.run([*PROGRAM, *load, "--articles", str(count)], check=True)
    from standfirst.project.commands.demo import _surroundings

    base = f"http://localhost:{port}"
    _surroundings(home, base)
    os.environ["TRUSTED_PROXIES"] = "127.0.0.1"
    subprocess.run([*PROGRAM, "prepare"], check=True, stdout=subprocess.DEVNULL)
    if not (home / "library" / "live").exists():
        say("indexing it")
        subprocess.run([*PROGRAM, "library", "rebuild"], check=True, stdout=subprocess.DEVNULL)
    script = folder / "search.lua"
    addresses = searches(home)
    script.write_text(SCRIPT.format(addresses=", ".join(json.dumps(a) for a in addresses)))
    serve = [*PROGRAM, "serve", "--no-press", "--port", str(port)]
    with server(serve, f"{base}/healthz") as pid:
        say(f"{READERS} readers search")
        size = statistics.mean(_length(base + address) for address in addresses[:200])
        ask = [f"{base}/", seconds]
        row = wrk(*ask, lambda: family(pid), script=script, bytes_each=size, connections=READERS)
        row["reader_mb"] = max(map(private, family(pid))) / 1e6
    return row


def searches(home: Path) -> list[str]:
    """Addresses of searches for words of the magazine's own texts."""
    import sqlite3

    with sqlite3.connect(home / "standfirst.sqlite3") as base:
        rows = base.execute("SELECT standfirst FROM articles_article ORDER BY random() LIMIT 3000")
        said = Words([row[0] for row in rows if len(row[0].split()) > 5])
    kinds = (
        lambda: said.some(1),
        lambda: said.some(2),
        lambda: said.some(3),
        lambda: f'"{said.phrase(2)}"',
    )
    return [f"/library/?q={quote(kinds[n % len(kinds)]())}" for n in range(DIFFERENT)]


def _length(address: str) -> int:
    request = urllib.request.Request(address, headers={"X-Forwarded-For": "10.255.255.254"})
    with urllib.request.urlopen(request) as answer:
        return len(answer.read())


def show(row: Row) -> None:
    print(f"Pages of results, {READERS} readers at once: {row['rps']:.0f} a second, ", end="")
    print(f"p50 {row['p50_ms']:.1f} ms, p99 {row['p99_ms']:.1f} ms, ", end="")
    print(f"{row['cpu_us'] / 1000:.1f} ms of CPU each; ", end="")
    print(f"a process has {row['reader_mb']:.0f} MB of its own\n")
