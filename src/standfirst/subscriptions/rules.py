"""What a subscription is and until when it opens everything. Plain values in, plain values out.

Money is an integer of minor units (cents; whole yen) beside its currency, an ISO 4217 code in
capitals. Times are aware datetimes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """The life of a subscription."""

    INCOMPLETE = "incomplete"  # the first payment is not through: nothing is open yet
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"  # a payment failed and is tried again
    PAUSED = "paused"  # nothing is taken, and nothing is open past what was paid for
    CANCELLED = "cancelled"  # paid until a date, and not renewed
    ENDED = "ended"
    REFUNDED = "refunded"  # ended, and the last payment was given back
    DISPUTED = "disputed"  # the bank took the payment back


# What may still take money: a member holds at most one of these (see the model's constraint).
RUNNING = frozenset(
    {State.TRIALING, State.ACTIVE, State.PAST_DUE, State.PAUSED, State.CANCELLED, State.DISPUTED}
)
# Counted as recurring revenue.
PAYING = frozenset({State.ACTIVE, State.PAST_DUE})


class Interval(StrEnum):
    """How often is paid."""

    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """`paid_through` is the end of what is paid for or free to try, None where nothing is;
    `cancel_at` when it ends without renewal; `ended_at` when it ended."""

    starts_at: datetime
    paid_through: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Everything is open from `starts_at` until just before `ends_at`; never, where they are
    equal."""

    starts_at: datetime
    ends_at: datetime

    def holds(self, now: datetime) -> bool:
        """Is everything open at `now`?"""
        return self.starts_at <= now < self.ends_at


def window(state: State, dates: Dates, grace: timedelta) -> Window:
    """When everything is open, as far as is known: the one function from a state to access.

    Whoever is renewed keeps reading for `grace` after what is paid for: so long a payment may be
    late, or its news. What was cancelled ends on its day.
    """
    start, until = dates.starts_at, dates.paid_through
    match state:
        case State.INCOMPLETE:
            until = start
        case State.TRIALING | State.ACTIVE | State.PAST_DUE:
            until = until and until + grace
        case State.CANCELLED:
            # The last day may lie some renewals ahead.
            until = until + grace if until and dates.cancel_at else until or dates.cancel_at
        case State.PAUSED:
            pass
        case State.ENDED | State.REFUNDED | State.DISPUTED:
            until = dates.ended_at or until
    if dates.cancel_at and until:
        until = min(until, dates.cancel_at)
    return Window(start, max(start, until or start))


def monthly(amount: int, interval: Interval) -> int:
    """What an amount for each interval comes to in a month, in the same minor units, rounded half
    up."""
    return amount if interval is Interval.MONTH else (amount + 6) // 12


class Change(StrEnum):
    """What became another, as the ledger tells it."""

    BEGAN = "began"
    TRIAL_BEGAN = "trial began"
    FIRST_PAID = "trial turned into a subscription"
    RENEWED = "renewed"
    PAYMENT_FAILED = "payment failed"
    RECOVERED = "payment recovered"
    CANCELLED = "cancelled"
    RESUMED = "resumed"
    PAUSED = "paused"
    UNPAUSED = "pause ended"
    PLAN_CHANGED = "plan changed"
    ENDED = "ended"
    REFUNDED = "refunded"
    PART_REFUNDED = "money given back"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute won"
    GIVEN = "given"
    DATES_CHANGED = "dates changed"
    NOTED = "note changed"
    WITHDRAWN = "withdrawn"
    MERGED = "moved to another account"
    ADOPTED = "moved in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the ledger keeps of a subscription at one moment. `price` names what is paid for."""

    state: State
    price: str
    paid_through: datetime | None
    cancel_at: datetime | None
    window: Window


def what_changed(before: Standing | None, after: Standing) -> list[Change]:
    """The words for a change, most telling first; empty where nothing of standing changed.

    `before` is None for a subscription that was not known, or had not begun.
    """
    found: list[Change] = []
    if before is None or before.state is State.INCOMPLETE:
        begun = {
            State.INCOMPLETE: [],
            State.TRIALING: [Change.TRIAL_BEGAN],
            State.ENDED: [Change.ENDED],
            State.REFUNDED: [Change.REFUNDED],
            State.DISPUTED: [Change.BEGAN, Change.DISPUTED],
            State.PAST_DUE: [Change.BEGAN, Change.PAYMENT_FAILED],
            State.CANCELLED: [Change.BEGAN, Change.CANCELLED],
            State.PAUSED: [Change.BEGAN, Change.PAUSED],
        }
        return list(begun.get(after.state, [Change.BEGAN]))
    if before.state is not after.state:
        found.append(_from_state_to_state(before.state, after.state))
    if before.price != after.price:
        found.append(Change.PLAN_CHANGED)
    if not found and _later(before.paid_through, after.paid_through):
        found.append(Change.RENEWED)
    if not found and before != after:
        found.append(Change.DATES_CHANGED)
    return found


def _from_state_to_state(before: State, after: State) -> Change:
    match before, after:
        case State.PAST_DUE, State.ACTIVE:
            return Change.RECOVERED
        case State.TRIALING, State.ACTIVE:
            return Change.FIRST_PAID
        case State.DISPUTED, State.ACTIVE | State.CANCELLED | State.TRIALING:
            return Change.DISPUTE_WON
        case State.PAUSED, State.ACTIVE | State.TRIALING:
            return Change.UNPAUSED
        case State.CANCELLED, State.ACTIVE | State.TRIALING:
            return Change.RESUMED
        case ((State.ENDED | State.REFUNDED), (State.ACTIVE | State.TRIALING)):
            return Change.RESUMED
    return {
        State.PAST_DUE: Change.PAYMENT_FAILED,
        State.PAUSED: Change.PAUSED,
        State.CANCELLED: Change.CANCELLED,
        State.ENDED: Change.ENDED,
        State.REFUNDED: Change.REFUNDED,
        State.DISPUTED: Change.DISPUTED,
    }.get(after, Change.DATES_CHANGED)


def _later(before: datetime | None, after: datetime | None) -> bool:
    return after is not None and (before is None or after > before)
