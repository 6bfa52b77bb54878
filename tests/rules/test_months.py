"""Months are counted where the publication is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from standfirst.publication.rules import month_of, next_month, start_of

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Vienna",
        "America/New_York",
        "Pacific/Kiritimati",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Africa/Cairo",
    ]
).map(ZoneInfo)


def test_the_new_month_begins_at_midnight_where_the_publication_is() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    midnight = datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert month_of(midnight - timedelta(seconds=1), vienna) == date(2026, 10, 1)
    assert month_of(midnight, vienna) == date(2026, 11, 1)


def test_december_is_followed_by_january() -> None:
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    ZONES,
)
def test_every_moment_lies_in_exactly_one_month(now: datetime, zone: ZoneInfo) -> None:
    month = month_of(now, zone)
    assert start_of(month, zone) <= now < start_of(next_month(month), zone)
