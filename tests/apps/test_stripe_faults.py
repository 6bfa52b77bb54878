"""The adapter for Stripe when things go wrong, and what it believes of what it is told."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from standfirst.subscriptions.providers.base import Forged, Refused, Unreachable, When
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.providers.stripe.calls import Calls
from standfirst.subscriptions.rules import State
from standfirst.subscriptions.standin.events import public, signature
from tests.standin.conftest import WORKS, House
from tests.stripes import (
    HERE,
    OLD_SECRET,
    SECRET,
    day,
    house,
    order,
    provider,
    read,
    running,
    standin_house,
    state,
    subscribed,
)

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = HERE


# -- faults ---------------------------------------------------------------------------------------


def test_a_connection_that_is_lost_after_the_work_is_asked_again(
    house: House, provider: Stripe
) -> None:
    house.steer("/faults", path="/v1/customers", method="POST", kind="drop", when="after", times=2)
    provider.put_customer(7, "reader@example.org", "", "c1")
    assert len(house.v.customers.list({"email": "reader@example.org"}).data) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_of_theirs_is_asked_again_later(house: House, provider: Stripe, when: str) -> None:
    """Stripe keeps an error for its key; asked again with the key, the thing is still done."""
    sub = subscribed(house)
    (bill,) = provider.bills(sub.id)
    for path, verb in (
        ("/v1/subscriptions/", lambda: provider.cancel(sub.id, When.AT_THE_END, "k1")),
        ("/v1/subscriptions/", lambda: provider.change_price(sub.id, house.yearly.id, "k2")),
        ("/v1/refunds", lambda: provider.refund(bill.id, 400, "k3")),
    ):
        house.steer("/faults", path=path, method="POST", kind="error", when=when)
        with pytest.raises(Unreachable):
            verb()
        verb()
        verb()
    told = read(provider, sub)
    assert (told.state, told.price) == (State.CANCELLED, house.yearly.id)
    assert [one.refunded for one in provider.bills(sub.id)] == [0, 400]
    assert [one.total for one in provider.bills(sub.id)] == [9000, 1000]


def test_money_is_given_back_once_though_two_meet_an_error(house: House, provider: Stripe) -> None:
    """The other one had looked for a refund just before this one's was made, and failed to say."""
    (bill,) = provider.bills(subscribed(house).id)
    house.steer("/faults", path="/v1/refunds", method="POST", kind="error", when="after")
    with pytest.raises(Unreachable):
        provider.refund(bill.id, 400, "k1")
    other = Stripe("sk_test_any", (), house.base)
    each, looked = other._calls.each, []

    def too_early(path: str, **asked: Any) -> Any:
        looked.append(path)
        return iter(()) if looked.count("refunds") == 1 else each(path, **asked)

    other._calls.each = too_early  # type: ignore[method-assign]
    other.refund(bill.id, 400, "k1")
    assert looked.count("refunds") == 2
    assert [one.refunded for one in provider.bills()] == [400]


def test_reading_goes_on_after_an_error_and_gives_up_in_time(
    house: House, provider: Stripe
) -> None:
    sub = subscribed(house)
    for kind in ("error", "rate_limit", "drop"):
        house.steer("/faults", path="/v1/subscriptions", kind=kind, times=2)
        assert state(provider, sub) is State.ACTIVE
        house.steer("/faults", path="/v1/subscriptions", kind=kind, times=9)
        with pytest.raises(Unreachable):
            read(provider, sub)
        house.steer("/faults", "DELETE")
    hasty = Stripe("sk_test_any", address=house.base, reading=(1, 0.1), pauses=())
    house.steer("/faults", path="/v1/subscriptions", kind="timeout", seconds=0.5)
    with pytest.raises(Unreachable, match="does not answer in time"):
        read(hasty, sub)
    closed = Stripe("sk_test_any", address="http://127.0.0.1:9", pauses=())
    with pytest.raises(Unreachable, match="cannot be reached"):
        read(closed, sub)


def test_a_list_is_read_page_by_page(house: House) -> None:
    made = [house.v.customers.create({"email": f"{n}@x.test"}).id for n in range(5)]
    calls = Calls("sk_test_any", house.base, pauses=(0.01,))
    found = calls.each("customers", limit=2)
    assert next(found)["id"] == made[4]
    house.steer("/faults", path="/v1/customers", kind="drop")  # in the middle
    assert [one["id"] for one in found] == made[3::-1]


def test_a_key_that_is_being_worked_on_is_waited_for(house: House, provider: Stripe) -> None:
    house.steer("/faults", path="/v1/customers", kind="timeout", seconds=0.06)

    def put() -> str:
        return provider.put_customer(7, "reader@example.org", "", "busy")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(put)
        while json.loads(house.ask("GET", "/standin", "")[2])["faults"]:
            time.sleep(0.005)
        assert put() == first.result()


