"""Taking a port."""

import socket


def listener(host: str, port: int) -> socket.socket | None:
    """A listening socket, or None where the port is in use or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(1024)
    except (OSError, OverflowError):
        found.close()
        return None
    return found
