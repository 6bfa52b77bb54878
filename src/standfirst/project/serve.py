"""The web server: Granian, with the program's WSGI application in a few processes."""

import os
import socket

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

TARGET = "standfirst.project.wsgi:application"
# Little waits here but the database, so a few threads beside one another are enough.
THREADS = 4
SECONDS_TO_STOP = 10


def port_is_free(host: str, port: int) -> bool:
    """Can a server listen there?"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def serve(host: str, port: int, workers: int, *, log_requests: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. A worker process that dies is replaced."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "standfirst.project.settings")
    Server(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_STOP,
        log_level=LogLevels.info if log_requests else LogLevels.warning,
        log_access=log_requests,
    ).serve()
