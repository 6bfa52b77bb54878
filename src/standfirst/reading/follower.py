"""Tells this host's page store of changes that were made elsewhere, or by a process that died.

PostgreSQL says when a change was committed (LISTEN); looking every so often is the net below it,
and the only way on SQLite. No host's clock matters: times are the database's own.
"""

import logging
import threading
from collections import OrderedDict
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models.functions import Now
from django.utils import timezone

from standfirst.publication.kept import EVERYTHING
from standfirst.reading import host
from standfirst.reading.models import CHANNEL, Change

log = logging.getLogger("standfirst.reading")

EVERY = 0.3  # seconds
GATHERING = 0.02  # seconds in which more may come, so that many changes are read at once
# A row may become visible after one with a higher number: its transaction took longer.
LOOK_BACK = timedelta(minutes=10)
KEPT = timedelta(days=2)
MOST_REMEMBERED = 200_000


class Follower:
    """Reads changes and tells the host of each once; what could not be told comes again."""

    def __init__(self) -> None:
        self._told: OrderedDict[int, None] = OrderedDict()
        self._stop = threading.Event()
        self._heard_on: object = None

    def begin(self) -> None:
        """Whatever happened before, this host has not heard of: nothing kept is believed."""
        seen = list(self._recent())
        if host.tell([EVERYTHING], 0):
            self._told.update(dict.fromkeys(pk for pk, _, _ in seen))

    def step(self) -> int:
        """Tell the host of every change it has not heard of; says how many."""
        count = 0
        for pk, tags, member in self._recent():
            if pk not in self._told and host.tell(tags, member):
                self._told[pk] = None
                count += 1
        while len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        return count

    def _recent(self) -> "list[tuple[int, list[str], int | None]]":
        rows = Change.objects.filter(at__gt=Now() - LOOK_BACK)
        if self._told:
            # Only the last few can still have been late.
            rows = rows.filter(pk__gt=max(self._told) - 1000)
        return list(rows.order_by("pk").values_list("pk", "tags", "member"))

    def run(self) -> None:
        """Follow until `stop`; a database that is away only makes it wait."""
        began = False
        while not self._stop.is_set():
            try:
                close_old_connections()
                self._listen()  # before looking, so that nothing falls between the two
                if not began:
                    self.begin()
                    began = True
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
