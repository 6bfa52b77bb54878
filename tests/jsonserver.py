"""A server on loopback that takes posts and answers in JSON: for stand-ins of providers."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HANG_UP = 0  # instead of a status

Take = Callable[[str, Mapping[str, str], bytes], tuple[int, Any]]  # path, headers, body


@contextmanager
def json_server(take: Take) -> Iterator[int]:
    """Its port. `take` hears each post, and gives the status and what is said in JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = take(self.path, dict(self.headers), body)
            if status == HANG_UP:
                self.connection.close()
                return
            said = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
