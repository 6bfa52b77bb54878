"""A door in the test's own process, which says whether it answered or would ask Django."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from uvicorn.config import Config
from uvicorn.server import ServerState

from standfirst.reading import door, passes, wire

DJANGO = 599  # the status by which a test knows that Django would have been asked


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def from_door(self) -> bool:
        return self.status != DJANGO


@dataclass
class TestDoor:
    """Speaks HTTP with a real door over a wire without ends; its local socket leads nowhere."""

    __test__ = False

    proxies: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ("testserver",)
    it: door.Door = field(init=False)

    def __post_init__(self) -> None:
        place = Path(settings.PAGE_STORE)
        self.it = door.Door(
            door.Config(
                generations=str(place / "generations"),
                store=str(place / "pages.sqlite3"),
                django=str(place / "nobody"),
                keys=(passes.key_of(settings.SECRET_KEY).hex(),),
                hosts=self.hosts,
                proxies=self.proxies,
            )
        )

    def get(
        self,
        address: str,
        client: Client | None = None,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        peer: str = "192.0.2.7",
    ) -> Answer:
        cookies = (
            "; ".join(f"{k}={m.coded_value}" for k, m in client.cookies.items()) if client else ""
        )
        given = {
            "host": "testserver",
            **({"cookie": cookies} if cookies else {}),
            **(headers or {}),
        }
        lines = [f"{method} {address} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items())]
        asked = "\r\n".join([*lines, "", ""]).encode("latin-1")
        answer = asyncio.run(self._say(asked, peer))
        head, _, body = answer.partition(b"\r\n\r\n")
        status_line, *rows = head.decode("latin-1").split("\r\n")
        status = int(status_line.split()[1])
        found = dict(row.split(": ", 1) for row in rows)
        return Answer(DJANGO if status == 503 else status, found, body)

    async def _say(self, asked: bytes, peer: str) -> bytes:
        config = Config(self.it, interface="asgi3", lifespan="off", log_config=None)
        protocol: Any = wire.at(self.it)(config, ServerState(), {})  # type: ignore[call-arg]
        line = Line(peer)
        protocol.connection_made(line)
        protocol.data_received(asked)
        while protocol.cycle is not None and not protocol.cycle.response_complete:
            await asyncio.sleep(0.001)
        protocol.connection_lost(None)
        return bytes(line.written)


class Line(asyncio.Transport):
    """A connection that remembers what was written."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 1)})
        self.written = bytearray()

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...
