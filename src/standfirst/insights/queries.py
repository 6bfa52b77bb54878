"""What the reports are made from: the ledger in one pass, and sums of the bills."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max

from standfirst.insights.rules import Figures, Row, figures
from standfirst.publication.rules import start_of
from standfirst.subscriptions.models import Bill, Entry

_AT_ONCE = 5_000
REMEMBERED = 8
_memory: dict[tuple[int | None, ...], Figures] = {}
# Seconds since 1970, worked out by the database: a million times to read a date takes Python long.
_SECONDS = {
    "sqlite": "CAST(strftime('%%s', {0}) AS INTEGER)",
    "postgresql": "floor(extract(epoch FROM {0}))::bigint",
}


def seconds_of(column: str) -> str:
    """The SQL that says when a column was, in seconds since 1970."""
    return _SECONDS[connection.vendor].format(column)


def moments(days: list[date], zone: ZoneInfo, now: datetime) -> list[int]:
    """The first moments of days in a time zone; none lies after the minute of `now` (aware)."""
    latest = int(now.timestamp()) // 60 * 60
    return [min(int(start_of(day, zone).timestamp()), latest) for day in days]


def ledger(end: int) -> Iterator[Row]:
    """Every entry written before the moment `end`, by subscription; never all in memory."""
    sql = f"""
        SELECT subscription_id, {seconds_of("at")}, change, state, {seconds_of("starts_at")},
               {seconds_of("ends_at")}, monthly, currency,
               CASE WHEN change = 'cancelled' THEN why ELSE '' END
        FROM {Entry._meta.db_table} WHERE at < %s ORDER BY subscription_id, id
    """  # noqa: S608  our own table's name
    before = connection.ops.adapt_datetimefield_value(_moment(end))
    with closing(connection.chunked_cursor()) as cursor:
        cursor.execute(sql, [before])
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from map(Row._make, rows)


def figures_of(bounds: list[int]) -> Figures:
    """The figures of the periods between moments.

    A million entries take seconds to read. So this process remembers the last few answers for as
    long as no entry is added, and writes nothing down for it.
    """
    last = Entry.objects.aggregate(last=Max("pk"))["last"]
    key = (last, *bounds)
    found = _memory.get(key)
    if found is None:
        found = figures(ledger(bounds[-1]), bounds)
        while len(_memory) >= REMEMBERED:
            _memory.pop(next(iter(_memory)), None)
        _memory[key] = found
    return found


def forget() -> None:
    """Read the ledger again with the next question."""
    _memory.clear()


def first_day(zone: ZoneInfo) -> date | None:
    """The day of the ledger's first entry; None while it is empty."""
    at = Entry.objects.order_by("at").values_list("at", flat=True).first()
    return at.astimezone(zone).date() if at else None


@dataclass(slots=True)
class Money:
    """What was taken in a period, from how many bills, and how much of it was given back."""

    bills: int = 0
    taken: int = 0
    given_back: int = 0


def money(bounds: list[int]) -> dict[str, list[Money]]:
    """For each currency the money of each period between moments.

    A bill counts when it was paid. What was given back is told beside the payment that it belongs
    to, as far as it was given back by now: bills keep no date of it.
    """
    # By quarters of an hour, since every time zone begins its days at one.
    sql = f"""
        SELECT {seconds_of("paid_at")} / 900, currency, count(*), sum(paid), sum(refunded)
        FROM {Bill._meta.db_table} WHERE paid_at >= %s AND paid_at < %s AND paid > 0
        GROUP BY 1, 2
    """  # noqa: S608  our own table's name
    found: dict[str, list[Money]] = defaultdict(lambda: [Money() for _ in bounds[1:]])
    span = [connection.ops.adapt_datetimefield_value(_moment(m)) for m in (bounds[0], bounds[-1])]
    with connection.cursor() as cursor:
        cursor.execute(sql, span)
        for quarter, currency, count, paid, refunded in cursor:
            one = found[currency][max(bisect_right(bounds, int(quarter) * 900), 1) - 1]
            one.bills += int(count)
            one.taken += int(paid)
            one.given_back += int(refunded)
    return dict(found)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=ZoneInfo("UTC"))
