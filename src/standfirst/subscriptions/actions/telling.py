"""Subscriptions, bills and what is wrong with them, in words that a person understands."""

from datetime import datetime

from standfirst.publication.clock import written
from standfirst.publication.money import written as money
from standfirst.subscriptions.actions.following import bill_as_told, bill_differs
from standfirst.subscriptions.models import Bill, Entry, Subscription
from standfirst.subscriptions.providers.base import BillTold, Told

WORDS = {
    "customer": "customer",
    "price_id": "price",
    "plan_id": "plan",
    "state": "state",
    "begun_at": "begun",
    "paid_through": "paid until",
    "trial_ends_at": "trial until",
    "cancel_at": "ends on",
    "ended_at": "ended",
    "starts_at": "open from",
    "ends_at": "open until",
    "amount": "costs",
    "currency": "currency",
    "interval": "paid each",
    "next_amount": "next payment",
    "next_at": "paid next on",
    "card": "card",
    "is_disputed": "disputed",
    "issued_at": "issued",
    "period_from": "from",
    "period_until": "until",
}


def difference(ours: Subscription, theirs: Subscription, fields: list[str]) -> str:
    """Who, what ours says, what the provider says."""
    parts = [
        f"{WORDS[name]} is {_value(ours, name)} here and {_value(theirs, name)} there"
        for name in fields
    ]
    return f"{whose(ours)} ({ours.provider_id}): {'; '.join(parts)}."


def whose(subscription: Subscription) -> str:
    return str(subscription.member or "a reader without an account")


def _value(row: object, name: str) -> str:
    value, currency = getattr(row, name), getattr(row, "currency", "")
    if value is None or value == "":
        return "nothing"
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("amount", "next_amount", "total", "paid", "refunded") and currency:
        return money(value, currency)
    if name in ("price_id", "plan_id"):
        found = getattr(row, name.removesuffix("_id"))
        return f"“{found}”"
    return str(value).replace("_", " ")


def unknown(told: Told) -> str:
    return f"{told.email or told.customer} ({told.id}): {_standing(told)} there, unknown here."


def bought_elsewhere(told: Told) -> str:
    who = told.email or told.customer
    return f"{who} ({told.id}): {_standing(told)} there, and of no member here."


def cannot_adopt(told: Told) -> str:
    email = told.email.strip()
    why = "an account has this address and has not confirmed it" if email else "it has no address"
    return f"{bought_elsewhere(told)} It was not joined: {why}."


def _standing(told: Told) -> str:
    until = told.dates.cancel_at or told.dates.paid_through
    return f"{told.state.value.replace('_', ' ')}{f' until {written(until)}' if until else ''}"


def lost(row: Subscription) -> str:
    return (
        f"{whose(row)} ({row.provider_id}): {row.state.replace('_', ' ')} here, and not known "
        "there. Is it the right key?"
    )


def another_account(provider: str) -> str:
    return (
        f"{provider.capitalize()} knows none of the newest subscriptions here: the key is another "
        "account's, or for tests. Nothing is changed. Look at the key, then begin again."
    )


def several(email: str, times: int) -> str:
    return f"{email}: has {times} subscriptions that run. Cancel all but one, and give back."


def bill(ours: Bill | None, told: BillTold) -> str:
    name = told.number or told.id
    if ours is None:
        said = f"{money(told.total, told.currency)}, {told.status.value}"
        return f"Bill {name} of {told.subscription}: {said} there, unknown here."
    theirs = bill_as_told(told)
    parts = [
        f"{WORDS.get(one, one.replace('_', ' '))} is {_value(ours, one)} here and "
        f"{_value(theirs, one)} there"
        for one in bill_differs(ours, told)
    ]
    return f"Bill {name} of {whose(ours.subscription)}: {'; '.join(parts)}."


# -- everything of one member ------------------------------------------------------------------


def one_subscription(row: Subscription) -> list[str]:
    """Everything of one subscription, a line each: standing, window, bills, ledger."""
    lines = [
        f"{row.plan or 'All-Access'} by {row.provider} {row.provider_id}".rstrip(),
        f"  {row.state.replace('_', ' ')}; everything is open from {written(row.starts_at)} until "
        f"{written(row.ends_at)}",
    ]
    facts = ("paid_through", "trial_ends_at", "cancel_at", "ended_at", "next_at", "card")
    said = [f"{WORDS[one]} {_value(row, one)}" for one in facts if getattr(row, one)]
    if row.amount:
        said.insert(0, f"{money(row.amount, row.currency)} each {row.interval}")
    if said:
        lines.append(f"  {'; '.join(said)}")
    lines += [f"  {one_bill(bill)}" for bill in row.bills.all()]
    lines += [f"  {one_entry(entry)}" for entry in row.entries.all()]
    return lines


def one_bill(row: Bill) -> str:
    back = f", {money(row.refunded, row.currency)} given back" if row.refunded else ""
    disputed = ", disputed" if row.is_disputed else ""
    total = money(row.total, row.currency)
    return f"bill {row} of {written(row.issued_at)}: {total}, {row.status}{back}{disputed}"


def one_entry(row: Entry) -> str:
    why = f" ({row.why})" if row.why else ""
    until = written(row.ends_at)
    return f"{written(row.at)}: {row.change}, open until {until}, by {row.by}{why}"
