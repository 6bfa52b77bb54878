"""Figures from the ledger: equal to a plain replay, and every day follows from the one before."""

from collections import Counter
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from standfirst.insights.rules import (
    SUBSCRIBED,
    Figures,
    Grain,
    Kind,
    Row,
    cut,
    figures,
)

DAY = 10  # “seconds”: small numbers meet each other more often
BOUNDS = [n * DAY for n in range(7)]
STATES = ["incomplete", "trialing", "active", "past_due", "paused", "cancelled", "ended"]
STATES += ["refunded", "disputed"]


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    rows = []
    for subscription in range(draw(st.integers(0, 4))):
        at, given_ = draw(st.integers(-15, 30)), draw(st.booleans())
        for number in range(draw(st.integers(1, 6))):
            start = draw(st.integers(-20, 60))
            state = draw(st.sampled_from(STATES))
            rows.append(
                Row(
                    subscription,
                    at,
                    "given" if given_ and not number else "renewed",
                    state,
                    start,
                    start + draw(st.integers(0, 60)),
                    draw(st.sampled_from([900, 750])) if state in ("active", "past_due") else 0,
                    draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY"])),
                )
            )
            at += draw(st.integers(0, 12))
    return rows


def at_moment(rows: list[Row], moment: int) -> dict[int, tuple[Kind, str, int]]:
    """What each subscription counts as at a moment: the ledger read anew up to there, by the words
    of the definitions alone."""
    found = {}
    for one in {row.subscription for row in rows}:
        mine = [row for row in rows if row.subscription == one and row.at <= moment]
        if not mine:
            continue
        last = mine[-1]
        if not last.starts_at <= moment < last.ends_at:
            continue
        states = [row.state for row in mine]
        since_paid = (
            states[len(states) - states[::-1].index("active") :] if "active" in states else states
        )
        if any(row.change == "given" for row in mine):
            kind = Kind.COMPLIMENTARY
        elif "trialing" in since_paid:
            kind = Kind.TRIALING
        elif last.state == "active":
            kind = Kind.PAYING
        elif last.state == "past_due":
            kind = Kind.PAST_DUE
        else:
            kind = Kind.CANCELLED
        earns = last.monthly if kind in (Kind.PAYING, Kind.PAST_DUE) else 0
        found[one] = (kind, last.currency, earns)
    return found


def replayed(rows: list[Row]) -> dict[str, list[dict[str, int]]]:
    """Every figure by looking at every moment."""
    found: dict[str, list[dict[str, int]]] = {c: [] for c in ("EUR", "JPY")}
    for begin, end in pairwise(BOUNDS):
        flows: dict[str, Counter[str]] = {c: Counter() for c in found}
        for moment in range(begin, end):
            before, after = at_moment(rows, moment - 1), at_moment(rows, moment)
            for one in {*before, *after}:
                was, now = before.get(one), after.get(one)
                left = was[1] if was and was[0] in SUBSCRIBED else None
                came = now[1] if now and now[0] in SUBSCRIBED else None
                if left != came:
                    flows[left or "EUR"]["lost"] += left is not None
                    flows[came or "EUR"]["new"] += came is not None
                if was and was[0] is Kind.TRIALING and (not now or now[0] is not Kind.TRIALING):
                    flows[was[1]]["trials_ended"] += 1
                    flows[was[1]]["trials_paid"] += came is not None
        standing = at_moment(rows, end - 1).values()
        for currency, row in found.items():
            mine = [s for s in standing if s[1] == currency]
            counted = Counter(kind.value.replace(" ", "_") for kind, _, _ in mine)
            counted.update(flows[currency])
            counted["mrr"] = sum(earns for _, _, earns in mine)
            row.append(dict(counted))
    return found


NAMES = ["trialing", "paying", "past_due", "cancelled", "complimentary", "new", "lost", "mrr"]
NAMES += ["trials_ended", "trials_paid"]


@given(ledgers())
def test_figures_equal_a_replay_of_every_moment(rows: list[Row]) -> None:
    found, expected = figures(rows, BOUNDS), replayed(rows)
    for currency, periods in expected.items():
        mine = found.by_currency.get(currency)
        for n, values in enumerate(periods):
            for name in NAMES:
                told = getattr(mine[n], name) if mine else 0
                assert told == values.get(name, 0), (currency, n, name)


@given(ledgers())
def test_yesterday_and_new_and_lost_make_today(rows: list[Row]) -> None:
    found = figures(rows, BOUNDS)
    for periods in found.by_currency.values():
        for before, after in pairwise(periods):
            assert after.opening == before.subscribers
        for one in periods:
            assert one.opening + one.new - one.lost == one.subscribers
            assert one.trials_paid <= one.trials_ended
    lost = sum(p.lost for periods in found.by_currency.values() for p in periods)
    assert lost == sum(sum(counted.values()) for counted in found.losses.values())


@given(ledgers(), ledgers())
def test_what_is_written_later_changes_no_figure_of_before(
    rows: list[Row], more: list[Row]
) -> None:
    late = [Row(row.subscription, BOUNDS[3] + abs(row.at), *row[2:]) for row in more]
    mixed = sorted([*rows, *late], key=lambda row: row.subscription)
    bounds = BOUNDS[:4]
    assert figures(mixed, bounds) == figures(rows, bounds)


def test_a_year_in_words() -> None:
    """A trial that pays, a failed payment, a cancellation with its reason; in yen beside it."""
    row = Row(1, 5, "trial began", "trialing", 5, 25, 0, "EUR")
    rows = [
        row,
        row._replace(at=15, change="first paid", state="active", ends_at=45, monthly=900),
        row._replace(at=25, state="past_due", ends_at=45, monthly=900),
        row._replace(at=32, state="active", ends_at=60, monthly=900),
        row._replace(at=33, state="cancelled", ends_at=45, why="too dear"),
        Row(2, 12, "began", "active", 12, 100, 1500, "JPY"),
    ]
    found = figures(rows, BOUNDS)
    euro = found.by_currency["EUR"]
    assert [p.trialing for p in euro] == [1, 0, 0, 0, 0, 0]
    assert [p.subscribers for p in euro] == [0, 1, 1, 1, 0, 0]
    assert [p.past_due for p in euro] == [0, 0, 1, 0, 0, 0]
    assert [p.mrr for p in euro] == [0, 900, 900, 0, 0, 0]
    assert [(p.trials_ended, p.trials_paid) for p in euro][1] == (1, 1)
    assert (euro[1].conversion, euro[4].churn, euro[0].churn) == (1.0, 1.0, None)
    assert found.losses == {"EUR": Counter({("cancelled", "too dear"): 1})}
    assert [p.mrr for p in found.by_currency["JPY"]] == [0, 1500, 1500, 1500, 1500, 1500]
    assert [p.subscribers for p in found.of_all()] == [0, 2, 2, 2, 1, 1]
    assert found.of_all()[1].mrr is None, "euros and yen are not added"


def test_an_empty_ledger_has_no_figures() -> None:
    assert figures([], BOUNDS) == Figures()
    assert Figures().of_all() == []


def test_periods_begin_where_the_calendar_says() -> None:
    first, end = date(2026, 1, 29), date(2026, 3, 3)
    assert cut(first, end, Grain.MONTH) == [first, date(2026, 2, 1), date(2026, 3, 1), end]
    weeks = cut(first, end, Grain.WEEK)
    assert weeks[:2] == [first, date(2026, 2, 2)]
    assert all(day.weekday() == 0 for day in weeks[1:-1])
    assert len(cut(first, end, Grain.DAY)) == (end - first).days + 1
