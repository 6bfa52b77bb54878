"""The door: the small process that answers readers from kept pages. No Django in it.

    cookies -> pass -> standing -> access.rules.decide -> variant -> page store -> a copy

`wire` asks `Door.find` for each request and writes what it finds. Everything that cannot be proved
here (no pass, an old one, an unknown page, anything but GET and HEAD) goes on to Django over a
local socket, streaming, and nobody waits there for anybody else. Started by `standfirst serve`,
which hands it `Config` as JSON in the environment.
"""

import asyncio
import json
import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from http.cookies import _unquote as unquoted  # type: ignore[attr-defined]
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

from standfirst.access.rules import VISITOR, Terms, decide
from standfirst.reading import passes
from standfirst.reading.generations import SLOTS, Generations
from standfirst.reading.keys import NEVER_KEPT, key_of
from standfirst.reading.passing_on import pass_on
from standfirst.reading.store import ENCODINGS, Page, Reader

VARIABLE = "STANDFIRST_DOOR"
# Words of user agents that may be a search engine's: where engines read all, Django looks at the
# address.
MAYBE_CRAWLER = (b"bot", b"crawl", b"spider")

# What is held in memory; with all of it a door stays below 150 MB.
HOT_BYTES = 40_000_000
HOT_PASSES = 60_000
SHORT = 500  # bytes of a reader's cookies; longer ones are held by their digest
KNOWN_PATHS = 60_000
LOOK_EVERY = 0.05  # seconds between two looks whether the file of generations was replaced
LONGEST_WAIT = 15.0  # seconds for a page that another reader's request is rendering

Scope = dict[str, Any]
# An article's number, its terms, and the variant that visitors get.
_Known = tuple[int | None, Terms | None, str]
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


class Found(NamedTuple):
    """A kept page for one reader. `held` is the reader's pass, None for a visitor."""

    page: Page
    path: str
    variant: str
    held: passes.Pass | None


@dataclass(frozen=True, slots=True)
class Cold:
    """The name of a page that Django has to render, and that will then be kept."""

    path: str
    variant: str


class Forged(Exception):  # noqa: N818  an answer rather than an error
    """A pass that we never signed: it is taken away, and the reader asks again without it."""


