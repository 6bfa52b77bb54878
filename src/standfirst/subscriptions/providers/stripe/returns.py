"""What became of payments afterwards: given back by us, or taken back by a bank.

Charges know nothing of bills in this version of the API; a payment's intent is what both know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from standfirst.subscriptions.providers.stripe.calls import Calls
from standfirst.subscriptions.providers.stripe.reading import TAKEN_BACK, Thing, id_of


@dataclass(frozen=True, slots=True)
class Return:
    """How much of a payment was given back, whether that is all of it, and when a bank took it
    back, if it did (seconds)."""

    amount: int = 0
    whole: bool = False
    disputed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Returns:
    """Those of many payments, by intent; `customers` are the ones they belong to."""

    by_intent: Mapping[str, Return]
    customers: frozenset[str]


def of_everybody(calls: Calls) -> Returns:
    """All there are; their number is small beside that of payments."""
    found: dict[str, Return] = {}
    customers = set()
    for refund in calls.each("refunds", expand=["data.charge"]):
        charge = refund.get("charge")
        if isinstance(charge, dict) and charge.get("payment_intent"):
            found[id_of(charge.get("payment_intent"))] = _of(charge)
            customers.add(id_of(charge.get("customer")))
    for dispute in calls.each("disputes", expand=["data.charge"]):
        charge = dispute["charge"]
        if dispute["status"] in TAKEN_BACK and isinstance(charge, dict):
            intent = id_of(charge.get("payment_intent"))
            found[intent] = _of(charge, dispute["created"])
            customers.add(id_of(charge.get("customer")))
    return Returns(found, frozenset(customers - {""}))


def of_customer(calls: Calls, customer: str) -> Returns:
    """Those of one customer's payments."""
    found = {}
    for charge in calls.each("charges", customer=customer):
        if charge.get("payment_intent") and (charge["amount_refunded"] or charge["disputed"]):
            found[id_of(charge.get("payment_intent"))] = _read(calls, charge)
    return Returns(found, frozenset({customer} if found else ()))


def of_payments(calls: Calls, intents: Iterable[str]) -> list[Return]:
    """Those of the payments with these intents, asked for one by one."""
    found = []
    for intent in intents:
        thing = calls.read("payment_intents/{}", intent, expand=["latest_charge"])
        if isinstance(thing.get("latest_charge"), dict):
            found.append(_read(calls, thing["latest_charge"]))
    return found


def _read(calls: Calls, charge: Thing) -> Return:
    """A charge stays `disputed` when the dispute was won; so that is looked at."""
    if not charge["disputed"]:
        return _of(charge)
    disputes = calls.each("disputes", charge=charge["id"])
    moments = [one["created"] for one in disputes if one["status"] in TAKEN_BACK]
    return _of(charge, min(moments, default=None))


def _of(charge: Thing, disputed_at: int | None = None) -> Return:
    return Return(charge["amount_refunded"], charge["refunded"], disputed_at)
