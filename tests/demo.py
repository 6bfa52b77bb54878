"""The demo as a newcomer gets it: `standfirst demo` in processes of its own, in an empty folder."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import free_port


@contextmanager
def running_demo(home: Path, *arguments: str, wait: float = 600) -> Iterator[str]:
    """Start the demo, wait until it answers, give its address, and stop it with Ctrl-C."""
    port = free_port()
    ours = {"DATABASE_URL", "STANDFIRST_HOME", "DEMO", "BASE_URL", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    log = (home / "demo.log").open("w+")
    command = [sys.executable, "-m", "standfirst", "demo"]
    process = subprocess.Popen(
        [*command, "--home", str(home / "magazine"), "--port", str(port), *arguments],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=home,
        start_new_session=True,
    )
    address = f"http://localhost:{port}"
    try:
        end = time.monotonic() + wait
        while not _answers(f"{address}/healthz"):
            said = (home / "demo.log").read_text()
            assert process.poll() is None, f"the demo ended:\n{said}"
            assert time.monotonic() < end, f"the demo does not answer:\n{said}"
            time.sleep(0.3)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            log.close()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
