"""From Stripe's shapes (plain dicts) to our words. Nothing is asked here.

What the SDK's types call optional is read by `get`: it may be null, and may be left out."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from standfirst.subscriptions.providers.base import (
    BillStatus,
    BillTold,
    CheckoutTold,
    Progress,
    Told,
)
from standfirst.subscriptions.rules import Dates, Interval, State

Thing = dict[str, Any]

OVER = frozenset({"canceled", "incomplete_expired"})
# An inquiry (warning_…) takes no money yet, and one that was won gave it back.
TAKEN_BACK = frozenset({"needs_response", "under_review", "lost"})
BRANDS = {
    "amex": "American Express", "cartes_bancaires": "Cartes Bancaires", "diners": "Diners Club",
    "eftpos_au": "eftpos", "jcb": "JCB", "mastercard": "Mastercard", "unionpay": "UnionPay",
    "visa": "Visa",
}  # fmt: skip
# Months in each of Stripe's intervals.
MONTHS = {"day": 12 / 365, "week": 12 * 7 / 365, "month": 1.0, "year": 12.0}


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def id_of(thing: Any) -> str:
    """The id of a field that may be expanded, or null."""
    return str(thing["id"] if isinstance(thing, dict) else thing or "")


def member_of(said: Any) -> int | None:
    """Our id of a member, as it was given to Stripe."""
    text = str(said or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


# -- checkout -----------------------------------------------------------------------------------


def checkout(session: Thing) -> CheckoutTold:
    progress = {"complete": Progress.PAID, "expired": Progress.EXPIRED}
    return CheckoutTold(
        id=session["id"],
        progress=progress.get(session["status"], Progress.OPEN),
        url=session.get("url") or "",
        expires_at=at(session["expires_at"]),
        customer=id_of(session.get("customer")),
        subscription=id_of(session.get("subscription")),
        member=member_of(session.get("client_reference_id")),
    )


# -- bills --------------------------------------------------------------------------------------


def subscription_of(bill: Thing) -> str:
    """The id of the subscription a bill is for, or ""."""
    details = (bill.get("parent") or {}).get("subscription_details") or {}
    return id_of(details.get("subscription"))


def is_proration(line: Thing) -> bool:
    details = (line.get("parent") or {}).get("subscription_item_details") or {}
    return bool(details.get("proration"))


def period_of(bill: Thing) -> tuple[int, int] | None:
    """What a bill pays for. The bill of a renewal shows the period that is over, its line the one
    that is paid; None for a bill that only settles a change within a period."""
    periods = [line["period"] for line in bill["lines"]["data"] if not is_proration(line)]
    if not periods:
        return None
    last = max(periods, key=lambda period: int(period["end"]))
    return last["start"], last["end"]


def price_of(line: Thing) -> str:
    details = (line.get("pricing") or {}).get("price_details") or {}
    return id_of(details.get("price"))


def intents_of(payments: Iterable[Thing]) -> list[str]:
    """Ids of the payments that went through, from the invoice's payments."""
    return [
        id_of(one["payment"]["payment_intent"])
        for one in payments
        if one["status"] == "paid" and one["payment"]["type"] == "payment_intent"
    ]


def bill(thing: Thing, refunded: int, disputed: bool) -> BillTold:
    """A bill; what was given back, and whether the bank took it back, is known elsewhere."""
    start, end = _settled(thing)
    dates = thing["status_transitions"]
    return BillTold(
        id=thing["id"],
        subscription=subscription_of(thing),
        customer=id_of(thing["customer"]),
        number=thing.get("number") or "",
        status=BillStatus(thing.get("status") or "draft"),
        currency=thing["currency"].upper(),
        total=thing["total"],
        paid=thing["amount_paid"],
        refunded=refunded,
        disputed=disputed,
        issued_at=at(dates.get("finalized_at") or thing["created"]),
        paid_at=moment(dates.get("paid_at")),
        period=(at(start), at(end)),
        page=thing.get("hosted_invoice_url") or "",
        pdf=thing.get("invoice_pdf") or "",
    )


def _settled(thing: Thing) -> tuple[int, int]:
    if found := period_of(thing):
        return found
    periods = [line["period"] for line in thing["lines"]["data"]]
    if not periods:
        return thing["period_start"], thing["period_end"]
    return min(one["start"] for one in periods), max(one["end"] for one in periods)


# -- subscriptions ------------------------------------------------------------------------------


def item_of(sub: Thing) -> Thing:
    found: Thing = sub["items"]["data"][0]
    return found


def latest_bill(sub: Thing) -> Thing | None:
    found = sub.get("latest_invoice")
    return found if isinstance(found, dict) else None


def is_being_paid(sub: Thing) -> bool:
    """Is the present period's bill under way? At a renewal it is a draft for an hour, and then open
    for a moment, while the subscription is active. In a pause it is kept back or voided."""
    last = latest_bill(sub)
    waits = last is not None and last["status"] in ("draft", "open")
    return waits and sub["status"] == "active" and not sub.get("pause_collection")


