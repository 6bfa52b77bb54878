"""Gives every article its vectors, in the background, behind the index of words."""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models import Count, Max

from standfirst.library import house
from standfirst.library.documents import documents, indexed
from standfirst.library.engine import Broken, Document
from standfirst.library.indexer import in_background
from standfirst.library.models import Note, Vectors
from standfirst.library.semantic.model import Embedder, lacking, load
from standfirst.library.semantic.passages import passages
from standfirst.publication.queries import the_publication

if TYPE_CHECKING:
    from standfirst.library.semantic.store import Rows

log = logging.getLogger("standfirst.library")

EVERY, PAUSE = 2.0, 30.0  # seconds between two looks; after something went wrong
AT_ONCE = 4  # articles that are read, and 8 passages that are computed, before anything else may be
PORTION = 200  # articles, after which those that are done can be found
WRITTEN_AT_ONCE = 500  # articles, into the files
LOWEST = 19  # priority

Progress = Callable[[int, int], None]
Stopped = Callable[[], bool]


def compute(
    embedder: Embedder,
    progress: Progress = lambda done, of: None,
    stopped: Stopped = lambda: False,
    most: int | None = None,
) -> int:
    """Give vectors to the articles of the live index that have none, or older ones; to `most` of
    them. Says how many were looked at.

    Each is stored when it is done, so that a kill loses one at most. Raises Broken."""
    stamps = house.live().stamps()
    held = dict(Vectors.objects.filter(model=embedder.name).values_list("article", "stamp"))
    todo = [key for key, stamp in stamps.items() if held.get(key) != stamp]
    random.shuffle(todo)  # hosts that begin together do not do the same
    todo = todo[:most]
    zone, count = the_publication().zone, 0
    for start in range(0, len(todo), AT_ONCE):
        some = todo[start : start + AT_ONCE]
        before = Vectors.objects.filter(model=embedder.name).in_bulk(some)
        for document in documents(some, zone):
            count += 1
            row = before.get(document.key)
            if row is not None and row.stamp == document.stamp:
                continue  # another host was quicker
            digest = digest_of(document, embedder.name)
            if row is not None and row.digest == digest:
                Vectors.objects.filter(pk=row.pk).update(stamp=document.stamp)
                continue
            data = _vectors(embedder, document, stopped)
            if data is None:
                return count - 1
            fields = {"model": embedder.name, "stamp": document.stamp, "digest": digest}
            Vectors.objects.update_or_create(pk=document.key, defaults=fields | {"data": data})
        progress(min(start + AT_ONCE, len(todo)), len(todo))
        if stopped():
            break
    return count


def _vectors(embedder: Embedder, document: Document, stopped: Stopped) -> bytes | None:
    """All of an article's vectors; None when told to stop meanwhile."""
    texts = passages(document.headline, [*document.open_text, *document.rest])
    data = b""
    for start in range(0, len(texts), 8):
        if stopped():
            return None
        data += embedder.vectors(texts[start : start + 8]).astype("<f2").tobytes()
    return data


def digest_of(document: Document, model: str) -> int:
    """What vectors depend on, as a number."""
    texts = "\0".join([model, document.headline, *document.open_text, *document.rest])
    digest = blake2b(texts.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def forget() -> int:
    """Drop the vectors of articles that are not published any more. Says how many."""
    count, _ = Vectors.objects.exclude(article__in=indexed().values("pk")).delete()
    return count


def write(rows: "Rows", model: str) -> None:
    """Bring this host's files to what the database holds."""
    wanted = dict(Vectors.objects.filter(model=model).values_list("article", "digest"))
    held = rows.held()
    gone = [key for key in held if key not in wanted]
    new = [key for key, digest in wanted.items() if held.get(key) != digest]
    if not gone and not new:
        return
    for start in range(0, max(1, len(new)), WRITTEN_AT_ONCE):
        some = Vectors.objects.filter(pk__in=new[start : start + WRITTEN_AT_ONCE], model=model)
        found = some.values_list("article", "digest", "data")
        rows.change(gone, {key: (digest, bytes(data)) for key, digest, data in found})
        gone = []


class Embedding:
    """Does all of this until told to stop; one for each host, in the worker."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._stop = threading.Event()
        self._embedder = embedder
        self._rows: Rows | None = None
        self._done: Any = None

    def run(self) -> None:
        """Work until `stop`. Where another process of this host does, wait for its end."""
        if hasattr(os, "setpriority"):  # of this thread alone: the indexer comes first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
        while not self._stop.is_set():
            pause = EVERY
            try:
                close_old_connections()
                with house.only_one("embedding"):
                    while not self._stop.is_set() and self.step():
                        pass
            except (house.Busy, Broken):
                pause = PAUSE  # the index is being built, or another process does this
            except (DatabaseError, InterfaceError, OSError) as error:
                connection.close()
                log.warning("Vectors cannot be computed: %s", " ".join(str(error).split()))
                pause = PAUSE
            self._stop.wait(pause)
        connection.close()

    def step(self) -> int:
        """Compute some of what is lacking and write the files, if anything has changed since the
        last look. Says how many articles were looked at; 0: nothing is left to do. Raises Broken.
        """
        state = self._state()
        if state == self._done:
            return 0
        embedder = self._embedder = self._embedder or load(house.root())
        if self._rows is None:
            from standfirst.library.semantic.store import Rows

            self._rows = Rows(house.root() / "vectors", embedder.name, embedder.size)
        count = compute(embedder, stopped=self._stop.is_set, most=PORTION)
        forget()
        write(self._rows, embedder.name)
        self._done = state if not count else None
        return count

    def _state(self) -> Any:
        """Changes with every change of articles, indexes and vectors. The index may be a moment
        behind a note: hence its own state too."""
        notes = Note.objects.aggregate(newest=Max("pk"))
        vectors = Vectors.objects.aggregate(count=Count("pk"), newest=Max("at"))
        folder = house.live_folder()
        index = (folder / "state.json").stat().st_mtime_ns if folder else 0
        minute = time.monotonic() // 60  # an index elsewhere tells nothing
        return notes["newest"], vectors["count"], vectors["newest"], index, minute

    def stop(self) -> None:
        """Let `run` return after the passages at hand."""
        self._stop.set()


@contextmanager
def embedding() -> Iterator[None]:
    """Within this block, a thread of this process gives articles their vectors, where that is
    wished and possible."""
    if not settings.LIBRARY_SEMANTIC:
        yield
        return
    if why := lacking():
        log.warning("Articles are not found by meaning. %s", why)
        yield
        return
    with in_background("embedding", Embedding()):
        yield
