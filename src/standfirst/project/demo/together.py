"""Server and worker as two children of one process that ends them together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

SECONDS_TO_START = 60
SECONDS_TO_STOP = 15
RESTARTS = 3


class _Stopped(Exception):  # noqa: N818
    pass


def run_together(port: int, ready: Callable[[], None]) -> int:
    """Run `standfirst serve` and `standfirst worker` until Ctrl-C. Returns the exit code.

    `ready` is called once the server answers. A child that dies is started again, a few times.
    """
    verbs = {
        "server": ["serve", "--port", str(port)],
        "worker": ["worker"],
    }
    restarts = dict.fromkeys(verbs, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, verb in verbs.items():
            children[name] = _start(verb)
        _wait_for(port, children["server"])
        ready()
        while True:
            time.sleep(0.5)
            for name, child in children.items():
                if child.poll() is None:
                    continue
                restarts[name] += 1
                if restarts[name] > RESTARTS:
                    print(
                        f"standfirst: the {name} died {RESTARTS + 1} times (exit code "
                        f"{child.returncode}), so the demo ends.",
                        file=sys.stderr,
                    )
                    return 1
                print(
                    f"standfirst: the {name} died (exit code {child.returncode}); it is started "
                    "again.",
                    file=sys.stderr,
                )
                children[name] = _start(verbs[name])
    except _Stopped:
        print("\nStopping …", file=sys.stderr)
        return 0
    except TimeoutError as error:
        print(f"standfirst: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _end(children)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _start(verb: list[str]) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches it through us and only once."""
    return subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "standfirst", *verb],
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )


def _end_with_parent() -> None:
    """On Linux: be told to end when the parent is killed (PR_SET_PDEATHSIG, prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(SECONDS_TO_START * 10):
        if server.poll() is not None:
            raise TimeoutError("the server did not start; the reason stands above.")
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"the server did not answer within {SECONDS_TO_START} seconds.")


def _end(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + SECONDS_TO_STOP
    for child in children.values():
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
