"""Throwaway servers for tests, on loopback.

    python -m tests.servers postgres -- pytest tests/apps

starts a PostgreSQL cluster in a temporary folder, runs the command with DATABASE_URL naming it,
stops the cluster and ends with the command's exit code. Exit code 5 (pytest's “no tests”) and a
sentence, where Debian's package `postgresql` is missing.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_programs() -> Path | None:
    """The folder with initdb and pg_ctl, of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None


class Cluster:
    """A PostgreSQL of our own in a temporary folder; `address` is as for DATABASE_URL."""

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        programs = postgres_programs()
        if programs is None:
            raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
        # PostgreSQL refuses to run as root.
        who = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(folder, who.pw_uid, who.pw_gid)
        self._run: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
        if os.geteuid() == 0:
            self._run |= {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        port = free_port()
        self.address = f"postgres://standfirst@127.0.0.1:{port}/postgres"
        self._control = [programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w"]
        self._options = f"-p {port} -c listen_addresses=127.0.0.1 -c max_connections=120"
        self._options += f" -c unix_socket_directories={folder}"
        self._options += f" -c fsync={'on' if fsync else 'off'}"
        initdb = [programs / "initdb", "-D", folder / "data", "-U", "standfirst", "--auth=trust"]
        subprocess.run([*initdb, "-E", "UTF8", "--locale=C.UTF-8"], check=True, **self._run)

    def start(self) -> None:
        subprocess.run([*self._control, "-o", self._options, "start"], check=True, **self._run)

    def stop(self) -> None:
        """As if it had been killed: every connection ends at once."""
        subprocess.run([*self._control, "-m", "immediate", "stop"], **self._run)


@contextmanager
def postgres_cluster(*, fsync: bool = False) -> Iterator[Cluster]:
    """A PostgreSQL of our own that runs. With `fsync` it waits for the disk at every commit, which
    no test needs."""
    folder = Path(tempfile.mkdtemp(prefix="standfirst-pg-"))
    cluster = None
    try:
        cluster = Cluster(folder, fsync=fsync)
        cluster.start()
        yield cluster
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(*, fsync: bool = False) -> Iterator[str]:
    """The address of a PostgreSQL of our own, as for DATABASE_URL."""
    with postgres_cluster(fsync=fsync) as cluster:
        yield cluster.address


def main() -> int:
    kind, _, *command = sys.argv[1:]
    if kind != "postgres" or not command:
        print(__doc__)
        return 2
    try:
        with postgres() as address:
            return subprocess.run(command, env={**os.environ, "DATABASE_URL": address}).returncode
    except FileNotFoundError as error:
        print(error)
        return 5


if __name__ == "__main__":
    raise SystemExit(main())
