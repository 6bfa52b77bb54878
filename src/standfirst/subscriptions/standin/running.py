"""What is watched and steered: events, endpoints and clocks, as the API has them; and what Stripe
has not, below /standin: the account's clock, faults, and what becomes of webhooks."""

import re
import secrets
import time
from typing import Any

from standfirst.subscriptions.standin import API_VERSION, events, invoices, life, shapes
from standfirst.subscriptions.standin.catalogue import write
from standfirst.subscriptions.standin.errors import invalid, missing
from standfirst.subscriptions.standin.events import save, tell
from standfirst.subscriptions.standin.forms import META, MOMENT
from standfirst.subscriptions.standin.routes import fields_of, readable, route
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id

readable("event", "/v1/events", {"created": MOMENT, "type": str, "types": [str]}, types="type")


ENDPOINT: Any = {"url": str, "enabled_events": [str], "description": str, "metadata": META}


@route(
    "POST", "/v1/webhook_endpoints", {**ENDPOINT, "api_version": (API_VERSION,)},
    ["url", "enabled_events"],
)  # fmt: skip
def create_endpoint(store: Store, params: Thing) -> Thing:
    """The one answer that shows the secret."""
    _check_url(params["url"])
    secret = f"whsec_{secrets.token_hex(16)}"
    thing = shapes.webhook_endpoint(
        new_id("we"), store.now(), _secret=secret, api_version=params.get("api_version"),
    )  # fmt: skip
    write(thing, params, "url", "enabled_events", "description")
    save(store, thing)
    return {**thing, "secret": secret}


def _check_url(url: str) -> None:
    if not re.match(r"https?://[^/\s]+", url):
        raise invalid("Invalid URL: it begins with http:// or https://", "url", "url_invalid")


