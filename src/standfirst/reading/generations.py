"""Numbers in a small file that every process of a host maps: what was true when.

A pass carries the number at which its truth was read. Whatever changes a member's standing raises
the member's number, so that an older pass proves nothing from then on. Looking costs less than a
microsecond. No framework here: the door reads, Django writes.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOTS = 65_536  # members share a slot by chance: then one change asks Django about both
_MAGIC = 0x3153_5446_5244_4E53
_EPOCH, _PAGES, _NEXT, _ALL, _FIRST = 1, 2, 3, 4, 8
_SIZE = (_FIRST + SLOTS) * 8


class Generations:
    """The numbers of this host. Made anew where the file is missing: older passes then end.

    Raises OSError where the file can be neither read nor made.
    """

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self._path, self._make = path, make
        self._open()

    def _open(self) -> None:
        while True:
            file = _opened(self._path, self._make)
            with os.fdopen(file, "rb+") as handle:
                self._inode = os.fstat(file).st_ino
                self._map = mmap.mmap(handle.fileno(), _SIZE)
            self._numbers = memoryview(self._map).cast("Q")
            if self._numbers[0] == _MAGIC:
                return
            # Not one of ours, or cut short: out of the way with it.
            self._path.unlink(missing_ok=True)
            if not self._make:
                raise OSError(f"{self._path} is not a file of generations")

    def fresh(self) -> bool:
        """Look whether the file is still the one that was opened; says whether it was another.

        Raises OSError where it is gone and this process does not make it.
        """
        try:
            if os.stat(self._path).st_ino == self._inode:
                return False
        except FileNotFoundError:
            pass
        self._open()
        return True

    @property
    def epoch(self) -> int:
        """A number by chance, another one for every file."""
        return int(self._numbers[_EPOCH])

    @property
    def pages(self) -> int:
        """Raised whenever kept pages are dropped."""
        return int(self._numbers[_PAGES])

    @property
    def now(self) -> int:
        """The number for a pass whose truth is read after this."""
        return int(self._numbers[_NEXT])

    def holds(self, member: int, epoch: int, generation: int) -> bool:
        """Has nothing changed for a member since a pass was given this number?"""
        numbers = self._numbers
        return bool(
            numbers[_EPOCH] == epoch
            and numbers[_FIRST + member % SLOTS] <= generation
            and numbers[_ALL] <= generation <= numbers[_NEXT]
        )

    def raise_member(self, member: int) -> None:
        """From now on older passes of this member prove nothing."""
        self._raise(_FIRST + member % SLOTS)

    def raise_all(self) -> None:
        """From now on no older pass proves anything."""
        self._raise(_ALL)

    def _raise(self, slot: int) -> None:
        with self._locked():
            self._numbers[_NEXT] += 1
            self._numbers[slot] = self._numbers[_NEXT]

    def raise_pages(self) -> None:
        """Tell the doors to forget what they hold in memory."""
        with self._locked():
            self._numbers[_PAGES] += 1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.fresh()
        lock = os.open(self._path, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _opened(path: Path, make: bool) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError:
        if not make:
            raise
    # Made whole beside its place, so that nobody ever sees half of it; who comes second takes
    # what the first has made.
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    header = (_MAGIC, int.from_bytes(os.urandom(7), "big"), 1, 1, 1)
    content = b"".join(number.to_bytes(8, "little") for number in header)
    beside.write_bytes(content.ljust(_SIZE, b"\0"))
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    return os.open(path, os.O_RDWR)
