"""The adapter for Stripe: our verbs, asked of the stand-in by the official SDK.

Where STRIPE_TEST_KEY is set, the tests that steer nothing run in Stripe's own sandbox instead.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from standfirst.subscriptions.providers.base import (
    BillStatus,
    Catalogue,
    CouponWanted,
    Forged,
    Order,
    PlanWanted,
    PriceWanted,
    Progress,
    Refused,
    Told,
    Unreachable,
    When,
)
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.rules import Interval, State
from standfirst.subscriptions.standin.events import public, signature
from tests.standin.conftest import ASKS, DECLINED, NEW_YEAR, WORKS, House, house, running

__all__ = ["house", "running"]  # fixtures

SECRET, OLD_SECRET = "whsec_new", "whsec_old"


def day(number: float) -> datetime:
    return datetime.fromtimestamp(NEW_YEAR, UTC) + timedelta(days=number)


@pytest.fixture
def provider(house: House) -> Stripe:
    return Stripe("sk_test_any", (SECRET, OLD_SECRET), house.base, pauses=(0.01, 0.02, 0.05))


def order(house: House, customer: str, **more: Any) -> Order:
    given: dict[str, Any] = {
        "member": 7, "customer": customer, "price": house.monthly.id, "currency": "EUR",
        "success_url": "http://magazine.test/in?s={CHECKOUT}",
        "cancel_url": "http://magazine.test/plans", **more,
    }  # fmt: skip
    return Order(**given)


def subscribed(house: House, card: str = "pm_card_visa", **more: Any) -> Any:
    """Someone who joined on New Year's Day."""
    return house.subscribe(house.customer(card), metadata={"member": "7"}, **more)


def read(provider: Stripe, thing: Any) -> Told:
    found = provider.read_subscription(thing.id)
    assert found is not None
    return found


def state(provider: Stripe, thing: Any) -> State:
    return read(provider, thing).state


# -- buying ---------------------------------------------------------------------------------------


def test_a_member_buys_on_the_page_and_is_subscribed(house: House, provider: Stripe) -> None:
    customer = provider.put_customer(7, "reader@example.org", "Ada", "c1")
    assert provider.put_customer(7, "reader@example.org", "Ada", "c1") == customer
    begun = provider.start_checkout(order(house, customer, language="de-AT"), "k1")
    assert provider.start_checkout(order(house, customer, language="de-AT"), "k1") == begun
    assert (begun.progress, begun.member, begun.subscription) == (Progress.OPEN, 7, "")
    house.page(begun.url, card=DECLINED)
    assert provider.read_checkout(begun.id) == begun
    assert "bank" in house.page(begun.url, card=ASKS)[2].lower()
    _, headers, _ = house.page(begun.url, card=ASKS, bank="yes")
    assert headers["Location"] == f"http://magazine.test/in?s={begun.id}"
    # Asked again with the same key, it is told as it is now, and is not sold twice.
    paid = provider.start_checkout(order(house, customer, language="de-AT"), "k1")
    assert (paid.progress, paid.url) == (Progress.PAID, "")
    assert provider.expire_checkout(begun.id) == paid
    told = provider.read_subscription(paid.subscription)
    assert told is not None
    assert (told.state, told.member, told.email, told.amount, told.currency, told.interval) == (
        State.ACTIVE, 7, "reader@example.org", 1000, "EUR", Interval.MONTH)  # fmt: skip
    assert told.card == "Visa ending in 3155"
    assert (told.next_amount, told.next_at) == (1000, told.dates.paid_through)
    assert [one.id for one in provider.subscriptions(customer)] == [told.id]


def test_a_checkout_that_was_ended_can_not_be_paid(house: House, provider: Stripe) -> None:
    begun = provider.start_checkout(order(house, house.customer(None).id), "k1")
    ended = provider.expire_checkout(begun.id)
    assert (ended.progress, ended.url) == (Progress.EXPIRED, "")
    assert provider.expire_checkout(begun.id) == ended
    house.page(begun.url, card=WORKS)
    assert not list(provider.subscriptions())


def test_what_stripe_does_not_know_is_none(house: House, provider: Stripe) -> None:
    assert provider.read_checkout("cs_test_none") is None
    assert provider.read_subscription("sub_none") is None
    assert provider.read_bill("in_none") is None
    with pytest.raises(Refused, match="No such"):
        provider.cancel("sub_none", When.NOW, "k")


def test_the_portal_has_an_address(house: House, provider: Stripe) -> None:
    url = provider.portal(house.customer().id, "http://magazine.test/account/")
    assert house.page(url)[0] == 200


# -- the life of a subscription -------------------------------------------------------------------


