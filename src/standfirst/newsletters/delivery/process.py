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


class Child:
    """The worker's sender: a process of its own, so that a long sending holds up no publishing."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = float("-inf")

    def start_if_needed(self) -> bool:
        """Start one where letters wait and none of this host runs. Says whether it did."""
        if self._process and self._process.poll() is None:
            return False
        if time.monotonic() - self._begun < PAUSE or not work_waits(settings.MAIL_JOURNALS):
            return False
        if somebody_sends(settings.MAIL_JOURNALS):
            return False
        self._begun = time.monotonic()
        self._process = subprocess.Popen([sys.executable, "-m", "standfirst", "mail", "send"])
        return True

    def stop(self) -> None:
        """End it, if it runs; letters that are leaving are finished."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_STOP)
