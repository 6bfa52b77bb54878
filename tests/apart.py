"""Processes of their own on the test's database, for tests that kill them or let them compete.

Each begins in a few milliseconds: it is a fork of a program that has loaded everything and touched
nothing (the forkserver of `multiprocessing`), where a new Python would load Django for seconds.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from unittest.mock import patch

from django.conf import settings
from django.db import connection

_FORKS = multiprocessing.get_context("forkserver")


class Apart:
    """A process that speaks and hears in lines."""

    def __init__(self, act: Callable[..., object], arguments: tuple[object, ...], **given: object):
        self._said, said = _FORKS.Pipe(duplex=False)
        heard, self._heard = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_run, args=(act, arguments, given, said, heard), daemon=True
        )
        self._process.start()
        said.close()
        heard.close()
        self._lines = os.fdopen(os.dup(self._said.fileno()))

    def line(self) -> str:
        """The next line it says; nothing once it has ended."""
        return self._lines.readline()

    def tell(self, line: str) -> None:
        os.write(self._heard.fileno(), f"{line}\n".encode())

    def kill(self) -> str:
        """kill -9; gives what it had said."""
        self._process.kill()
        return self.rest()

    def rest(self, seconds: float = 60) -> str:
        """What it says until it ends. Raises AssertionError where it does not."""
        said = self._lines.read()
        self._process.join(seconds)
        assert self._process.exitcode is not None, "it does not end"
        return said

    @property
    def code(self) -> int | None:
        """Its exit code: negative for the signal that killed it, None while it runs."""
        return self._process.exitcode


def begin(act: Callable[..., object], *arguments: object, **given: object) -> Apart:
    """Run a function of a module in a process of its own, with these settings of Django's.

    What it prints is what it says, and its standard input is what it is told.
    """
    environment = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    with patch.dict(os.environ, environment):  # for the first, which begins the forkserver
        _FORKS.set_forkserver_preload(["tests.loaded"])
        return Apart(act, arguments, **given)


def database_url() -> str:
    """The test's database, as for DATABASE_URL."""
    found = connection.settings_dict
    if connection.vendor == "postgresql":
        return f"postgres://{found['USER']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"
    return f"sqlite:///{found['NAME']}"


def _run(
    act: Callable[..., object],
    arguments: tuple[object, ...],
    given: dict[str, object],
    said: Connection,
    heard: Connection,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout = os.fdopen(said.fileno(), "w", buffering=1, closefd=False)
    sys.stdin = os.fdopen(heard.fileno(), closefd=False)
    for name, value in given.items():
        setattr(settings, name, value)
    act(*arguments)
    sys.stdout.flush()