def test_a_renewal_pays_for_the_next_period(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    told = read(provider, sub)
    assert (told.dates.starts_at, told.dates.paid_through) == (day(0), day(31))
    house.day(31)  # its bill is a draft for an hour
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.ACTIVE, day(59))
    assert (told.next_amount, told.next_at) == (1000, day(31) + timedelta(hours=1))
    house.day(31, hours=1)
    assert read(provider, sub).next_at == day(59)
    newest, first = provider.bills(sub.id)
    assert (newest.period, first.period) == ((day(31), day(59)), (day(0), day(31)))
    assert (newest.status, newest.paid, newest.refunded, newest.disputed) == (
        BillStatus.PAID, 1000, 0, False)  # fmt: skip
    assert provider.read_bill(newest.id) == newest
    assert newest.subscription == sub.id
    assert newest.number
    assert house.page(newest.pdf)[0] == 200


@pytest.mark.parametrize("after", ["cancel", "unpaid", "past_due"])
def test_a_payment_that_fails_leaves_what_was_paid(
    house: House, provider: Stripe, after: str
) -> None:
    house.steer("/dunning", after_retries=after)
    sub = subscribed(house)
    bad = house.v.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": sub.customer})
    house.v.subscriptions.update(sub.id, {"default_payment_method": bad.id})
    house.day(31, hours=1)
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.PAST_DUE, day(31))
    assert (told.next_amount, told.next_at) == (1000, day(34) + timedelta(hours=1))
    house.day(31 + 16 + 75)  # given up; two more periods went by where it was not ended
    told = read(provider, sub)
    if after == "cancel":
        assert (told.state, told.next_at) == (State.ENDED, None)
        assert told.dates.ended_at == day(46) + timedelta(hours=1)
    else:
        # Not the beginning of the present period, which nobody paid for either.
        assert (told.state, told.dates.paid_through) == (State.PAST_DUE, day(31))
    assert list(provider.subscriptions()) == [told]


def test_a_first_payment_that_fails_opens_nothing(house: House, provider: Stripe) -> None:
    sub = subscribed(house, "pm_card_chargeCustomerFail")
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through, told.next_at) == (State.INCOMPLETE, None, None)
    house.day(1)
    assert state(provider, sub) is State.INCOMPLETE


def test_a_trial_is_paid_for_until_its_end(house: House, provider: Stripe) -> None:
    sub = subscribed(house, trial_period_days=7)
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through, told.trial_ends_at) == (
        State.TRIALING, day(7), day(7))  # fmt: skip
    assert (told.next_amount, told.next_at) == (1000, day(7))
    provider.cancel(sub.id, When.AT_THE_END, "k1")
    told = read(provider, sub)
    assert (told.state, told.dates.cancel_at, told.next_at) == (State.CANCELLED, day(7), None)
    provider.resume(sub.id, "k2")
    house.day(8)
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.ACTIVE, day(38))


def test_a_trial_that_ended_without_a_card_is_paused(house: House, provider: Stripe) -> None:
    someone = house.customer(card=None)
    sub = house.subscribe(someone, trial_period_days=7, trial_settings={
        "end_behavior": {"missing_payment_method": "pause"}})  # fmt: skip
    house.day(8)
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through, told.card) == (State.PAUSED, day(7), "")
    card = house.v.payment_methods.attach("pm_card_visa", {"customer": someone.id})
    house.v.subscriptions.update(sub.id, {"default_payment_method": card.id})
    provider.resume(sub.id, "k1")
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.ACTIVE, day(39))


def test_cancelling_keeps_what_is_paid_and_can_be_taken_back(
    house: House, provider: Stripe
) -> None:
    sub = subscribed(house)
    counted = len(house.told())
    for key in ("k1", "k2"):
        provider.cancel(sub.id, When.AT_THE_END, key)
    told = read(provider, sub)
    assert (told.state, told.dates.cancel_at, told.next_amount) == (State.CANCELLED, day(31), None)
    assert len(house.told()) == counted + 1
    provider.resume(sub.id, "k3")
    provider.resume(sub.id, "k4")
    assert (state(provider, sub), read(provider, sub).dates.cancel_at) == (State.ACTIVE, None)
    provider.cancel(sub.id, When.AT_THE_END, "k5")
    house.day(32)
    told = read(provider, sub)
    assert (told.state, told.dates.ended_at, told.dates.cancel_at) == (State.ENDED, day(31), None)
    provider.cancel(sub.id, When.AT_THE_END, "k6")
    provider.cancel(sub.id, When.NOW, "k7")
    with pytest.raises(Refused, match="has ended"):
        provider.resume(sub.id, "k8")


