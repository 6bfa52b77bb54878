"""The adapter for Stripe: buying, the life of a subscription, money given back and taken back.

Where STRIPE_TEST_KEY is set, what is not marked HERE runs in Stripe's own sandbox instead.
"""

from datetime import timedelta
from typing import Any

import pytest

from standfirst.subscriptions.providers.base import BillStatus, Progress, Refused, When
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.rules import Interval, State
from tests.standin.conftest import ASKS, DECLINED, NEW_YEAR, WORKS, House
from tests.stripes import (
    HERE,
    SANDBOX,
    all_is,
    another_card,
    day,
    emptied,
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


# -- buying ---------------------------------------------------------------------------------------


@HERE
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


@HERE
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
    sub = subscribed(house)
    for odd in ("", ".", "..", "x?limit=1", f"../subscriptions/{sub.id}", "x" * 300, "\n", "é"):
        assert provider.read_checkout(odd) is None
        assert provider.read_bill(odd) is None
    with pytest.raises(Refused, match="No such"):
        provider.cancel("sub_none", When.NOW, "k")


@HERE
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
    assert newest.pdf.startswith("http")
    if not SANDBOX:
        assert house.page(newest.pdf)[0] == 200


@HERE
@pytest.mark.parametrize("after", ["cancel", "unpaid", "past_due"])
def test_a_payment_that_fails_leaves_what_was_paid(
    house: House, provider: Stripe, after: str
) -> None:
    house.steer("/dunning", after_retries=after)
    sub = subscribed(house)
    another_card(house, sub)
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
    all_is(provider, told)


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
    assert SANDBOX or len(house.told()) == counted + 1
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
    another_card(house, sub)
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


def test_a_change_in_a_pause_pays_for_no_period(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    provider.pause(sub.id, None, "k1")
    house.day(40)
    provider.change_price(sub.id, house.price(900, "month").id, "k2")  # its bill is below nought
    told = read(provider, sub)
    assert (told.state, told.dates.paid_through) == (State.PAUSED, day(31))


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
    another_card(house, sub)
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


def test_a_reduction_counts_after_the_trial(house: House, provider: Stripe) -> None:
    once = house.v.coupons.create({"amount_off": 900, "currency": "eur", "duration": "once"})
    sub = subscribed(house, discounts=[{"coupon": once.id}], trial_period_days=7)
    told = read(provider, sub)
    assert (told.state, told.next_amount, told.next_at) == (State.TRIALING, 100, day(7))


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
    all_is(provider, told)
    assert [one.refunded for one in provider.bills(sub.id)] == [1000]
    if not SANDBOX:
        assert list(provider.bills(sub.id)) == list(provider.bills())
    with pytest.raises(Refused) as refused:
        provider.refund(bill.id, None, "k5")
    assert refused.value.code == "charge_already_refunded"


@HERE
def test_money_is_not_given_back_again_when_stripe_forgot_the_key(
    house: House, provider: Stripe, running: Any
) -> None:
    (bill,) = provider.bills(subscribed(house).id)
    provider.refund(bill.id, 400, "k1")
    emptied(running)
    provider.refund(bill.id, 400, "k1")
    assert provider.read_bill(bill.id).refunded == 400  # type: ignore[union-attr]


@HERE
def test_a_dispute_counts_while_it_is_open_or_lost(house: House, provider: Stripe) -> None:
    sub = subscribed(house, "pm_card_createDispute")
    told = read(provider, sub)
    assert (told.state, told.dates.ended_at) == (State.DISPUTED, day(0))
    all_is(provider, told)
    assert [one.disputed for one in provider.bills()] == [True]
    dispute = house.v.disputes.list().data[0]
    house.steer(f"/disputes/{dispute.id}/close", won=True)
    told = read(provider, sub)
    assert (told.state, told.dates.ended_at) == (State.ACTIVE, None)
    assert [one.disputed for one in provider.bills(sub.id)] == [False]
    house.v.subscriptions.cancel(sub.id)
    assert state(provider, sub) is State.ENDED
