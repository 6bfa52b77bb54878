"""Subscribers and revenue, worked out from the ledger alone. Plain values in, plain values out.

A moment is a whole number of seconds since 1970. What is counted:

- A subscription counts while its window, as the ledger knew it then, is open: from the moment at
  which an entry was written (or the window began, if later) until the next entry, or the end of the
  window. What nobody had written yet did not count yet, so a figure of the past never changes.
- **trialing**: free to begin with, until the first payment is through, also while that fails.
- **paying**: renewed and paid. **past due**: a payment failed and is tried again.
- **cancelled**: paid until a date, and not renewed; also paused, refunded or disputed ones whose
  window is still open.
- **subscribers** are paying, past due and cancelled. Complimentary and trialing are told apart.
- **new**: became a subscriber, from nothing or from a trial, also after having left, also moved in.
- **lost**: stopped being one. Yesterday's subscribers + new - lost = today's.
- **churn**: lost in a period, of the subscribers at its beginning.
- **trials**: those that ended in a period, and how many of them with a payment.
- **monthly recurring revenue** (MRR): what paying and past due ones pay a month, a year's price by
  twelve. Currencies are never added.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple


class Grain(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Kind(StrEnum):
    """What a subscription counts as."""

    TRIALING = "trialing"
    PAYING = "paying"
    PAST_DUE = "past due"
    CANCELLED = "cancelled"
    COMPLIMENTARY = "complimentary"


SUBSCRIBED = frozenset({Kind.PAYING, Kind.PAST_DUE, Kind.CANCELLED})
EARNING = frozenset({Kind.PAYING, Kind.PAST_DUE})


class Row(NamedTuple):
    """One entry of the ledger; rows come by subscription, and within it in their order."""

    subscription: int
    at: int
    change: str
    state: str
    starts_at: int
    ends_at: int
    monthly: int
    currency: str
    why: str = ""  # of an entry that cancels


class Counted(NamedTuple):
    """What a subscription counts as for a while; `monthly` is what it earns."""

    kind: Kind
    currency: str
    monthly: int


class Turn(NamedTuple):
    """One subscription began to count as something else. `how` and `why` say it of a loss."""

    at: int
    before: Counted | None
    after: Counted | None
    how: str = ""
    why: str = ""


def cut(first: date, end: date, grain: Grain) -> list[date]:
    """The days on which the periods from `first` to just before `end` begin, and `end` itself.
    Weeks begin on Mondays; the first and the last period may be shorter."""
    days = [first]
    while days[-1] < end:
        day = days[-1]
        if grain is Grain.DAY:
            day += timedelta(days=1)
        elif grain is Grain.WEEK:
            day += timedelta(days=7 - day.weekday())
        else:
            day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        days.append(min(day, end))
    return days


# -- what a subscription counted as ------------------------------------------------------------


def turns(rows: Iterable[Row], end: int) -> Iterator[Turn]:
    """Every turn of every subscription before the moment `end`."""
    known: int | None = None
    counted: Counted | None = None  # now, until the moment `until`
    coming: tuple[int, Counted] | None = None  # begins by itself
    until = at = 0
    trial = given = False
    state = left = why = ""
    for row, next_row in _with_the_next(rows):
        if row.subscription != known:
            yield from _by_itself(counted, coming, until, end, left or state, why)
            known, counted, coming, until, at = row.subscription, None, None, 0, row.at
            trial = given = False
            state = left = why = ""
        at = max(at, row.at)  # a clock that was set back does not turn time
        if at >= end:
            continue
        if (coming and coming[0] < at) or (counted and until < at):
            yield from _by_itself(counted, coming, until, at, left or state, why)
            counted = (coming[1] if coming else counted) if until >= at else None
            coming = None
        given = given or row.change == "given"
        if row.state == "trialing":
            trial = True
        elif row.state == "active":
            trial = False
        # How it came to its end says what stood before.
        left = (left or state) if row.state == "ended" else ""
        state = row.state
        why = row.why or (why if row.state in _LEAVING else "")
        if next_row and next_row.subscription == known and next_row.at <= at:
            continue  # of several at one moment the last one counts
        after: Counted | None = None
        coming = None
        if at < row.ends_at and row.starts_at < row.ends_at:
            kind = _kind(row.state, trial, given)
            after = Counted(kind, row.currency, row.monthly if kind in EARNING else 0)
            if row.starts_at > at:
                coming, after = (row.starts_at, after), None
        if after != counted:
            yield Turn(at, counted, after, _how(left or state), why)
        counted, until = after, row.ends_at
    yield from _by_itself(counted, coming, until, end, left or state, why)


def _with_the_next(rows: Iterable[Row]) -> Iterator[tuple[Row, Row | None]]:
    source = iter(rows)
    row = next(source, None)
    for after in source:
        if row:
            yield row, after
        row = after
    if row:
        yield row, None


def _by_itself(
    counted: Counted | None,
    coming: tuple[int, Counted] | None,
    until: int,
    before: int,
    state: str,
    why: str,
) -> Iterator[Turn]:
    """What time alone brings about before a moment: a window opens or closes."""
    if coming and coming[0] < before:
        yield Turn(coming[0], counted, coming[1])
        counted = coming[1]
    if counted and until < before:
        yield Turn(until, counted, None, _how(state), why)


_LEAVING = frozenset({"cancelled", "ended", "refunded", "disputed"})
_HOW = {
    "cancelled": "cancelled",
    "past_due": "payment failed",
    "refunded": "money given back",
    "disputed": "disputed at the bank",
    "active": "not renewed",
    "paused": "not renewed",
    "trialing": "trial ended",
}


def _how(state: str) -> str:
    return _HOW.get(state, "ended")


def _kind(state: str, trial: bool, given: bool) -> Kind:
    if given:
        return Kind.COMPLIMENTARY
    if trial:
        return Kind.TRIALING
    return {"active": Kind.PAYING, "past_due": Kind.PAST_DUE}.get(state, Kind.CANCELLED)


# -- figures -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The figures of one period in one currency, or of all; how many there are is meant at its
    last moment. `mrr` is in minor units, and None where currencies would be added."""

    opening: int = 0  # subscribers at its first moment
    trialing: int = 0
    paying: int = 0
    past_due: int = 0
    cancelled: int = 0
    complimentary: int = 0
    new: int = 0
    lost: int = 0
    trials_ended: int = 0
    trials_paid: int = 0
    mrr: int | None = 0

    @property
    def subscribers(self) -> int:
        return self.paying + self.past_due + self.cancelled

    @property
    def net(self) -> int:
        return self.new - self.lost

    @property
    def churn(self) -> float | None:
        """Lost of those there were at the beginning; None where there were none."""
        return self.lost / self.opening if self.opening else None

    @property
    def conversion(self) -> float | None:
        """Of the trials that ended, the share that paid; None where none ended."""
        return self.trials_paid / self.trials_ended if self.trials_ended else None


