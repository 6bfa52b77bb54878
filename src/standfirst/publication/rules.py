"""Months as the magazine counts them: in the publication's time zone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def month_of(now: datetime, zone: ZoneInfo) -> date:
    """The first day of the month that `now` (aware) falls in, where the publication is."""
    return now.astimezone(zone).date().replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of `day` in `zone`, as an aware datetime.

    Where midnight does not exist (clocks put forward at midnight) or comes twice, the moment is the
    one `zoneinfo` gives for the earlier offset (PEP 495, fold=0), which is never before the day.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone)
