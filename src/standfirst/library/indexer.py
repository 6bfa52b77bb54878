"""Brings what has changed into the index, within a second; one for each host, in the worker.

Where all hosts share an index, one of them writes; the others wait for it to fall silent."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from standfirst.library import build, house, related
from standfirst.library.documents import BATCH, documents, filed_under
from standfirst.library.engine import Broken, Engine, Gone, Index, Unreachable
from standfirst.library.models import Kind
from standfirst.library.position import Position
from standfirst.publication.queries import the_publication

log = logging.getLogger("standfirst.library")

EVERY = 0.3  # seconds between two looks
PAUSE = 5.0  # after something went wrong, or while another process indexes


def apply(index: Engine) -> int:
    """Bring the next notes into the index. Says how many articles that concerned; 0: all is done.

    Killed at any moment, the same notes are read again; what they name is put in anew."""
    position = Position.read(index.position())
    notes = position.next_notes()
    articles = position.pass_by(notes)
    related.due(articles)  # before it is said that the notes were read
    if position.spread:
        kind, subject, after = position.spread[0]
        some = filed_under(Kind(str(kind)), int(subject)).filter(pk__gt=after).order_by("pk")
        keys = list(some.values_list("pk", flat=True)[:BATCH])
        articles |= set(keys)
        if len(keys) < BATCH:
            position.spread.pop(0)
        else:
            position.spread[0][2] = keys[-1]
    elif not notes:
        return 0
    put(index, articles)
    index.commit(position.write())
    return max(1, len(articles))


def put(index: Engine, articles: Iterable[int]) -> None:
    """Put these articles in as the database has them now; take out those that do not belong."""
    keys, zone = sorted(articles), the_publication().zone
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        found = list(documents(some, zone))
        index.put(found)
        index.delete(set(some) - {document.key for document in found})


class Indexer:
    """Keeps this host's index true, and builds it where there is none that can be used."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._index: Index | None = None

    def run(self) -> None:
        """Work until `stop`. Where another process of this host does, wait for its end."""
        while not self._stop.is_set():
            try:
                with house.only_one("writing"), closing(self):
                    self._work()
            except house.Busy:
                self._stop.wait(PAUSE)
            except Unreachable as error:
                log.error("The library cannot be indexed: %s", error)
                self._stop.wait(PAUSE)
            except OSError as error:
                log.error("The library's folder cannot be used: %s", error)
                self._stop.wait(PAUSE)
        connection.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                close_old_connections()
                if not self.step():
                    self._stop.wait(EVERY)
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                log.warning("Changes cannot be indexed: %s", " ".join(str(error).split()))
                self._stop.wait(PAUSE)
            except house.Busy as error:
                log.debug("Another indexes or builds: %s", error)
                self.close()
                self._stop.wait(PAUSE)
            except Unreachable as error:
                log.warning("Changes are indexed when the search cluster is there again: %s", error)
                self.close()
                self._stop.wait(PAUSE)
            except (Broken, OSError) as error:
                # Nothing is lost: the notes are read again. A full disk ends up here.
                log.error(
                    "The index could not be written, tried again soon: %s%s", error, house.no_room()
                )
                self.close()
                self._stop.wait(PAUSE)
            except build.Stopped:
                return
            except Exception:
                # Without this thread nothing would reach the index until somebody noticed.
                log.exception("The indexer met an error it does not know, and tries again.")
                self.close()
                self._stop.wait(PAUSE)

    def step(self, *, relating: bool = True) -> int:
        """Bring some of what has changed into the live index, or build one; if that is true, find
        what some articles lead on to. Says how much was done; 0: nothing is left to do."""
        index = self._live()
        if index is None:
            self.close()
            return build.build(stopped=self._stop.is_set).articles + 1
        try:
            return apply(index) or (self._relate(index) if relating else 0)
        except Gone:  # another was put in its place: there is something to do at once
            self.close()
            return 1

    def _relate(self, index: Index) -> int:
        """Find what some articles lead on to, whenever there is nothing to index."""
        taken = related.take(timezone.now())
        if taken and (indexed := apply(index)):  # noted before they were taken
            taken.give_back()
            return indexed
        return related.renew(index, taken)

    def _live(self) -> Index | None:
        """The live index, ready for writing; None where another must be built."""
        index = house.to_write(self._index)
        if index is None or index.language != the_publication().language:
            return None
        if index is self._index:
            return index
        self.close()
        if Position.read(index.position()).left_behind():
            log.warning("The library's index is built anew: notes it never read are gone.")
            return None
        index.write()
        self._index = index
        return index

    def close(self) -> None:
        """Let go of the index."""
        if self._index is not None:
            index, self._index = self._index, None
            try:
                index.close()
            except (Broken, Unreachable, house.Busy) as error:
                log.debug("An index was gone before it was closed: %s", error)

    def stop(self) -> None:
        """Let `run` return after the step at hand."""
        self._stop.set()


class Work(Protocol):
    """What is done in a thread of its own until it is told to stop."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def in_background(name: str, work: Work) -> Iterator[None]:
    """Within this block, a thread of this process does this work."""
    thread = threading.Thread(target=work.run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        work.stop()
        thread.join(timeout=10)


@contextmanager
def indexing() -> Iterator[None]:
    """Within this block, a thread of this process keeps the index true."""
    with in_background("indexer", Indexer()):
        yield
