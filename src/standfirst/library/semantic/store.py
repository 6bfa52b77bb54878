"""The vectors of all passages in files of this host, for an exact look-up.

    LIBRARY/vectors/state.json       which files hold, and of which model
    LIBRARY/vectors/rows-...         vectors, numbers of 32 bits, only ever appended to
    LIBRARY/vectors/keys-....npy     for each of them its article (0: gone), and the digest of that

The files are mapped, not read: all processes of a host share one copy in the system's memory.
All of it may be deleted at any moment: it is written anew from the database.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

STATE = "state.json"
MOST_DEAD = 0.5  # share of rows that are gone, before all are written anew


class Rows:
    """What is in the files at this moment; of one model. Empty where there are none."""

    def __init__(self, folder: Path, model: str, size: int) -> None:
        self._folder, self._model, self._size = folder, model, size
        self._none = np.zeros((0, 2), np.int64), np.zeros((0, size), np.float32), "", None
        self._known: tuple[Any, Any, str, object] = self._none

    def look(self) -> tuple[Any, Any, str]:
        """See what has been written since: for each row its article and digest, the rows, and the
        file they are in. Handed out together, since other threads look too."""
        known: tuple[Any, Any, str, object]
        try:
            found = os.stat(self._folder / STATE)
            if self._known[3] == (seen := (found.st_ino, found.st_mtime_ns)):
                return self._known[:3]
            state = json.loads((self._folder / STATE).read_text(encoding="utf-8"))
            if state["model"] != self._model:
                raise ValueError("of another model")
            keys = np.load(self._folder / state["keys"])
            shape = (len(keys), self._size)
            rows = (
                np.memmap(self._folder / state["rows"], np.float32, "r", shape=shape)
                if len(keys)
                else np.zeros(shape, np.float32)
            )
            known = keys, rows, state["rows"], seen
        except (OSError, ValueError, KeyError):
            known = self._none
        self._known = known
        return known[:3]

    def nearest(self, vector: Any, count: int, least: float) -> list[int]:
        """The articles nearest to it, the best first: each by its best passage, if that is at
        least so alike (from -1 to 1)."""
        keys, rows, _ = self.look()
        alike = np.asarray(rows @ vector)
        alike[keys[:, 0] == 0] = -1
        near = np.flatnonzero(alike >= least)
        found: dict[int, None] = {}
        for row in near[np.argsort(-alike[near], kind="stable")]:
            found.setdefault(int(keys[row, 0]))
            if len(found) == count:
                break
        return list(found)

    def held(self) -> dict[int, int]:
        """Every article with the digest of what its vectors were made of."""
        return {int(key): int(digest) for key, digest in self.look()[0] if key}

    # -- writing: one process of a host ----------------------------------------------------------

    def change(self, gone: Iterable[int], new: Mapping[int, tuple[int, bytes]]) -> None:
        """Take articles out, and put others in: digest, and numbers of 16 bits. A kill leaves the
        state before."""
        keys, old, now = self.look()
        self._folder.mkdir(parents=True, exist_ok=True)
        out = {*gone, *new}
        keys = keys.copy()
        keys[np.isin(keys[:, 0], np.fromiter(out, np.int64, len(out))), 0] = 0
        alive = keys[:, 0] != 0
        anew = not now or alive.sum() < len(keys) * MOST_DEAD
        added = [
            (key, digest, np.frombuffer(data, "<f2").astype(np.float32).reshape(-1, self._size))
            for key, (digest, data) in new.items()
        ]
        file = f"rows-{time.time_ns():x}" if anew else now
        if anew:
            keys = keys[alive]
        with (self._folder / file).open("wb" if anew else "r+b") as rows:
            if anew:
                for start in range(0, len(alive), 10_000):
                    rows.write(old[start : start + 10_000][alive[start : start + 10_000]].tobytes())
            rows.seek(len(keys) * self._size * 4)
            for _, _, vectors in added:
                rows.write(vectors.tobytes())
            rows.flush()
            os.fsync(rows.fileno())
        more = [row for key, digest, vectors in added for row in [(key, digest)] * len(vectors)]
        keys = np.concatenate([keys, np.array(more, np.int64).reshape(-1, 2)])
        self._publish(file, keys)

    def _publish(self, file: str, keys: Any) -> None:
        name = f"keys-{time.time_ns():x}.npy"
        np.save(self._folder / name, keys)
        new = self._folder / f"{STATE}.new"
        with new.open("w", encoding="utf-8") as state:
            json.dump({"model": self._model, "rows": file, "keys": name}, state)
            state.flush()
            os.fsync(state.fileno())
        new.replace(self._folder / STATE)
        for other in self._folder.glob("*-*"):
            if other.name not in {file, name}:
                other.unlink(missing_ok=True)
        self._known = self._none
