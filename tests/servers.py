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


@contextmanager
def postgres(*, fsync: bool = False) -> Iterator[str]:
    """A PostgreSQL of our own; gives its address as for DATABASE_URL.

    With `fsync` it waits for the disk at every commit, which no test needs.
    """
    programs = postgres_programs()
    if programs is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    # PostgreSQL refuses to run as root.
    who = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder = Path(tempfile.mkdtemp(prefix="standfirst-pg-"))
    os.chown(folder, who.pw_uid, who.pw_gid)
    run = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
    if os.geteuid() == 0:
        run |= {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    port = free_port()
    data, log = str(folder / "data"), str(folder / "log")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
    options += f"-c fsync={'on' if fsync else 'off'} -c max_connections=120"
    try:
        initdb = [programs / "initdb", "-D", data, "-U", "standfirst", "--auth=trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--locale=C.UTF-8"], **run)  # type: ignore[call-overload]
        start = [programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"]
        subprocess.run(start, **run)  # type: ignore[call-overload]
        yield f"postgres://standfirst@127.0.0.1:{port}/postgres"
    finally:
        stop = [programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"]
        subprocess.run(stop, **run | {"check": False})  # type: ignore[call-overload]
        shutil.rmtree(folder, ignore_errors=True)


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