def test_what_was_cancelled_on_the_portal_is_cancelled(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    house.v.subscriptions.update(sub.id, {"cancel_at": NEW_YEAR + 31 * 86400})  # as it does
    assert state(provider, sub) is State.CANCELLED
    provider.cancel(sub.id, When.AT_THE_END, "k1")
    provider.resume(sub.id, "k2")
    assert state(provider, sub) is State.ACTIVE
    # To end after the next renewal: until then it is renewed.
    house.v.subscriptions.update(sub.id, {"cancel_at": NEW_YEAR + 59 * 86400})
    told = read(provider, sub)
    assert (told.state, told.dates.cancel_at, told.next_amount) == (
        State.CANCELLED, day(59), 1000)  # fmt: skip
    provider.cancel(sub.id, When.AT_THE_END, "k3")
    assert read(provider, sub).dates.cancel_at == day(31)


def test_cancelling_what_is_not_paid_ends_it_and_takes_nothing_more(
    house: House, provider: Stripe
) -> None:
    sub = subscribed(house)
    bad = house.v.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": sub.customer})
    house.v.subscriptions.update(sub.id, {"default_payment_method": bad.id})
    house.day(31, hours=1)
    provider.cancel(sub.id, When.AT_THE_END, "k1")
    assert state(provider, sub) is State.ENDED
    charges = len(house.v.charges.list().data)
    house.day(60)
    assert len(house.v.charges.list().data) == charges


def test_a_pause_takes_no_money_and_opens_nothing_more(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    provider.pause(sub.id, day(70), "k1")
    provider.pause(sub.id, day(70), "k2")
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through, told.next_at) == (State.PAUSED, day(31), None)
    house.day(60)
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.PAUSED, day(31))
    house.day(91)
    assert state(provider, sub) is State.ACTIVE
    assert len([one for one in provider.bills(sub.id) if one.status is BillStatus.PAID]) == 2


def test_a_pause_that_is_ended_in_a_period_that_nobody_paid_begins_one(
    house: House, provider: Stripe
) -> None:
    sub = subscribed(house)
    provider.pause(sub.id, None, "k1")
    house.day(10)
    provider.resume(sub.id, "k2")  # within what was paid: nothing is taken
    assert (read(provider, sub).dates.paid_through, len(list(provider.bills(sub.id)))) == (
        day(31), 1)  # fmt: skip
    provider.pause(sub.id, None, "k3")
    house.day(40)
    provider.resume(sub.id, "k4")
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.ACTIVE, day(68))
    provider.resume(sub.id, "k5")
    assert [(one.status, one.paid) for one in provider.bills(sub.id)] == [
        (BillStatus.PAID, 1000), (BillStatus.VOID, 0), (BillStatus.PAID, 1000)]  # fmt: skip


