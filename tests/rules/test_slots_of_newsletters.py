"""When a newsletter's turn comes: a year in several zones, summer time, holidays, lateness."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standfirst.newsletters.rules import (
    Next,
    Rhythm,
    Stage,
    Timing,
    belonging,
    days_in,
    due_on,
    moment_of,
    next_due,
    next_step,
    stage_of,
    timing,
    weekdays_written,
)
from tests.making import at

VIENNA = ZoneInfo("Europe/Vienna")
ZONES = [
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",  # leaps by half an hour
    "America/Santiago",  # leaps at midnight
    "Asia/Kathmandu",  # +05:45
    "Africa/Casablanca",  # winter time in Ramadan
    "Pacific/Auckland",
    "UTC",
]
EVERY_DAY = frozenset(range(1, 8))
hours = st.times(max_value=time(23, 59)).map(lambda t: t.replace(second=0, microsecond=0))
LIMIT = timedelta(hours=3)


def rhythm(hour: str = "06:00", days: str = "12345", zone: ZoneInfo = VIENNA, off: str = ""):
    return Rhythm(
        weekdays=frozenset(map(int, days)),
        hour=time.fromisoformat(hour),
        zone=zone,
        off=frozenset(days_in(off)),
    )


def turns(rhythm: Rhythm, year: int) -> list:
    """Every turn of a year as the worker would meet them, one after the other."""
    found, now = [], datetime(year, 1, 1, tzinfo=UTC) - timedelta(days=2)
    while (due := next_due(rhythm, now)) and due.day.year <= year:
        now = due.at
        found.append(due)
    return [due for due in found if due.day.year == year]


# -- a year -------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=12)
@given(hour=hours)
def test_a_year_has_one_turn_for_each_day_and_they_follow_each_other(zone: str, hour: time) -> None:
    place = ZoneInfo(zone)
    found = turns(Rhythm(weekdays=EVERY_DAY, hour=hour, zone=place), 2026)
    assert [due.day for due in found] == [date(2026, 1, 1) + timedelta(n) for n in range(365)]
    assert all(a.at < b.at for a, b in pairwise(found))


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=12)
@given(hour=hours)
def test_the_clock_shows_the_hour_or_has_just_leapt_over_it(zone: str, hour: time) -> None:
    place = ZoneInfo(zone)
    for due in turns(Rhythm(weekdays=EVERY_DAY, hour=hour, zone=place), 2026):
        wall = due.at.astimezone(place).replace(tzinfo=None, fold=0)
        wanted = datetime.combine(due.day, hour.replace(fold=0))
        if wall == wanted:  # and for the first time
            before = ((due.at - timedelta(minutes=m)).astimezone(place) for m in (30, 60, 120))
            assert all(moment.replace(tzinfo=None, fold=0) != wanted for moment in before)
        else:
            just_before = (due.at - timedelta(seconds=1)).astimezone(place).replace(tzinfo=None)
            assert just_before < wanted < wall


@settings(max_examples=60)
@given(
    days=st.sets(st.integers(1, 7), min_size=1),
    hour=hours,
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001
)
def test_the_next_turn_is_later_than_now_and_on_one_of_the_weekdays(
    days: set[int], hour: time, zone: str, start: datetime
) -> None:
    now = start.replace(tzinfo=UTC)
    it = Rhythm(weekdays=frozenset(days), hour=hour, zone=ZoneInfo(zone))
    due = next_due(it, now)
    assert due is not None
    assert due.at > now
    assert due.day.isoweekday() in days
    # And none was passed over.
    between = [now + timedelta(hours=n) for n in range(int((due.at - now) / timedelta(hours=1)))]
    assert all(next_due(it, moment) == due for moment in between)


# -- hours that are missing or come twice -------------------------------------------------------


def test_an_hour_that_is_leapt_over_is_the_first_moment_after_the_leap() -> None:
    assert moment_of(date(2026, 3, 29), time(2, 30), VIENNA) == at("2026-03-29T01:00:00")
    assert moment_of(date(2026, 3, 29), time(2, 0), VIENNA) == at("2026-03-29T01:00:00")
    assert moment_of(date(2026, 3, 29), time(3, 0), VIENNA) == at("2026-03-29T01:00:00")
    assert moment_of(date(2026, 3, 29), time(1, 59), VIENNA) == at("2026-03-29T00:59:00")


def test_on_lord_howe_half_an_hour_is_missing() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    leap = at("2026-10-03T15:30:00")
    assert moment_of(date(2026, 10, 4), time(2, 15), lord_howe) == leap
    assert moment_of(date(2026, 10, 4), time(2, 30), lord_howe) == leap
    assert moment_of(date(2026, 10, 4), time(2, 31), lord_howe) == leap + timedelta(minutes=1)


def test_midnight_that_is_leapt_over_is_one_o_clock_of_the_same_day() -> None:
    santiago = ZoneInfo("America/Santiago")
    due = due_on(date(2026, 9, 6), rhythm("00:00", "7", santiago))
    assert due is not None
    assert due.at.astimezone(santiago).replace(tzinfo=None) == datetime(2026, 9, 6, 1)  # noqa: DTZ001


def test_an_hour_that_comes_twice_counts_once_when_it_comes_first() -> None:
    assert moment_of(date(2026, 10, 25), time(2, 30), VIENNA) == at("2026-10-25T00:30:00")
    it = rhythm("02:30", "7")
    assert next_due(it, at("2026-10-25T00:30:00")).day == date(2026, 11, 1)


def test_a_day_that_a_zone_leaps_over_has_no_turn() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert moment_of(date(2011, 12, 30), time(6), apia) is None
    it = rhythm("06:00", "1234567", apia)
    assert next_due(it, moment_of(date(2011, 12, 29), time(6), apia)).day == date(2011, 12, 31)


# -- days off -----------------------------------------------------------------------------------


def test_holidays_and_days_off_are_passed_over() -> None:
    it = rhythm(off="2026-12-24 to 2026-12-27\n\n2026-12-28")
    assert next_due(it, at("2026-12-23T12:00")).day == date(2026, 12, 29)
    assert due_on(date(2026, 12, 24), it) is None


def test_a_newsletter_without_weekdays_has_no_turn() -> None:
    assert next_due(rhythm(days=""), at("2026-11-28")) is None


@pytest.mark.parametrize(
    "line", ["Christmas", "2026-13-01", "2026-12-24 to", "2026-12-27 to 2026-12-24", "24.12.2026"]
)
def test_a_line_that_is_no_day_is_named_with_what_to_write(line: str) -> None:
    with pytest.raises(ValueError, match="Write 2026-12-24") as refused:
        days_in(f"2026-01-01\n{line}")
    assert line.strip() in str(refused.value)


def test_weekdays_are_written_as_a_sentence_says_them() -> None:
    assert weekdays_written("12345") == "Monday to Friday"
    assert weekdays_written("5") == "Friday"
    assert weekdays_written("15") == "Monday, Friday"
    assert weekdays_written("1234567") == "every day"
    assert weekdays_written("") == ""


# -- what belongs in it -------------------------------------------------------------------------


def test_what_came_out_since_the_last_cut_belongs_in_it_the_newest_first() -> None:
    cut, now = at("2026-11-26T04:00"), at("2026-11-27T04:00")
    published = [
        (1, at("2026-11-25T23:00")),
        (2, at("2026-11-26T05:00")),
        (3, at("2026-11-27T03:59")),
        (4, at("2026-11-27T04:01")),
    ]
    assert belonging(published, last_cut=cut, now=now, offered=frozenset()) == [3, 2]


def test_what_went_live_some_seconds_after_the_cut_is_not_lost_and_nothing_comes_twice() -> None:
    cut, now = at("2026-11-26T04:00"), at("2026-11-27T04:00")
    published = [(1, at("2026-11-26T03:59:55")), (2, at("2026-11-26T03:50:00"))]
    # Both bear a time before the cut; the first was not live yet when it was made.
    assert belonging(published, last_cut=cut, now=now, offered=frozenset({2})) == [1]


def test_a_first_edition_looks_back_a_week_and_none_more_than_a_month() -> None:
    now = at("2026-11-27T04:00")
    published = [(days, now - timedelta(days=days)) for days in (1, 6, 8, 30, 32)]
    assert belonging(published, last_cut=None, now=now, offered=frozenset()) == [1, 6]
    long_ago = now - timedelta(days=300)
    assert belonging(published, last_cut=long_ago, now=now, offered=frozenset()) == [1, 6, 8, 30]


# -- at its hour --------------------------------------------------------------------------------

DUE = at("2026-11-27T05:00")


def step(minutes: int, *, approved: bool = True, send: bool = False) -> Next:
    now = DUE + timedelta(minutes=minutes)
    return next_step(DUE, now, limit=LIMIT, approved=approved, send_unapproved=send)


def test_an_approved_edition_goes_out_at_its_hour_and_some_hours_late_but_no_later() -> None:
    assert step(-1) is Next.WAIT
    assert step(0) is Next.SEND
    assert step(180) is Next.SEND
    assert step(181) is Next.HOLD_LATE


def test_an_edition_nobody_approved_is_held_or_sent_as_the_newsletter_says() -> None:
    assert step(0, approved=False) is Next.HOLD
    assert step(0, approved=False, send=True) is Next.SEND_AUTOMATIC
    assert step(181, approved=False, send=True) is Next.HOLD_LATE


def test_an_edition_without_an_hour_waits_for_a_person_for_ever() -> None:
    late = DUE + timedelta(days=900)
    assert next_step(None, late, limit=LIMIT, approved=True, send_unapproved=True) is Next.WAIT


def test_drafting_begins_some_time_before_the_hour() -> None:
    def when(minutes: int) -> Timing:
        now = DUE + timedelta(minutes=minutes)
        return timing(DUE, now, drafted_before=timedelta(hours=2), limit=LIMIT)

    assert [when(m) for m in (-121, -120, -1, 0, 180, 181)] == [
        Timing.EARLY,
        Timing.DRAFTING,
        Timing.DRAFTING,
        Timing.HOUR,
        Timing.HOUR,
        Timing.LATE,
    ]


def test_where_a_turn_stands_is_worked_out() -> None:
    def stage(**said: bool) -> Stage:
        told = {"sent": False, "has_edition": True, "held": False, "approved": False}
        return stage_of(**{**told, "changed": False, **said}, outcome="")

    assert stage() is Stage.DRAFTED
    assert stage(approved=True) is Stage.APPROVED
    assert stage(approved=True, changed=True) is Stage.CHANGED
    assert stage(approved=True, held=True) is Stage.HELD
    assert stage(approved=True, held=True, sent=True) is Stage.SENT
    assert stage(has_edition=False) is Stage.GONE
