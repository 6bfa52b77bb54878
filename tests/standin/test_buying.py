"""Joining on the pay page, as a reader does it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from standfirst.subscriptions.standin import NOTICE, visits
from standfirst.subscriptions.standin.server import Server
from tests.standin.conftest import ASKS, DECLINED, FAILS_LATER, NEW_YEAR, WORKS, House


def pay(house: House, session: stripe.checkout.Session, card: str, **more: str) -> tuple[int, str]:
    status, headers, text = house.page(session.url or "", card=card, email="r@example.org", **more)
    return status, headers.get("Location") or text


def test_a_card_that_works_makes_a_subscription_that_is_paid_once(house: House) -> None:
    session = house.checkout(client_reference_id="member-7", metadata={"plan": "monthly"},
                             subscription_data={"metadata": {"member": "7"}})  # fmt: skip
    status, _, text = house.page(session.url)
    assert (status, NOTICE in text, "EUR 10.00" in text) == (200, True, True)
    back = f"http://magazine.test/in?s={session.id}"
    assert pay(house, session, WORKS) == (303, back)
    assert pay(house, session, WORKS) == (303, back)  # a double click
    assert "already paid" in house.page(session.url)[2]

    done = house.v.checkout.sessions.retrieve(
        session.id, {"expand": ["subscription.latest_invoice"]}
    )
    assert (done.status, done.payment_status, done.client_reference_id) == (
        "complete",
        "paid",
        "member-7",
    )
    sub = done.subscription
    assert (sub.status, sub.metadata["member"], sub.latest_invoice.status) == (
        "active",
        "7",
        "paid",
    )
    assert house.bills(house.v.customers.retrieve(done.customer)) == [
        ("subscription_create", 1000, "paid")
    ]
    assert len(house.v.charges.list().data) == 1
    told = house.told()
    for kind in ("customer.created", "customer.subscription.created", "invoice.paid",
                 "payment_intent.succeeded", "checkout.session.completed"):  # fmt: skip
        assert told.count(kind) == 1


def test_twenty_clicks_at_once_pay_once(house: House, running: Server) -> None:
    session = house.checkout()
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda _: pay(house, session, WORKS), range(20)))
    assert set(said) == {(303, f"http://magazine.test/in?s={session.id}")}
    with running.store.transaction():  # nor if the page did not look
        kept = running.store.need("checkout.session", session.id)
        assert visits.complete(running.store, kept, WORKS, "") == "ok"
    assert len(house.v.charges.list({"limit": 100}).data) == 1
    assert len(house.v.subscriptions.list({"status": "all"}).data) == 1


def test_a_declined_card_leaves_nothing_and_another_may_be_tried(house: House) -> None:
    session = house.checkout()
    for card in (DECLINED, FAILS_LATER):
        status, text = pay(house, session, card)
        assert (status, "Your card was declined." in text) == (402, True)
    assert not house.v.subscriptions.list({"status": "all"}).data
    assert pay(house, session, WORKS)[0] == 303


def test_a_bank_that_asks_is_asked(house: House) -> None:
    session = house.checkout()
    assert "Your bank asks" in pay(house, session, ASKS)[1]
    assert pay(house, session, ASKS, bank="no")[0] == 402
    assert not house.v.subscriptions.list({"status": "all"}).data
    assert pay(house, session, ASKS, bank="yes")[0] == 303
    assert house.v.subscriptions.list().data[0].status == "active"


def test_a_code_that_a_reader_types_counts(house: House) -> None:
    coupon = house.v.coupons.create({"percent_off": 25, "duration": "once"})
    house.v.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "SPRING",
            "max_redemptions": 1,
        }
    )
    session = house.checkout(allow_promotion_codes=True)
    assert "not known" in house.page(session.url, code="WINTER")[2]
    assert "EUR 7.50" in house.page(session.url, code="SPRING")[2]
    assert pay(house, session, WORKS)[0] == 303
    done = house.v.checkout.sessions.retrieve(session.id)
    assert (done.amount_total, done.total_details.amount_discount) == (750, 250)
    invoice = house.v.invoices.retrieve(done.invoice)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (1000, 750, 750)
    assert (
        "redeemed" in house.page(house.checkout(allow_promotion_codes=True).url, code="SPRING")[2]
    )


def test_a_trial_takes_a_card_and_no_money(house: House) -> None:
    someone = house.customer(card=None)
    session = house.checkout(
        customer=someone.id, customer_email=None, subscription_data={"trial_period_days": 14}
    )
    assert "Free until 15 January 2026" in house.page(session.url)[2]
    assert pay(house, session, WORKS)[0] == 303
    done = house.v.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")
    assert done.subscription.trial_end == NEW_YEAR + 14 * 86400
    assert not house.v.charges.list().data
    house.day(15)
    assert house.again(done.subscription).status == "active"
    assert house.bills(someone) == [
        ("subscription_create", 0, "paid"),
        ("subscription_cycle", 1000, "paid"),
    ]


def test_a_currency_without_minor_unit_is_counted_whole(house: House) -> None:
    session = house.checkout(currency="jpy")
    assert "JPY 1,500" in house.page(session.url)[2]
    assert pay(house, session, WORKS)[0] == 303
    assert house.v.charges.list().data[0].amount == 1500
    with pytest.raises(stripe.InvalidRequestError, match="only supports eur, jpy"):
        house.checkout(currency="usd")


def test_a_session_ends_by_the_clock_or_by_a_word(house: House) -> None:
    early, late = house.checkout(), house.checkout()
    house.v.checkout.sessions.expire(early.id)
    house.steer("/clock", advance_days=2)
    assert house.v.checkout.sessions.retrieve(late.id).status == "expired"
    assert [house.page(one.url)[0] for one in (early, late)] == [410, 410]
    assert pay(house, late, WORKS)[0] == 410
    assert not house.v.charges.list().data


def test_the_portal_cancels_resumes_changes_and_takes_a_card(house: House) -> None:
    someone = house.customer()
    sub = house.subscribe(someone)
    portal = house.v.billing_portal.sessions.create(
        {"customer": someone.id, "return_url": "http://magazine.test/account"}
    )
    text = house.page(portal.url)[2]
    assert all(word in text for word in (NOTICE, "EUR 10.00 every month", "magazine.test/account"))
    assert (
        "paid until 1 February"
        in house.page(portal.url, do="cancel", subscription=sub.id, reason="unused")[2]
    )
    ending = house.again(sub)
    # As Stripe's portal does it: the moment is set, the flag is not.
    assert (ending.cancel_at, ending.cancel_at_period_end) == (NEW_YEAR + 31 * 86400, False)
    assert ending.cancellation_details.feedback == "unused"
    house.page(portal.url, do="keep", subscription=sub.id)
    assert house.again(sub).cancel_at is None
    house.page(portal.url, do="card", card=FAILS_LATER)
    card = house.v.payment_methods.retrieve(house.again(sub).default_payment_method)
    assert card.card.last4 == "0341"
    house.page(portal.url, do="card", card=WORKS)
    house.page(portal.url, do="change", subscription=sub.id, price=house.yearly.id)
    assert house.again(sub).items.data[0].price.id == house.yearly.id
    invoice = house.v.invoices.list({"customer": someone.id}).data[0]
    assert house.page(invoice.invoice_pdf)[2].startswith("%PDF-1.4")
    assert invoice.number in house.page(invoice.hosted_invoice_url)[2]

    other = house.subscribe(house.customer())
    assert "be changed" in house.page(portal.url, do="cancel", subscription=other.id)[2]
    assert house.again(other).cancel_at is None
