"""Hearing what providers tell, and comparing everything with them by night."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone

from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions import hearing
from standfirst.subscriptions.actions.reconciling import Reconciler, TooLate, Wanted
from standfirst.subscriptions.models import Reconciliation
from standfirst.subscriptions.providers import by_name, for_readers
from standfirst.subscriptions.providers.base import ProviderError

log = logging.getLogger("standfirst.subscriptions")

THREADS = 4  # so that one slow answer does not hold up all the others
EVERY = 0.5  # seconds between two looks of a thread
PAUSE = 5.0  # after something went wrong
NIGHT = range(3, 5)  # hours where the magazine is
LONGEST_NIGHT = timedelta(hours=2)
BETWEEN_LOOKS = 60.0  # seconds


def handle_some() -> int:
    """Handle the events that have waited longest. Says how many were taken; 0: none is due."""
    now = timezone.now()
    taken = hearing.take(now)
    hearing.handle(taken, by_name, now)
    return len(taken)


def forget_bodies() -> None:
    """Drop what old events said."""
    hearing.forget_bodies(timezone.now())


# -- by night ---------------------------------------------------------------------------------


def reconcile_by_night(now: datetime | None = None) -> Reconciliation | None:
    """Once a night compare everything with the provider and mend what differs, within a time.

    None where it is not the hour, or another worker does it. What was found is kept for
    `standfirst check`; nobody is taken in who bought elsewhere.
    """
    here = timezone.localtime(now or timezone.now(), the_publication().zone)
    provider = for_readers()
    if provider is None or here.hour not in NIGHT:
        return None
    try:
        with transaction.atomic():
            mark = Reconciliation.objects.create(provider=provider.name, night=here.date())
    except IntegrityError:
        return None
    wanted = Wanted(mend=True, until=timezone.now() + LONGEST_NIGHT)
    work = Reconciler(provider, wanted, found=mark)
    try:
        work.run()
    except (ProviderError, TooLate) as error:
        log.warning("Ours was not wholly compared with %s: %s", provider.name, error)
    return work.found


class Nights:
    """Looks now and then whether it is time to compare, until told to stop. Not a chore, since it
    may take long."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stop.wait(BETWEEN_LOOKS):
            try:
                close_old_connections()
                reconcile_by_night()
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Nothing can be compared: %s", " ".join(str(error).split()))
            except Exception:
                log.exception("Comparing with the provider met an error it does not know.")
        connection.close()

    def stop(self) -> None:
        """Let `run` return; a comparison at hand is begun again in another night."""
        self._stop.set()


# -- all day ----------------------------------------------------------------------------------


class Hearing:
    """Handles events in a few threads until told to stop; each takes its own."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads
        self._stop = threading.Event()

    def run(self) -> None:
        """Work until `stop`."""
        with ThreadPoolExecutor(self._threads, "hearing") as pool:
            for number in range(self._threads):
                pool.submit(self._work, number * EVERY / self._threads)

    def stop(self) -> None:
        """Let `run` return after the events at hand."""
        self._stop.set()

    def _work(self, wait: float) -> None:
        """One thread. They look by turns, so that a single event is seen soon."""
        self._stop.wait(wait)
        while not self._stop.is_set():
            pause = EVERY
            try:
                close_old_connections()
                pause = 0 if handle_some() else EVERY
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Events cannot be handled: %s", " ".join(str(error).split()))
                pause = PAUSE
            except Exception:
                # Without this thread nothing would be handled until somebody noticed.
                log.exception("Handling events met an error it does not know, and tries again.")
                pause = PAUSE
            if pause:
                self._stop.wait(pause)
        connection.close()
