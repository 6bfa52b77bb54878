"""What the benchmarks share: wrk, nginx, and what processes use."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port

CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

Row = dict[str, float]


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def missing(*programs: str) -> bool:
    """Say which programs are not installed."""
    names = [name for name in programs if not shutil.which(name)]
    if names:
        print(f"Missing: {' '.join(names)}. apt-get install wrk nginx-light", file=sys.stderr)
    return bool(names)


def wrk(
    url: str,
    seconds: int,
    pids: Callable[[], Iterable[int]],
    *,
    headers: dict[str, str] | None = None,
    script: Path | None = None,
    bytes_each: float,
    connections: int = CONNECTIONS,
) -> Row:
    """Requests a second, p50 and p99 in ms, and microseconds of the processes' CPU a request.

    Raises AssertionError where an answer was an error, or answers were not about as long as
    `bytes_each` on average: then something else was measured.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-T20s", "--latency"]
    if script:
        command += ["-s", str(script)]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    before = cpu(pids())
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    used = cpu(pids()) - before
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    number, size = _match(r"(\d+) requests in [\d.]+\w+, ([\d.]+[KMG]?B) read", said)
    mean = _bytes(size) / int(number)
    # A head is some 700 bytes; wrk rounds.
    assert 0.97 * bytes_each <= mean <= 1.03 * bytes_each + 1500, (mean, bytes_each)
    (rate,) = _match(r"Requests/sec:\s+([\d.]+)", said)
    return {
        "rps": float(rate),
        "p50_ms": _ms(*_match(r"50%\s+([\d.]+)(us|ms|s)", said)),
        "p99_ms": _ms(*_match(r"99%\s+([\d.]+)(us|ms|s)", said)),
        "cpu_us": used * 1e6 / int(number),
    }


def _match(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    assert found, text
    return found.groups()


def _ms(number: str, unit: str) -> float:
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def _bytes(text: str) -> float:
    scale = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-2], 1)
    return float(text.rstrip("KMGB")) * scale


# -- processes --------------------------------------------------------------------------------


def family(pid: int) -> list[int]:
    """A process and its living descendants."""
    found = [pid]
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            found += family(int(entry.name))
    return found


def doors(pid: int) -> list[int]:
    """The doors among the descendants of `standfirst serve`."""
    found = []
    for one in family(pid):
        line = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
        if b"standfirst.reading.wire" in line:
            found.append(one)
    return found


def cpu(pids: Iterable[int]) -> float:
    """Seconds of CPU that processes have used."""
    total = 0
    for one in pids:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def private(pid: int) -> int:
    """Bytes of memory that a process does not share: without files that are mapped, as indexes
    are."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


@contextmanager
def server(command: list[str], url: str) -> Iterator[int]:
    """A server in a process group of its own, from its first answer at `url`; gives its pid."""
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url).read()
                break
            except OSError:
                assert process.poll() is None, f"{command} ended"
                time.sleep(0.1)
        else:
            raise TimeoutError(f"{command} does not answer")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def nginx(folder: Path, files: dict[str, bytes]) -> Iterator[tuple[str, int]]:
    """nginx with two workers, sending these bytes from disk as Brotli; gives address and pid."""
    www = folder / "www"
    for name, body in files.items():
        (www / name).parent.mkdir(parents=True, exist_ok=True)
        (www / name).write_bytes(body)
    # root starts nginx; its workers are somebody else.
    for place in (folder, www, *www.rglob("*")):
        place.chmod(0o755)
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        "events {}\n"
        "http { access_log off; keepalive_requests 1000000; types {} default_type text/html;\n"
        "open_file_cache max=100000; sendfile on; tcp_nopush on;\n"
        f"server {{ listen 127.0.0.1:{port}; root {www}; add_header Content-Encoding br; }} }}\n"
    )
    any_file = next(iter(files))
    address = f"http://127.0.0.1:{port}"
    command = ["nginx", "-c", str(config), "-e", str(folder / "nginx.log")]
    with server(command, f"{address}/{any_file}") as pid:
        yield address, pid
