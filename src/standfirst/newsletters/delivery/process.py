"""A process that sends: what `standfirst mail send` runs, and how the worker starts one."""

import asyncio
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvloop
from django.conf import settings

from standfirst.newsletters.delivery.recovery import work_waits
from standfirst.newsletters.delivery.roads import road
from standfirst.newsletters.delivery.sender import Road, Sender

log = logging.getLogger("standfirst.mail")

LOCK = "senders.lock"
SECONDS_TO_STOP = 20
PAUSE = 10.0  # seconds before another is started after one that ended


def send(*, lines: int, stay: bool, by: Road | None = None, folder: Path | None = None) -> None:
    """Send whatever waits until nothing is left (with `stay`: for ever), or until SIGTERM or
    SIGINT, after which bodies that are leaving get their answers."""
    folder = folder or settings.MAIL_JOURNALS
    with _one_of_the_senders(folder):
        uvloop.run(_run(Sender(by or road(), folder, lines=lines, stay=stay)))


async def _run(sender: Sender) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, sender.stop)
    await sender.run()


@contextmanager
def _one_of_the_senders(folder: Path) -> Iterator[None]:
    """Any number may send on a host; this shows that there is one."""
    file = _lock_file(folder)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)


def somebody_sends(folder: Path) -> bool:
    """Does a sender of this host run?"""
    file = _lock_file(folder)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _lock_file(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


class Children:
    """The worker's senders: processes of their own, so that a long sending holds up no publishing.
    They share the work as senders on other machines would."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []
        self._begun = float("-inf")

    def start_if_needed(self) -> bool:
        """Start them where letters wait and no sender of this host runs. Says whether it did."""
        self._running = [one for one in self._running if one.poll() is None]
        if self._running or time.monotonic() - self._begun < PAUSE:
            return False
        if not work_waits(settings.MAIL_JOURNALS) or somebody_sends(settings.MAIL_JOURNALS):
            return False
        self._begun = time.monotonic()
        command = [sys.executable, "-m", "standfirst", "mail", "send"]
        several = range(settings.MAIL_SENDERS)
        self._running = [subprocess.Popen(command) for _ in several]  # noqa: S603  our own
        return True

    def stop(self) -> None:
        """End those that run; letters that are leaving are finished."""
        running = [one for one in self._running if one.poll() is None]
        for one in running:
            one.terminate()
        end = time.monotonic() + SECONDS_TO_STOP
        for one in running:
            with suppress(subprocess.TimeoutExpired):
                one.wait(max(0.1, end - time.monotonic()))
