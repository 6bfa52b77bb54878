"""What a line notes beside the ledger: a line of text before each body leaves.

It is appended to a file of this host with one write and no flush, so it outlives the process
(kill -9), but not the machine: a journal is good only within one boot, whose id is part of its
name. As long as its sender lives it holds the file's lock. Its first line names the batch; each
further one the answers that came since, then the delivery whose body leaves next:

    batch 71 3
    8589934593
    A250 8589934594
    R554 8589934595
    A250 .

The last says that nothing more is under way. A line without its end was being written when the
sender died, so its body did not leave.
"""

import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from secrets import token_hex

from standfirst.newsletters.delivery.road import Answer, Outcome

SUFFIX = ".journal"
LETTERS = {
    Outcome.ACCEPTED: "A",
    Outcome.REFUSED: "R",
    Outcome.DEFERRED: "D",
    Outcome.UNCERTAIN: "U",
    Outcome.NOT_TRIED: "N",
}
OUTCOMES = {letter: outcome for outcome, letter in LETTERS.items()}


@cache
def boot() -> str:
    """What tells this run of the machine from the one before, or another machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not on Linux: good for as long as this process
        return token_hex(16)


def is_of_this_boot(name: str) -> bool:
    """Was the journal of this name begun on this machine since it started?"""
    return name.endswith(f"@{boot()}")


class Journal:
    """The journal of one line. `name` is the worker's name in the ledger."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            who = f"{socket.gethostname()[:30]}-{os.getpid()}-{token_hex(6)}"
            self.name = f"{who}@{boot()}"
            self._path = path_of(folder, self.name)
            self._file = os.open(
                self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if _is_the_file(self._file, self._path):
                break
            os.close(self._file)  # somebody tidied it away before it was locked
        self._answers = ""

    def begin(self, batch: int, claim: int) -> None:
        """What follows is of this batch; the one before is settled in the ledger."""
        os.ftruncate(self._file, 0)
        self._answers = ""
        self._write(f"batch {batch} {claim}\n")

    def leaves(self, delivery: int) -> None:
        """The body of a delivery leaves next."""
        self._write(f"{self._answers}{delivery}\n")
        self._answers = ""

    def answered(self, answer: Answer) -> None:
        """One of those whose bodies left is answered, the first that was not yet."""
        self._answers += f"{LETTERS[answer.outcome]}{answer.code} "

    def end(self) -> None:
        """Nothing more is under way."""
        self._write(f"{self._answers}.\n")
        self._answers = ""

    def close(self) -> None:
        """All that it told is in the ledger: take it away."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _write(self, line: str) -> None:
        data = line.encode()
        if os.write(self._file, data) != len(data):
            raise OSError(f"There is no room for {self._path}. Make some: nothing is sent before.")


def path_of(folder: Path, name: str) -> Path:
    """The file of a journal."""
    return folder / f"{name}{SUFFIX}"


def journals_in(folder: Path) -> Iterator[str]:
    """The names of the journals that are here."""
    for path in folder.glob(f"*{SUFFIX}"):
        yield path.name.removesuffix(SUFFIX)


# -- reading what a dead sender left --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Noted:
    """One delivery whose body left; `outcome` None: nobody knows how it was answered."""

    delivery: int
    outcome: Outcome | None = None
    code: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What a journal tells of its last batch."""

    batch: int = 0
    claim: int = 0
    noted: Sequence[Noted] = ()


class Abandoned:
    """A journal whose sender is dead, locked until it is closed."""

    def __init__(self, path: Path, file: int) -> None:
        self._path, self._file = path, file

    def read(self) -> Left:
        os.lseek(self._file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as file:
            return read(file.read())

    def close(self, *, done: bool) -> None:
        """`done`: what it told is in the ledger, take it away."""
        if done:
            self._path.unlink(missing_ok=True)
        os.close(self._file)


class StillHeld(Exception):  # noqa: N818
    """The journal's sender lives."""


def take_over(folder: Path, name: str) -> Abandoned | None:
    """The journal of a dead sender; None where there is none. Raises StillHeld."""
    path = path_of(folder, name)
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise StillHeld(name) from None
    if not _is_the_file(file, path):
        os.close(file)
        return None
    return Abandoned(path, file)


def read(data: bytes) -> Left:
    """What stands in a journal."""
    lines = data.decode("ascii", "replace").split("\n")[:-1]  # the last has no end
    if not lines or not lines[0].startswith("batch "):
        return Left()
    _, batch, claim = lines[0].split()
    order: list[int] = []
    answers: list[tuple[Outcome, int]] = []
    for line in lines[1:]:
        *told, what = line.split(" ")
        answers += ((OUTCOMES[one[0]], int(one[1:])) for one in told)
        if what != ".":
            order.append(int(what))
    noted = [
        Noted(delivery, *answers[n]) if n < len(answers) else Noted(delivery)
        for n, delivery in enumerate(order)
    ]
    return Left(int(batch), int(claim), noted)


def _is_the_file(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
