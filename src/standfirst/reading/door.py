"""The door: the small process that answers readers from kept pages. No Django in it.

    cookies -> pass -> standing -> access.rules.decide -> variant -> page store -> a copy

Everything it cannot prove (no pass, an old one, an unknown page, anything but GET and HEAD) goes on
to Django over a local socket, streaming, and nobody waits there for anybody else. Started by
`standfirst serve`, which hands it `Config` as JSON in the environment.
"""

import asyncio
import json
import os
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.cookies import _unquote as unquoted  # type: ignore[attr-defined]
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from standfirst.access.rules import VISITOR, Terms, decide
from standfirst.reading import passes
from standfirst.reading.generations import Generations
from standfirst.reading.passing_on import pass_on
from standfirst.reading.store import ENCODINGS, Page, Reader

VARIABLE = "STANDFIRST_DOOR"
PERSONAL = {"wall-spent"}  # never kept: it lists what one member chose
UNLESS_FROM = b"x-unless-from"  # networks of verified crawlers, for whom Django decides
# Words of user agents that may be a search engine's: Django looks at the address.
MAYBE_CRAWLER = (b"bot", b"crawl", b"spider")

HOT_BYTES = 24_000_000
HOT_PASSES = 20_000
KNOWN_PATHS = 60_000
LONGEST_WAIT = 15.0  # seconds for a page that another reader's request is rendering

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a door must be told. `keys` are hexadecimal, the present one first."""

    generations: str
    store: str
    django: str
    keys: tuple[str, ...]
    hosts: tuple[str, ...]
    proxies: tuple[str, ...] = ()
    session_cookie: str = "sessionid"
    strip_cookie: str = "strip"

    def to_environment(self) -> Mapping[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}


class Door:
    """An ASGI application; one for each process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._keys = [bytes.fromhex(key) for key in config.keys]
        self._hosts = {host.encode() for host in config.hosts}
        self._proxies = [ip_network(network, strict=False) for network in config.proxies]
        self._session, self._strip = config.session_cookie, config.strip_cookie
        self._generations: Generations | None = None
        self._reader: Reader | None = None
        self._pages_seen = 0
        self._hot: dict[tuple[str, str], Page] = {}
        self._hot_bytes = 0
        self._paths: dict[str, tuple[int | None, Terms | None]] = {}
        self._passes: dict[tuple[str, str], passes.Pass] = {}
        self._encodings: dict[bytes, str] = {}
        self._rendering: dict[tuple[str, str], asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        asked = scope["method"]
        if asked == "GET" or asked == "HEAD":
            headers = dict(scope["headers"])
            found = self._find(scope, headers)
            if isinstance(found, tuple):
                found = await self._after_the_first(found, scope, headers, receive, send)
                if found is None:
                    return
            if found is not None:
                await self._answer(found, asked == "HEAD", headers, send)
                return
        await self._pass_on(scope, receive, send)

    # -- what can be proved here --------------------------------------------------------------

    def _find(self, scope: Scope, headers: dict[bytes, bytes]) -> Page | tuple[str, str] | None:
        """The kept page for this reader; the name of one that may be kept soon; or None where only
        Django knows."""
        host = headers.get(b"host", b"")
        if host.rpartition(b":")[0] not in self._hosts and host not in self._hosts:
            return None
        try:
            if not self._look_around():
                return None
            standing = VISITOR
            cookie = headers.get(b"cookie")
            complete = True
            if cookie:
                held = self._pass_in(cookie.decode("latin-1"))
                if held is None:
                    return None
                if held is not _NOBODY:
                    standing, complete = held.standing, held.complete
            if standing is VISITOR:
                agent = headers.get(b"user-agent", b"").lower()
                if any(word in agent for word in MAYBE_CRAWLER):
                    return None
            path = _key(scope)
            known = self._paths.get(path) or self._learn(path)
            if known is None:
                return None if path.startswith(_NEVER_KEPT) else (path, "")
            article, terms = known
            variant = "full"
            if article is not None and terms is not None:
                variant = decide(terms, standing, article, datetime.now(UTC)).variant
                if variant in PERSONAL or (variant != "full" and not complete):
                    return None
            page = self._hot.get((path, variant)) or self._fetch(path, variant)
            if page is None or page.until <= time.time():
                return path, variant
        except (OSError, sqlite3.Error):
            self._reader = None
            return None
        if page.headers and page.headers[0][0] == UNLESS_FROM and self._is_from(page, scope):
            return None
        return page

    def _look_around(self) -> bool:
        """Forget what is held in memory where pages were dropped. False where nothing is sure."""
        if self._generations is None:
            self._generations = Generations(Path(self._config.generations), make=False)
            self._pages_seen = 0
        try:
            anew = self._generations.fresh()
        except OSError:
            self._generations = None
            raise
        seen = self._generations.pages
        if anew or seen != self._pages_seen or self._reader is None:
            self._hot.clear()
            self._paths.clear()
            self._hot_bytes = 0
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            if not os.path.exists(self._config.store):
                return False
            self._reader = Reader(Path(self._config.store))
            self._pages_seen = seen
        return True

    def _pass_in(self, cookie: str) -> "passes.Pass | None":
        """The valid pass among cookies; _NOBODY for a visitor; None where Django must look."""
        session = strip = text = ""
        for part in cookie.split(";"):
            name, _, value = part.strip().partition("=")
            if name == self._session:
                session = value
            elif name == passes.COOKIE:
                text = value
            elif name == self._strip:
                strip = value
        if not (session or strip or text):
            return _NOBODY
        if not session or not text:
            return None
        now = time.time()
        held = self._passes.get((text, session))
        if held is None:
            held = passes.read(text, self._keys, now)
            if held is None or held.session != passes.fingerprint(unquoted(session)):
                return None
            if len(self._passes) >= HOT_PASSES:
                self._passes.clear()
            self._passes[text, session] = held
        assert self._generations is not None  # noqa: S101
        if now >= held.expires or not self._generations.holds(
            held.member, held.epoch, held.generation
        ):
            self._passes.pop((text, session), None)
            return None
        return held

    def _learn(self, path: str) -> tuple[int | None, Terms | None] | None:
        assert self._reader is not None  # noqa: S101
        known = self._reader.terms_of(path)
        if known is not None:
            if len(self._paths) >= KNOWN_PATHS:
                self._paths.clear()
            self._paths[path] = known
        return known

    def _fetch(self, path: str, variant: str) -> Page | None:
        assert self._reader is not None  # noqa: S101
        page = self._reader.page(path, variant)
        if page is not None:
            self._hot_bytes += page.size
            while self._hot_bytes > HOT_BYTES and self._hot:
                self._hot_bytes -= self._hot.pop(next(iter(self._hot))).size
            self._hot[path, variant] = page
        return page

    def _is_from(self, page: Page, scope: Scope) -> bool:
        """Does the request come from one of the networks that a page is not meant for?"""
        try:
            address = ip_address((scope.get("client") or ("",))[0])
            if any(address in network for network in self._proxies):
                return True  # Django finds out who is behind our own proxy
            listed = page.headers[0][1].decode().split()
            return any(address in ip_network(network, strict=False) for network in listed)
        except ValueError:
            return True

    # -- answering ----------------------------------------------------------------------------

    async def _answer(
        self, page: Page, head: bool, headers: dict[bytes, bytes], send: Send
    ) -> None:
        encoding = self._encoding(headers.get(b"accept-encoding", b""))
        body: bytes = getattr(page, encoding or "plain")
        etag = f'"{page.etag}-{encoding}"' if encoding else f'"{page.etag}"'
        wanted = headers.get(b"if-none-match", b"")
        known = bool(wanted) and (page.etag.encode() in wanted or wanted.strip() == b"*")
        answer = [*page.headers, (b"etag", etag.encode())]
        if answer[0][0] == UNLESS_FROM:
            answer.pop(0)
        if known:
            answer = [row for row in answer if row[0] != b"content-type"]
            await send({"type": "http.response.start", "status": 304, "headers": answer})
            await send({"type": "http.response.body", "body": b""})
            return
        if encoding:
            answer.append((b"content-encoding", encoding.encode()))
        answer.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": b"" if head else body})

    def _encoding(self, accepted: bytes) -> str:
        """The encoding we like best among those accepted (RFC 9110, 12.5.3); "" for none."""
        known = self._encodings.get(accepted)
        if known is None:
            offered = {}
            for part in accepted.decode("latin-1").lower().split(","):
                name, _, weight = part.partition(";")
                offered[name.strip()] = weight.replace(" ", "") not in {
                    *("q=0", "q=0.0", "q=0.00", "q=0.000"),
                }
            known = next((name for name in ENCODINGS if offered.get(name)), "")
            if len(self._encodings) > 1000:
                self._encodings.clear()
            self._encodings[accepted] = known
        return known

    # -- passing on ---------------------------------------------------------------------------

    async def _after_the_first(
        self,
        name: tuple[str, str],
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
    ) -> Page | None:
        """Let one reader's request have a cold page rendered; the others wait for it.

        Gives the page, or None once the request has been answered by Django.
        """
        first = self._rendering.get(name)
        if first is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(first.wait(), LONGEST_WAIT)
            found = self._find(scope, headers)
            if isinstance(found, Page):
                return found
            await self._pass_on(scope, receive, send)
            return None
        done = self._rendering[name] = asyncio.Event()

        async def answer(message: dict[str, Any]) -> None:
            # By now the page is kept; nobody waits until this reader has received it.
            self._rendering.pop(name, None)
            done.set()
            await send(message)

        try:
            await self._pass_on(scope, receive, answer)
        finally:
            self._rendering.pop(name, None)
            done.set()
        return None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        await pass_on(self._config.django, scope, receive, send)


_NOBODY = passes.Pass(
    member=0, standing=VISITOR, complete=True, epoch=0, generation=0, session="", expires=0
)
_NEVER_KEPT = ("/account/", "/newsroom/", "/media/", "/static/", "/join/", "/choose/", "/healthz")


def _key(scope: Scope) -> str:
    """The path under which a page is kept: with the number of a list's page, without all else."""
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    return key_of(path, query.decode("latin-1")) if query else path


def key_of(path: str, query: str) -> str:
    """Path and query as the page store names them. No page of ours reads anything but `page`."""
    if "page=" not in query:
        return path
    return f"{path}?{query}"


def main() -> None:
    """Serve on the socket whose number is the first argument."""
    import sys

    import uvicorn

    given = json.loads(os.environ[VARIABLE])
    lists = {name: tuple(given[name]) for name in ("keys", "hosts", "proxies")}
    listening = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(
        Door(Config(**{**given, **lists})),
        interface="asgi3",
        lifespan="off",
        loop="uvloop",
        http="httptools",
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log="--log-requests" in sys.argv,
        log_level="info" if "--log-requests" in sys.argv else "warning",
        timeout_graceful_shutdown=10,
        backlog=1024,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
