"""How fast is a page, for whom? `make bench-read`: one run, one table, a last line of JSON.

In the same run: nginx with the same Brotli bytes as files, the doors of `standfirst serve`, Django
alone (`--plain`), both edges of `deploy/` where they are installed, and a stock Wagtail site with
the same texts. Needs wrk and nginx from Debian.
"""

import argparse
import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.servers import free_port

from bench import edge
from bench.load import Row, doors, family, missing, nginx, resident, say, server, wrk

PROGRAM = [sys.executable, "-m", "standfirst"]
GATED = b'id="rest"'
ASKED = 150_000  # requests in the mix, asked in this order
# Of a hundred readers in the mix, who comes; each member with a pass of their own.
VISITOR, AT_THE_WALL, UNLOCKED, SUBSCRIBER = 60, 10, 10, 20
KEPT = 50_000
STOCK_ARTICLES = 400


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=6, help="a row")
    options.add_argument("--articles", type=int, default=10_000)
    options.add_argument("--passes", type=int, default=50_000)
    options.add_argument("--magazine", type=Path, help="one that `demo --load-only` has made")
    chosen = options.parse_args()
    if missing("wrk", "nginx"):
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)  # for nginx's workers
        run = Run(Path(folder), chosen.seconds, chosen.articles, chosen.passes)
        run.everything(chosen.magazine)
        run.show()
    return 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the mix, and the variant that must come."""

    path: str
    variant: str
    cookies: str


@dataclass
class Run:
    """A throwaway magazine, its readers, and the servers that are measured one after another."""

    folder: Path
    seconds: int
    articles: int
    passes: int
    rows: dict[str, Row] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    def everything(self, home: Path | None) -> None:
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        if home is None:
            say(f"loading {self.articles} articles")
            home = self.folder / "magazine"
            load = ["demo", "--load-only", "--home", str(home), "--port", str(self.port)]
            subprocess.run([*PROGRAM, *load, "--articles", str(self.articles)], check=True)
        self._people(home)
        os.environ["TRUSTED_PROXIES"] = "127.0.0.1"  # the edges
        healthy = f"{self.base}/healthz"
        # Pages stay as they were first kept: nginx sends the same bytes.
        serve = [*PROGRAM, "serve", "--no-press", "--port", str(self.port)]
        with server(serve, healthy) as pid:
            self._with_doors(pid)
        with server([*PROGRAM, "serve", "--plain", "--port", str(self.port)], healthy) as pid:
            say("Django alone")
            for kind in self.people:
                self.rows[f"django, {kind}"] = self._one(kind, pid, encoding="")
        self._stock()

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
        self.found = {a.get_absolute_url(): (a.pk, a.effective_terms) for a in found}
        self.paths = list(self.found)
        metered = next(a for a in found if a.effective_terms is Terms.METERED)
        self.path = metered.get_absolute_url()
        named = f"{time.time_ns()}.example"
        member, chooser, subscriber = (
            make_member(f"{name}@{named}") for name in ("member", "chooser", "subscriber")
        )
        self.staff = make_staff(f"staff@{named}")
        unlock_with_credit(member, metered.pk, metered.title, Terms.METERED, now=timezone.now())
        subscribe(subscriber)
        self.people = {"visitor": None, "member": member, "subscriber": subscriber}
        self.chooser = chooser

    def _session(self, member: Any) -> str:
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
        from django.contrib.sessions.backends.db import SessionStore

        session = SessionStore()
        session[SESSION_KEY] = str(member.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = member.get_session_auth_hash()
        session.create()
        return f"sessionid={session.session_key}"

    def _cookies(self, member: Any) -> str:
        """What a browser of this member sends after its first page; "" for a visitor."""
        if member is None:
            return ""
        cookies = [self._session(member)]
        request = urllib.request.Request(self.base + self.path, headers={"Cookie": cookies[0]})
        with urllib.request.urlopen(request) as answer:
            cookies += [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie") or []]
        return "; ".join(cookies)

    # -- the doors ----------------------------------------------------------------------------

    def _with_doors(self, pid: int) -> None:
        self._start()
        self._cold(self.base, self.paths[-40:], "cold_ms")
        self._publish()
        bodies = {}
        for kind, member in self.people.items():
            cookies = self._cookies(member)
            for _ in range(3):
                body = self._get(self.base, self.path, cookies)
            bodies[kind] = self._get(self.base, self.path, cookies, "br")
            assert (GATED in body) is (kind != "visitor"), kind
        with nginx(self.folder / "one", bodies) as (address, other):
            for kind, body in bodies.items():
                say(f"nginx and doors: {kind}")
                theirs = self._nginx(f"{address}/{kind}", other, len(body))
                ours = self._one(kind, pid)
                again = self._nginx(f"{address}/{kind}", other, len(body))
                self.rows[kind] = ours
                self.rows[f"nginx, {kind}"] = _mean(theirs, again)
        self._forged(pid)
        self._edges(bodies)
        self._mix(pid)
        self._memory(pid)

    def _one(self, kind: str, pid: int, encoding: str = "br") -> Row:
        cookies = self._cookies(self.people[kind])
        headers = {"Cookie": cookies} if cookies else {}
        if encoding:
            headers["Accept-Encoding"] = encoding
        self._get(self.base, self.path, cookies)
        size = len(self._get(self.base, self.path, cookies, encoding))
        url, pids = self.base + self.path, lambda: family(pid)
        return wrk(url, self.seconds, pids, headers=headers, bytes_each=size)

    def _nginx(self, url: str, pid: int, size: float, script: Path | None = None) -> Row:
        headers = None if script else {"Accept-Encoding": "br"}
        seconds = max(2, self.seconds // 2)
        pids = lambda: family(pid)  # noqa: E731
        return wrk(url, seconds, pids, headers=headers, script=script, bytes_each=size)

    def _get(self, base: str, path: str, cookies: str = "", encoding: str = "") -> bytes:
        request = urllib.request.Request(base + path)
        if cookies:
            request.add_header("Cookie", cookies)
        if encoding:
            request.add_header("Accept-Encoding", encoding)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
            assert not encoding or answer.headers["Content-Encoding"] == encoding, path
            body: bytes = answer.read()
            return body

    def _cold(self, base: str, paths: list[str], name: str) -> None:
        """The median time of pages that nobody has asked for before, one after another."""
        times = []
        self._get(base, paths[0])
        for path in paths[1:]:
            began = time.perf_counter()
            self._get(base, path)
            times.append((time.perf_counter() - began) * 1000)
        self.facts[name] = statistics.median(times)

    def _publish(self) -> None:
        """How long after an editor's click every new request gets the new headline."""
        from standfirst.articles.models import Article

        say("publishing")
        times = []
        for number in range(10):
            path = self.paths[number + 5]
            self._get(self.base, path)
            self._get(self.base, path)
            article = Article.objects.get(pk=self.found[path][0])
            article.title = f"A headline of run {number}"
            wanted = article.title.encode()
            began = time.perf_counter()
            article.save_revision().publish()
            # Eight in a row on connections of their own: both doors.
            while not all(wanted in self._get(self.base, path) for _ in range(8)):
                pass
            times.append(time.perf_counter() - began)
        self.facts["publish_s"] = max(times)

    # -- the mix ------------------------------------------------------------------------------

    def _mix(self, pid: int) -> None:
        asked = self._asked()
        self._warm({(one.path, one.variant) for one in asked})
        bodies = self._bodies()
        mean = statistics.fmean(len(bodies[one.path, one.variant]) for one in asked)
        for one in random.Random(1).sample(asked, 300):
            body = self._get(self.base, one.path, one.cookies)
            assert (GATED in body) is (one.variant == "full"), one
        names = {pair: f"{n // 500}/{n}" for n, pair in enumerate(bodies)}
        say("the mix, nginx")
        with nginx(self.folder / "many", {names[p]: b for p, b in bodies.items()}) as (base, other):
            script = self._script(
                [(f"/{names[o.path, o.variant]}", o.cookies) for o in asked], base
            )
            theirs = self._nginx(base, other, mean, script)
        script = self._script([(one.path, one.cookies) for one in asked], self.base)
        say("the mix, doors")
        ours = lambda: doors(pid)  # noqa: E731
        row = wrk(self.base, self.seconds, lambda: family(pid), script=script, bytes_each=mean)
        self.rows["mix"], self.rows["nginx, mix"] = row, theirs
        self.facts["door_mb_after_mix"] = max(resident(one) for one in doors(pid)) / 1e6
        say("the mix beside a busy newsroom")
        editor = self._session(self.staff)
        with _Newsroom(f"{self.base}/newsroom/articles/", editor, self.seconds + 3) as newsroom:
            time.sleep(1.5)
            row = wrk(self.base, self.seconds, ours, script=script, bytes_each=mean)
        self.rows["busy"], self.rows["nginx, busy"] = row, theirs
        self.facts["newsroom_rps_meanwhile"] = newsroom.rate

    def _asked(self) -> list[Asked]:
        """Articles by Zipf's law, readers by chance; half of the passes are subscribers'."""
        from django.utils import timezone

        from standfirst.access.rules import VISITOR as NOBODY
        from standfirst.access.rules import OpenDoor, Standing, UnlockKind, decide

        chance = random.Random(7)
        weights = [1 / rank for rank in range(1, len(self.paths) + 1)]
        paths = chance.choices(self.paths, weights, k=ASKED)
        now = timezone.now()
        credit = OpenDoor(kind=UnlockKind.CREDIT)
        until = datetime.now(UTC) + timedelta(days=20)
        groups: dict[str, list[tuple[Standing, str]]] = {"w": [], "u": [], "s": []}
        for number in range(self.passes):
            if number % 2:
                facts: dict[str, Any] = {"subscribed_until": until}
                group = "s"
            elif number % 4:
                facts, group = {"credits_left": 3}, "w"
            else:
                three = [self.found[chance.choice(paths)][0] for _ in range(3)]
                facts, group = {"unlocked": dict.fromkeys(three, credit)}, "u"
            standing = Standing(signed_in=True, verified=True, **facts)
            groups[group].append((standing, self._signed(number, standing)))
        of = {pk: path for path, (pk, _) in self.found.items()}
        kinds = chance.choices("vwus", (VISITOR, AT_THE_WALL, UNLOCKED, SUBSCRIBER), k=ASKED)
        asked = []
        for path, kind in zip(paths, kinds, strict=True):
            standing, cookies = NOBODY, ""
            if kind != "v":
                standing, cookies = chance.choice(groups[kind])
            if kind == "u":
                path = of[chance.choice(list(standing.unlocked))]
            pk, terms = self.found[path]
            asked.append(Asked(path, decide(terms, standing, pk, now).variant, cookies))
        return asked

    def _signed(self, number: int, standing: Any) -> str:
        """The cookies of a reader with this number, with a genuine pass of their own."""
        from django.conf import settings

        from standfirst.reading import host, passes

        numbers, session = host.generations(), f"benchmark{number:023}"
        it = passes.Pass(
            member=10**6 + number,
            standing=standing,
            complete=True,
            epoch=numbers.epoch,
            generation=numbers.now,
            session=passes.fingerprint(session),
            expires=int(time.time()) + 3000,
        )
        strip = "strip=%7B%22name%22%3A%22Ada%22%2C%22left%22%3A3%7D"
        text = passes.write(it, passes.key_of(settings.SECRET_KEY))
        return f"sessionid={session}; {strip}; pass={text}"

    def _warm(self, wanted: set[tuple[str, str]]) -> None:
        """Have every page of the mix rendered once, each by a reader who gets that variant."""
        say(f"rendering {len(wanted)} pages")
        chooser, subscriber = self._session(self.chooser), self._session(self.people["subscriber"])
        order = sorted(wanted)
        done = 0

        def ask(pair: tuple[str, str]) -> None:
            nonlocal done
            path, variant = pair
            cookies = {"full": subscriber, "wall-choose-3": chooser}.get(variant, "")
            self._get(self.base, path, cookies)
            done += 1
            if done % 2000 == 0:
                say(f"  {done} of {len(order)}")

        for _ in range(2):
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(ask, order))
            order = sorted(wanted - self._bodies().keys())
            if not order:
                return
        raise AssertionError(f"not kept: {order[:3]}")

    def _bodies(self) -> dict[tuple[str, str], bytes]:
        with closing(sqlite3.connect(self._store())) as db:
            rows = db.execute("SELECT path, variant, br FROM pages WHERE article IS NOT NULL")
            return {(path, variant): body for path, variant, body in rows}

    def _store(self) -> Path:
        from django.conf import settings

        return Path(settings.PAGE_STORE) / "pages.sqlite3"

    def _script(self, requests: list[tuple[str, str]], base: str) -> Path:
        listed = self.folder / f"asked-{base.rpartition(':')[2]}"
        listed.write_text("".join(f"{path}\t{cookies}\n" for path, cookies in requests))
        script = listed.with_suffix(".lua")
        script.write_text(
            "local asked = {}\n"
            f'for line in io.lines("{listed}") do\n'
            '  local path, cookie = line:match("^(.-)\\t(.*)$")\n'
            '  local headers = {["Accept-Encoding"] = "br", '
            f'["Host"] = "{base.removeprefix("http://")}"}}\n'
            '  if cookie ~= "" then headers["Cookie"] = cookie end\n'
            '  asked[#asked + 1] = wrk.format("GET", path, headers)\n'
            "end\n"
            "local n = 0\n"
            "request = function() n = n % #asked + 1; return asked[n] end\n"
        )
        return script

    def _forged(self, pid: int) -> None:
        """Rows `unseen` and `forged`: 100,000 different passes, each served; 100,000 that we never
        signed, each refused."""
        from standfirst.access.rules import Standing

        say("passes that are read for the first time")
        paid = Standing(signed_in=True, subscribed_until=datetime.now(UTC) + timedelta(days=20))
        unseen = [(self.path, self._signed(number, paid)) for number in range(100_000, 200_000)]
        size = len(self._get(self.base, self.path, unseen[0][1], "br"))
        script = self._script(unseen, self.base)
        seconds = min(self.seconds, 3)  # so that none comes twice
        self.rows["unseen"] = wrk(
            self.base, seconds, lambda: family(pid), script=script, bytes_each=size
        )
        say("forged passes")
        requests = [
            # Random throughout: Lua slows down for texts that differ at few places.
            (self.path, f"pass={os.urandom(100).hex()}.{os.urandom(32).hex()}")
            for _ in range(100_000)
        ]
        ask = urllib.request.Request(self.base + self.path, headers={"Cookie": requests[0][1]})
        try:
            status = urllib.request.build_opener(_Stay).open(ask).status
        except urllib.error.HTTPError as error:
            status = error.code
        assert status == 307, status
        script = self._script(requests, self.base)
        self.rows["forged"] = wrk(
            self.base, self.seconds, lambda: family(pid), script=script, bytes_each=0
        )

    def _start(self) -> None:
        """How long a door needs from its start to its first answer."""
        from standfirst.project.serve import _config

        times = []
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as listening:
                around = {**os.environ, **_config(self.folder / "nobody").to_environment()}
                command = [sys.executable, "-m", "standfirst.reading.wire"]
                number = listening.fileno()
                began = time.perf_counter()
                door = subprocess.Popen([*command, str(number)], env=around, pass_fds=[number])
                with socket.create_connection(listening.getsockname()) as line:
                    line.sendall(b"HEAD / HTTP/1.0\r\nHost: nowhere\r\n\r\n")
                    assert line.recv(100).startswith(b"HTTP/1.")
                times.append(time.perf_counter() - began)
                door.terminate()
                door.wait()
        self.facts["door_start_s"] = statistics.median(times)

    # -- memory, edges, peers -----------------------------------------------------------------

    def _memory(self, pid: int) -> None:
        """A door's memory with 50,000 pages kept and asked for; disk of 1,000 pages."""
        say(f"{KEPT} kept pages")
        with closing(sqlite3.connect(self._store())) as db:
            used = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
            used += " pragma_freelist_count, pragma_page_size"
            (size,), (count,) = (
                db.execute(used).fetchone(),
                db.execute("SELECT count(*) FROM pages").fetchone(),
            )
            self.facts["disk_mb_per_1000"] = size / count / 1000
            copies = "pages.path || '-' || copy.value || '/'"
            rest = (
                "variant, until, article, terms, unless_from, unless_crawler, etag, headers,"
                " br, zstd, gzip, plain"
            )
            numbers = json.dumps(list(range(KEPT // count + 1)))
            db.execute(
                f"INSERT INTO pages (path, {rest}) SELECT {copies}, {rest} FROM pages,"
                " (SELECT value FROM json_each(?)) AS copy",
                (numbers,),
            )
            db.commit()
            kept = [path for (path,) in db.execute("SELECT DISTINCT path FROM pages")]
            (total,) = db.execute("SELECT count(*) FROM pages").fetchone()
        assert total >= KEPT
        requests = [(path, "") for path in kept]
        random.Random(3).shuffle(requests)
        script = self._script(requests, self.base)
        command = ["wrk", "-t1", "-c16", "-d20s", "-s", str(script), self.base]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        self.facts["door_mb_50000_kept"] = max(resident(one) for one in doors(pid)) / 1e6

    def _edges(self, bodies: dict[str, bytes]) -> None:
        """Rows `edge_visitor` and `edge_subscriber`, where nginx has Lua; the same for Varnish."""
        from django.conf import settings

        cookies = {kind: self._cookies(member) for kind, member in self.people.items()}
        readers = {kind: (cookies[kind], body) for kind, body in bodies.items()}
        generations = Path(settings.PAGE_STORE) / "generations"
        self.rows |= edge.rows(
            self.folder, self.port, generations, self.path, readers, self.seconds
        )

    def _stock(self) -> None:
        say("stock Wagtail")
        from standfirst.articles.models import Article

        texts = []
        these = list(self.found.values())[:STOCK_ARTICLES]
        for article in Article.objects.filter(pk__in=[pk for pk, _ in these]):
            preview, rest = (
                "".join(str(p.value) for p in half if p.kind in {"paragraph", "heading"})
                for half in article.preview_and_rest()
            )
            facts = {"title": article.title, "standfirst": article.standfirst, "author": "A. S."}
            texts.append({**facts, "preview": preview, "rest": rest})
        home = self.folder / "stock"
        home.mkdir()
        (home / "articles.json").write_text(json.dumps(texts))
        surroundings = {**os.environ, "STOCK_HOME": str(home)}
        surroundings["DJANGO_SETTINGS_MODULE"] = "bench.stock.settings"
        fill = [sys.executable, "-m", "bench.stock.fill", str(home / "articles.json")]
        fill.append(str(len(self.found)))
        made = json.loads(
            subprocess.run(fill, env=surroundings, check=True, stdout=subprocess.PIPE).stdout
        )
        os.environ.update(surroundings)
        port = free_port()
        base = f"http://localhost:{port}"
        granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2"]
        granian += ["--blocking-threads", "1", "--port", str(port), "bench.stock.wsgi:application"]
        path = made["paths"][0]
        with server([*granian, "--log-level", "error"], base + path) as pid:
            self._cold(base, made["paths"][-40:], "cold_wagtail_ms")
            for kind in self.people:
                cookies = made["cookies"].get(kind, "")
                body = self._get(base, path, cookies)
                assert (GATED in body) is (kind != "visitor"), kind
                headers = {"Cookie": cookies} if cookies else {}
                self.rows[f"wagtail, {kind}"] = wrk(
                    base + path,
                    max(self.seconds, 5),
                    lambda: family(pid),
                    headers=headers,
                    bytes_each=len(body),
                )

    # -- the table ----------------------------------------------------------------------------

    def show(self) -> None:
        peers = {"mix": "visitor", "busy": "visitor"}
        for name, row in self.rows.items():
            kind = name.removeprefix("edge_").removeprefix("varnish_")
            for peer in ("wagtail", "django", "nginx"):
                other = self.rows.get(
                    f"{peer}, {kind}" if peer == "nginx" else f"{peer}, {peers.get(kind, kind)}"
                )
                if other is not None and ", " not in name:
                    row[f"vs_{peer}"] = row["rps"] / other["rps"]
        titles = ("rps", "p50_ms", "p99_ms", "cpu_us", "vs_nginx", "vs_wagtail", "vs_django")
        print(f"{'':20}" + "".join(f"{title:>11}" for title in titles))
        for name, row in self.rows.items():
            cells = (f"{row[t]:11.2f}" if t in row else " " * 11 for t in titles)
            print(f"{name:20}" + "".join(cells))
        for name, fact in self.facts.items():
            print(f"{name:26}{fact:10.2f}")
        said = {n: {k: round(v, 3) for k, v in r.items()} for n, r in self.rows.items()}
        print(json.dumps({**said, "facts": {k: round(v, 3) for k, v in self.facts.items()}}))


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Newsroom:
    """Four colleagues who load a list as fast as it comes; every answer must be the list."""

    def __init__(self, url: str, cookies: str, seconds: int) -> None:
        self._url, self._cookies, self._ends = url, cookies, time.monotonic() + seconds
        self._count = 0
        self._seconds = seconds
        self._errors: list[str] = []
        self.rate = 0.0

    def __enter__(self) -> "_Newsroom":
        self._threads = [threading.Thread(target=self._load) for _ in range(4)]
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def _load(self) -> None:
        while time.monotonic() < self._ends and not self._errors:
            request = urllib.request.Request(self._url, headers={"Cookie": self._cookies})
            with urllib.request.urlopen(request) as answer:
                if answer.geturl() != self._url or answer.status != 200:
                    self._errors.append(answer.geturl())
                answer.read()
            self._count += 1

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()
        assert not self._errors, self._errors
        self.rate = self._count / (time.monotonic() - self._began)


def _mean(*rows: Row) -> Row:
    return {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}


if __name__ == "__main__":
    sys.exit(main())
