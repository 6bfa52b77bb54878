"""Real servers between a reader and Django: a door's process, and nginx or Varnish in front of it.

The configurations are those of `deploy/`, with this machine's ports and folders in place of theirs.
Also used by `bench/edge.py`.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from tests.overhttp import Browser
from tests.servers import free_port

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
_MODULES = Path("/usr/lib/nginx/modules")
_LUA = ("ndk_http_module.so", "ngx_http_lua_module.so")

Change = Callable[[str], str]  # of a configuration's text: how a test plants a leak


def missing(kind: str) -> str:
    """What has to be installed for an edge, in a sentence; nothing where it is all there."""
    if kind == "nginx" and not (shutil.which("nginx") and (_MODULES / _LUA[1]).exists()):
        return "nginx with Lua is missing: apt-get install nginx-light libnginx-mod-http-lua"
    xkey = Path("/usr/lib").glob("*/varnish/vmods/libvmod_xkey.so")
    if kind == "varnish" and not (shutil.which("varnishd") and any(xkey)):
        return "Varnish is missing: apt-get install varnish varnish-modules"
    return ""


@contextmanager
def nginx(
    folder: Path, door: int, generations: Path, change: Change = str, workers: int = 1
) -> Iterator[tuple[str, int]]:
    """`deploy/nginx` in front of the door at a port; gives its address and process."""
    port, log = free_port(), folder / "edge.log"
    (folder / "edge.lua").write_text(change((DEPLOY / "nginx" / "edge.lua").read_text()))
    ours = {
        "127.0.0.1:8000": f"127.0.0.1:{door}",
        "listen 80;": f"listen 127.0.0.1:{port};",
        "/etc/nginx/standfirst/?.lua": f"{folder}/?.lua",
        "/srv/magazine/pages/generations": str(generations),
        "/var/log/nginx/magazine.log": str(log),
    }
    site = change(replaced((DEPLOY / "nginx" / "standfirst.conf").read_text(), ours))
    kept = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPORARY)
    (folder / "nginx.conf").write_text(
        "".join(f"load_module {_MODULES / name};\n" for name in _LUA)
        + f"daemon off; worker_processes {workers}; pid {folder}/nginx.pid;\n"
        + ("user root;\n" if os.geteuid() == 0 else "")
        + f"error_log {folder}/error.log;\nevents {{}}\n"
        + f"http {{ keepalive_requests 1000000; {kept}\n{site}\n}}\n"
    )
    command = [
        "nginx",
        "-e",
        f"{folder}/error.log",
        "-p",
        str(folder),
        "-c",
        f"{folder}/nginx.conf",
    ]
    with running(command, port) as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def varnish(
    folder: Path, door: int, generations: Path, change: Change = str
) -> Iterator[tuple[str, int]]:
    """`deploy/varnish` in front of the door at a port; gives its address and process."""
    port = free_port()
    ours = {'.port = "8000"': f'.port = "{door}"'}
    file = folder / "edge.vcl"
    file.write_text(change(replaced((DEPLOY / "varnish" / "standfirst.vcl").read_text(), ours)))
    options = (DEPLOY / "varnish" / "options").read_text().split()
    command = ["varnishd", "-F", "-j", "none", "-n", f"{folder}/varnish", "-T", "none"]
    command += ["-a", f"127.0.0.1:{port}", "-f", str(file), "-s", "malloc,100m", *options]
    with running(command, port) as pid:
        yield f"http://127.0.0.1:{port}", pid


EDGES = {"nginx": nginx, "varnish": varnish}
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def replaced(text: str, ours: dict[str, str]) -> str:
    """A configuration with values of ours; every one of theirs must be there."""
    for old, new in ours.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def running(command: list[str], port: int, **options: Any) -> Iterator[int]:
    """A server until the block ends; begins when it listens."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        end = time.monotonic() + 20
        while True:
            assert process.poll() is None, f"{command[0]} ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, f"{command[0]} does not listen"
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# -- Django and a door, for tests ---------------------------------------------------------------


@contextmanager
def door_and_django(folder: Path) -> Iterator[tuple[int, int]]:
    """A door's process with Django in a thread of this one; gives its port and its process.

    With Django here, a test may change anything with the ORM and see what readers get.
    """
    from standfirst.project.serve import _config

    behind = folder / "django"
    django = _Django(str(behind), _Quiet)
    thread = threading.Thread(target=django.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    command = [sys.executable, "-m", "standfirst.reading.wire", str(listening.fileno())]
    around = {**os.environ, **_config(behind).to_environment(), "PYTHONPATH": _path()}
    try:
        with running(command, port, env=around, pass_fds=[listening.fileno()]) as pid:
            listening.close()
            yield port, pid
    finally:
        django.shutdown()
        django.server_close()
        thread.join()


def _path() -> str:
    import standfirst

    return str(Path(standfirst.__file__).parents[1])


@contextmanager
def served(kind: str, folder: Path, settings: Any, change: Change = str) -> Iterator["Served"]:
    """The test's magazine behind a door (`kind` is `door`) or behind an edge before that.

    `settings` is pytest-django's; PAGE_STORE becomes a folder in `folder`.
    """
    from standfirst.publication.kept import EVERYTHING
    from standfirst.reading import host

    settings.PAGE_STORE = folder / "pages"
    settings.MEDIA_ROOT = folder / "media"
    settings.TRUSTED_PROXIES, settings.BEHIND_DOOR = ["127.0.0.1"], True
    settings.ALLOWED_HOSTS = ["testserver"]
    host.tell([EVERYTHING], 0)
    generations = folder / "pages" / "generations"
    with door_and_django(folder) as (door, pid):
        address = f"http://127.0.0.1:{door}"
        if kind == "door":
            yield Served(kind, address, address, pid)
            return
        with EDGES[kind](folder, door, generations, change) as (edge, _):
            settings.EDGE_PURGE_URLS = [edge] if kind == "varnish" else []
            yield Served(kind, edge, address, pid)


@dataclass
class Served:
    """Where readers ask, where the door is behind that, and the door's process."""

    kind: str
    address: str
    door: str
    pid: int

    def warm(self, *readers: Browser, to: Iterable[str]) -> None:
        """Until it is the edge that answers: Django gives a pass and keeps the page, the door has
        the page, the edge remembers."""
        for again in range(4):
            if again == 2 and self.kind == "varnish":
                time.sleep(
                    1.1
                )  # it does not ask twice in a second about what the door did not know
            for reader in readers:
                for address in to:
                    reader.get(address)


class _Django(ThreadingMixIn, WSGIServer):
    address_family = socket.AF_UNIX
    daemon_threads = True
    request_queue_size = 100

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "testserver", 80
        self.setup_environ()
        from django.core.handlers.wsgi import WSGIHandler

        self.set_app(WSGIHandler())

    def get_request(self) -> tuple[Any, Any]:
        return self.socket.accept()[0], ("127.0.0.1", 0)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass
