"""A sender as a process of its own, for tests that kill it: `Mailer` begins one in a few
milliseconds, since each is a fork of a program that has everything loaded.

Run as a program (by Mailer) it forks a sender for each line of its input, says its number, and then
how it ended. The line (JSON) says: sink (port), journals (folder), lines, patience (as a share of
the usual), lease (seconds), boot (as if on another machine), jump (seconds by which the clock is
set on after a moment).
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Mailer:
    """Begins senders, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = 0

    def begin(self, sink: int, journals: Path, **more: object) -> int:
        """A new sender; the one before has ended."""
        assert self._process.stdin
        given = {"sink": sink, "journals": str(journals), **more}
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        self.pid = int(self._said())
        return self.pid

    def wait(self) -> int:
        """Its end: 0, or minus the signal that killed it."""
        ended = int(self._said())
        self.pid = 0
        return ended

    def run(self, sink: int, journals: Path, **more: object) -> None:
        """Send until nothing is left."""
        self.begin(sink, journals, **more)
        assert self.wait() == 0

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def kill_after(self, seconds: float, sink: int, journals: Path, **more: object) -> None:
        """Begin one, and end it as kill -9 does."""
        self.begin(sink, journals, **more)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def kill_at_work(
        self, seconds: float, record: Path, sink: int, journals: Path, **more: object
    ) -> bool:
        """Begin one, and kill it so long after its first letter arrived. Was it at work?"""
        before = _size(record)
        self.begin(sink, journals, **more)
        end = time.monotonic() + 10
        while _size(record) == before and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def _said(self) -> str:
        assert self._process.stdout
        said = self._process.stdout.readline()
        assert said, "the mailer has ended"
        return said


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


@contextmanager
def mailer(database: str) -> Iterator[Mailer]:
    """`database` is as for DATABASE_URL."""
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mailer"],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    made = Mailer(process)
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield made
    finally:
        with suppress(ProcessLookupError, PermissionError):
            if made.pid:
                os.kill(made.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def moments(kills: int, shortest: float = 0.0, longest: float = 0.12) -> Iterator[float]:
    """Random moments in a sender's life; the same ones for the same KILLS_SEED."""
    chance = random.Random(os.environ.get("KILLS_SEED", "1"))
    for _ in range(kills):
        yield chance.uniform(shortest, longest)


def main() -> None:
    import django

    django.setup()
    import asyncio  # noqa: F401

    import uvloop  # noqa: F401
    from django.utils import timezone

    from standfirst.newsletters.delivery import clerk, journal, ledger, process, rules, sender
    from standfirst.newsletters.delivery.roads import SmtpRoad
    from standfirst.newsletters.delivery.smtp import Patience, Server

    sender.IDLE, sender.LOOKS = 0.4, 0.05
    clerk.LOOKED_EVERY = 0.2
    clerk.PAUSES = (1,)
    rules.PAUSES = (0.01,) * 5  # minutes
    rules.RESTS = rules.REACHING = (0.3,)  # seconds

    def road(given: dict[str, Any]) -> SmtpRoad:
        patience = Patience().times(given.get("patience", 0.005))
        return SmtpRoad(Server("127.0.0.1", given["sink"], patience=patience))

    def send(given: dict[str, Any]) -> None:
        if lease := given.get("lease"):
            ledger.LEASE, clerk.MARGIN, clerk.RENEWED_EVERY = lease, lease / 10, lease / 4
        if boot := given.get("boot"):
            journal.boot = lambda: boot
        if jump := given.get("jump"):
            _set_the_clock(timezone, jump)
        lines, folder = given.get("lines", 3), Path(given["journals"])
        process.send(lines=lines, stay=False, by=road(given), folder=folder)

    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _in_a_child(send, json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _in_a_child(send: Callable[[dict[str, Any]], None], given: dict[str, Any]) -> None:
    code = 1
    try:
        send(given)
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _set_the_clock(timezone: object, jump: float) -> None:
    from datetime import timedelta

    right = timezone.now  # type: ignore[attr-defined]

    def set_it() -> None:
        timezone.now = lambda: right() + timedelta(seconds=jump)  # type: ignore[attr-defined]

    threading.Timer(0.15, set_it).start()


if __name__ == "__main__":
    main()
