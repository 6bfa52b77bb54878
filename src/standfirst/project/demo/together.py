"""Server and worker as two children of one process that ends them together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

SECONDS_TO_START = 60
SECONDS_TO_STOP = 15
RESTARTS = 3


class _Stopped(Exception):  # noqa: N818
    pass


class Child:
    """A program of ours in a session of its own, so that Ctrl-C reaches it through us, once."""

    def __init__(self, command: list[str], stdout: int | None = None) -> None:
        self._command, self._stdout = command, stdout
        self.restarts = 0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  our own program
            self._command,
            stdout=self._stdout,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def start_again(self) -> None:
        self.restarts += 1
        self.process = self._start()


def run_together(
    port: int, ready: Callable[[], None], beside: Mapping[str, Child] | None = None
) -> int:
    """Run `standfirst serve` and `standfirst worker` until Ctrl-C. Returns the exit code.

    `ready` is called once the server answers. A child that dies is started again, a few times; so
    are those that run `beside` already, and that whoever started them ends.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    ours: dict[str, Child] = {}
    try:
        for name, verb in {"server": ["serve", "--port", str(port)], "worker": ["worker"]}.items():
            ours[name] = Child([sys.executable, "-m", "standfirst", *verb])
        _wait_for(port, ours["server"])
        ready()
        while True:
            time.sleep(0.5)
            for name, child in {**ours, **(beside or {})}.items():
                if child.is_alive:
                    continue
                code = child.process.returncode
                if child.restarts == RESTARTS:
                    print(
                        f"standfirst: the {name} died {RESTARTS + 1} times (exit code {code}), so "
                        "the demo ends.",
                        file=sys.stderr,
                    )
                    return 1
                print(
                    f"standfirst: the {name} died (exit code {code}); it is started again.",
                    file=sys.stderr,
                )
                child.start_again()
    except _Stopped:
        print("\nStopping …", file=sys.stderr)
        return 0
    except TimeoutError as error:
        print(f"standfirst: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        end(ours.values())


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _end_with_parent() -> None:
    """On Linux: be told to end when the parent is killed (PR_SET_PDEATHSIG, prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _wait_for(port: int, server: Child) -> None:
    for _ in range(SECONDS_TO_START * 10):
        if not server.is_alive:
            raise TimeoutError("the server did not start; the reason stands above.")
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"the server did not answer within {SECONDS_TO_START} seconds.")


def end(children: Iterable[Child]) -> None:
    """Let them stop, and kill what has not within a while."""
    running = [child.process for child in children]
    for process in running:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + SECONDS_TO_STOP
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