def latest_paid_until(sub: Thing) -> int | None:
    """The end of what the latest bill paid for; None where it is not paid or pays for no period."""
    last = latest_bill(sub)
    period = period_of(last) if last and last["status"] == "paid" else None
    return period and period[1]


def state_of(sub: Thing, *, refunded: bool, disputed: bool) -> State:
    """The state, with what is known of the latest payment."""
    status = sub["status"]
    if status in ("incomplete", "incomplete_expired"):
        return State.INCOMPLETE
    if status == "canceled":
        return State.REFUNDED if refunded else State.ENDED
    if disputed:
        return State.DISPUTED
    if status in ("past_due", "unpaid"):
        return State.PAST_DUE
    if status == "paused" or sub.get("pause_collection"):
        return State.PAUSED
    if ends_at(sub) is not None:  # also where it is renewed until then
        return State.CANCELLED
    return State.TRIALING if status == "trialing" else State.ACTIVE


def ends_at(sub: Thing) -> int | None:
    """When a subscription that runs ends without renewal. The portal sets `cancel_at` alone."""
    if sub.get("cancel_at") is not None:
        return int(sub["cancel_at"])
    return int(item_of(sub)["current_period_end"]) if sub["cancel_at_period_end"] else None


def needs_a_preview(sub: Thing) -> bool:
    """May the next payment be another than the price? A reduction, credit, or a change that is
    not on a bill yet."""
    last, owed = latest_bill(sub), sub["customer"].get("balance", 0) != 0
    asked = {price_of(line) for line in last["lines"]["data"]} if last else set()
    changed = bool(asked) and item_of(sub)["price"]["id"] not in asked
    return bool(sub["discounts"] or sub.get("pending_update") or owed or changed)


def next_payment(sub: Thing) -> tuple[int | None, int | None]:
    """When money is taken next, and how much where the latest bill says it already."""
    last, status = latest_bill(sub), sub["status"]
    if status in OVER or status in ("paused", "incomplete") or sub.get("pause_collection"):
        return None, None
    if last and last["status"] == "open":
        when = last.get("next_payment_attempt")
        return (when, last["amount_remaining"]) if when else (None, None)
    if status == "unpaid" or (last and last["status"] == "draft" and not last["auto_advance"]):
        return None, None
    if last and last["status"] == "draft" and last.get("automatically_finalizes_at"):
        return last.get("automatically_finalizes_at"), last["amount_due"]
    until = item_of(sub)["current_period_end"]
    ends = ends_at(sub)
    return (None, None) if ends is not None and ends <= until else (until, None)


def interval_of(price: Thing, amount: int) -> tuple[Interval, int]:
    """The interval and what is paid each time. An interval that we do not sell (a quarter, a
    week), brought along from elsewhere, is told as its share of a month."""
    recurring = price.get("recurring") or {"interval": "month", "interval_count": 1}
    months = MONTHS[recurring["interval"]] * recurring["interval_count"]
    if months == 12:
        return Interval.YEAR, amount
    return Interval.MONTH, round(amount / months)


def card_of(method: Thing | None) -> str:
    """What a reader recognises a card by, or ""."""
    if method is None:
        return ""
    details = method.get(method["type"]) or {}
    name = BRANDS.get(details.get("brand") or "") or _plain(details.get("brand") or method["type"])
    last = details.get("last4")
    return f"{name} ending in {last}" if last else name


def _plain(word: str) -> str:
    return word.replace("_", " ").capitalize()


def told(
    sub: Thing, *, amount: int, paid_through: int | None, next_amount: int | None,
    refunded: bool = False, disputed_at: int | None = None, card: str = "",
) -> Told:  # fmt: skip
    """A subscription in our words. `disputed_at` is when the bank took its latest payment back."""
    price = item_of(sub)["price"]
    state = state_of(sub, refunded=refunded, disputed=disputed_at is not None)
    over = [one for one in (sub.get("ended_at"), disputed_at) if one is not None]
    when = next_payment(sub)[0]
    interval, each = interval_of(price, amount)
    return Told(
        id=sub["id"],
        customer=id_of(sub["customer"]),
        member=member_of((sub["metadata"] or {}).get("standfirst_member")),
        email=sub["customer"].get("email") or "",  # none where the customer was deleted
        state=state,
        dates=Dates(
            starts_at=at(sub["start_date"]),
            paid_through=moment(paid_through),
            cancel_at=None if sub["status"] in OVER else moment(ends_at(sub)),
            ended_at=moment(min(over)) if over else None,
        ),
        price=price["id"],
        amount=each,
        currency=sub["currency"].upper(),
        interval=interval,
        trial_ends_at=moment(sub.get("trial_end")),
        next_amount=None if when is None else next_amount,
        next_at=moment(when),
        card=card,
    )
