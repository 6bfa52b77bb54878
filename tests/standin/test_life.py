"""The life of a subscription by a clock: renewals, dunning, trials, changes, money given back."""

import json

import pytest
import stripe

from tests.standin.conftest import DAY, NEW_YEAR, WORKS, House
from tests.standin.shapes import wrong

FEBRUARY, MARCH = NEW_YEAR + 31 * DAY, NEW_YEAR + 59 * DAY


def test_renewals_come_when_they_are_due_an_hour_in_draft(house: House) -> None:
    someone = house.customer()
    sub = house.subscribe(someone)
    item = sub.items.data[0]
    assert (item.current_period_start, item.current_period_end) == (NEW_YEAR, FEBRUARY)
    house.day(31)
    draft = house.v.invoices.list({"customer": someone.id}).data[0]
    # The invoice shows the period that is over; its line the one that is paid.
    assert (draft.status, draft.period_start, draft.period_end) == ("draft", NEW_YEAR, FEBRUARY)
    assert (draft.lines.data[0].period.start, draft.lines.data[0].period.end) == (FEBRUARY, MARCH)
    house.day(31, hours=1)
    assert house.again(draft).status == "paid"
    house.day(31 + 28 + 31 + 1)
    assert house.bills(someone)[1:] == [("subscription_cycle", 1000, "paid")] * 3


