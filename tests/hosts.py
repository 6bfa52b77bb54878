"""Several hosts of one magazine on this machine: each with its own doors, Django and page store."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent

# Style sheets need not be collected, and passwords need not be slow.
SETTINGS = """
from standfirst.project.settings import *
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""

# Tables from the models: quicker than all of Wagtail's migrations, which `serve` asks for.
TABLES = """
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
recorder = MigrationRecorder(connection)
recorder.ensure_schema()
with connection.schema_editor() as editor:
    for model in apps.get_models():
        if model._meta.managed and "Migration" not in model.__name__:
            editor.create_model(model)
for key in MigrationLoader(None).graph.nodes:
    recorder.record_applied(*key)
call_command("createcachetable", verbosity=0)
"""

# The library of false clocks breaks clock_nanosleep(2), with which Python sleeps.
SLEEP = """
import threading, time
time.sleep = lambda seconds: threading.Event().wait(seconds) and None
"""

SHELL = """
import sys
from standfirst.project.cli import start_django
start_django()
from django.db import connection
names = {}
for line in sys.stdin:
    try:
        exec(eval(line), names)
        said = repr(names.pop("answer", None))
    except Exception as error:
        said = f"!{error!r}"
    finally:
        connection.close()
    print(said, flush=True)
"""


def false_clock() -> Path | None:
    """The library that gives a process another time, where it is installed."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@dataclass
class Host:
    """One machine of the magazine: a folder, a port, and a shell in which its Python can be run."""

    home: Path
    database: str
    ahead: int = 0  # seconds by which its clock is wrong
    port: int = field(default_factory=free_port)
    _shell: "subprocess.Popen[str] | None" = None

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        (self.home / "settings.py").write_text(SETTINGS)
        if self.ahead:
            (self.home / "sitecustomize.py").write_text(SLEEP)
        (self.home / "static").mkdir()
        (self.home / "static" / "staticfiles.json").write_text("{}")  # `serve` looks for it

    @property
    def pages(self) -> Path:
        return self.home / "pages" / "pages.sqlite3"

    def started(self, *command: str) -> "subprocess.Popen[str]":
        """A process of this host."""
        ours = {"DJANGO_SETTINGS_MODULE", "DEMO", "PAGE_STORE"}
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        environment |= {
            "STANDFIRST_HOME": str(self.home),
            "DATABASE_URL": self.database,
            "SECRET_KEY": "for-tests-only-" + "x" * 50,
            "BASE_URL": f"http://localhost:{self.port}",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        }
        if self.ahead:
            environment |= {
                "LD_PRELOAD": str(false_clock()),
                "FAKETIME": f"{self.ahead:+d}s",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "PYTHONPATH": os.pathsep.join([str(self.home), environment["PYTHONPATH"]]),
            }
        with (self.home / "log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, *command],
                env=environment,
                cwd=self.home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if command[0] == "-c" else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def do(self, code: str) -> object:
        """Run Python in a process of this host that knows Django; gives what it calls `answer`."""
        if self._shell is None:
            self._shell = self.started("-c", SHELL)
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(repr(code) + "\n")
        self._shell.stdin.flush()
        said = self._shell.stdout.readline()
        assert said, (self.home / "log").read_text()
        assert not said.startswith("!"), said
        return eval(said)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """`standfirst serve`, until the block ends."""
        process = self.started(
            *("-m", "standfirst", "serve", "--port", str(self.port)),
            *("--doors", "1", "--workers", "1"),
        )
        try:
            end = time.monotonic() + 180
            while Reader().get(self, "/healthz")[0] != 200:
                assert process.poll() is None, (self.home / "log").read_text()
                assert time.monotonic() < end, (self.home / "log").read_text()
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if self._shell:
                self._shell.kill()


@dataclass
class Reader:
    """A browser with its cookies."""

    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, host: Host, path: str) -> tuple[int, str]:
        """Status and text; (0, "") where nobody answers."""
        return self._ask(host, "GET", path)

    def post(self, host: Host, path: str, **form: object) -> tuple[int, str]:
        return self._ask(host, "POST", path, urlencode(form))

    def _ask(self, host: Host, method: str, path: str, body: str = "") -> tuple[int, str]:
        headers = {"Sec-Fetch-Site": "same-origin", "Connection": "close"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("localhost", host.port, timeout=30)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = line.partition(";")[0].partition("=")
                self.cookies[name] = value.strip('"') if value == '""' else value
                if re.search(r"max-age=0\b", line, re.IGNORECASE):
                    del self.cookies[name]
            return answer.status, answer.read().decode("utf-8", "replace")
        except OSError:
            return 0, ""
        finally:
            connection.close()
