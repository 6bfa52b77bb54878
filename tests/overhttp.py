"""A browser that asks a real server; the walker uses it as it uses Django's test client."""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from django.test import Client


@dataclass
class Response:
    status_code: int
    headers: list[tuple[str, str]]
    content: bytes

    def items(self) -> list[tuple[str, str]]:
        return self.headers

    def get(self, name: str, default: str = "") -> str:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else default

    def __getitem__(self, name: str) -> str:
        return self.get(name)


class Browser:
    """Asks the server at `address` for what `testserver` has; keeps cookies as a browser does."""

    def __init__(self, address: str, signed_in: Client | None = None) -> None:
        self._where = urlsplit(address)
        self._open: HTTPConnection | None = None
        self.cookies: SimpleCookie = SimpleCookie()
        for name, morsel in signed_in.cookies.items() if signed_in else ():
            self.cookies[name] = morsel.value

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return self.ask("GET", path, headers)

    def head(self, path: str) -> Response:
        return self.ask("HEAD", path)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Response:
        cookies = "; ".join(f"{name}={m.coded_value}" for name, m in self.cookies.items())
        given = {"host": "testserver", "sec-fetch-site": "same-origin"}
        given |= {"cookie": cookies} if cookies else {}
        rows = [*(given | (headers or {})).items()]
        response = self.send(method, path, rows, body)
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                self.cookies.load(value)
        for name in [name for name, m in self.cookies.items() if m["max-age"] == "0"]:
            del self.cookies[name]
        return response

    def send(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> Response:
        """Exactly this request, also with a field twice or a target that no browser sends."""
        for attempt in (1, 2):
            if self._open is None:
                assert self._where.hostname
                self._open = HTTPConnection(self._where.hostname, self._where.port, timeout=30)
            try:
                self._open.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
                for name, value in headers:
                    self._open.putheader(name, value.encode("latin-1"))
                if body:
                    self._open.putheader("content-length", str(len(body)))
                self._open.endheaders(body or None)
                answer = self._open.getresponse()
                return Response(answer.status, answer.getheaders(), answer.read())
            except (HTTPException, OSError):  # a connection that had been closed meanwhile
                self._open.close()
                self._open = None
                if attempt == 2:
                    raise
        raise AssertionError
