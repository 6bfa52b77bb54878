"""What follows from bills that are paid by bank transfer. Plain values in, plain values out."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from standfirst.subscriptions.rules import Dates, Interval, State

# Days after the last day to pay. At once, since most unpaid bills were only overlooked; after a
# week, once a firm's weekly run of payments has passed; after three, the last.
REMINDERS = (0, 7, 21)
CREDIT = timedelta(days=REMINDERS[-1])  # who reads at once reads until the last reminder
# The next bill goes out so long before a period ends: purchasing needs some weeks.
RENEWED_BEFORE = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Tax:
    """A sum without tax, the tax and both together, in minor units."""

    net: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.tax


def taxed(net: int, rate: Decimal) -> Tax:
    """The tax of `rate` percent on a sum, rounded half up to the minor unit."""
    return Tax(net, int((Decimal(net) * rate / 100).quantize(Decimal(1), ROUND_HALF_UP)))


def number_of(year: int, serial: int) -> str:
    """A bill's number as it is printed: 2026-0001."""
    return f"{year}-{serial:04}"


def period(begins_on: date, months: int, which: int) -> tuple[date, date]:
    """The period number `which` (from 0) of a subscription: its first day, and the first after it.

    Counted from the beginning, so that one begun on the 31st does not drift to the 28th.
    """
    return _later(begins_on, months * which), _later(begins_on, months * (which + 1))


def _later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def renewed_on(first: date, until: date) -> date:
    """The day on which the bill after the period `first` to `until` goes out: some weeks before
    its end, and not before its last quarter."""
    return until - min(RENEWED_BEFORE, (until - first) / 4)


def reminders_due(due_on: date, today: date) -> list[int]:
    """The reminders whose day has come, first to last; none up to the last day to pay."""
    return [days for days in REMINDERS if today > due_on + timedelta(days=days)]


def each(gross: int, months: int) -> tuple[int, Interval]:
    """What a bill for so many months comes to a year, where these are whole years, or a month."""
    if months % 12 == 0:
        return _half_up(gross, months // 12), Interval.YEAR
    return _half_up(gross, months), Interval.MONTH


def _half_up(sum: int, parts: int) -> int:
    return (2 * sum + parts) // (2 * parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One bill that counts: neither cancelled nor given back. `noted_at` is when a colleague
    marked it as paid, None while it is open. `due_at` is the end of the last day to pay."""

    due_at: datetime
    until: datetime
    noted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What was agreed on. `stopped_at` is when it was ended by hand or with its last bill."""

    begins_at: datetime
    at_once: bool
    goes_on: bool
    stopped_at: datetime | None = None
    given_back: bool = False


def standing(
    agreed: Agreed, bills: Sequence[Asked], grace: timedelta, now: datetime
) -> tuple[State, Dates]:
    """What a subscription by bank transfer is at `now`.

    Who reads at once reads to the last day to pay, and, while reminders go out, until the last of
    them; the grace of `rules.window` follows. A payment that comes later opens everything again.
    """
    paid = [bill for bill in bills if bill.noted_at]
    waiting = [bill for bill in bills if not bill.noted_at]
    noted = [bill.noted_at for bill in paid if bill.noted_at]
    begins = agreed.begins_at
    start = begins if agreed.at_once or not noted else max(begins, min(noted))
    paid_until = max((bill.until for bill in paid), default=None)
    if agreed.stopped_at and agreed.stopped_at <= now:
        state = State.REFUNDED if agreed.given_back else State.ENDED
        # What was ended before it began was never open.
        ended = max(agreed.stopped_at, start)
        return state, Dates(starts_at=start, paid_through=paid_until, ended_at=ended)
    if not bills or not (paid or agreed.at_once):
        return State.INCOMPLETE, Dates(starts_at=start)
    last = max(bill.until for bill in bills)
    cancel_at = None if agreed.goes_on else last
    if waiting:
        due = min(bill.due_at for bill in waiting)
        late = due <= now
        through = max(paid_until or start, due + CREDIT if late else due)
        if late and through + grace <= now:
            end = through + grace
            return State.ENDED, Dates(starts_at=start, paid_through=through, ended_at=end)
        state = State.PAST_DUE if late else State.ACTIVE
        if cancel_at and cancel_at <= now:
            return State.ENDED, Dates(starts_at=start, paid_through=through, ended_at=cancel_at)
        return state, Dates(starts_at=start, paid_through=through, cancel_at=cancel_at)
    if cancel_at is None:
        return State.ACTIVE, Dates(starts_at=start, paid_through=paid_until)
    if cancel_at <= now:
        return State.ENDED, Dates(
            starts_at=start, paid_through=paid_until, cancel_at=cancel_at, ended_at=cancel_at
        )
    return State.CANCELLED, Dates(starts_at=start, paid_through=paid_until, cancel_at=cancel_at)
