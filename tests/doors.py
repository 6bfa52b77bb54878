"""A door in the test's own process, which says whether it answered or would ask Django."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.test import Client

from standfirst.reading import door, passes

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
    """Asks a real `Door` over ASGI; the local socket leads nowhere."""

    __test__ = False

    it: door.Door = field(init=False)

    def __post_init__(self) -> None:
        place = Path(settings.PAGE_STORE)
        self.it = door.Door(
            door.Config(
                generations=str(place / "generations"),
                store=str(place / "pages.sqlite3"),
                django=str(place / "nobody"),
                keys=(passes.key_of(settings.SECRET_KEY).hex(),),
                hosts=("testserver",),
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
        sent: list[dict[str, Any]] = []
        path, _, query = address.partition("?")
        cookies = (
            "; ".join(f"{k}={m.coded_value}" for k, m in client.cookies.items()) if client else ""
        )
        given = {
            "host": "testserver",
            **({"cookie": cookies} if cookies else {}),
            **(headers or {}),
        }
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
            "client": (peer, 1),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.it(scope, receive, send))
        status = sent[0]["status"]
        found = {k.decode(): v.decode("latin-1") for k, v in sent[0]["headers"]}
        if status == 503:
            status = DJANGO
        return Answer(status, found, b"".join(m.get("body", b"") for m in sent[1:]))
