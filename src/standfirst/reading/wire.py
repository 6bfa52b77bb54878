"""The door's process, and its connections: it answers within the call that read the request.

uvicorn's own protocol does the rest (parsing, keep-alive, pipelining, slow readers). For a request
that the door can answer, no ASGI scope, cycle or task is made, which is half of the time it takes.
"""

import asyncio
import json
import os
import socket
import sys
from urllib.parse import unquote

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from standfirst.reading import passes
from standfirst.reading.door import VARIABLE, Config, Door, Forged, Found
from standfirst.reading.keys import key_of

FOR_EDGE = b"x-standfirst-edge"
_WITHOUT_PASS = (
    f"set-cookie: {passes.COOKIE}=; Max-Age=0; Path=/; SameSite=Lax\r\n"
    "cache-control: no-store\r\ncontent-length: 0\r\n"
).encode()


def at(door: Door) -> type[asyncio.Protocol]:
    """The protocol for connections to this door."""
    return type("Wire", (_Wire,), {"door": door})


class _Wire(HttpToolsProtocol):
    door: Door
    _answered = False
    _asked_lately = False
    _dated: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        headers = dict(self.headers)
        answer = self._answer(headers)
        self._answered = answer is not None
        if answer is not None:
            self._write(answer, b"connection" in headers)
            return
        url, rows = self.url, self.headers
        self._stop_waiting()
        super().on_message_begin()
        self.url = url
        for name, value in rows:
            super().on_header(name, value)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._answered:
            super().on_message_complete()

    # -- answering ----------------------------------------------------------------------------

    def _answer(self, headers: dict[bytes, bytes]) -> bytes | None:
        """The answer from memory; None for a request that goes the long way."""
        method = self.parser.get_method()
        if (method != b"GET" and method != b"HEAD") or self.parser.should_upgrade():
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None  # in its turn, after the one before it
        if self.flow.write_paused or self.transport.is_closing():
            return None
        if len(headers) != len(self.headers):
            return None  # a field that comes twice: nothing is sure
        if b"content-length" in headers or b"transfer-encoding" in headers:
            return None
        raw, _, query = self.url.partition(b"?")
        if raw[:1] != b"/" or raw[1:2] == b"/" or b"#" in self.url or not self.url.isascii():
            return None
        path = raw.decode()
        if "%" in path:
            path = unquote(path)
        client = self.client[0] if self.client else ""
        try:
            found = self.door.find(key_of(path, query.decode()) if query else path, headers, client)
        except Forged:
            if b"\\" in raw:
                return None
            status = b"HTTP/1.1 307 Temporary Redirect\r\n"
            return b"%b%blocation: %b\r\n%b\r\n" % (status, self._date(), self.url, _WITHOUT_PASS)
        if not isinstance(found, Found):
            return None
        page = found.page
        extra = self.door.for_edge(found, client) if FOR_EDGE in headers else b""
        known = headers.get(b"if-none-match")
        if known is not None and (page.etag in known or known.strip() == b"*"):
            if self.access_log:
                self._log(method, 304)
            kept = b"".join(
                b"%b: %b\r\n" % row for row in page.headers if not row[0].startswith(b"content-")
            )
            return b"".join((b"HTTP/1.1 304 Not Modified\r\n", self._date(), kept, extra, b"\r\n"))
        if self.access_log:
            self._log(method, 200)
        body = page.body if method == b"GET" else b""
        return b"".join((b"HTTP/1.1 200 OK\r\n", self._date(), page.head, extra, b"\r\n", body))

    def _write(self, answer: bytes, said: bool) -> None:
        """`said`: the request has a word on what becomes of the connection."""
        self.server_state.total_requests += 1
        if self.parser.should_keep_alive() and not (
            said and self.parser.get_http_version() == "1.0"
        ):
            self.transport.write(answer)
            if self.timeout_keep_alive_task is None:
                self._wait()
        else:
            head, _, body = answer.partition(b"\r\n\r\n")
            self.transport.write(b"%b\r\nconnection: close\r\n\r\n%b" % (head, body))
            self.transport.close()

    def _date(self) -> bytes:
        rows = self.server_state.default_headers  # another list each second
        if rows is not _Wire._dated[0]:
            _Wire._dated = (rows, b"".join(b"%b: %b\r\n" % row for row in rows))
        return _Wire._dated[1]

    def _log(self, method: bytes, status: int) -> None:
        self.access_logger.info(
            '%s - "%s %s HTTP/%s" %d',
            ":".join(map(str, self.client or ())),
            *(method.decode(), self.url.decode(), self.parser.get_http_version(), status),
        )

    # -- connections on which nothing is asked ------------------------------------------------
    # One timer a connection that looks back, instead of one a request.

    def _wait(self) -> None:
        self._asked_lately = False
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        if self._asked_lately and not self.transport.is_closing():
            self._wait()
        else:
            super().timeout_keep_alive_handler()

    def _unset_keepalive_if_required(self) -> None:
        """Called by uvicorn when anything comes: the timer runs on, and looks back."""
        self._asked_lately = True

    def _stop_waiting(self) -> None:
        super()._unset_keepalive_if_required()


def main() -> None:
    """Serve on the socket whose number is the first argument."""
    given = json.loads(os.environ[VARIABLE])
    lists = {name: tuple(given[name]) for name in ("keys", "hosts", "proxies")}
    listening = socket.socket(fileno=int(sys.argv[1]))
    door = Door(Config(**{**given, **lists}))
    config = uvicorn.Config(
        door,
        interface="asgi3",
        lifespan="off",
        loop="uvloop",
        http=at(door),
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log="--log-requests" in sys.argv,
        log_level="info" if "--log-requests" in sys.argv else "warning",
        timeout_graceful_shutdown=10,
        backlog=1024,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
