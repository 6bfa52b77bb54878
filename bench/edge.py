"""How fast is the edge? `python -m bench.edge`: nginx's plain file and both edges, in one run.

Needs wrk, nginx-light, libnginx-mod-http-lua, varnish and varnish-modules from Debian.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.edges import EDGES, missing, running
from tests.servers import free_port

CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")


def rows(
    folder: Path,
    door: int,
    generations: Path,
    page: str,
    cookies: Mapping[str, str],
    seconds: int,
) -> dict[str, dict[str, float]]:
    """Measure one page for each kind of reader, at each edge that is installed.

    `door` is the port of `standfirst serve`, which must trust 127.0.0.1 as a proxy; `cookies` are
    those of a browser that has been here before, by kind of reader (`visitor`, `subscriber`). Gives
    rows by name, such as `edge_visitor` (nginx) and `varnish_visitor`, and `nginx` for the plain
    file with the subscriber's bytes, of which `vs_nginx` is the share.
    """
    ask = urllib.request.Request(
        f"http://localhost:{door}{page}", headers={"Accept-Encoding": "br"}
    )
    ask.add_header("Cookie", cookies["subscriber"])
    with urllib.request.urlopen(ask) as answer:
        assert answer.headers["Content-Encoding"] == "br"
        body = answer.read()
    found = {}
    with plain_nginx(folder, body) as (address, pid):
        found["nginx"] = load(f"{address}/page.html", "", pid, seconds)
    for kind, edge in EDGES.items():
        if why := missing(kind):
            print(why, file=sys.stderr)
            continue
        place = folder / kind
        place.mkdir()
        with edge(place, door, generations) as (address, pid):
            for reader, cookie in cookies.items():
                url = address.replace("127.0.0.1", "localhost") + page
                name = f"{'edge' if kind == 'nginx' else kind}_{reader}"
                found[name] = load(url, cookie, pid, seconds)
    for row in found.values():
        row["vs_nginx"] = row["rps"] / found["nginx"]["rps"]
    return found


@contextmanager
def plain_nginx(folder: Path, body: bytes) -> Iterator[tuple[str, int]]:
    """nginx with a file of these bytes in Brotli; gives its address and process."""
    place, port = folder / "plain", free_port()
    (place / "www").mkdir(parents=True)
    (place / "www" / "page.html").write_bytes(body)
    user = "user root;" if os.geteuid() == 0 else ""
    (place / "nginx.conf").write_text(
        f"{user} worker_processes 2; daemon off; pid {place}/pid; error_log {place}/error.log;\n"
        "events {}\nhttp { access_log off; keepalive_requests 1000000; default_type text/html;\n"
        f"sendfile on; tcp_nopush on; server {{ listen 127.0.0.1:{port}; root {place}/www;\n"
        "add_header Content-Encoding br; add_header Vary Accept-Encoding; } }\n"
    )
    command = ["nginx", "-e", f"{place}/error.log", "-c", f"{place}/nginx.conf"]
    with running(command, port) as pid:
        yield f"http://localhost:{port}", pid


def load(url: str, cookie: str, pid: int, seconds: int) -> dict[str, float]:
    """One second to warm up, then wrk; CPU is that of the server and its children."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "--latency", "-H", "Accept-Encoding: br"]
    command += ["-H", f"Cookie: {cookie}"] if cookie else []
    subprocess.run([*command, "-d1s", url], capture_output=True, check=True)
    before = _cpu(pid)
    said = subprocess.run(
        [*command, f"-d{seconds}s", url], capture_output=True, text=True, check=True
    ).stdout
    used = _cpu(pid) - before
    assert "Non-2xx" not in said, said
    number = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert number
    assert rate
    assert slow
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[slow[2]]
    return {
        "rps": float(rate[1]),
        "p99_ms": float(slow[1]) * unit,
        "cpu_us": used * 1e6 / int(number[1]),
    }


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.name) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def main() -> int:
    from bench.read import Run, _end

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, home = Path(name), Path(name) / "magazine"
        folder.chmod(0o755)
        run = Run(folder, chosen.seconds, 20, 1)
        program = [sys.executable, "-m", "standfirst"]
        told = ["--home", str(home), "--port", str(run.port), "--articles", "20"]
        subprocess.run([*program, "demo", "--load-only", *told], check=True)
        run._people(home)  # which also says where the magazine is, and nothing else
        os.environ["TRUSTED_PROXIES"] = "127.0.0.1"
        server = run._started([*program, "serve", "--port", str(run.port)])
        try:
            cookies = {
                "visitor": "",
                "subscriber": run._cookies(run.people["subscriber"], run.path),
            }
            for cookie in cookies.values():
                for _ in range(3):
                    run._check("subscriber" if cookie else "visitor", cookie)
            generations = home / "pages" / "generations"
            found = rows(folder, run.port, generations, run.path, cookies, chosen.seconds)
        finally:
            _end(server)
    print(f"{'':22}{'req/s':>10}{'p99 ms':>9}{'CPU us':>9}{'of nginx':>10}")
    for name, row in found.items():
        figures = f"{row['rps']:10.0f}{row['p99_ms']:9.2f}{row['cpu_us']:9.1f}"
        print(f"{name:22}{figures}{row['vs_nginx']:10.2f}")
    print(json.dumps({n: {k: round(v, 3) for k, v in r.items()} for n, r in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
