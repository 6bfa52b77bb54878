"""Events: is one from Stripe and fresh, and where does it say that something changed?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import stripe

from standfirst.subscriptions.providers.base import Forged, Heard
from standfirst.subscriptions.providers.stripe.calls import Calls
from standfirst.subscriptions.providers.stripe.reading import Thing, at, id_of, subscription_of

# How old an event may be, and how far ahead of this host's clock, in seconds.
TOLERANCE = 300


def heard(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
    """The event, checked against each of the endpoint's secrets. Only ids are believed of it."""
    _check(secrets, headers, body, now)
    try:
        return _where(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError):
        raise Forged("This is signed by Stripe, but is no event.") from None


def _where(event: Thing) -> Heard:
    """Where an event says to look."""
    thing, kind = event["data"]["object"], str(event["type"])
    found = Heard(id=str(event["id"]), kind=kind, created_at=at(event["created"]))
    customer = id_of(thing.get("customer"))
    if kind.startswith("customer.subscription."):
        return replace(found, subscription=id_of(thing.get("id")), customer=customer)
    if kind.startswith("invoice."):
        return _of_bill(found, thing)
    if kind in ("checkout.session.completed", "checkout.session.expired"):
        return replace(
            found, subscription=id_of(thing.get("subscription")), checkout=id_of(thing.get("id")),
            bill=id_of(thing.get("invoice")), customer=customer,
        )  # fmt: skip
    if kind == "charge.refunded" or kind.startswith(("charge.dispute.", "refund.")):
        return replace(found, payment=id_of(thing.get("payment_intent")))
    return found


def _of_bill(found: Heard, bill: Thing) -> Heard:
    """An endpoint of an older version of the API is told the subscription where it was then."""
    return replace(
        found, subscription=subscription_of(bill) or id_of(bill.get("subscription")),
        bill=id_of(bill.get("id")), customer=id_of(bill.get("customer")),
    )  # fmt: skip


def bill_of(calls: Calls, payment: str) -> str:
    """The invoice that a payment intent was for, or ""."""
    page = calls.read(
        "invoice_payments", payment={"type": "payment_intent", "payment_intent": payment}, limit=1
    )
    return next((id_of(one["invoice"]) for one in page["data"]), "")


def _check(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Signature and age. The age is measured by `now`, the caller's clock."""
    named: dict[str, Any] = {name.lower(): value for name, value in headers.items()}
    header = named.get("stripe-signature", "")
    if not secrets:
        raise Forged("STRIPE_WEBHOOK_SECRET is not set, so no event can be believed.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Forged("This is not from Stripe: it is no text.") from None
    if not any(_signed(text, header, secret) for secret in secrets):
        raise Forged("This is not signed by Stripe, or STRIPE_WEBHOOK_SECRET is another's.")
    age = now.timestamp() - _signed_at(header)
    if abs(age) > TOLERANCE:
        raise Forged(
            f"This was signed {abs(age):.0f} seconds {'ago' if age > 0 else 'ahead of this clock'};"
            f" at most {TOLERANCE} are believed."
        )


def _signed(text: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(text, header, secret, None))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False


def _signed_at(header: str) -> int:
    """The moment in a header whose signature was found right."""
    parts = (part.split("=", 2) for part in header.split(","))
    return int(next(part[1] for part in parts if part[0] == "t"))
