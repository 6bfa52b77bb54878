"""What the worker does for subscriptions."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from standfirst.subscriptions.actions import hearing
from standfirst.subscriptions.providers import by_name

log = logging.getLogger("standfirst.subscriptions")

THREADS = 4  # so that one slow answer does not hold up all the others
EVERY = 0.5  # seconds between two looks of a thread
PAUSE = 5.0  # after something went wrong


def handle_some() -> int:
    """Handle the events that have waited longest. Says how many were taken; 0: none is due."""
    now = timezone.now()
    taken = hearing.take(now)
    hearing.handle(taken, by_name, now)
    return len(taken)


def forget_bodies() -> None:
    """Drop what old events said."""
    hearing.forget_bodies(timezone.now())


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