def test_twenty_checkouts_at_once_with_one_key_are_one(house: House, provider: Stripe) -> None:
    customer, start = house.customer(None).id, threading.Barrier(20)
    patient = Stripe("sk_test_any", address=house.base, pauses=(0.02,) * 100)

    def begin(_: int) -> str:
        start.wait()
        return patient.start_checkout(order(house, customer), "k1").id

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(begin, range(20)))) == 1


def test_a_key_that_stripe_refuses_is_named(house: House) -> None:
    with pytest.raises(Refused, match="STRIPE_KEY"):
        Stripe("sk_live_x", address=house.base).read_bill("in_1")


# -- events ---------------------------------------------------------------------------------------


def events(house: House) -> Iterator[tuple[str, bytes]]:
    for one in house.v.events.list({"limit": 100}).data:
        thing = json.loads(str(one))
        yield thing["type"], json.dumps(public(thing)).encode()


def hear(provider: Stripe, body: bytes, secret: str = SECRET, ago: int = 0) -> Any:
    now = datetime.now(UTC)
    header = signature(body, secret, int(now.timestamp()) - ago)
    return provider.hear({"STRIPE-Signature": header}, body, now)


def test_an_event_says_only_where_to_look(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    (bill,) = provider.bills(sub.id)
    provider.refund(bill.id, 100, "k1")
    charge = house.v.charges.list().data[0]
    house.steer("/disputes", charge=charge.id)
    heard = {kind: hear(provider, body) for kind, body in events(house)}
    whole = (sub.id, bill.id, sub.customer)
    for kind in ("invoice.paid", "refund.created", "charge.refunded", "charge.dispute.created"):
        assert (heard[kind].subscription, heard[kind].bill, heard[kind].customer) == whole, kind
    created = heard["customer.subscription.created"]
    assert (created.subscription, created.bill, created.customer) == (sub.id, "", sub.customer)
    assert created.created_at == day(0)
    plain = heard["payment_intent.succeeded"]
    assert (plain.subscription, plain.bill, plain.customer) == ("", "", "")


def test_a_checkout_that_was_paid_is_heard_of(house: House, provider: Stripe) -> None:
    begun = provider.start_checkout(order(house, house.customer(None).id), "k1")
    house.page(begun.url, card=WORKS)
    bodies = dict(events(house))
    heard = hear(provider, bodies["checkout.session.completed"])
    paid = provider.read_checkout(begun.id)
    assert paid is not None
    assert (heard.subscription, heard.customer) == (paid.subscription, begun.customer)
    assert heard.bill.startswith("in_")


def test_a_bill_that_is_still_to_come_has_no_id(provider: Stripe) -> None:
    parent = {"subscription_details": {"subscription": "sub_1"}}
    for where in ({"parent": parent}, {"subscription": "sub_1"}):  # now, and in older versions
        thing = {"object": "invoice", "customer": "cus_1", **where}
        event = {"id": "evt_1", "type": "invoice.upcoming", "created": 1, "data": {"object": thing}}
        heard = hear(provider, json.dumps(event).encode())
        assert (heard.subscription, heard.bill, heard.customer) == ("sub_1", "", "cus_1")


def test_only_what_is_signed_and_fresh_is_believed(provider: Stripe, house: House) -> None:
    body = b'{"id":"evt_1","type":"x","created":1,"data":{"object":{}}}'
    assert hear(provider, body).id == "evt_1"
    assert hear(provider, body, OLD_SECRET, 290).kind == "x"
    for wrong in (
        lambda: hear(provider, body, "whsec_forged"),
        lambda: hear(provider, body, ago=310),
        lambda: hear(provider, body, ago=-310),
        lambda: hear(provider, b"{"),
        lambda: hear(provider, b"\xff"),
        lambda: hear(provider, b"[]"),
        lambda: hear(provider, b'{"id":"e","type":"x","created":1,"data":{"object":null}}'),
        lambda: hear(
            provider, b'{"id":"e","type":"invoice.paid","created":1,"data":{"object":[]}}'
        ),
        lambda: hear(provider, b'{"id":"evt_1","type":"invoice.paid"}'),
        lambda: hear(provider, b'{"id":"e","type":"x","created":9e99,"data":{"object":{}}}'),
        lambda: provider.hear({}, body, datetime.now(UTC)),
        lambda: provider.hear({"Stripe-Signature": "t=,v1="}, body, datetime.now(UTC)),
        lambda: hear(Stripe("sk_test_any", address=house.base), body),
    ):
        with pytest.raises(Forged):
            wrong()
    header = signature(body, SECRET, int(time.time()))
    with pytest.raises(Forged):
        provider.hear({"Stripe-Signature": header}, body + b" ", datetime.now(UTC))