def test_the_31st_stays_the_31st(house: House) -> None:
    someone = house.customer()
    house.day(30)  # 31 January
    sub = house.subscribe(someone)
    ends = [sub.items.data[0].current_period_end]
    for _ in range(2):
        house.day((ends[-1] - NEW_YEAR) / DAY)
        ends.append(house.again(sub).items.data[0].current_period_end)
    assert [(end - NEW_YEAR) // DAY for end in ends] == [58, 89, 119]  # 28 Feb, 31 Mar, 30 Apr


@pytest.mark.parametrize("after", ["cancel", "unpaid", "past_due"])
def test_a_payment_that_fails_is_tried_again_and_then_given_up(house: House, after: str) -> None:
    house.steer("/dunning", after_retries=after)
    someone = house.customer()
    sub = house.subscribe(someone)
    bad = house.v.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": someone.id})
    house.v.subscriptions.update(sub.id, {"default_payment_method": bad.id})
    house.day(31, hours=1)
    sub = house.again(sub, "latest_invoice")
    invoice = sub.latest_invoice
    assert (sub.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 1)
    assert invoice.next_payment_attempt == FEBRUARY + 3600 + 3 * DAY
    house.day(31 + 3 + 5 + 7 + 1)
    sub = house.again(sub, "latest_invoice")
    assert sub.latest_invoice.attempt_count == 4
    assert sub.status == {"cancel": "canceled"}.get(after, after)
    assert sub.cancellation_details.reason == ("payment_failed" if after == "cancel" else None)
    assert house.told().count("invoice.payment_failed") == 4
    if after != "cancel":  # a reader who pays late is back
        status, _, text = house.page(sub.latest_invoice.hosted_invoice_url, card=WORKS)
        assert (status, "Paid. Thank you." in text) == (200, True)
        assert house.again(sub).status == "active"


def test_a_first_payment_that_fails_waits_and_expires(house: House) -> None:
    someone = house.customer("pm_card_chargeCustomerFail")
    sub = house.subscribe(someone, expand=["latest_invoice"])
    assert (sub.status, sub.latest_invoice.status) == ("incomplete", "open")
    house.day(0, hours=24)
    sub = house.again(sub, "latest_invoice")
    assert (sub.status, sub.latest_invoice.status) == ("incomplete_expired", "void")
    with pytest.raises(stripe.CardError) as refused:
        house.subscribe(someone, payment_behavior="error_if_incomplete")
    assert (refused.value.code, refused.value.http_status) == ("card_declined", 402)
    for _ in range(2):  # nothing is left of it, and its key is spent all the same
        given = {"customer": someone.id, "items": [{"price": house.monthly.id}],
                 "payment_behavior": "error_if_incomplete"}  # fmt: skip
        with pytest.raises(stripe.CardError) as refused:
            house.v.subscriptions.create(given, {"idempotency_key": "strict"})
    assert refused.value.headers["Idempotent-Replayed"] == "true"
    assert len(house.v.subscriptions.list({"status": "all"}).data) == 1


def test_a_bank_that_wants_to_be_asked_is_asked_on_the_invoice(house: House) -> None:
    someone = house.customer("pm_card_authenticationRequired")
    sub = house.subscribe(someone, expand=["latest_invoice.payments"])
    intent = sub.latest_invoice.payments.data[0].payment.payment_intent
    intent = house.v.payment_intents.retrieve(intent)
    assert (sub.status, intent.status) == ("incomplete", "requires_action")
    url = intent.next_action.redirect_to_url.url
    assert "Your bank asks" in house.page(url, card="4000002760003184")[2]
    house.page(url, card="4000002760003184", bank="yes")
    assert house.again(sub).status == "active"


@pytest.mark.parametrize("missing", ["cancel", "pause", "create_invoice"])
def test_a_trial_without_a_card_ends_as_was_asked(house: House, missing: str) -> None:
    someone = house.customer(card=None)
    sub = house.subscribe(someone, trial_period_days=7, trial_settings={
        "end_behavior": {"missing_payment_method": missing}})  # fmt: skip
    assert (sub.status, sub.trial_end) == ("trialing", NEW_YEAR + 7 * DAY)
    house.day(5)
    assert house.told().count("customer.subscription.trial_will_end") == 1
    house.day(8)
    ended = {"cancel": "canceled", "pause": "paused", "create_invoice": "past_due"}[missing]
    assert house.again(sub).status == ended
    if missing == "pause":
        card = house.v.payment_methods.attach("pm_card_visa", {"customer": someone.id})
        house.v.subscriptions.update(sub.id, {"default_payment_method": card.id})
        back = house.v.subscriptions.resume(sub.id, {"billing_cycle_anchor": {"type": "now"}})
        assert (back.status, back.items.data[0].current_period_start) == (
            "active",
            NEW_YEAR + 8 * DAY,
        )
        assert house.bills(someone)[-1] == ("subscription_cycle", 1000, "paid")


def test_cancelling_at_the_end_can_be_taken_back(house: House) -> None:
    sub = house.subscribe(house.customer())
    given = {"comment": "Moving.", "feedback": "other"}
    ending = house.v.subscriptions.update(
        sub.id, {"cancel_at_period_end": True, "cancellation_details": given}
    )
    assert (ending.status, ending.cancel_at_period_end, ending.cancel_at) == (
        "active",
        True,
        FEBRUARY,
    )
    back = house.v.subscriptions.update(sub.id, {"cancel_at_period_end": False})
    assert (back.cancel_at, back.canceled_at, back.cancellation_details.reason) == (
        None,
        None,
        None,
    )
    house.v.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    house.day(30)
    assert house.again(sub).status == "active"
    house.day(32)
    over = house.again(sub)
    assert (over.status, over.ended_at) == ("canceled", FEBRUARY)
    assert len(house.v.charges.list().data) == 1


def test_cancelling_at_once_credits_only_where_that_is_asked_for(house: House) -> None:
    plain, fair = house.customer(), None
    house.v.subscriptions.cancel(house.subscribe(plain).id)
    assert house.again(plain).balance == 0
    fair = house.customer()
    sub = house.subscribe(fair)
    house.day(15.5)
    over = house.v.subscriptions.cancel(sub.id, {"invoice_now": True, "prorate": True})
    assert (over.status, over.cancellation_details.reason) == ("canceled", "cancellation_requested")
    assert house.again(fair).balance == -500
    with pytest.raises(stripe.InvalidRequestError):
        house.v.subscriptions.cancel(sub.id)


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")],
)
def test_while_collection_is_paused_nothing_is_charged(
    house: House, behavior: str, status: str
) -> None:
    someone = house.customer()
    sub = house.subscribe(someone)
    pause = {"behavior": behavior, "resumes_at": NEW_YEAR + 40 * DAY}
    house.v.subscriptions.update(sub.id, {"pause_collection": pause})
    house.day(33)
    assert house.bills(someone)[1:] == [("subscription_cycle", 1000, status)]
    assert house.again(sub).status == "active"
    house.day(61)
    assert house.again(sub).pause_collection is None
    assert house.bills(someone)[-1] == ("subscription_cycle", 1000, "paid")


def test_another_price_credits_what_was_not_used(house: House) -> None:
    dearer = house.price(3100, "month")
    someone = house.customer()
    sub = house.subscribe(someone)
    house.day(15.5)  # half of January
    item = {"id": sub.items.data[0].id, "price": dearer.id}
    same = house.v.subscriptions.update(sub.id, {"items": [item]})
    assert same.items.data[0].current_period_end == FEBRUARY
    assert len(house.bills(someone)) == 1
    house.day(32)
    assert house.bills(someone)[-1] == ("subscription_cycle", -500 + 1550 + 3100, "paid")

    item["price"] = house.yearly.id  # 1 February and a day later: 27 of 28 days are left
    house.v.subscriptions.update(sub.id, {"items": [item]})
    assert house.bills(someone)[-1] == ("subscription_update", 10000 - 2989, "paid")
    item["price"] = house.monthly.id
    house.v.subscriptions.update(sub.id, {"items": [item], "proration_behavior": "always_invoice"})
    assert house.bills(someone)[-1] == ("subscription_update", 1000 - 10000, "paid")
    assert house.again(someone).balance == -9000
    house.day(32 + 29)  # the credit pays
    assert house.again(someone).balance == -8000
    with pytest.raises(stripe.InvalidRequestError, match="second item"):
        house.v.subscriptions.update(sub.id, {"items": [{"price": dearer.id}]})


