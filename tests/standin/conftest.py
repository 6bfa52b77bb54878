"""The stand-in as its callers have it: behind a socket, asked by the official SDK.

After every test each thing it holds, and each event it told, is compared with the SDK's types."""

import http.client
import json
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from standfirst.subscriptions.standin.events import public
from standfirst.subscriptions.standin.server import Server
from tests.standin.shapes import wrong

NEW_YEAR = 1767225600  # 1 January 2026
DAY = 86400
WORKS, DECLINED, ASKS, FAILS_LATER = (
    "4242424242424242", "4000000000000002", "4000002500003155", "4000000000000341",
)  # fmt: skip


class House:
    """A stand-in that listens, a client of the SDK for it, and a shop to begin with."""

    def __init__(self, base: str) -> None:
        self.base = base
        client = stripe.StripeClient(
            "sk_test_any", base_addresses={"api": base}, max_network_retries=0
        )
        self.v = client.v1

    def stock(self) -> "House":
        self.product = self.v.products.create({"name": "All-Access"})
        self.monthly = self.price(1000, "month", currency_options={"jpy": {"unit_amount": 1500}})
        self.yearly = self.price(10000, "year")
        return self

    def price(self, amount: int, interval: str, **more: Any) -> Any:
        return self.v.prices.create(
            {"product": self.product.id, "currency": "eur", "unit_amount": amount,
             "recurring": {"interval": interval}, **more}
        )  # fmt: skip

    def customer(self, card: str | None = "pm_card_visa", **more: Any) -> Any:
        """Someone with a card, who lives by a clock of their own from New Year's Day on."""
        self.clock = self.v.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR}).id
        given = {"email": "reader@example.org", "test_clock": self.clock, **more}
        someone = self.v.customers.create(given)
        if card:
            method = self.v.payment_methods.attach(card, {"customer": someone.id})
            settings = {"default_payment_method": method.id}
            someone = self.v.customers.update(someone.id, {"invoice_settings": settings})
        return someone

    def subscribe(self, customer: Any, price: Any = None, **more: Any) -> Any:
        price = price or self.monthly
        return self.v.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id}], **more}
        )

    def day(self, day: float, hours: int = 0) -> None:
        """Let the customer's clock go on to this day after New Year."""
        to = int(NEW_YEAR + day * DAY + hours * 3600)
        said = self.v.test_helpers.test_clocks.advance(self.clock, {"frozen_time": to})
        assert said.status == "advancing"
        assert self.v.test_helpers.test_clocks.retrieve(self.clock).status == "ready"

    def again(self, thing: Any, *expand: str) -> Any:
        service = {"subscription": self.v.subscriptions, "invoice": self.v.invoices,
                   "customer": self.v.customers}[thing.object]  # fmt: skip
        return service.retrieve(thing.id, {"expand": list(expand)})

    def bills(self, customer: Any) -> list[tuple[str, int, str]]:
        found = self.v.invoices.list({"customer": customer.id}).data
        return [(one.billing_reason, one.total, one.status) for one in found][::-1]

    def told(self) -> list[str]:
        return [one.type for one in self.v.events.list({"limit": 100}).data][::-1]

    def checkout(self, **more: Any) -> Any:
        given = {
            "mode": "subscription", "success_url": "http://magazine.test/in?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://magazine.test/plans", "customer_email": "reader@example.org",
            "line_items": [{"price": self.monthly.id, "quantity": 1}], **more,
        }  # fmt: skip
        given = {name: one for name, one in given.items() if one is not None}
        return self.v.checkout.sessions.create(given)

    def steer(self, where: str, verb: str = "POST", /, **given: Any) -> Any:
        text = urllib.parse.urlencode(
            {
                name: str(one).lower() if isinstance(one, bool) else one
                for name, one in given.items()
            }
        )
        status, _, body = self.ask(verb, f"/standin{where}", text)
        assert status == 200, body
        return json.loads(body)

    def page(self, url: str, **form: str) -> tuple[int, dict[str, str], str]:
        """GET a page, or POST a form to it; redirects are not followed."""
        return self.ask("POST" if form else "GET", url, urllib.parse.urlencode(form))

    def ask(
        self, method: str, url: str, body: str, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        parts, home = urllib.parse.urlsplit(url), urllib.parse.urlsplit(self.base)
        connection = http.client.HTTPConnection(str(home.hostname), home.port, timeout=10)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body.encode(), headers)
            answer = connection.getresponse()
            return (
                answer.status,
                dict(answer.getheaders()),
                answer.read().decode("utf-8", "replace"),
            )
        finally:
            connection.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    server = Server("127.0.0.1", 0, ":memory:")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.stop()


@pytest.fixture
def house(running: Server) -> Iterator[House]:
    for table in ("thing", "answer", "delivery", "setting"):
        running.store.run(f"delete from {table}")
    yield House(running.base).stock()
    held = [public(json.loads(row[0])) for row in running.store.run("select body from thing")]
    shown = [one for one in held if not one.get("deleted")]
    shown += [one["data"]["object"] for one in held if one["object"] == "event"]
    assert len(shown) > 3
    assert not sorted({fault for one in shown for fault in wrong(one)})
