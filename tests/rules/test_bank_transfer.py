"""What follows from bills by bank transfer."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from standfirst.subscriptions.providers.invoice.rules import (
    CREDIT,
    Agreed,
    Asked,
    Tax,
    each,
    number_of,
    period,
    reminders_due,
    renewed_on,
    standing,
    taxed,
)
from standfirst.subscriptions.rules import Interval, State, window

GRACE = timedelta(days=7)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [
        (10_000, "20", 2_000),
        (10_000, "0", 0),
        (1_005, "10", 101),  # 100.5: half up, not to the even
        (1_015, "10", 102),
        (999, "8.1", 81),
        (1, "19", 0),
    ],
)
def test_tax_is_rounded_half_up(net: int, rate: str, tax: int) -> None:
    assert taxed(net, Decimal(rate)) == Tax(net, tax)
    assert taxed(net, Decimal(rate)).gross == net + tax


@given(some.integers(1, 10**12), some.decimals(0, 100, places=2))
def test_tax_is_within_half_a_cent_of_the_truth(net: int, rate: Decimal) -> None:
    exact = Decimal(net) * rate / 100
    assert abs(taxed(net, rate).tax - exact) <= Decimal("0.5")
    assert taxed(net, rate).tax == exact.quantize(Decimal(1), ROUND_HALF_UP)


def test_numbers_as_they_are_printed() -> None:
    assert (number_of(2026, 7), number_of(2026, 12_345)) == ("2026-0007", "2026-12345")


def test_periods_do_not_drift() -> None:
    assert period(date(2026, 1, 31), 1, 0) == (date(2026, 1, 31), date(2026, 2, 28))
    assert period(date(2026, 1, 31), 1, 1) == (date(2026, 2, 28), date(2026, 3, 31))
    assert period(date(2024, 2, 29), 12, 1) == (date(2025, 2, 28), date(2026, 2, 28))


@given(some.dates(date(2000, 1, 1), date(2060, 1, 1)), some.integers(1, 60))
def test_periods_leave_no_day_out(begins: date, months: int) -> None:
    for before, after in pairwise(period(begins, months, n) for n in range(6)):
        assert before[0] < before[1] == after[0]
        assert before[0] < renewed_on(*before) < before[1]


def test_a_year_is_renewed_four_weeks_before_and_a_month_in_its_last_quarter() -> None:
    assert renewed_on(date(2026, 1, 1), date(2027, 1, 1)) == date(2026, 12, 4)
    assert renewed_on(date(2026, 4, 1), date(2026, 5, 1)) == date(2026, 4, 24)


def test_reminders_begin_when_the_last_day_to_pay_is_over() -> None:
    due = date(2026, 3, 10)
    sent = {n: reminders_due(due, due + timedelta(days=n)) for n in (0, 1, 7, 8, 21, 22, 99)}
    assert sent == {
        0: [],
        1: [0],
        7: [0],
        8: [0, 7],
        21: [0, 7],
        22: [0, 7, 21],
        99: [0, 7, 21],
    }


def test_what_a_bill_comes_to_each_year_or_month() -> None:
    assert each(12_000, 12) == (12_000, Interval.YEAR)
    assert each(24_001, 24) == (12_001, Interval.YEAR)
    assert each(1_000, 3) == (333, Interval.MONTH)
    assert each(500, 1) == (500, Interval.MONTH)


def agreed(**other: object) -> Agreed:
    return Agreed(**{"begins_at": BEGIN, "at_once": True, "goes_on": True, **other})  # type: ignore[arg-type]


OPEN = Asked(due_at=day(14), until=day(365))
PAID = Asked(due_at=day(14), until=day(365), noted_at=day(5))
NEXT = Asked(due_at=day(365), until=day(730))


@pytest.mark.parametrize(
    ("told", "bills", "now", "state", "open_until"),
    [
        (agreed(), [OPEN], 1, State.ACTIVE, 14 + 7),
        (agreed(), [OPEN], 14, State.PAST_DUE, 14 + 21 + 7),
        (agreed(), [OPEN], 42, State.ENDED, 14 + 21 + 7),
        (agreed(at_once=False), [OPEN], 1, State.INCOMPLETE, 0),
        (agreed(at_once=False), [OPEN], 99, State.INCOMPLETE, 0),
        (agreed(), [PAID], 6, State.ACTIVE, 365 + 7),
        (agreed(goes_on=False), [PAID], 6, State.CANCELLED, 365),
        (agreed(goes_on=False), [PAID], 365, State.ENDED, 365),
        (agreed(), [PAID, NEXT], 350, State.ACTIVE, 365 + 7),
        (agreed(), [PAID, NEXT], 365, State.PAST_DUE, 365 + 21 + 7),
        (agreed(), [PAID, NEXT], 393, State.ENDED, 365 + 21 + 7),
        (agreed(stopped_at=day(50)), [PAID], 50, State.ENDED, 50),
        (agreed(stopped_at=day(50), given_back=True), [], 50, State.REFUNDED, 50),
        (agreed(stopped_at=day(-9)), [], 1, State.ENDED, 0),
        (agreed(), [], 1, State.INCOMPLETE, 0),
    ],
)
def test_the_state_and_its_window(
    told: Agreed, bills: list[Asked], now: float, state: State, open_until: float
) -> None:
    found, dates = standing(told, bills, GRACE, day(now))
    assert found is state
    assert window(found, dates, GRACE).ends_at == day(open_until)


def test_reading_begins_when_it_was_paid() -> None:
    late = Asked(due_at=day(14), until=day(365), noted_at=day(20))
    _, dates = standing(agreed(at_once=False), [late], GRACE, day(21))
    assert dates.starts_at == day(20)
    _, dates = standing(agreed(), [late], GRACE, day(21))
    assert dates.starts_at == BEGIN


@given(
    some.booleans(),
    some.booleans(),
    some.integers(0, 120),
    some.one_of(some.none(), some.integers(0, 400)),
    some.integers(0, 60),
    some.integers(0, 900),
)
def test_nobody_is_shut_out_of_what_was_paid_or_let_in_after_the_grace(
    at_once: bool, goes_on: bool, due: int, noted: int | None, grace: int, now: int
) -> None:
    if noted is not None and noted > now:
        noted = None
    one = Asked(due_at=day(due), until=day(365), noted_at=None if noted is None else day(noted))
    told = agreed(at_once=at_once, goes_on=goes_on)
    found, dates = standing(told, [one], timedelta(days=grace), day(now))
    reads = window(found, dates, timedelta(days=grace)).holds(day(now))
    if noted is not None and now < 365:
        assert reads
    if noted is None and not at_once:
        assert not reads
    last = 365 if noted is not None else due + CREDIT.days
    if now >= last + grace:
        assert not reads
