"""The library's indexes in an OpenSearch cluster: the live one, and the one built beside it.

    PREFIX                  an alias of the live index
    PREFIX-building         an alias of the index that is being built
    PREFIX-a, PREFIX-b      indexes: one is live, the other the next

All hosts share them. On each, one process writes or builds (the locks in LIBRARY); of all hosts,
the one whose name stands in the index (`engines.lease`).
"""

import logging
import socket
import threading
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from standfirst.library import engine
from standfirst.library.engine import Broken, Busy
from standfirst.library.engines.opensearch import Index
from standfirst.library.engines.wire import Wire, Wrong
from standfirst.library.folders import Folders

log = logging.getLogger("standfirst.library")

PREFIX = "standfirst"


class Cluster:
    """The house (`engine.House`) whose indexes lie in a cluster; `folders` keeps this host's
    locks."""

    def __init__(self, url: str, folders: Folders) -> None:
        self._wire, self._patient = Wire(url), Wire(url, patient=True)
        self._folders = folders
        self._alias = urlsplit(url).path.strip("/") or PREFIX
        self._names = (f"{self._alias}-a", f"{self._alias}-b")
        self._who = f"{socket.gethostname()} {folders.root}"
        self._opened: Index | None = None
        self._opening = threading.Lock()

    @property
    def _building(self) -> str:
        return f"{self._alias}-building"

    # -- the live index ------------------------------------------------------------------------

    def live(self) -> Index:
        """Opened once in a process; after a swap that one is gone, and asking it raises Broken."""
        opened = self._opened
        if opened is None:
            with self._opening:
                self._opened = opened = Index.open(self._wire, self._patient, self._alias)
        return opened

    def reopen(self) -> None:
        self._opened = None

    def damaged(self, error: Broken) -> None:
        """The cluster looks after damage; an index that is missing the indexer sees by itself."""
        self.reopen()

    def to_write(self, current: engine.Index | None) -> Index | None:
        ours = current if isinstance(current, Index) else None
        if ours and not ours.lease.sign_is_due():
            return ours
        try:
            live = Index.open(self._patient, self._patient, self._alias, self._who)
        except Broken as error:
            log.warning("The library's index is built in the cluster: %s", error)
            return None
        if ours and ours.handle == live.handle:
            ours.lease.note()
            return ours
        return live

    # -- the one beside it ---------------------------------------------------------------------

    def only_one(self, what: str) -> AbstractContextManager[None]:
        return self._folders.only_one(what)

    def begun(self) -> tuple[Index, int] | None:
        if not self._names_of(self._building):
            return None
        index = Index.open(self._patient, self._patient, self._building, self._who)
        index.write(building=True)
        return index, int(index.lease.get("after", 0))

    def begin(self, language: str) -> Index:
        self.tear_down()
        name = next(name for name in self._names if name not in self._names_of(self._alias))
        try:
            Index.create(self._patient, self._patient, name, self._building, language)
        except Wrong as error:
            raise Busy(f"another host builds an index, or {error}") from error
        index = Index.open(self._patient, self._patient, self._building, self._who)
        index.write(building=True)
        return index

    def note_progress(self, index: engine.Index, after: int) -> None:
        if isinstance(index, Index):
            index.lease.note(after=after)

    def tear_down(self) -> None:
        live = self._names_of(self._alias)
        for name in self._names:
            if name not in live:
                self._patient.ask("DELETE", f"/{name}", ignore_unavailable=True)

    def swap(self) -> None:
        """Who searches in the older one meanwhile is told that it is gone, and opens this one."""
        names = self._names_of(self._building)
        if len(names) != 1:
            raise Busy("another host has put the index in its place")
        (name,) = names
        actions: list[dict[str, object]] = [
            {"remove_index": {"index": older}} for older in self._names_of(self._alias)
        ]
        actions.append({"add": {"index": name, "alias": self._alias}})
        actions.append({"remove": {"index": name, "alias": self._building}})
        self._patient.ask("POST", "/_aliases", {"actions": actions})
        self.reopen()

    def _names_of(self, alias: str) -> list[str]:
        """The indexes that an alias names."""
        try:
            return list(self._patient.ask("GET", f"/_alias/{alias}"))
        except Broken:
            return []
