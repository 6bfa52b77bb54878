"""What is told: an event for every change, and its way to the endpoints that asked for it."""

import hashlib
import hmac
import http.client
import json
import random
import threading
import time
import traceback
import urllib.parse
from typing import Any

from standfirst.subscriptions.standin import API_VERSION
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id

# Seconds until a delivery that was not answered with 2xx is tried again.
AGAIN = (1, 5, 25, 120)


def public(thing: Any) -> Any:
    """A thing as it is shown: without what the stand-in keeps for itself (names with a `_`)."""
    if isinstance(thing, dict):
        return {name: public(value) for name, value in thing.items() if not name.startswith("_")}
    return [public(one) for one in thing] if isinstance(thing, list) else thing


def save(store: Store, thing: Thing, *types: str) -> Thing:
    """Keep a thing and tell of it. An `updated` that changed nothing is not told."""
    before = store.get(thing["id"])
    store.put(thing)
    for kind in types:
        previous = None
        if kind.endswith(".updated"):
            old, new = public(before or {}), public(thing)
            previous = {name: value for name, value in old.items() if new.get(name) != value}
            if not previous:
                continue
        tell(store, kind, thing, previous)
    return thing


def tell(store: Store, kind: str, thing: Thing, previous: Thing | None = None) -> None:
    data: Thing = {"object": public(thing)}
    owner = thing.get("customer") or thing.get("_customer")
    if previous is not None:
        data["previous_attributes"] = previous
    endpoints = [
        one for one in store.find("webhook_endpoint", status="enabled")
        if {"*", kind} & set(one["enabled_events"])
    ]  # fmt: skip
    event: Thing = {
        "id": new_id("evt"), "object": "event", "api_version": API_VERSION,
        "created": store.now(owner), "data": data, "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": store.request or {"id": None, "idempotency_key": None}, "type": kind,
    }  # fmt: skip
    store.put(event)
    for endpoint in endpoints:
        _send_out(store, event["id"], endpoint["id"])


def _send_out(store: Store, event: str, endpoint: str) -> None:
    """Note a delivery, with what was asked for: held, doubled, delayed, dropped or shuffled."""
    how = store.setting("webhooks")
    if how["drop"]:
        store.set("webhooks", {**how, "drop": how["drop"] - 1})
        deliver_later(store, event, endpoint, state="dropped")
        return
    for _ in range(how["times"]):
        wait = how["delay"] + (random.random() * 2 if how["shuffle"] else 0)  # noqa: S311
        deliver_later(store, event, endpoint, wait=wait, state="held" if how["hold"] else "waiting")


def deliver_later(
    store: Store, event: str, endpoint: str, *, wait: float = 0, state: str = "waiting"
) -> None:
    sql = "insert into delivery (event, endpoint, due, state) values (?, ?, ?, ?)"
    store.run(sql, event, endpoint, time.time() + wait, state)
    store.fresh.set()


def signature(body: bytes, secret: str, moment: int) -> str:
    """The header Stripe-Signature: the machine's time, and an HMAC of time and body."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={digest.hexdigest()}"


def post(url: str, body: bytes, header: str, *, wait: float = 10) -> int:
    """Hand an event over; the status of the answer. Raises OSError or HTTPException."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=wait)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}
        connection.request("POST", target, body, {**headers, "User-Agent": "Standfirst-Standin/1"})
        return connection.getresponse().status
    finally:
        connection.close()


def deliver(store: Store, event: str, endpoint: str, *, age: int = 0, forged: bool = False) -> str:
    """Hand one event to one endpoint now: the status of its answer, or what went wrong."""
    thing, to = store.get(event, "event"), store.get(endpoint, "webhook_endpoint")
    if thing is None or to is None:
        return "gone"
    body = json.dumps(public(thing)).encode()
    secret = "whsec_forged" if forged else to["_secret"]
    try:
        return str(post(to["url"], body, signature(body, secret, int(time.time()) - age)))
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def deliver_due(store: Store) -> float:
    """Deliver what is due; seconds until there may be more. Several threads may do this at once,
    so that a slow endpoint and a doubled event meet as they would in earnest."""
    while True:
        with store.transaction():
            rows = store.run(
                "select seq, event, endpoint, due, tries from delivery where state = 'waiting'"
                " order by due, seq limit 1"
            )
            if not rows or rows[0][3] > time.time():
                return min(0.25, max(0.01, rows[0][3] - time.time())) if rows else 0.25
            seq, event, endpoint, _, tries = rows[0]
            store.run("update delivery set state = 'sending' where seq = ?", seq)
        said = deliver(store, event, endpoint)
        note(store, seq, event, tries, said)


def note(store: Store, seq: int, event: str, tries: int, said: str) -> None:
    """Write down how a delivery went; one that was not taken is tried again later."""
    done = said.startswith("2") or said == "gone"
    state = "delivered" if done else "given up" if tries >= len(AGAIN) else "waiting"
    again = time.time() + (AGAIN[tries] if state == "waiting" else 0)
    with store.transaction():
        sql = "update delivery set state = ?, said = ?, tries = ?, due = ? where seq = ?"
        store.run(sql, state, said, tries + 1, again, seq)
        if state == "delivered" and (thing := store.get(event, "event")):
            thing["pending_webhooks"] = max(0, thing["pending_webhooks"] - 1)
            store.put(thing)


def keep_delivering(store: Store, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            store.fresh.wait(deliver_due(store))
            store.fresh.clear()
        except Exception:
            traceback.print_exc()
            stop.wait(1)