def test_a_customer_who_was_deleted_is_told(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    house.v.customers.delete(sub.customer)
    told = read(provider, sub)
    assert (told.state, told.customer, told.email, told.card) == (
        State.ENDED, sub.customer, "", "")  # fmt: skip


def test_another_price_is_settled_at_once(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    house.day(15.5)
    for _ in range(2):
        provider.change_price(sub.id, house.yearly.id, "k1")
    told = read(provider, sub)
    assert (told.state, told.price, told.interval, told.amount) == (
        State.ACTIVE, house.yearly.id, Interval.YEAR, 10000)  # fmt: skip
    assert told.dates.paid_through == day(15.5) + timedelta(days=365)
    assert [one.total for one in provider.bills(sub.id)] == [9500, 1000]
    provider.change_price(sub.id, house.monthly.id, "k2")
    told = read(provider, sub)  # what was paid for the year is credit now
    assert (told.dates.paid_through, told.next_amount) == (day(15.5) + timedelta(days=31), 0)


def test_a_change_that_can_not_be_paid_changes_nothing(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    bad = house.v.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": sub.customer})
    house.v.subscriptions.update(sub.id, {"default_payment_method": bad.id})
    with pytest.raises(Refused, match="declined") as refused:
        provider.change_price(sub.id, house.yearly.id, "k1")
    assert refused.value.code == "card_declined"
    told = read(provider, sub)
    assert (told.state, told.price) == (State.ACTIVE, house.monthly.id)


def test_a_change_on_the_portal_counts_in_the_next_payment(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    dearer = house.price(3100, "month")
    house.day(15.5)
    item = {"id": sub.items.data[0].id, "price": dearer.id}
    house.v.subscriptions.update(sub.id, {"items": [item]})
    told = read(provider, sub)
    assert (told.amount, told.next_amount) == (3100, -500 + 1550 + 3100)


def test_a_reduction_shows_in_the_next_payment_only(house: House, provider: Stripe) -> None:
    coupon = house.v.coupons.create(
        {"amount_off": 300, "currency": "eur", "duration": "repeating", "duration_in_months": 2}
    )
    sub = subscribed(house, discounts=[{"coupon": coupon.id}])
    told = read(provider, sub)
    assert (told.amount, told.next_amount) == (1000, 700)
    house.day(32)
    assert read(provider, sub).next_amount == 1000


def test_a_currency_without_a_minor_unit(house: House, provider: Stripe) -> None:
    yen = house.price(1500, "year", currency="jpy")
    told = read(provider, house.subscribe(house.customer(), yen))
    assert (told.amount, told.currency, told.next_amount) == (1500, "JPY", 1500)
    other = read(provider, house.subscribe(house.customer(), currency="jpy"))
    assert (other.amount, other.currency) == (1500, "JPY")


# -- money given back, and taken back -------------------------------------------------------------


def test_what_is_given_back_is_told(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    (bill,) = provider.bills(sub.id)
    for _ in range(2):  # once for a key
        provider.refund(bill.id, 400, "k1")
    assert provider.read_bill(bill.id).refunded == 400  # type: ignore[union-attr]
    provider.cancel(sub.id, When.NOW, "k2")
    assert state(provider, sub) is State.ENDED
    with pytest.raises(Refused):
        provider.refund(bill.id, 1001, "k3")
    provider.refund(bill.id, None, "k4")
    told = read(provider, sub)
    assert told.state is State.REFUNDED
    assert list(provider.subscriptions()) == [told]
    assert [one.refunded for one in provider.bills()] == [1000]
    assert list(provider.bills(sub.id)) == list(provider.bills())
    with pytest.raises(Refused) as refused:
        provider.refund(bill.id, None, "k5")
    assert refused.value.code == "charge_already_refunded"


def test_money_is_not_given_back_again_when_stripe_forgot_the_key(
    house: House, provider: Stripe, running: Any
) -> None:
    (bill,) = provider.bills(subscribed(house).id)
    provider.refund(bill.id, 400, "k1")
    running.store.run("delete from answer")  # as Stripe does after some days
    provider.refund(bill.id, 400, "k1")
    assert provider.read_bill(bill.id).refunded == 400  # type: ignore[union-attr]


def test_a_dispute_counts_while_it_is_open_or_lost(house: House, provider: Stripe) -> None:
    sub = subscribed(house, "pm_card_createDispute")
    told = read(provider, sub)
    assert (told.state, told.dates.ended_at) == (State.DISPUTED, day(0))
    assert list(provider.subscriptions()) == [told]
    assert [one.disputed for one in provider.bills()] == [True]
    dispute = house.v.disputes.list().data[0]
    house.steer(f"/disputes/{dispute.id}/close", won=True)
    told = read(provider, sub)
    assert (told.state, told.dates.ended_at) == (State.ACTIVE, None)
    assert [one.disputed for one in provider.bills(sub.id)] == [False]
    house.v.subscriptions.cancel(sub.id)
    assert state(provider, sub) is State.ENDED


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


# -- the catalogue --------------------------------------------------------------------------------

PLANS = (
    PlanWanted(ours=1, name="All-Access", text="Everything.", offered=True),
    PlanWanted(ours=2, name="Students", text="", offered=True),
)
PRICES = (
    PriceWanted(ours=1, plan=1, currency="EUR", amount=1000, interval=Interval.MONTH, offered=True,
                reduction=900, reduced_periods=3),
    PriceWanted(ours=2, plan=1, currency="JPY", amount=15000, interval=Interval.YEAR, offered=True),
    PriceWanted(ours=3, plan=2, currency="EUR", amount=500, interval=Interval.MONTH, offered=True),
)  # fmt: skip
COUPONS = (CouponWanted(ours=1, code="SPRING", percent=20, periods=1, plans=(1,)),)
WHOLE = Catalogue(plans=PLANS, prices=PRICES, coupons=COUPONS)


def brought(provider: Stripe, catalogue: Catalogue) -> Catalogue:
    """Bring it in line; the catalogue with the ids that are known then."""
    stands = {(kind, ours): theirs for kind, ours, theirs in provider.bring_in_line(catalogue)}
    done = dataclasses.replace(catalogue, known={**catalogue.known, **stands})
    assert not provider.differences(done)
    return done


def changed(catalogue: Catalogue, field: str, at: int, **more: Any) -> Catalogue:
    things = list(getattr(catalogue, field))
    things[at] = dataclasses.replace(things[at], **more)
    return dataclasses.replace(catalogue, **{field: tuple(things)})


def kinds(provider: Stripe, catalogue: Catalogue) -> list[str]:
    return [one.kind for one in provider.differences(catalogue)]


def test_the_catalogue_is_made_and_can_be_bought(house: House, provider: Stripe) -> None:
    assert kinds(provider, WHOLE) == ["plan", "plan", "price", "intro", "price", "price", "coupon"]
    assert len(house.v.products.list().data) == 1  # of the house: nothing was made yet
    known = brought(provider, WHOLE).known
    assert set(known) == {("plan", 1), ("plan", 2), ("price", 1), ("intro", 1), ("price", 2),
                          ("price", 3), ("coupon", 1)}  # fmt: skip
    assert brought(provider, WHOLE).known == known  # found again, also by what they bear
    someone = house.customer(None)
    begun = provider.start_checkout(
        order(house, someone.id, price=known["price", 1], coupon=known["intro", 1]), "k1"
    )
    house.page(begun.url, card=WORKS)
    house.day(92)
    (told,) = provider.subscriptions()
    assert (told.price, told.amount, told.next_amount) == (known["price", 1], 1000, 1000)
    assert [one.total for one in provider.bills(told.id)] == [1000, 100, 100, 100]
    other = house.customer(None).id
    begun = provider.start_checkout(
        order(house, other, price=known["price", 3], codes=True, trial_days=7), "k2"
    )
    assert "nothing in this order" in house.page(begun.url, code="SPRING")[2]
    with pytest.raises(Refused):
        provider.start_checkout(
            order(house, other, price=known["price", 3], coupon=known["intro", 1]), "k3"
        )


def test_it_is_finished_by_whoever_comes_next(house: House) -> None:
    """The connection is lost after each single thing that was made, before its id was heard."""
    hasty, times = Stripe("sk_test_any", address=house.base, pauses=()), 0
    while hasty.differences(WHOLE):
        house.steer("/faults", method="POST", kind="drop", when="after")
        with pytest.raises(Unreachable):
            list(hasty.bring_in_line(WHOLE))
        times += 1
    assert times == 2 + 3 + 1 + 2
    assert len(house.v.products.list().data) == 2 + 1
    assert len(house.v.prices.list().data) == 3 + 2
    assert len(house.v.coupons.list().data) == 2
    assert len(house.v.promotion_codes.list().data) == 1


def test_what_changed_is_changed_or_made_anew(house: House, provider: Stripe) -> None:
    done = brought(provider, WHOLE)
    old = done.known
    done = brought(provider, changed(done, "plans", 0, name="Everything", text=""))
    assert house.v.products.retrieve(old["plan", 1]).name == "Everything"
    dearer = changed(done, "prices", 0, amount=1200, reduction=1000)
    assert kinds(provider, dearer) == ["price", "price", "intro", "intro"]
    done = brought(provider, dearer)
    assert done.known["price", 1] != old["price", 1]
    assert not house.v.prices.retrieve(old["price", 1]).active  # who pays it goes on
    done = brought(provider, changed(done, "coupons", 0, percent=30))
    assert [one.active for one in house.v.promotion_codes.list().data] == [True, False]
    for offered in (False, True):
        done = brought(provider, changed(done, "plans", 1, offered=offered))
        done = brought(provider, changed(done, "coupons", 0, offered=offered))
        assert house.v.products.retrieve(done.known["plan", 2]).active is offered
        assert house.v.prices.retrieve(done.known["price", 3]).active is offered
        assert house.v.promotion_codes.retrieve(done.known["coupon", 1]).active is offered
    done = brought(provider, changed(done, "prices", 0, reduction=0, reduced_periods=0))
    assert len(house.v.coupons.list().data) == 2  # both of the code


def test_what_was_deleted_at_stripe_is_made_anew(house: House, provider: Stripe) -> None:
    done = brought(provider, WHOLE)
    house.steer("/forget", id=done.known["plan", 1])
    assert "plan" in kinds(provider, done)
    again = brought(provider, done)
    assert again.known["plan", 1] != done.known["plan", 1]
    assert again.known["price", 1] != done.known["price", 1]
    assert again.known["price", 3] == done.known["price", 3]
    house.steer("/forget", id=again.known["price", 2])
    assert kinds(provider, again) == ["price"]
    brought(provider, again)


def test_a_plan_that_is_not_offered_is_not_made(house: House, provider: Stripe) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    asleep = changed(changed(WHOLE, "plans", 1, offered=False), "coupons", 0, until=past)
    known = brought(provider, asleep).known
    assert not {("plan", 2), ("price", 3), ("coupon", 1)} & set(known)
