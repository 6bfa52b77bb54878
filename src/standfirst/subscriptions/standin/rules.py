"""Time, money and cards, in plain values."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any

Thing = dict[str, Any]

NO_MINOR_UNIT = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905
)
THREE_PLACES = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
CURRENCIES = (
    NO_MINOR_UNIT
    | THREE_PLACES
    | frozenset(
        "aud bgn brl cad chf cny czk dkk eur gbp hkd huf ils inr isk mxn myr nok nzd php pln"  # noqa: SIM905
        " ron sek sgd thb try twd uah usd zar".split()
    )
)  # fmt: skip
HOUR, DAY = 3600, 86400
# A first payment that is not confirmed is given up after this time.
INCOMPLETE_FOR = 23 * HOUR
DRAFT_FOR = HOUR


def shown(amount: int, currency: str) -> str:
    """1999, "eur" as “EUR 19.99”; 1999, "jpy" as “JPY 1,999”."""
    places = 0 if currency in NO_MINOR_UNIT else 3 if currency in THREE_PLACES else 2
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**places)
    text = f"{whole:,}" + (f".{part:0{places}d}" if places else "")
    return f"{currency.upper()} {sign}{text}"


def share(amount: int, part: int, whole: int) -> int:
    """This part of an amount, to the nearest minor unit, halves away from zero."""
    size = (2 * abs(amount) * part + whole) // (2 * whole)
    return size if amount >= 0 else -size


def reduced(amount: int, coupon: Thing, currency: str) -> int:
    """How much a coupon takes off an amount; never more than the amount."""
    if amount <= 0:
        return 0
    if coupon["percent_off"] is not None:
        return share(amount, round(coupon["percent_off"] * 10_000), 1_000_000)
    off = coupon["amount_off"] if coupon["currency"] == currency else None
    if off is None:
        other = (coupon.get("_currency_options") or {}).get(currency)
        off = other["amount_off"] if other else 0
    return int(min(amount, off))


def later(anchor: int, interval: str, count: int) -> int:
    """A moment so many days, weeks, months or years later; 31 January plus a month is
    28 February."""
    if interval in ("day", "week"):
        return anchor + count * DAY * (7 if interval == "week" else 1)
    then = datetime.fromtimestamp(anchor, UTC)
    months = then.year * 12 + then.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(then.day, calendar.monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())


def boundary(anchor: int, recurring: Thing, after: int) -> int:
    """The first end of a period after a moment, counted from the anchor so that the 31st stays."""
    turn = 0
    while (
        end := later(anchor, recurring["interval"], turn * recurring["interval_count"])
    ) <= after:
        turn += 1
    return end


def days_later(moment: int, days: int) -> int:
    return int((datetime.fromtimestamp(moment, UTC) + timedelta(days=days)).timestamp())


def due_of(thing: Thing) -> int | None:
    """When something happens to this thing by itself, if ever."""
    moments: list[int | None] = []
    if thing["object"] == "subscription":
        if thing["status"] in ("canceled", "incomplete_expired"):
            return None
        if thing["status"] == "incomplete":
            return int(thing["created"]) + INCOMPLETE_FOR
        if thing["status"] != "paused":
            moments.append(thing["items"]["data"][0]["current_period_end"])
        if thing["status"] == "trialing" and not thing["_trial_told"]:
            moments.append(max(thing["trial_end"] - 3 * DAY, thing["trial_start"]))
        moments.append(thing["cancel_at"])
        if thing["pause_collection"]:
            moments.append(thing["pause_collection"]["resumes_at"])
    elif thing["object"] == "invoice" and thing["auto_advance"]:
        moments.append(thing["automatically_finalizes_at"] if thing["status"] == "draft" else None)
        moments.append(thing["next_payment_attempt"] if thing["status"] == "open" else None)
    elif thing["object"] == "checkout.session" and thing["status"] == "open":
        moments.append(thing["expires_at"])
    return min((one for one in moments if one is not None), default=None)


# number: brand, what happens when it is charged. “always” asks the bank each time, “once” only
# when the reader is there. Cards that are declined already when they are saved stand apart.
CARDS: dict[str, tuple[str, str]] = {
    "4242424242424242": ("visa", "ok"),
    "5555555555554444": ("mastercard", "ok"),
    "4000000000000002": ("visa", "generic_decline"),
    "4000000000009995": ("visa", "insufficient_funds"),
    "4000000000000069": ("visa", "expired_card"),
    "4000000000000341": ("visa", "generic_decline"),
    "4000002500003155": ("visa", "once"),
    "4000002760003184": ("visa", "always"),
    "4000000000000259": ("visa", "dispute"),
}
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_createDispute": "4000000000000259",
}
REFUSED_AT_ONCE = frozenset({"4000000000000002", "4000000000009995", "4000000000000069"})
SENTENCES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
}


def outcome(number: str, *, present: bool, confirmed: bool) -> str:
    """What charging this card leads to: ok, dispute, ask (the bank wants to be asked) or a
    decline."""
    found = CARDS[number][1]
    if found == "always" or (found == "once" and present):
        return "ok" if confirmed else "ask"
    return "ok" if found == "once" else found
