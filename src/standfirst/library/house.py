"""Where this host's index lies: the live one, and the one that is being built beside it.

    LIBRARY/live            a link to the live index
    LIBRARY/index-...       indexes
    LIBRARY/building        the index that is being built, with what is done of it
    LIBRARY/*.lock          who writes, who builds; held by the system, so that no kill leaves one

All of it may be deleted at any moment: it is built anew from the database.
"""

import fcntl
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from standfirst.library.engine import Broken
from standfirst.library.engines.embedded import Index

log = logging.getLogger("standfirst.library")

LITTLE = 100_000_000  # bytes
LIVE, BUILDING, PROGRESS, DAMAGED = "live", "building", "progress.json", "damaged"

_opened: dict[str, tuple[str, Index]] = {}
_opening = threading.Lock()


class Busy(Exception):  # noqa: N818
    """Another process does this at the moment."""


def root() -> Path:
    """The folder of all indexes of this host."""
    return Path(settings.LIBRARY)


def no_room() -> str:
    """A sentence where the disk has hardly any room left, for an engine that does not say so."""
    try:
        free = shutil.disk_usage(root()).free
    except OSError:
        return ""
    if free > LITTLE:
        return ""
    return f" Only {free / 1e6:,.1f} MB are free where LIBRARY lies: make room there."


# -- the live index ---------------------------------------------------------------------------


def live_folder() -> Path | None:
    """The folder of the live index, if there is one."""
    try:
        name = os.readlink(root() / LIVE)
    except OSError:
        return None
    return root() / name


def live() -> Index:
    """The live index, for reading; opened once in a process, and again after a swap.

    Raises Broken where there is none that can be read."""
    folder = live_folder()
    if folder is None:
        raise Broken("there is no index yet")
    name, index = _opened.get(str(root()), ("", None))
    if index is not None and name == folder.name:
        return index
    with _opening:
        index = Index.open(folder)
        _opened[str(root())] = (folder.name, index)
        return index


def reopen() -> None:
    """Open the live index anew with the next look."""
    _opened.pop(str(root()), None)


def damaged(error: Broken) -> None:
    """Note that the live index cannot be read, so that the indexer builds another."""
    reopen()
    folder = live_folder()
    if folder and folder.is_dir() and not (folder / DAMAGED).exists():
        log.error("The library's index cannot be read and is built anew: %s", error)
        try:
            (folder / DAMAGED).touch()
        except OSError as why:
            log.error("The index could not be marked as damaged: %s", why)


def is_damaged(folder: Path) -> bool:
    """Has some reader found it unreadable?"""
    return (folder / DAMAGED).exists()


# -- the one beside it -------------------------------------------------------------------------


@contextmanager
def only_one(what: str) -> Iterator[None]:
    """Be the only process of this host that does this. Raises Busy where another does."""
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f"{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another process is {what} this index") from error
        yield


def building() -> Path:
    """The folder of the index that is being built."""
    return root() / BUILDING


def progress() -> dict[str, Any]:
    """What is done of the building; empty where nothing usable is."""
    try:
        done: dict[str, Any] = json.loads((building() / PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return done


def note_progress(done: dict[str, Any]) -> None:
    """Remember what is done, so that a building that was killed goes on from there."""
    new = building() / f"{PROGRESS}.new"
    new.write_text(json.dumps(done), encoding="utf-8")
    new.replace(building() / PROGRESS)


def tear_down() -> None:
    """Throw away what was being built."""
    shutil.rmtree(building(), ignore_errors=True)


def swap() -> Path:
    """Make what was built the live index, in one step, and remove the older ones.

    Whoever searches in an older one meanwhile holds its files open."""
    (building() / PROGRESS).unlink(missing_ok=True)
    folder = root() / f"index-{time.time_ns():x}"
    building().rename(folder)
    link = root() / f"{LIVE}.new"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(root() / LIVE)
    for older in root().glob("index-*"):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)
    return folder