def test_a_preview_says_what_a_change_will_cost_and_changes_nothing(house: House) -> None:
    someone = house.customer()
    sub = house.subscribe(someone)
    house.day(15.5)
    counted = len(house.told())
    plain = house.v.invoices.create_preview({"subscription": sub.id})
    assert (plain.total, plain.lines.data[0].period.start) == (1000, FEBRUARY)
    items = [{"id": sub.items.data[0].id, "price": house.yearly.id}]
    asked = {"subscription": sub.id, "subscription_details": {"items": items}}
    dearer = house.v.invoices.create_preview(asked)
    assert not wrong(json.loads(str(dearer)))
    assert (dearer.total, dearer.amount_due, dearer.status) == (9500, 9500, "draft")
    assert house.bills(someone) == [("subscription_create", 1000, "paid")]
    assert len(house.told()) == counted
    assert len(house.v.charges.list().data) == 1
    house.v.subscriptions.update(sub.id, {"items": items})
    assert house.bills(someone)[-1] == ("subscription_update", 9500, "paid")
    house.v.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="No upcoming"):
        house.v.invoices.create_preview({"subscription": sub.id})


def test_coupons_count_as_long_as_they_last(house: House) -> None:
    once = house.v.coupons.create({"amount_off": 300, "currency": "eur", "duration": "once"})
    year = house.v.coupons.create(
        {"percent_off": 33.33, "duration": "repeating", "duration_in_months": 2}
    )
    someone = house.customer()
    house.subscribe(someone, discounts=[{"coupon": once.id}])
    house.day(32)
    assert [total for _, total, _ in house.bills(someone)] == [700, 1000]
    other = house.customer()
    sub = house.subscribe(other, discounts=[{"coupon": year.id}], expand=["discounts"])
    assert sub.discounts[0].source.coupon == year.id
    house.day(92)
    assert [total for _, total, _ in house.bills(other)] == [667, 667, 1000, 1000]
    house.v.coupons.delete(year.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        house.subscribe(other, discounts=[{"coupon": year.id}])


def test_no_more_is_given_back_than_was_taken(house: House) -> None:
    house.subscribe(house.customer())
    charge = house.v.charges.list().data[0]
    part = house.v.refunds.create({"payment_intent": charge.payment_intent, "amount": 400})
    assert (part.status, part.amount) == ("succeeded", 400)
    with pytest.raises(stripe.InvalidRequestError, match=r"EUR 6\.00"):
        house.v.refunds.create({"charge": charge.id, "amount": 601})
    house.v.refunds.create({"charge": charge.id, "reason": "requested_by_customer"})
    charge = house.v.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    assert len(charge.refunds.data) == 2
    with pytest.raises(stripe.InvalidRequestError) as refused:
        house.v.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"


def test_a_dispute_is_opened_and_settled(house: House) -> None:
    house.subscribe(house.customer("pm_card_createDispute"))
    dispute = house.v.disputes.list().data[0]
    assert house.v.charges.retrieve(dispute.charge).disputed
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        house.v.refunds.create({"charge": dispute.charge})
    house.steer(f"/disputes/{dispute.id}/close", won=False)
    assert house.v.disputes.retrieve(dispute.id).status == "lost"
    assert house.told()[-1] == "charge.dispute.closed"


def test_one_customer_pays_in_one_currency(house: House) -> None:
    someone = house.customer()
    sub = house.subscribe(someone, currency="jpy", expand=["latest_invoice"])
    assert (sub.currency, sub.latest_invoice.amount_paid) == ("jpy", 1500)
    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        house.subscribe(someone)


def test_a_customer_who_leaves_takes_everything_along(house: House) -> None:
    someone = house.customer()
    sub = house.subscribe(someone)
    assert house.v.customers.delete(someone.id).deleted
    assert house.v.customers.retrieve(someone.id).deleted
    assert house.again(sub).status == "canceled"
    assert not house.v.customers.list().data
    with pytest.raises(stripe.InvalidRequestError):
        house.checkout(customer=someone.id, customer_email=None)


def test_what_happens_by_itself_happens_in_its_order(house: House) -> None:
    someone = house.customer()
    house.subscribe(someone)
    house.subscribe(someone, trial_period_days=7)
    counted = len(house.told())
    house.day(70)
    moments = [one.created for one in house.v.events.list({"limit": 100}).data][::-1][counted + 1 :]
    assert moments[:-1] == sorted(moments[:-1])
    assert len({moment // DAY for moment in moments}) > 4


def test_a_product_that_is_lost_does_not_stop_the_clock(house: House) -> None:
    someone = house.customer()
    sub = house.subscribe(someone)
    house.steer("/forget", id=house.product.id)
    house.day(32)
    assert house.bills(someone)[-1] == ("subscription_cycle", 1000, "paid")
    assert house.again(sub).status == "active"
