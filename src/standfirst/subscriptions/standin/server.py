"""The stand-in as a server: who asks, keys that make a request happen once, faults on demand."""

import base64
import hashlib
import json
import threading
import time
import traceback
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standfirst.subscriptions.standin import (  # noqa: F401  (the addresses are named by importing)
    API_VERSION,
    billing,
    catalogue,
    events,
    forms,
    life,
    pages,
    previews,
    routes,
    running,
    visits,
)
from standfirst.subscriptions.standin.errors import Refused, invalid
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id

MOST = 1_000_000  # bytes of a body


class Dropped(Exception):  # noqa: N818
    """The connection ends here, without an answer."""


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def as_json(status: int, body: Any, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(),
                  {"Content-Type": "application/json", **named})  # fmt: skip


class App:
    """Answers requests, with no socket in sight. Safe under threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._running: set[str] = set()
        self._guard = threading.Lock()

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        path, _, query = target.partition("?")
        request = new_id("req")
        try:
            if not path.startswith(("/v1/", "/v2/", "/standin")):
                return pages.answer(self.store, method, path, body, Answer)
            return self._api(method, path, query, headers, body, request)
        except Refused as refused:
            return as_json(refused.status, refused.body, Request_Id=request)
        except Dropped:
            raise
        except Exception:
            traceback.print_exc()
            message = "The stand-in has a fault of its own; see what it printed."
            return as_json(500, {"error": {"type": "api_error", "message": message}})

    def _api(
        self, method: str, path: str, query: str, headers: Any, body: bytes, request: str
    ) -> Answer:
        if path.startswith("/v1/"):
            _authenticate(headers)
            if headers.get("Stripe-Version", API_VERSION) != API_VERSION:
                raise invalid(f"The stand-in speaks {API_VERSION} and no other version.")
        route, ids = routes.find(method, path)
        text = (
            query if method in ("GET", "DELETE") and not body else body.decode("utf-8", "replace")
        )
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
        key = headers.get("Idempotency-Key") if method == "POST" else None
        if key is not None and not 0 < len(key) <= 255:
            raise invalid("An idempotency key has up to 255 letters.")
        with self._claimed(key):
            fault = self._fault(method, path)
            if fault and fault["when"] == "before":
                _fail(fault)
            # Sorted, since a client may write the same fields in another order.
            print_of = hashlib.sha256(
                json.dumps([method, path, sorted(pairs)]).encode()
            ).hexdigest()
            try:
                answer = self._once(route, ids, pairs, key, print_of, request, fault)
            except Refused as refused:
                # Nothing was done (error_if_incomplete), and the key is spent all the same.
                if refused.status == 402 and not refused.keep:
                    with self.store.transaction():
                        self._keep(key, print_of, refused.status, refused.body)
                raise
        if fault and fault["when"] == "after":
            _fail(fault)
        return answer

    @contextmanager
    def _claimed(self, key: str | None) -> Iterator[None]:
        """One request at a time with a key; another one is told so, and does not wait."""
        if key is None:
            yield
            return
        with self._guard:
            if key in self._running:
                raise Refused(409, "idempotency_error",
                              "There is currently another in-progress request using this"
                              " Idempotent Key.", code="idempotency_key_in_use")  # fmt: skip
            self._running.add(key)
        try:
            yield
        finally:
            with self._guard:
                self._running.discard(key)

    def _once(
        self, route: routes.Route, ids: tuple[str, ...], pairs: list[tuple[str, str]],
        key: str | None, print_of: str, request: str, fault: Thing | None,
    ) -> Answer:  # fmt: skip
        """Do it and keep the answer, or give the answer that was kept."""
        store = self.store
        if not route.locked:
            params = forms.read(route.spec, forms.nest(pairs), route.required)
            return as_json(200, route.run(store, params, *ids), Request_Id=request)
        with store.transaction():
            for kept, status, body in store.run(
                "select request, status, body from answer where key = ?", key
            ):
                if kept != print_of:
                    raise Refused(400, "idempotency_error", (
                        "Keys for idempotent requests can only be used with the same parameters"
                        f" they were first used with. Try using a key other than '{key}'."
                    ))  # fmt: skip
                return as_json(status, json.loads(body), Request_Id=request,
                               Idempotent_Replayed="true", Idempotency_Key=str(key))  # fmt: skip
            store.request = {"id": request, "idempotency_key": key}
            try:
                params = forms.read(route.spec, forms.nest(pairs), route.required)
                thing = route.run(store, params, *ids)
                shown = routes.present(store, thing, params.get("expand", []))
            except Refused as refused:
                if refused.keep:
                    self._keep(key, print_of, refused.status, refused.body)
                raise
            finally:
                store.request = None
            if fault and fault["when"] == "after" and fault["kind"] == "error":
                self._keep(key, print_of, 500, {"error": FAILED})
            else:
                self._keep(key, print_of, 200, shown)
        more = {"Idempotency_Key": key} if key else {}
        return as_json(200, shown, Request_Id=request, Stripe_Version=API_VERSION, **more)

    def _keep(self, key: str | None, print_of: str, status: int, body: Any) -> None:
        if key:
            sql = "insert into answer values (?, ?, ?, ?)"
            self.store.run(sql, key, print_of, status, json.dumps(body))

    def _fault(self, method: str, path: str) -> Thing | None:
        if path.startswith("/standin"):
            return None
        with self.store.transaction():
            faults = self.store.setting("faults")
            for fault in faults:
                if path.startswith(fault["path"]) and fault["method"] in (None, method):
                    fault["times"] -= 1
                    self.store.set("faults", [one for one in faults if one["times"] > 0])
                    return dict(fault)
        return None


FAILED = {"type": "api_error", "message": "An unknown error occurred (on demand)."}


def _fail(fault: Thing) -> None:
    """Go wrong as was asked for."""
    if fault["kind"] == "rate_limit":
        raise Refused(429, "invalid_request_error", "Too many requests (on demand).",
                      code="rate_limit")  # fmt: skip
    if fault["kind"] == "error":
        raise Refused(500, FAILED["type"], FAILED["message"])
    if fault["kind"] == "timeout":
        time.sleep(min(fault["seconds"], 300))
    raise Dropped


def _authenticate(headers: Any) -> None:
    kind, _, key = headers.get("Authorization", "").partition(" ")
    if kind == "Basic":
        key = base64.b64decode(key + "==").decode("utf-8", "replace").partition(":")[0]
    if not key.startswith(("sk_test_", "rk_test_")):
        live = key.startswith(("sk_live_", "rk_live_"))
        message = "A live key does not belong here; the stand-in takes no money." if live else (
            "You did not provide an API key; any that begins with sk_test_ will do."
        )  # fmt: skip
        raise Refused(401, "invalid_request_error", message)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 75
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "Server"

    def _any(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MOST or self.headers.get("Transfer-Encoding"):
            self.send_error(413)
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        try:
            answer = self.server.app.answer(self.command, self.path, self.headers, body)
        except Dropped:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_DELETE = _any  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        if self.server.talks:
            super().log_message(format, *args)


class Server(ThreadingHTTPServer):
    """Listens, delivers webhooks and lets the account's clock run, until `stop()`."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, path: str, *, senders: int = 2, talks: bool = False):
        super().__init__((host, port), Handler)
        name = f"[{host}]" if ":" in host else host
        self.base = f"http://{name}:{self.server_address[1]}"
        self.store = Store(path, self.base)
        self.app = App(self.store)
        self.talks = talks
        self._stop = threading.Event()
        work = [events.keep_delivering] * senders + [_keep_time]
        self._work = [
            threading.Thread(target=one, args=(self.store, self._stop), daemon=True) for one in work
        ]
        for one in self._work:
            one.start()

    def stop(self) -> None:
        self._stop.set()
        self.store.fresh.set()
        self.shutdown()
        self.server_close()
        for one in self._work:
            one.join(12)
        self.store.close()


def _keep_time(store: Store, stop: threading.Event) -> None:
    """What is due by the account's clock happens within a second."""
    while not stop.wait(1):
        try:
            with store.transaction():
                life.advance(store, "", store.now())
        except Exception:
            traceback.print_exc()


def endpoint_for(store: Store, url: str, secret: str) -> None:
    """One endpoint for everything, with a known secret; the same again is the same endpoint, and is
    told what it has not heard yet."""
    with store.transaction():
        if not store.find("webhook_endpoint", url=url):
            running.create_endpoint(store, {"url": url, "enabled_events": ["*"]})
        thing = store.find("webhook_endpoint", url=url)[0]
        store.put({**thing, "_secret": secret, "api_version": API_VERSION})
