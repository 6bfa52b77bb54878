"""The edges of `deploy/` with one article, for `bench.read`."""

import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.edges import EDGES, missing

from bench.load import Row, family, say, wrk

NAMES = {"nginx": "edge", "varnish": "varnish"}


def rows(
    folder: Path,
    door: int,
    generations: Path,
    path: str,
    readers: Mapping[str, tuple[str, bytes]],
    seconds: int,
) -> dict[str, Row]:
    """One page at each edge that is installed, for each kind of reader.

    `door` is the port of a `standfirst serve` that trusts 127.0.0.1 as a proxy; `readers` gives by
    kind the cookies and the Brotli bytes that must come. Rows are named `edge_visitor` (nginx),
    `varnish_visitor` and so on.
    """
    found = {}
    for kind, edge in EDGES.items():
        if why := missing(kind):
            say(why)
            continue
        place = folder / kind
        place.mkdir()
        place.chmod(0o755)
        with edge(place, door, generations) as (address, pid):
            url = address.replace("127.0.0.1", "localhost") + path
            for reader, (cookies, body) in readers.items():
                say(f"{kind} as an edge: {reader}")
                found[f"{NAMES[kind]}_{reader}"] = _one(url, pid, cookies, body, seconds)
    return found


def _one(url: str, pid: int, cookies: str, body: bytes, seconds: int) -> Row:
    headers = {"Accept-Encoding": "br"} | ({"Cookie": cookies} if cookies else {})
    for _ in range(3):
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            assert answer.read() == body, url
    return wrk(url, seconds, lambda: family(pid), headers=headers, bytes_each=len(body))