@dataclass(slots=True)
class Figures:
    """Periods for each currency, in time, and the losses of the span by how and why."""

    by_currency: dict[str, list[Period]] = field(default_factory=dict)
    losses: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)

    def of_all(self) -> list[Period]:
        """Subscriptions counted whatever their currency; there is no sum of money."""
        return [_added(row) for row in zip(*self.by_currency.values(), strict=True)]


_COUNTS = (
    *("opening", "trialing", "paying", "past_due", "cancelled", "complimentary"),
    *("new", "lost", "trials_ended", "trials_paid"),
)


def _added(periods: tuple[Period, ...]) -> Period:
    return Period(
        mrr=None, **{name: sum(getattr(one, name) for one in periods) for name in _COUNTS}
    )


def figures(rows: Iterable[Row], bounds: list[int]) -> Figures:
    """The figures of the periods between the moments `bounds`, from every entry before the last.

    Complimentary subscriptions have no currency: they stand under "".
    """
    size = len(bounds)  # one more than periods: the first place is what was before
    moved: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * size)
    losses: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for at, before, after, how, why in turns(rows, bounds[-1]):
        place = bisect_right(bounds, at)
        if before:
            moved[before.currency, before.kind][place] -= 1
            moved[before.currency, "mrr"][place] -= before.monthly
        if after:
            moved[after.currency, after.kind][place] += 1
            moved[after.currency, "mrr"][place] += after.monthly
        was = before.currency if before and before.kind in SUBSCRIBED else None
        now = after.currency if after and after.kind in SUBSCRIBED else None
        if was != now:
            if was is not None:
                moved[was, "lost"][place] += 1
                if place:
                    losses[was]["another currency" if after else how, why] += 1
            if now is not None:
                moved[now, "new"][place] += 1
        if before and before.kind is Kind.TRIALING and (not after or after.kind is not before.kind):
            moved[before.currency, "ended"][place] += 1
            moved[before.currency, "paid"][place] += now is not None
    found = Figures(losses=dict(losses))
    for currency in sorted({currency for currency, _ in moved}):
        found.by_currency[currency] = _periods(
            {k: v for (c, k), v in moved.items() if c == currency}
        )
    return found


def _periods(moved: dict[str, list[int]]) -> list[Period]:
    size = len(next(iter(moved.values())))
    level = {
        name: list(accumulate(moved.get(name, [0] * size)))
        for name in (*(k.value for k in Kind), "mrr")
    }
    flow = {name: moved.get(name, [0] * size) for name in ("new", "lost", "ended", "paid")}
    return [
        Period(
            opening=sum(level[kind.value][n - 1] for kind in SUBSCRIBED),
            **{kind.value.replace(" ", "_"): level[kind.value][n] for kind in Kind},
            new=flow["new"][n],
            lost=flow["lost"][n],
            trials_ended=flow["ended"][n],
            trials_paid=flow["paid"][n],
            mrr=level["mrr"][n],
        )
        for n in range(1, size)
    ]
