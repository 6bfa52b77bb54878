"""The web server: doors that answer from kept pages, and Django behind them on a local socket."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

from django.conf import settings
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from standfirst.reading import passes
from standfirst.reading.door import Config
from standfirst.reading.follower import Follower

log = logging.getLogger("standfirst.serve")

TARGET = "standfirst.project.wsgi:application"
# Little waits here but the database, so a few threads beside one another are enough.
THREADS = 4
SECONDS_TO_STOP = 12
PAUSE_AFTER_DEATH = 1.0  # seconds, so that what cannot start does not spin


def serve_plainly(
    host: str, port: int, workers: int, *, uds: Path | None = None, log_requests: bool = False
) -> None:
    """Serve with Django alone until SIGINT or SIGTERM, on a port or on a local socket (`uds`).

    A worker process that dies is replaced.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "standfirst.project.settings")
    Server(
        TARGET,
        address=host,
        port=port,
        uds=uds,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_level=LogLevels.info if log_requests else LogLevels.warning,
        log_access=log_requests,
    ).serve()


def serve(
    listening: socket.socket,
    workers: int,
    doors: int,
    *,
    press: bool = True,
    log_requests: bool = False,
) -> None:
    """Serve with `doors` door processes and `workers` of Django until SIGINT or SIGTERM.

    With `press` another process compresses kept pages as well as can be, in idle moments.

    A process that dies is started again; the others go on meanwhile.
    """
    folder = Path(tempfile.mkdtemp(prefix="standfirst-"))  # of this user alone
    try:
        _Processes(listening, folder / "django", workers, doors, press, log_requests).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Stopped(Exception):  # noqa: N818
    pass


class _Processes:
    """The children of `standfirst serve`, and the thread that follows changes for this host."""

    def __init__(
        self,
        listening: socket.socket,
        django: Path,
        workers: int,
        doors: int,
        press: bool,
        log_requests: bool,
    ) -> None:
        self._listening, self._django = listening, django
        options = ["--log-requests"] if log_requests else []
        behind = [sys.executable, "-m", "standfirst.project.behind", str(django), str(workers)]
        door = [sys.executable, "-m", "standfirst.reading.wire", str(listening.fileno())]
        told = _config(django).to_environment()
        self._todo: dict[str, tuple[list[str], Mapping[str, str]]] = {
            "django": ([*behind, *options], {"STANDFIRST_BEHIND_DOOR": "1"}),
            **{f"door {n + 1}": ([*door, *options], told) for n in range(doors)},
        }
        if press:
            module = [sys.executable, "-m", "standfirst.reading.press"]
            self._todo["press"] = ([*module, str(settings.PAGE_STORE)], {})
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        follower = Follower()
        following = threading.Thread(target=follower.run, daemon=True)
        try:
            for name in self._todo:
                self._start(name)
            following.start()
            while True:
                time.sleep(0.2)
                for name, child in self._running.items():
                    if child.poll() is not None:
                        log.warning("%s ended (%s); it is started again.", name, child.returncode)
                        time.sleep(PAUSE_AFTER_DEATH if child.returncode == 1 else 0)
                        with suppress(ProcessLookupError):
                            os.killpg(child.pid, signal.SIGKILL)  # workers it has left behind
                        self._start(name)
        except _Stopped:
            pass
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            follower.stop()
            self._end()

    def _start(self, name: str) -> None:
        command, told = self._todo[name]
        if name == "django":
            self._django.unlink(missing_ok=True)  # of one that was killed
        self._running[name] = subprocess.Popen(  # noqa: S603  our own program
            command,
            env={**os.environ, **told},
            pass_fds=[self._listening.fileno()] if name.startswith("door") else [],
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    def _end(self) -> None:
        self._listening.close()
        for child in self._running.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + SECONDS_TO_STOP
        for child in self._running.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _config(django: Path) -> Config:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    place = Path(settings.PAGE_STORE)
    return Config(
        generations=str(place / "generations"),
        store=str(place / "pages.sqlite3"),
        django=str(django),
        keys=tuple(passes.key_of(key).hex() for key in keys),
        hosts=tuple(settings.ALLOWED_HOSTS),
        proxies=tuple(settings.TRUSTED_PROXIES),
        session_cookie=settings.SESSION_COOKIE_NAME,
    )


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _end_with_parent() -> None:
    """On Linux: be told to end when the parent is killed (PR_SET_PDEATHSIG, prctl(2))."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