class Door:
    """Finds kept pages; an ASGI application for all that is not answered from memory."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._keys = [bytes.fromhex(key) for key in config.keys]
        self._hosts = {host.encode() for host in config.hosts if host[:1] != "."}
        # As Django has it in ALLOWED_HOSTS: .example.org is that host and all below it.
        self._domains = tuple(host.encode() for host in config.hosts if host[:1] == ".")
        self._proxies = [ip_network(network, strict=False) for network in config.proxies]
        self._session, self._strip = config.session_cookie, config.strip_cookie
        self._generations: Generations | None = None
        self._reader: Reader | None = None
        self._pages_seen = 0
        self._look_again = 0.0
        self._hot: OrderedDict[tuple[str, str, str], Page] = OrderedDict()
        self._hot_bytes = 0
        self._paths: dict[str, _Known] = {}
        self._passes: dict[bytes, passes.Pass] = {}
        self._agents: dict[bytes, bool] = {}
        self._encodings: dict[bytes, str] = {}
        self._rendering: dict[Cold, asyncio.Event] = {}

    # -- what can be proved here --------------------------------------------------------------

    def find(self, path: str, headers: Mapping[bytes, bytes], client: str) -> Found | Cold | None:
        """The kept page for this reader; the name of one that may be kept soon; or None where only
        Django knows.

        `path` is as `key_of` gives it, `headers` those of a GET or HEAD, `client` the address at
        the other end. Raises Forged.
        """
        host = headers.get(b"host", b"")
        if host not in self._hosts and not self._is_ours(host):
            return None
        try:
            if not self._look_around():
                return None
            now = time.time()
            cookie = headers.get(b"cookie")
            held = self._pass_in(cookie, now) if cookie is not None else _NOBODY
            if held is None:
                return None
            known = self._paths.get(path) or self._learn(path)
            if known is None:
                return None if path.startswith(NEVER_KEPT) else Cold(path, "")
            article, terms, variant = known
            if held is not _NOBODY and article is not None and terms is not None:
                variant = decide(terms, held.standing, article, datetime.now(UTC)).variant
                if variant != "full" and not held.complete:
                    return None
            encoding = self._encoding(headers.get(b"accept-encoding", b""))
            page = self._page(path, variant, encoding)
            if page is None or page.until <= now:
                return Cold(path, variant)
        except (OSError, sqlite3.Error):
            self._reader = None
            return None
        if page.unless_from and self._is_from(page.unless_from, client):
            return None
        if page.unless_crawler and self._may_be_crawler(headers.get(b"user-agent", b"")):
            return None
        return Found(page, path, variant, None if held is _NOBODY else held)

    def _look_around(self) -> bool:
        """Forget what is held in memory where pages were dropped. False where nothing is sure."""
        now = time.monotonic()
        anew = False
        if self._generations is None:
            self._generations = Generations(Path(self._config.generations), make=False)
            anew = True
        elif now >= self._look_again:
            try:
                anew = self._generations.fresh()
            except OSError:
                self._generations = None
                raise
            self._look_again = now + LOOK_EVERY
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

    def _is_ours(self, host: bytes) -> bool:
        name = host.partition(b":")[0]
        if name not in self._hosts and not (b"." + name).endswith(self._domains):
            return False
        if len(self._hosts) < 100:
            self._hosts.add(host)
        return True

    def _may_be_crawler(self, agent: bytes) -> bool:
        known = self._agents.get(agent)
        if known is None:
            if len(self._agents) >= 1000:
                self._agents.clear()
            low = agent.lower()
            known = self._agents[agent] = any(word in low for word in MAYBE_CRAWLER)
        return known

    def _pass_in(self, cookie: bytes, now: float) -> passes.Pass | None:
        """The valid pass among cookies; _NOBODY for a visitor; None where Django must look."""
        name = cookie if len(cookie) <= SHORT else blake2b(cookie, digest_size=16).digest()
        held = self._passes.get(name)
        if held is None:
            held = self._read_pass(cookie.decode("latin-1"), now)
            if held is None or held is _NOBODY:
                return held
            if len(self._passes) >= HOT_PASSES:
                self._passes.clear()
            self._passes[name] = held
        assert self._generations is not None  # noqa: S101
        if now >= held.expires or not self._generations.holds(
            held.member, held.epoch, held.generation
        ):
            self._passes.pop(name, None)
            return None
        return held

    def _read_pass(self, cookie: str, now: float) -> passes.Pass | None:
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
        if not passes.has_our_shape(text):
            return None
        if not passes.is_signed(text, self._keys):
            raise Forged
        held = passes.facts_of(text, now)
        if session.startswith('"'):
            session = unquoted(session)
        if held is None or held.session != passes.fingerprint(session):
            return None
        return held

    def _learn(self, path: str) -> _Known | None:
        assert self._reader is not None  # noqa: S101
        found = self._reader.terms_of(path)
        if found is None:
            return None
        article, terms = found
        variant = "full"
        if article is not None and terms is not None:  # of a visitor, whom no clock concerns
            variant = decide(terms, VISITOR, article, datetime.now(UTC)).variant
        if len(self._paths) >= KNOWN_PATHS:
            self._paths.clear()
        known = self._paths[path] = (article, terms, variant)
        return known

    def _page(self, path: str, variant: str, encoding: str) -> Page | None:
        name = (path, variant, encoding)
        page = self._hot.get(name)
        if page is not None:
            self._hot.move_to_end(name)
            return page
        assert self._reader is not None  # noqa: S101
        page = self._reader.page(path, variant, encoding)
        if page is not None:
            self._hot[name] = page
            self._hot_bytes += page.size
            while self._hot_bytes > HOT_BYTES:
                self._hot_bytes -= self._hot.popitem(last=False)[1].size
        return page

    def _is_from(self, networks: str, client: str) -> bool:
        """Does the request come from one of the networks that a page is not meant for?"""
        try:
            address = ip_address(client)
        except ValueError:
            return True
        if any(address in network for network in self._proxies):
            return True  # Django finds out who is behind our own proxy
        return any(address in ip_network(one, strict=False) for one in networks.split())

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

    # -- what an edge is told -----------------------------------------------------------------

    def for_edge(self, found: Found, client: str) -> bytes:
        """Header fields for an edge of ours (deploy/): whose bytes these are, and until when.

        Nothing for anybody who is not one of the trusted proxies, nor for a page that is not meant
        for some visitors' networks.
        """
        try:
            address = ip_address(client)
        except ValueError:
            return b""
        held, page = found.held, found.page
        if page.unless_from or not any(address in network for network in self._proxies):
            return b""
        ends = [page.until]
        member = "-"
        if held is not None:
            ends.append(held.expires)
            if (until := held.standing.subscribed_until) and until > datetime.now(UTC):
                ends.append(until.timestamp())
            member = f"{held.member % SLOTS}:{held.generation}:{held.epoch}"
        assert self._reader is not None  # noqa: S101
        tags = " ".join(self._reader.tags_of(found.path, found.variant))
        return (
            f"x-standfirst-variant: {found.variant}\r\nx-standfirst-until: {int(min(ends))}\r\n"
            f"x-standfirst-member: {member}\r\nsurrogate-key: {tags}\r\n"
        ).encode()

    # -- ASGI: what is not answered from memory -----------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        found = self._ask(scope) if scope["method"] in {"GET", "HEAD"} else None
        if isinstance(found, Cold):
            found = await self._after_the_first(found, scope, receive, send)
        elif found is None:
            await self._pass_on(scope, receive, send)
        if found is not None:
            body = b"" if scope["method"] == "HEAD" else found.page.body
            start = {"status": 200, "headers": found.page.headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": body})

    def _ask(self, scope: Scope) -> Found | Cold | None:
        path = key_of(scope["path"], scope["query_string"].decode("latin-1"))
        try:
            return self.find(path, dict(scope["headers"]), (scope.get("client") or ("",))[0])
        except Forged:
            return None

    async def _after_the_first(
        self, name: Cold, scope: Scope, receive: Receive, send: Send
    ) -> Found | None:
        """Let one reader's request have a cold page rendered; the others wait for it.

        Gives the page, or None once the request has been answered by Django.
        """
        first = self._rendering.get(name)
        if first is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(first.wait(), LONGEST_WAIT)
            found = self._ask(scope)
            if isinstance(found, Found):
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
