"""The embedded engine's indexes in a folder of this host: the live one, and the next beside it.

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

from standfirst.library import engine
from standfirst.library.engine import Broken, Busy
from standfirst.library.engines.embedded import Index

log = logging.getLogger("standfirst.library")

LIVE, BUILDING, PROGRESS, DAMAGED = "live", "building", "progress.json", "damaged"


class Folders:
    """The house (`engine.House`) whose indexes lie in the folders of one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: tuple[str, Index] | None = None
        self._opening = threading.Lock()

    # -- the live index ------------------------------------------------------------------------

    def live_folder(self) -> Path | None:
        """The folder of the live index, if there is one."""
        try:
            name = os.readlink(self.root / LIVE)
        except OSError:
            return None
        return self.root / name

    def live(self) -> Index:
        """Opened once in a process, and again after a swap."""
        folder = self.live_folder()
        if folder is None:
            raise Broken("there is no index yet")
        opened = self._opened
        if opened is not None and opened[0] == folder.name:
            return opened[1]
        with self._opening:
            index = Index.open(folder)
            self._opened = (folder.name, index)
            return index

    def reopen(self) -> None:
        self._opened = None

    def damaged(self, error: Broken) -> None:
        self.reopen()
        folder = self.live_folder()
        if folder and folder.is_dir() and not (folder / DAMAGED).exists():
            log.error("The library's index cannot be read and is built anew: %s", error)
            try:
                (folder / DAMAGED).touch()
            except OSError as why:
                log.error("The index could not be marked as damaged: %s", why)

    def to_write(self, current: engine.Index | None) -> Index | None:
        folder = self.live_folder()
        if (
            folder is None
            or not (folder / "meta.json").exists()
            or (folder / DAMAGED).exists()  # some reader found it unreadable
        ):
            return None
        if isinstance(current, Index) and current.folder == folder:
            return current
        try:
            return Index.open(folder)
        except Broken as error:
            log.warning("The library's index is built anew: %s", error)
            return None

    # -- the one beside it ---------------------------------------------------------------------

    @contextmanager
    def only_one(self, what: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{what}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Busy(f"another process is {what} this index") from error
            yield

    @property
    def _building(self) -> Path:
        return self.root / BUILDING

    def begun(self) -> tuple[Index, int] | None:
        try:
            after = int(json.loads((self._building / PROGRESS).read_bytes())["after"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        index = Index.open(self._building)
        index.write(building=True)
        return index, after

    def begin(self, language: str) -> Index:
        self.tear_down()
        index = Index.create(self._building, language)
        index.write(building=True)
        return index

    def note_progress(self, index: engine.Index, after: int) -> None:
        new = self._building / f"{PROGRESS}.new"
        new.write_text(json.dumps({"after": after}), encoding="utf-8")
        new.replace(self._building / PROGRESS)

    def tear_down(self) -> None:
        shutil.rmtree(self._building, ignore_errors=True)

    def swap(self) -> None:
        """Whoever searches in an older one meanwhile holds its files open."""
        (self._building / PROGRESS).unlink(missing_ok=True)
        folder = self.root / f"index-{time.time_ns():x}"
        self._building.rename(folder)
        link = self.root / f"{LIVE}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)
        link.replace(self.root / LIVE)
        for older in self.root.glob("index-*"):
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)
