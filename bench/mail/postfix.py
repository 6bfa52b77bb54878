"""A real Postfix that takes mail on loopback and discards it: a second sink, which nobody tuned."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from tests.servers import free_port

DAEMONS = Path("/usr/lib/postfix/sbin")
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = sink.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
local_recipient_maps =
default_transport = discard
relay_transport = discard
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Why there is no Postfix to measure; empty where there is."""
    if not shutil.which("postfix") or not DAEMONS.is_dir():
        return "Postfix is not installed: apt-get install postfix"
    return "" if os.geteuid() == 0 else "Postfix can only be started by root."


@contextmanager
def postfix(folder: Path) -> Iterator[int]:
    """One in a folder of its own; its port."""
    port = free_port()
    owner = pwd.getpwnam("postfix")
    for one in {folder.parent, folder} - {Path(gettempdir())}:  # its own user must find the way
        one.chmod(0o755)
    for name in ("queue", "data", "conf"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    main, master = folder / "conf" / "main.cf", folder / "conf" / "master.cf"
    main.write_text(MAIN.format(folder=folder, daemons=DAEMONS))
    master.write_text(MASTER.format(port=port))
    command = ["postfix", "-c", str(folder / "conf")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*command, "start"], check=True, **quiet)  # type: ignore[call-overload]
    try:
        _wait(port)
        yield port
    finally:
        subprocess.run([*command, "stop"], check=False, **quiet)  # type: ignore[call-overload]


def _wait(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                assert line.recv(100).startswith(b"220")
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
