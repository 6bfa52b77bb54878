"""Tells this host's page store of changes that were made elsewhere, or by a process that died.

Two tables say what has changed: `Change`, and the ledger, each row of which opens an article to a
member. PostgreSQL says when a change was committed (LISTEN); looking every so often is the net
below it, and the only way for unlocks and on SQLite. Rows are told apart by their numbers alone, so
that no host's clock matters.
"""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models import QuerySet
from django.utils import timezone

from standfirst.access.models import Unlock
from standfirst.publication.kept import EVERYTHING
from standfirst.reading import host
from standfirst.reading.models import CHANNEL, Change

log = logging.getLogger("standfirst.reading")

EVERY = 0.3  # seconds
GATHERING = 0.02  # seconds in which more may come, so that many changes are read at once
# A row may become visible after one with a higher number: its transaction took longer. No row is
# late by more than so many others, nor by more seconds.
LATE_ROWS, LATE = 1000, 600
KEPT = timedelta(days=2)


class Log:
    """A table to which rows are only added, and which of them this host has heard of.

    `rows` gives tuples that begin with the row's number.
    """

    def __init__(self, rows: "QuerySet[Any, Any]") -> None:
        self._rows = rows
        self._heard: set[int] = set()
        self._highest = 0
        # The highest number one to two times LATE ago, and at most LATE ago.
        self._before = self._lately = 0
        self._looked = time.monotonic()

    def skip(self) -> None:
        """Count as heard whatever is there."""
        self._heard = {row[0] for row in self._rows.order_by("-pk")[:LATE_ROWS]}
        self._highest = self._lately = max(self._heard, default=0)
        self._before = self._highest - LATE_ROWS

    def unheard(self) -> list[Any]:
        """The rows that this host has not heard of, in their order."""
        if time.monotonic() > self._looked + LATE:
            self._before, self._lately = self._lately, self._highest
            self._looked = time.monotonic()
        floor = max(self._before, self._highest - LATE_ROWS)
        if len(self._heard) > 2 * LATE_ROWS:
            self._heard = {number for number in self._heard if number > floor}
        rows = self._rows.filter(pk__gt=floor).order_by("pk")
        return [row for row in rows if row[0] not in self._heard]

    def hear(self, number: int) -> None:
        self._heard.add(number)
        self._highest = max(self._highest, number)


class Follower:
    """Reads changes and tells the host of each once; what could not be told comes again."""

    def __init__(self) -> None:
        self._changes = Log(Change.objects.values_list("pk", "member", "tags"))
        self._unlocks = Log(Unlock.objects.values_list("pk", "member"))
        self._stop = threading.Event()
        self._heard_on: object = None

    def begin(self) -> bool:
        """Whatever happened before, this host has not heard of: nothing kept is believed.

        Says whether the host could be told so; without that nothing can be followed."""
        self._changes.skip()
        self._unlocks.skip()
        return host.tell([EVERYTHING], 0)

    def step(self) -> int:
        """Tell the host of every change it has not heard of; says how many."""
        count = 0
        for rows in (self._changes, self._unlocks):
            for number, member, *tags in rows.unheard():
                if host.tell(tags[0] if tags else [], member):
                    rows.hear(number)
                    count += 1
        return count

    def run(self) -> None:
        """Follow until `stop`; a database that is away only makes it wait."""
        began = False
        while not self._stop.is_set():
            try:
                close_old_connections()
                self._listen()  # before looking, so that nothing falls between the two
                began = began or self.begin()
                if began:
                    self.step()
                self._wait()
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Changes cannot be followed: %s", " ".join(str(error).split()))
                self._stop.wait(1)
        connection.close()

    def _listen(self) -> None:
        """Ask PostgreSQL to tell of changes on the connection of this thread, where it is new."""
        connection.ensure_connection()
        if connection.vendor == "postgresql" and connection.connection is not self._heard_on:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._heard_on = connection.connection

    def _wait(self) -> None:
        """Until a change is told of, or it is time to look."""
        if connection.vendor != "postgresql":
            self._stop.wait(EVERY)
            return
        with connection.wrap_database_errors:
            for _ in connection.connection.notifies(timeout=EVERY, stop_after=1):
                self._stop.wait(GATHERING)

    def stop(self) -> None:
        self._stop.set()


def forget_changes() -> None:
    """Drop changes that every host has heard of long ago."""
    Change.objects.filter(at__lt=timezone.now() - KEPT).delete()
