"""The adapter for Stripe as its tests have it: against the stand-in in this process, or against
Stripe's own sandbox where STRIPE_TEST_KEY is set."""

import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from standfirst.subscriptions.providers.base import Order, Told
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.providers.stripe.calls import API_VERSION
from standfirst.subscriptions.rules import State
from standfirst.subscriptions.standin.server import Server
from tests.standin.conftest import NEW_YEAR, House, running
from tests.standin.conftest import house as standin_house

__all__ = ["house", "provider", "running", "standin_house"]

SECRET, OLD_SECRET = "whsec_new", "whsec_old"
SANDBOX = os.environ.get("STRIPE_TEST_KEY", "")
# What steers the stand-in, pays on its page (Checkout can't be paid by the API at Stripe), or
# counts everything there is (Stripe leaves customers of test clocks out of its lists).
HERE = pytest.mark.skipif(bool(SANDBOX), reason="steers or counts what is the stand-in's")


class Sandbox(House):
    """Stripe's sandbox, steered as far as that is possible."""

    def __init__(self, key: str) -> None:
        assert key.startswith(("sk_test_", "rk_test_")), "STRIPE_TEST_KEY is not for tests."
        self.base = ""
        self.v = stripe.StripeClient(key, stripe_version=API_VERSION, max_network_retries=2).v1

    def day(self, day: float, hours: int = 0) -> None:
        to = int(NEW_YEAR + day * 86400 + hours * 3600)
        self.v.test_helpers.test_clocks.advance(self.clock, {"frozen_time": to})
        for _ in range(120):
            if self.v.test_helpers.test_clocks.retrieve(self.clock).status == "ready":
                return
            time.sleep(1)
        raise AssertionError("Stripe's clock did not get ready within two minutes.")

    def ask(self, *args: Any, **more: Any) -> Any:
        raise AssertionError("This test asks the stand-in, and must be marked HERE.")


class OfOneTest(Stripe):
    """Keys that no other test, and no earlier run, has used in the sandbox."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._test = uuid.uuid4().hex

    def _write(self, key: str, *args: Any, **more: Any) -> Any:
        return super()._write(f"{self._test}.{key}", *args, **more)


@pytest.fixture
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    if not SANDBOX:
        yield request.getfixturevalue("standin_house")
        return
    sandbox = Sandbox(SANDBOX)
    yield sandbox.stock()
    if hasattr(sandbox, "clock"):
        sandbox.v.test_helpers.test_clocks.delete(sandbox.clock)


@pytest.fixture
def provider(house: House) -> Iterator[Stripe]:
    """The adapter. After every test, what was read with everything else is what is read alone."""
    if SANDBOX:
        yield OfOneTest(SANDBOX, (SECRET, OLD_SECRET))
        return
    made = Stripe("sk_test_any", (SECRET, OLD_SECRET), house.base, pauses=(0.01, 0.02, 0.05))
    yield made
    house.steer("/faults", "DELETE")
    for told in made.subscriptions():
        assert made.read_subscription(told.id) == told
    for bill in made.bills():
        assert made.read_bill(bill.id) == bill


def all_is(provider: Stripe, told: Told) -> None:
    """Reading everything gives this one, and the same of it."""
    if not SANDBOX:
        assert list(provider.subscriptions()) == [told]


def emptied(server: Server) -> None:
    """Let the stand-in forget its answers for keys, as Stripe does after some days."""
    server.store.run("delete from answer")


def day(number: float) -> datetime:
    return datetime.fromtimestamp(NEW_YEAR, UTC) + timedelta(days=number)


def order(house: House, customer: str, **more: Any) -> Order:
    given: dict[str, Any] = {
        "member": 7, "customer": customer, "price": house.monthly.id, "currency": "EUR",
        "success_url": "http://magazine.test/in?s={CHECKOUT}",
        "cancel_url": "http://magazine.test/plans", **more,
    }  # fmt: skip
    return Order(**given)


def subscribed(house: House, card: str = "pm_card_visa", **more: Any) -> Any:
    """Someone who joined on New Year's Day."""
    return house.subscribe(house.customer(card), metadata={"standfirst_member": "7"}, **more)


def another_card(house: House, sub: Any, card: str = "pm_card_chargeCustomerFail") -> None:
    """Let a subscription be charged to another card, by default to one that is declined then."""
    method = house.v.payment_methods.attach(card, {"customer": sub.customer})
    house.v.subscriptions.update(sub.id, {"default_payment_method": method.id})


def read(provider: Stripe, thing: Any) -> Told:
    found = provider.read_subscription(thing.id)
    assert found is not None
    return found


def state(provider: Stripe, thing: Any) -> State:
    return read(provider, thing).state
