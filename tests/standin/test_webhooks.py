"""Events on their way: signed, doubled, late, lost, forged, in any order."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.standin.conftest import House
from tests.standin.shapes import wrong


class Ear:
    """An endpoint that notes what it hears: each body with its signature."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        ear = self

        class Listener(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append((body, self.headers["Stripe-Signature"]))
                self.send_response(ear.answers.pop() if ear.answers else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def wait(self, count: int) -> list[stripe.Event]:
        until = time.monotonic() + 30
        while len(self.heard) < count and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(self.heard) == count
        return [
            stripe.Webhook.construct_event(body, sign, self.secret) for body, sign in self.heard
        ]

    secret = ""


@pytest.fixture
def ear(house: House) -> Iterator[Ear]:
    ear = Ear()
    thread = threading.Thread(target=ear.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    endpoint = house.v.webhook_endpoints.create(
        {"url": ear.url, "enabled_events": ["product.created", "product.updated"],
         "api_version": stripe.api_version}
    )  # fmt: skip
    ear.secret = endpoint.secret
    assert not hasattr(house.v.webhook_endpoints.retrieve(endpoint.id), "secret")
    yield ear
    ear.server.shutdown()
    ear.server.server_close()


def test_an_event_is_signed_and_says_what_changed(house: House, ear: Ear) -> None:
    product = house.v.products.create({"name": "A"}, {"idempotency_key": "abc"})
    ear.wait(1)
    house.v.customers.create({"email": "a@x.test"})  # nobody asked for these
    house.v.products.update(product.id, {"name": "B"})
    first, second = ear.wait(2)
    assert (first.type, first.data.object.name) == ("product.created", "A")
    assert first.request.idempotency_key == "abc"
    assert second.data.previous_attributes.name == "A"
    assert not wrong(house.v.events.retrieve(first.id).to_dict())
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(ear.heard[0][0] + b" ", ear.heard[0][1], ear.secret)


def test_an_endpoint_that_fails_is_asked_again(house: House, ear: Ear) -> None:
    ear.answers = [500]
    house.v.products.create({"name": "A"})
    one, two = ear.wait(2)
    assert one.id == two.id
    until = time.monotonic() + 30
    while house.v.events.retrieve(one.id).pending_webhooks and time.monotonic() < until:
        time.sleep(0.02)
    assert house.v.events.retrieve(one.id).pending_webhooks == 0


def test_webhooks_are_doubled_lost_held_and_let_go_backwards(house: House, ear: Ear) -> None:
    house.steer("/webhooks", times=3)
    house.v.products.create({"name": "thrice"})
    assert len({one.id for one in ear.wait(3)}) == 1
    house.steer("/webhooks", times=1, drop=1)
    house.v.products.create({"name": "lost"})
    house.v.products.create({"name": "kept"})
    assert ear.wait(4)[-1].data.object.name == "kept"
    house.steer("/webhooks", hold=True)
    for name in ("one", "two", "three"):
        house.v.products.create({"name": name})
    time.sleep(0.3)
    assert len(ear.heard) == 4
    assert house.steer("/release", order="backwards", times=2)["said"] == ["200"] * 6
    names = [one.data.object.name for one in ear.wait(10)[4:]]
    assert names == ["three", "three", "two", "two", "one", "one"]
    deliveries = house.steer("", "GET")["deliveries"]
    assert deliveries == {"delivered": 7, "dropped": 1}


def test_a_late_webhook_comes_late(house: House, ear: Ear) -> None:
    house.steer("/webhooks", delay=0.6)
    began = time.monotonic()
    house.v.products.create({"name": "A"})
    ear.wait(1)
    assert time.monotonic() - began > 0.55


def test_forged_and_old_ones_can_be_had(house: House, ear: Ear) -> None:
    house.v.products.create({"name": "A"})
    event = ear.wait(1)[0]
    house.steer("/deliveries", event=event.id, forged=True)
    house.steer("/deliveries", event=event.id, age=301)
    for body, sign in ear.heard[1:]:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, sign, ear.secret)
    assert house.steer("/deliveries", event=event.id, times=2)["said"] == ["200", "200"]
    house.steer("/webhooks", hold=True)
    ear.server.shutdown()
    ear.server.server_close()
    assert house.steer("/deliveries", event=event.id)["said"] == ["ConnectionRefusedError"]
