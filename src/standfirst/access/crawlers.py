"""Search engines whose address is verified, never by their user agent alone.

An engine is believed if its address lies in a network that the publication lists, or if it claims a
name we know and its address resolves to a host of that engine which resolves back to the address
(the way every engine here documents). No request waits for the DNS: a new address is not verified
at first, is asked about in the background, and is known at its next request.
"""

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import BoundedSemaphore
from typing import Protocol

from django.core.cache import cache
from django.db import connections
from django.http import HttpRequest

from standfirst.publication.models import Publication
from standfirst.publication.queries import the_publication

ASKED_AGAIN_AFTER = 60 * 60
REMEMBERED = 24 * 60 * 60  # meanwhile the last answer holds
AT_ONCE = 200

Address = IPv4Address | IPv6Address

# A word of the user agent, and the domains that the engine publishes for its addresses.
ENGINES: Mapping[str, tuple[str, ...]] = {
    "Googlebot": (".googlebot.com", ".google.com"),
    "bingbot": (".search.msn.com",),
    "Applebot": (".applebot.apple.com",),
    "DuckDuckBot": (".duckduckgo.com",),
    "YandexBot": (".yandex.ru", ".yandex.net", ".yandex.com"),
}


class Resolver(Protocol):
    """The two questions that are asked of the DNS. Either may raise OSError."""

    def name_of(self, address: Address) -> str: ...

    def addresses_of(self, name: str) -> Iterable[str]: ...


class SystemResolver:
    """The resolver of the operating system."""

    def name_of(self, address: Address) -> str:
        return socket.gethostbyaddr(str(address))[0]

    def addresses_of(self, name: str) -> list[str]:
        return [str(found[4][0]) for found in socket.getaddrinfo(name, None)]


Ask = Callable[[Callable[[], None]], None]

# Few threads and a short queue: many forged claims wait for each other, or are not looked into.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="crawler")
_waiting = BoundedSemaphore(AT_ONCE)


def verified_crawler(
    request: HttpRequest, *, resolver: Resolver | None = None, ask: Ask | None = None
) -> str | None:
    """The name of the search engine that is asking, or None. Any error means None.

    Costs nothing for readers: nothing is looked up unless the publication lets engines read and the
    user agent claims to be one, or the publication lists networks. `ask` runs a question to the
    DNS, by default in the background.
    """
    publication = the_publication()
    if not publication.crawlers_read_all:
        return None
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    listed = _listed(publication, address)
    if listed:
        return listed
    claim = _claim(request.headers.get("User-Agent", ""))
    return claim and _confirmed(claim, address, resolver or SystemResolver(), ask or _in_background)


def _listed(publication: Publication, address: Address) -> str | None:
    for line in publication.crawler_networks.splitlines():
        network, _, name = line.strip().partition(" ")
        try:
            if network and address in ip_network(network, strict=False):
                return name.strip() or "listed crawler"
        except ValueError:
            continue
    return None


def _claim(agent: str) -> str | None:
    agent = agent.lower()
    return next((name for name in ENGINES if name.lower() in agent), None)


def _confirmed(claim: str, address: Address, resolver: Resolver, ask: Ask) -> str | None:
    key = f"crawler:{claim}:{address}"

    def question() -> None:
        cache.set(key, (_belongs(claim, address, resolver), time.time()), REMEMBERED)

    belongs, asked_at = cache.get(key) or (False, 0.0)
    if time.time() - asked_at > ASKED_AGAIN_AFTER:
        ask(question)
        belongs, _ = cache.get(key) or (False, 0.0)
    return claim if belongs else None


def _belongs(claim: str, address: Address, resolver: Resolver) -> bool:
    try:
        name = resolver.name_of(address).rstrip(".").lower()
        if not name.endswith(ENGINES[claim]):
            return False
        return address in {ip_address(a.partition("%")[0]) for a in resolver.addresses_of(name)}
    except (OSError, ValueError, UnicodeError):
        return False


def _in_background(question: Callable[[], None]) -> None:
    if not _waiting.acquire(blocking=False):
        return

    def run() -> None:
        try:
            question()
        finally:
            _waiting.release()
            connections.close_all()

    _threads.submit(run)
