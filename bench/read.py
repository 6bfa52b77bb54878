"""How fast is a page, for whom? `make bench-read`: one run, one table, a last line of JSON.

In the same run: nginx with the same bytes as a file, the doors of `standfirst serve`, and Django
alone (`standfirst serve --plain`) with the same readers. Needs wrk and nginx from Debian.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.servers import free_port

CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--articles", type=int, default=2000)
    options.add_argument("--passes", type=int, default=500)
    chosen = options.parse_args()
    missing = [name for name in ("wrk", "nginx") if not shutil.which(name)]
    if missing:
        print(f"Missing: {' '.join(missing)}. apt-get install wrk nginx-light", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return Run(Path(folder), chosen.seconds, chosen.articles, chosen.passes).run()


class Run:
    """A throwaway magazine, its readers, and the servers that are measured one after another."""

    def __init__(self, folder: Path, seconds: int, articles: int, passes: int) -> None:
        self.folder, self.seconds = folder, seconds
        self.articles, self.passes = articles, passes
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.rows: dict[str, dict[str, float]] = {}

    def run(self) -> int:
        home = self.folder / "magazine"
        command = [sys.executable, "-m", "standfirst"]
        subprocess.run(
            [
                *command,
                "demo",
                "--load-only",
                "--home",
                str(home),
                "--port",
                str(self.port),
                "--articles",
                str(self.articles),
            ],
            check=True,
        )
        self._people(home)
        server = self._started([*command, "serve", "--port", str(self.port)])
        try:
            self._doors()
        finally:
            _end(server)
        self._nginx()
        server = self._started([*command, "serve", "--plain", "--port", str(self.port)])
        try:
            self._plain()
        finally:
            _end(server)
        self._print()
        return 0

    # -- readers ------------------------------------------------------------------------------

    def _people(self, home: Path) -> None:
        from standfirst.project.commands.demo import _surroundings

        _surroundings(home, self.base)
        import django

        django.setup()
        from django.conf import settings
        from django.utils import timezone
        from tests.making import make_member, make_staff, subscribe

        from standfirst.access.actions import unlock_with_credit
        from standfirst.access.rules import Terms
        from standfirst.articles.queries import published

        # Nobody logs in by password here.
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        found = list(published().select_related("section")[: self.articles])
        self.paths = [a.get_absolute_url() for a in found]
        metered = next(a for a in found if a.effective_terms is Terms.METERED)
        self.path = metered.get_absolute_url()
        member, subscriber = make_member(), make_member()
        unlock_with_credit(member, metered.pk, metered.title, Terms.METERED, now=timezone.now())
        subscribe(subscriber)
        self.people = {"visitor": None, "member": member, "subscriber": subscriber}
        self.staff = make_staff()
        self.many = [make_member() for _ in range(self.passes)]
        for number, one in enumerate(self.many):
            if number % 2:
                subscribe(one)

    def _cookies(self, member: object, path: str) -> str:
        """What a browser of this member would send after its first page."""
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
        from django.contrib.sessions.backends.db import SessionStore

        session = SessionStore()
        session[SESSION_KEY] = str(member.pk)  # type: ignore[attr-defined]
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = member.get_session_auth_hash()  # type: ignore[attr-defined]
        session.create()
        cookies = {"sessionid": session.session_key or ""}
        text = "; ".join(f"{k}={v}" for k, v in cookies.items())
        request = urllib.request.Request(self.base + path, headers={"Cookie": text})
        with urllib.request.urlopen(request) as answer:
            for line in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = line.split(";")[0].partition("=")
                cookies[name] = value
        return "; ".join(f"{k}={v}" for k, v in cookies.items())

    # -- what is measured ---------------------------------------------------------------------

    def _doors(self) -> None:
        pid = self.server
        for kind, member in self.people.items():
            cookies = self._cookies(member, self.path) if member else ""
            for _ in range(3):
                size = self._check(kind, cookies)
            self.rows[kind] = {**self._wrk(self.base + self.path, cookies, pid), "bytes": size}
        for path in self.paths:  # warm: what is measured is the door
            urllib.request.urlopen(self.base + path).read()
        passes = [self._cookies(one, self.paths[n % 50]) for n, one in enumerate(self.many)]
        for cookies in passes[:2]:
            for path in self.paths:
                request = urllib.request.Request(self.base + path, headers={"Cookie": cookies})
                urllib.request.urlopen(request).read()
        script = self._mix(["", *passes])
        self.rows["mix"] = self._wrk(self.base, "", pid, script)
        listing = self._cookies(self.staff, "/all-access/")
        busy = subprocess.Popen(
            [
                "wrk",
                "-t1",
                "-c4",
                f"-d{self.seconds + 4}s",
                "-H",
                f"Cookie: {listing}",
                f"{self.base}/newsroom/articles/",
            ],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(2)
        self.rows["busy"] = self._wrk(self.base, "", pid, script)
        busy.wait()

    def _mix(self, cookies: list[str]) -> Path:
        """A wrk script: articles by Zipf's law, a pass by chance."""
        chance = random.Random(7)
        weights = [1 / rank for rank in range(1, len(self.paths) + 1)]
        asked = chance.choices(self.paths, weights, k=20_000)
        (self.folder / "asked").write_text(
            "\n".join(f"{path}\t{chance.choice(cookies)}" for path in asked)
        )
        script = self.folder / "mix.lua"
        script.write_text(
            "local asked = {}\n"
            f'for line in io.lines("{self.folder}/asked") do\n'
            '  local path, cookie = line:match("^(.-)\\t(.*)$")\n'
            '  local headers = {["Accept-Encoding"] = "br", '
            f'["Host"] = "localhost:{self.port}"}}\n'
            '  if cookie ~= "" then headers["Cookie"] = cookie end\n'
            '  asked[#asked + 1] = wrk.format("GET", path, headers)\n'
            "end\n"
            "local n = 0\n"
            "request = function() n = n % #asked + 1; return asked[n] end\n"
        )
        return script

    def _plain(self) -> None:
        for kind, member in self.people.items():
            cookies = self._cookies(member, self.path) if member else ""
            self._check(kind, cookies)
            self.rows[f"django, {kind}"] = self._wrk(self.base + self.path, cookies, self.server)

    def _nginx(self) -> None:
        www = self.folder / "www"
        www.mkdir()
        (www / "page.html").write_bytes(b"x" * int(self.rows["subscriber"]["bytes"]))
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(
            f"worker_processes 2; daemon off; pid {self.folder}/nginx.pid; error_log /dev/null;\n"
            "events {}\n"
            f"http {{ access_log off; keepalive_requests 1000000; server {{ listen {port};"
            f" root {www}; }} }}\n"
        )
        os.chmod(self.folder, 0o755)
        nginx = subprocess.Popen(["nginx", "-c", str(config)], start_new_session=True)
        try:
            time.sleep(1)
            self.rows["nginx"] = self._wrk(f"http://localhost:{port}/page.html", "", nginx.pid)
        finally:
            _end(nginx)

    def _check(self, kind: str, cookies: str) -> int:
        """Is the answer what this reader should have? Gives its size in Brotli."""
        headers = {"Cookie": cookies} if cookies else {}
        request = urllib.request.Request(self.base + self.path, headers=headers)
        page = urllib.request.urlopen(request).read()
        assert (b'id="rest"' in page) is (kind != "visitor"), kind
        request.add_header("Accept-Encoding", "br")
        return len(urllib.request.urlopen(request).read())

    def _wrk(
        self, url: str, cookies: str, pid: int, script: Path | None = None
    ) -> dict[str, float]:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{self.seconds}s", "--latency"]
        command += ["-H", "Accept-Encoding: br"] if not script else ["-s", str(script)]
        command += ["-H", f"Cookie: {cookies}"] if cookies else []
        before = _cpu(pid)
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
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

    # -- processes ----------------------------------------------------------------------------

    def _started(self, command: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        self.server = process.pid
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.base}/healthz").read()
                return process
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the server does not answer")

    def _print(self) -> None:
        limit = self.rows["nginx"]["rps"]
        print(f"{'':22}{'req/s':>10}{'p99 ms':>9}{'CPU us':>9}{'of nginx':>10}{'x django':>10}")
        for name, row in self.rows.items():
            row["vs_nginx"] = row["rps"] / limit
            plain = self.rows.get(f"django, {name}")
            times = f"{row['rps'] / plain['rps']:10.0f}" if plain else ""
            if plain:
                row["vs_django"] = row["rps"] / plain["rps"]
            print(
                f"{name:22}{row['rps']:10.0f}{row['p99_ms']:9.2f}{row['cpu_us']:9.1f}"
                f"{row['vs_nginx']:10.2f}{times}"
            )
        print(json.dumps({n: {k: round(v, 3) for k, v in r.items()} for n, r in self.rows.items()}))


def _family(pid: int) -> list[int]:
    found = [pid]
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            found += _family(int(entry.name))
    return found


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process and its living descendants have used."""
    total = 0
    for one in _family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