@route("POST", "/v1/webhook_endpoints/{id}", {**ENDPOINT, "disabled": bool})
def update_endpoint(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("webhook_endpoint", key)
    if "url" in params:
        _check_url(params["url"])
    if "disabled" in params:
        thing["status"] = "disabled" if params["disabled"] else "enabled"
    write(thing, params, "url", "enabled_events", "description")
    return save(store, thing)


readable("webhook_endpoint", "/v1/webhook_endpoints")


@route("DELETE", "/v1/webhook_endpoints/{id}")
def delete_endpoint(store: Store, params: Thing, key: str) -> Thing:
    store.need("webhook_endpoint", key)
    store.remove(key)
    return {"id": key, "object": "webhook_endpoint", "deleted": True}


# -- test clocks --------------------------------------------------------------------------------

CLOCKS = "/v1/test_helpers/test_clocks"


@route("POST", CLOCKS, {"frozen_time": int, "name": str}, ["frozen_time"])
def create_clock(store: Store, params: Thing) -> Thing:
    key = new_id("clock")
    thing = shapes.test_clock(key, int(time.time()), params["frozen_time"], params.get("name"))
    return save(store, thing, "test_helpers.test_clock.created")


readable("test_helpers.test_clock", CLOCKS)


@route("POST", CLOCKS + "/{id}/advance", {"frozen_time": int}, ["frozen_time"])
def advance_clock(store: Store, params: Thing, key: str) -> Thing:
    """Answers `advancing`, as Stripe does: ask again until it is `ready`."""
    thing = store.need("test_helpers.test_clock", key)
    until = params["frozen_time"]
    if until <= thing["frozen_time"]:
        raise invalid("The clock can only be advanced.", "frozen_time")
    tell(store, "test_helpers.test_clock.advancing", {**thing, "status": "advancing"})
    life.advance(store, key, until)
    thing["frozen_time"] = until
    save(store, thing, "test_helpers.test_clock.ready")
    details = {"advancing": {"target_frozen_time": until}}
    return {**thing, "status": "advancing", "status_details": details}


@route("DELETE", CLOCKS + "/{id}")
def delete_clock(store: Store, params: Thing, key: str) -> Thing:
    """The clock, and everything of the customers who lived by it."""
    store.need("test_helpers.test_clock", key)
    store.run("delete from thing where clock = ?", key)
    store.remove(key)
    return {"id": key, "object": "test_helpers.test_clock", "deleted": True}


# -- what Stripe has not ------------------------------------------------------------------------


@route("GET", "/standin")
def standing(store: Store, params: Thing) -> Thing:
    """Everything that can be steered, as it is."""
    names = ("shift", "retries", "after_retries", "webhooks", "faults")
    rows = store.run("select state, count(*) from delivery group by state")
    settings = {name: store.setting(name) for name in names}
    return {"object": "standin", **settings, "now": store.now(), "deliveries": dict(rows)}


@route("POST", "/standin/clock", {"advance_seconds": int, "advance_days": int, "to": int})
def set_clock(store: Store, params: Thing) -> Thing:
    """Move the account's clock on, and let happen what happens meanwhile."""
    now = store.now()
    until = params.get("to", now)
    until += params.get("advance_seconds", 0) + params.get("advance_days", 0) * 86400
    if until < now:
        raise invalid("The clock can only be advanced.", "to")
    life.advance(store, "", until)
    store.set("shift", until - int(time.time()))
    return standing(store, {})


@route(
    "POST", "/standin/dunning",
    {"retries": [int], "after_retries": ("cancel", "unpaid", "past_due")},
)  # fmt: skip
def set_dunning(store: Store, params: Thing) -> Thing:
    """Days between attempts at a payment that failed, and what follows the last."""
    for name, value in fields_of(params, "retries", "after_retries").items():
        store.set(name, value)
    return standing(store, {})


FAULTS = ("error", "rate_limit", "timeout", "drop")


@route(
    "POST", "/standin/faults",
    {"kind": FAULTS, "when": ("before", "after"), "path": str, "method": ("GET", "POST", "DELETE"),
     "times": int, "seconds": float},
    ["kind"],
)  # fmt: skip
def add_fault(store: Store, params: Thing) -> Thing:
    """The next `times` requests whose address begins with `path` go wrong: before anything was
    done, or after it was done and before the answer is heard."""
    fault = {
        "when": "before",
        "path": "/v1/",
        "method": None,
        "times": 1,
        "seconds": 60.0,
        **params,
    }
    fault.pop("expand", None)
    store.set("faults", [*store.setting("faults"), fault])
    return standing(store, {})


@route("DELETE", "/standin/faults")
def clear_faults(store: Store, params: Thing) -> Thing:
    store.set("faults", [])
    return standing(store, {})


@route(
    "POST", "/standin/webhooks",
    {"hold": bool, "times": int, "delay": float, "drop": int, "shuffle": bool},
)  # fmt: skip
def set_webhooks(store: Store, params: Thing) -> Thing:
    """From now on: keep them back (`hold`), send each so many `times`, after a `delay`, in any
    order (`shuffle`); let the next so many be lost (`drop`)."""
    names = ("hold", "times", "delay", "drop", "shuffle")
    store.set("webhooks", {**store.setting("webhooks"), **fields_of(params, *names)})
    return standing(store, {})


@route(
    "POST", "/standin/deliveries",
    {"event": str, "times": int, "age": int, "forged": bool}, ["event"], locked=False,
)  # fmt: skip
def send_again(store: Store, params: Thing) -> Thing:
    """Hand one event to every endpoint now, however often; `age` seconds old, or badly signed. Says
    what each answered. Not under the lock: the endpoint may ask back."""
    event = store.need("event", params["event"], "event")
    said = [
        events.deliver(store, event["id"], one["id"], age=params.get("age", 0),
                       forged=params.get("forged", False))
        for one in store.find("webhook_endpoint", status="enabled")
        for _ in range(params.get("times", 1))
    ]  # fmt: skip
    return {"object": "standin.deliveries", "said": said}


@route("POST", "/standin/release", {"order": ("as_told", "backwards"), "times": int}, locked=False)
def release(store: Store, params: Thing) -> Thing:
    """Hand over what was kept back, one after the other, in the order of the events or the other
    way round, each so many times. Says what was answered."""
    sql = "select seq, event, endpoint from delivery where state = 'held' order by seq"
    rows = store.run(sql)
    if params.get("order") == "backwards":
        rows.reverse()
    said = []
    for seq, event, endpoint in rows:
        said += [events.deliver(store, event, endpoint) for _ in range(params.get("times", 1))]
        events.note(store, seq, event, 0, said[-1])
    return {"object": "standin.deliveries", "said": said}


@route("POST", "/standin/disputes", {"charge": str, "reason": str}, ["charge"])
def dispute(store: Store, params: Thing) -> Thing:
    charge = store.need("charge", params["charge"], "charge")
    return invoices.open_dispute(store, charge, params.get("reason", "fraudulent"))


@route("POST", "/standin/disputes/{id}/close", {"won": bool}, ["won"])
def settle(store: Store, params: Thing, key: str) -> Thing:
    return invoices.close_dispute(store, store.need("dispute", key), won=params["won"])


@route("POST", "/standin/forget", {"id": str}, ["id"])
def forget(store: Store, params: Thing) -> Thing:
    """Lose one thing, as if it had been deleted behind the magazine's back."""
    if store.get(params["id"]) is None:
        raise missing("thing", params["id"], "id", status=400)
    store.remove(params["id"])
    return {"id": params["id"], "object": "standin.forgotten"}
