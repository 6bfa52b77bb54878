"""What a subscription is and until when it opens everything. Plain values in, plain values out.

Money is an integer of minor units (cents; whole yen) beside its currency, an ISO 4217 code in
capitals. Times are aware datetimes.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
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
            # A late payment may be tried for longer than the grace, and it ends only then.
            until = min(dates.ended_at or until, until + grace) if until else dates.ended_at
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
    DOUBLED = "bought a second time"
    ASKED = "asked by the reader"


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


# -- leaving ----------------------------------------------------------------------------------

WITHDRAWAL_DAYS = 14  # Directive 2011/83/EU, article 9
SATURDAY = 5


def withdrawal_ends(bought_at: datetime, zone: tzinfo) -> datetime:
    """The first moment at which a purchase can't be withdrawn from any more.

    The day of the purchase is not counted, and the last day counts to its end, in the publication's
    time zone; a Saturday or Sunday moves it to Monday (Regulation 1182/71, article 3). Renewals,
    and a trial that becomes a subscription, do not begin it anew: `bought_at` stays.
    """
    last = bought_at.astimezone(zone).date() + timedelta(days=WITHDRAWAL_DAYS)
    while last.weekday() >= SATURDAY:
        last += timedelta(days=1)
    return datetime.combine(last + timedelta(days=1), time(), zone)


# -- reminders --------------------------------------------------------------------------------

# France asks for a month and more before a renewal, California and New York for 15 to 45 days.
RENEWAL_NOTICE = timedelta(days=35)
# The card schemes ask for a week before the first payment after a trial.
TRIAL_NOTICE = timedelta(days=7)
# Time to find another card, and close enough to the end to be believed.
GRACE_NOTICE = timedelta(days=2)


class Notice(StrEnum):
    """What a reader is reminded of before it happens."""

    TRIAL_ENDS = "trial ends"
    RENEWS = "renews"
    GRACE_ENDS = "grace ends"


def notice_due(
    state: State,
    interval: Interval,
    *,
    begun_at: datetime,
    trial_ends_at: datetime | None,
    next_at: datetime | None,
    paid_through: datetime | None,
    ends_at: datetime,
    now: datetime,
) -> Notice | None:
    """What a reader is to be reminded of at `now`, or None.

    A trial is told of a week before its end, and a short one when half of it is over; so with the
    grace, which lies between `paid_through` and `ends_at`, the end of the window. Of renewals only
    the yearly ones are told of.
    """
    match state:
        case State.TRIALING if trial_ends_at and next_at:
            ahead = min(TRIAL_NOTICE, (trial_ends_at - begun_at) / 2)
            return Notice.TRIAL_ENDS if trial_ends_at - ahead <= now < trial_ends_at else None
        case State.ACTIVE if next_at and interval is Interval.YEAR:
            return Notice.RENEWS if next_at - RENEWAL_NOTICE <= now < next_at else None
        case State.PAST_DUE if paid_through:
            ahead = min(GRACE_NOTICE, (ends_at - paid_through) / 2)
            return Notice.GRACE_ENDS if ends_at - ahead <= now < ends_at else None
    return None
