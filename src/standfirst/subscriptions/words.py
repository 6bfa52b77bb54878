"""What a subscription is, in words for its reader: money always with its currency, as the reader's
language writes it."""

from dataclasses import dataclass
from datetime import datetime

from standfirst.publication.money import written
from standfirst.subscriptions.models import COMPLIMENTARY, INVOICE, Subscription
from standfirst.subscriptions.rules import Interval, State

EACH = {Interval.MONTH.value: "a month", Interval.YEAR.value: "a year"}


def cost(amount: int, currency: str, interval: str, language: str) -> str:
    """Such as “€9.00 a month”; "" where nothing is paid."""
    if not currency:
        return ""
    return f"{written(amount, currency, language)} {EACH.get(interval, '')}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`kind` says which sentences fit: a State, or “given”, “transfer”, “over” (what was given or
    billed has passed). `next_at` and `next_amount` are empty where nothing more is taken. `until`
    is the last moment that is open now, if there is one ahead."""

    kind: str
    plan: str
    cost: str
    next_at: datetime | None
    next_amount: str
    until: datetime | None
    paid_through: datetime | None
    trial_ends_at: datetime | None
    card: str
    at_provider: bool  # and so can be changed by its reader
    is_running: bool
    begun_at: datetime


def told(subscription: Subscription, language: str, now: datetime) -> Told:
    """A subscription at `now` (aware) in the words of a language's numbers."""
    one = subscription
    at_provider = bool(one.provider_id) and one.provider not in (COMPLIMENTARY, INVOICE)
    goes_on = one.next_at is not None and one.next_amount is not None and one.next_at > now
    until = one.ends_at if one.starts_at < one.ends_at and one.ends_at > now else None
    kind = one.state
    if one.provider == COMPLIMENTARY:
        kind = "given" if until else "over"
    elif one.provider == INVOICE and until:
        kind = "transfer"
    elif one.state == State.CANCELLED and until is None:
        kind = State.ENDED.value
    return Told(
        kind=kind,
        plan=one.plan.name if one.plan else "All-Access",
        cost=cost(one.amount, one.currency, one.interval, language),
        next_at=one.next_at if goes_on else None,
        next_amount=written(one.next_amount or 0, one.currency, language) if goes_on else "",
        until=until,
        paid_through=one.paid_through if one.paid_through and one.paid_through > now else None,
        trial_ends_at=one.trial_ends_at,
        card=one.card,
        at_provider=at_provider,
        is_running=one.is_running and kind != State.ENDED,
        begun_at=one.begun_at or one.starts_at,
    )
