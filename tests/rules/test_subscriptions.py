"""When a subscription opens everything, and what the ledger calls a change."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from standfirst.subscriptions.rules import (
    Change,
    Dates,
    Interval,
    Standing,
    State,
    Window,
    monthly,
    what_changed,
    window,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = 7 * DAY
RENEWING = {State.TRIALING, State.ACTIVE, State.PAST_DUE}

days = st.integers(0, 800).map(lambda count: START + count * DAY)
maybe = st.none() | days
dates = st.builds(
    lambda paid, cancel, ended: Dates(
        starts_at=START, paid_through=paid, cancel_at=cancel, ended_at=ended
    ),
    maybe,
    maybe,
    maybe,
)
graces = st.integers(0, 60).map(lambda count: count * DAY)


def open_at(state: State, now: datetime, **more: datetime) -> bool:
    return window(state, Dates(starts_at=START, **more), GRACE).holds(now)


@given(st.sampled_from(State), dates, graces)
def test_whatever_is_told_the_window_begins_at_the_start_and_never_ends_before_it(
    state: State, told: Dates, grace: timedelta
) -> None:
    found = window(state, told, grace)
    assert found.starts_at == START <= found.ends_at
    assert not found.holds(START - DAY)


@given(st.sampled_from(sorted(RENEWING | {State.CANCELLED, State.PAUSED})), dates, graces, days)
def test_nobody_is_locked_out_of_what_is_paid_for(
    state: State, told: Dates, grace: timedelta, now: datetime
) -> None:
    if told.paid_through and now < told.paid_through:
        assert window(state, told, grace).holds(now) or (told.cancel_at and now >= told.cancel_at)


@given(st.sampled_from(State), dates, graces, days)
def test_nobody_is_let_in_after_the_grace_or_the_last_day(
    state: State, told: Dates, grace: timedelta, now: datetime
) -> None:
    found = window(state, told, grace)
    if told.cancel_at and now >= told.cancel_at:
        assert not found.holds(now)
    if state in RENEWING and (told.paid_through is None or now >= told.paid_through + grace):
        assert not found.holds(now)
    if told.paid_through and now >= told.paid_through + grace:
        assert not found.holds(now)
    if state is State.INCOMPLETE:
        assert not found.holds(now)


def test_a_late_payment_closes_nothing_for_as_long_as_the_grace() -> None:
    paid = START + 30 * DAY
    assert open_at(State.PAST_DUE, paid + 6 * DAY, paid_through=paid)
    assert not open_at(State.PAST_DUE, paid + 7 * DAY, paid_through=paid)


def test_a_pause_and_a_cancellation_have_no_grace() -> None:
    paid = START + 30 * DAY
    for told in ({"paid_through": paid}, {"paid_through": paid, "cancel_at": paid}):
        assert open_at(State.CANCELLED, paid - DAY, **told)
        assert not open_at(State.CANCELLED, paid, **told)
    assert not open_at(State.PAUSED, paid, paid_through=paid)


def test_what_ends_at_once_ends_at_once_however_long_it_is_paid_for() -> None:
    end, paid = START + 3 * DAY, START + 30 * DAY
    for state in (State.ENDED, State.REFUNDED, State.DISPUTED):
        assert open_at(state, end - DAY, paid_through=paid, ended_at=end)
        assert not open_at(state, end, paid_through=paid, ended_at=end)


def test_a_year_is_counted_by_twelfths_in_whole_minor_units() -> None:
    assert monthly(900, Interval.MONTH) == 900
    assert monthly(9000, Interval.YEAR) == 750
    assert [monthly(amount, Interval.YEAR) for amount in (5, 6, 17, 18)] == [0, 1, 1, 2]


# -- the ledger's words -----------------------------------------------------------------------


def standing(state: State, paid: int = 30, price: str = "1", cancel: int | None = None) -> Standing:
    until = START + paid * DAY
    return Standing(
        state=state,
        price=price,
        paid_through=until,
        cancel_at=None if cancel is None else START + cancel * DAY,
        window=Window(START, until),
    )


every = st.builds(standing, st.sampled_from(State), st.integers(0, 90), st.sampled_from("12"))


@given(every)
def test_what_stays_the_same_is_no_change(one: Standing) -> None:
    assert what_changed(one, one) == [] or one.state is State.INCOMPLETE


@given(every, every)
def test_what_is_different_has_a_word(before: Standing, after: Standing) -> None:
    said = what_changed(before, after)
    begun = before.state is not State.INCOMPLETE
    assert (not begun) or bool(said) == (before != after)
    assert len(said) == len(set(said))


def test_the_life_of_a_subscription_in_the_ledgers_words() -> None:
    trial, active = standing(State.TRIALING, 14), standing(State.ACTIVE)
    late, paid = standing(State.PAST_DUE), standing(State.ACTIVE, 60)
    leaving = standing(State.CANCELLED, 60, cancel=60)
    life = [
        (None, standing(State.INCOMPLETE, 0), []),
        (standing(State.INCOMPLETE, 0), active, [Change.BEGAN]),
        (None, trial, [Change.TRIAL_BEGAN]),
        (trial, active, [Change.FIRST_PAID]),
        (active, paid, [Change.RENEWED]),
        (active, late, [Change.PAYMENT_FAILED]),
        (late, paid, [Change.RECOVERED]),
        (paid, leaving, [Change.CANCELLED]),
        (leaving, paid, [Change.RESUMED]),
        (paid, standing(State.ACTIVE, 60, "2"), [Change.PLAN_CHANGED]),
        (leaving, standing(State.ENDED, 60), [Change.ENDED]),
        (paid, standing(State.DISPUTED, 60), [Change.DISPUTED]),
        (standing(State.DISPUTED, 60), paid, [Change.DISPUTE_WON]),
        (paid, standing(State.PAUSED, 60), [Change.PAUSED]),
        (standing(State.PAUSED, 60), paid, [Change.UNPAUSED]),
    ]
    for before, after, words in life:
        assert what_changed(before, after) == words, (before, after)
