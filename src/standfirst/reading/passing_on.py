"""Passing a request on to Django over a local socket, and its answer back, as they come."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httptools

# Of one connection only (RFC 9110, 7.6.1), and what the door says itself.
_NOT_PASSED_ON = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"),
    *(b"transfer-encoding", b"upgrade", b"expect", b"x-forwarded-for", b"date", b"server"),
}
_CHUNK = 65_536
_AWAY = b"The magazine is starting or being mended. Please try again in a moment.\n"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _Answer:
    """What httptools tells of Django's answer."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.head_done = self.done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.done = True


async def pass_on(path: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Have a request answered by the server at a local socket; 503 where it is not there."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        await _away(send)
        return
    sending = None
    started = False
    try:
        writer.write(_head(scope))
        # Beside the answer, which may come before the whole body was sent (413).
        sending = asyncio.create_task(_send_body(scope, receive, writer))
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        no_body = scope["method"] == "HEAD"
        while True:
            data = await reader.read(_CHUNK)
            if not data:
                break
            parser.feed_data(data)
            if answer.head_done and not started:
                started = True
                kept = [row for row in answer.headers if row[0] not in _NOT_PASSED_ON]
                status = parser.get_status_code()
                no_body = no_body or status in {204, 304}
                start = {"type": "http.response.start", "status": status, "headers": kept}
                await send(start)
            if answer.body:
                body, answer.body = b"".join(answer.body), []
                await send({"type": "http.response.body", "body": body, "more_body": True})
            if answer.done or (started and no_body):
                break
        if started:
            await send({"type": "http.response.body", "body": b""})
    except (OSError, httptools.HttpParserError):
        pass
    finally:
        if sending:
            sending.cancel()
        with suppress(OSError):
            writer.close()
    if not started:
        await _away(send)


def _head(scope: Scope) -> bytes:
    target = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    lines = [scope["method"].encode() + b" " + target + b" HTTP/1.1"]
    forwarded = []
    chunked = False
    for name, value in scope["headers"]:
        if name == b"x-forwarded-for":
            forwarded.append(value)
        elif name == b"transfer-encoding":
            chunked = True
        elif name not in _NOT_PASSED_ON:
            lines.append(name + b": " + value)
    client = scope.get("client")
    forwarded.append((client[0] if client else "").encode())
    lines.append(b"x-forwarded-for: " + b", ".join(forwarded))
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _send_body(scope: Scope, receive: Receive, writer: asyncio.StreamWriter) -> None:
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    more = True
    with suppress(OSError):
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                writer.close()
                return
            body, more = message.get("body", b""), message.get("more_body", False)
            if body:
                writer.write(b"%x\r\n%b\r\n" % (len(body), body) if chunked else body)
            if chunked and not more:
                writer.write(b"0\r\n\r\n")
            await writer.drain()


async def _away(send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"retry-after", b"5"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _AWAY})
