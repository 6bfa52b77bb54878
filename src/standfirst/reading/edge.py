"""Tells the edges that stand on other hosts (Varnish, see `deploy/varnish`) what to forget.

A request with the method PURGE carries the keys: the tags of pages, `member:` with the slot of a
reader, `members` for all of them, `*` for everything. Each edge has a thread of its own in every
process that makes or follows changes. It repeats until the edge has said yes, so that an edge which
was away is told late rather than never; and since every host's follower tells of every change as
well, neither a killed process nor a page that was on its way while it changed stays for long.
"""

import logging
import os
import threading
from collections.abc import Iterable
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from django.conf import settings

from standfirst.publication.kept import EVERYTHING
from standfirst.reading.generations import SLOTS

log = logging.getLogger("standfirst.reading")

LONGEST_WAIT = 0.5  # seconds that a change waits for an edge
PAUSE = 1.0  # seconds before an edge that failed is tried again
MOST_KEYS = 200  # in one request; for more than that, everything is purged


def tell(tags: Iterable[str], member: int | None) -> None:
    """Have every edge forget what a change made untrue; what fails is repeated in the background.

    Returns once the edges have done so, or after LONGEST_WAIT; at once where one was away lately.
    """
    keys = set(tags)
    if member is not None:
        keys.add(f"member:{member % SLOTS}" if member else "members")
    edges = [_edge(url, os.getpid()) for url in settings.EDGE_PURGE_URLS]
    for edge in edges:
        edge.owe(keys)
    for edge in edges:
        edge.wait()


class Edge:
    """One edge, and what it has yet to be told."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._owed: set[str] = set()
        self._sending = self._away = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def owe(self, keys: Iterable[str]) -> None:
        with self._changed:
            self._owed |= set(keys)
            if len(self._owed) > MOST_KEYS:
                self._owed = {EVERYTHING, "members"}
            self._changed.notify_all()

    def wait(self) -> bool:
        """Wait until nothing is owed, though not for long; says whether it is so."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: self._away or not (self._owed or self._sending), LONGEST_WAIT
            )
            return done and not self._away

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._owed))
                keys, self._owed, self._sending = self._owed, set(), True
            try:
                self._purge(keys)
                failed = None
            except (OSError, HTTPException) as error:
                failed = error
            with self._changed:
                if failed and not self._away:
                    log.warning("The edge at %s cannot be told: %s", self._url.netloc, failed)
                self._away, self._sending = failed is not None, False
                self._changed.notify_all()
            if failed:
                self.owe(keys)
                threading.Event().wait(PAUSE)

    def _purge(self, keys: set[str]) -> None:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=LONGEST_WAIT)
        try:
            connection.request("PURGE", "/", headers={"xkey": " ".join(sorted(keys))})
            if (status := connection.getresponse().status) != 200:
                raise HTTPException(f"it answered {status}")
        finally:
            connection.close()


@cache
def _edge(url: str, process: int) -> Edge:
    # Of one process: a thread does not live on in a process that was forked off.
    return Edge(url)
