"""When a newsletter's turn comes, what belongs in its edition, and what becomes of one at its hour.

Plain values in and out; it imports no framework and reads no clock. Days and hours are those of the
publication's time zone, moments are aware datetimes.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
LOOKED_AHEAD = 400  # days: whoever has no turn in a year has none
OVERLAP = timedelta(hours=1)  # an article may go live some seconds after its publication time
LOOKED_BACK = timedelta(days=31)  # however long there was no edition


# -- when ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When a newsletter goes out: `weekdays` as ISO 8601 counts them (Monday is 1), the hour, the
    zone, and the days on which it does not."""

    weekdays: Set[int]
    hour: time
    zone: ZoneInfo
    off: Set[date] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Due:
    """A day of a newsletter, and the moment (in UTC) at which its edition goes out."""

    day: date
    at: datetime


def moment_of(day: date, hour: time, zone: ZoneInfo) -> datetime | None:
    """The moment (in UTC) that the clocks of `zone` show `hour` on `day`.

    An hour that comes twice counts when it comes first. One that the clocks leap over is the first
    moment after the leap. None for a day that the zone leaps over whole (Apia, 30 December 2011).
    """
    wall = datetime.combine(day, hour.replace(tzinfo=None, fold=0))
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a leap (PEP 495) the reading with fold=1 lies before it, and that with fold=0 after it.
    before, after = int(wall.replace(tzinfo=zone, fold=1).timestamp()), int(first.timestamp())
    while after - before > 1:
        middle = (before + after) // 2
        shown = datetime.fromtimestamp(middle, zone).replace(tzinfo=None)
        before, after = (before, middle) if shown >= wall else (middle, after)
    whole = datetime.fromtimestamp(before, zone).date() < day
    whole = whole and datetime.fromtimestamp(after, zone).date() > day
    return None if whole else datetime.fromtimestamp(after, UTC)


def due_on(day: date, rhythm: Rhythm) -> Due | None:
    """The newsletter's turn on a day; None where it has none."""
    if day.isoweekday() not in rhythm.weekdays or day in rhythm.off:
        return None
    at = moment_of(day, rhythm.hour, rhythm.zone)
    return None if at is None else Due(day, at)


def next_due(rhythm: Rhythm, after: datetime) -> Due | None:
    """The first turn later than `after`; None where there is none within a year or so."""
    first = after.astimezone(rhythm.zone).date() - DAY
    for days in range(LOOKED_AHEAD):
        due = due_on(first + days * DAY, rhythm)
        if due and due.at > after:
            return due
    return None


def days_in(text: str) -> set[date]:
    """The days written one a line, as 2026-12-24, or first and last as 2026-12-24 to 2027-01-01.

    Raises ValueError that names the line which is neither.
    """
    found: set[date] = set()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        first, _, last = line.partition(" to ")
        try:
            begin = date.fromisoformat(first.strip())
            end = date.fromisoformat(last.strip()) if last else begin
        except ValueError:
            begin = end = date.max
        if end < begin or end - begin > 366 * DAY or end == date.max:
            raise ValueError(
                f"“{line}” is no day. Write 2026-12-24, or 2026-12-24 to 2027-01-01, one a line."
            )
        found |= {begin + days * DAY for days in range((end - begin).days + 1)}
    return found


# -- what belongs in it -------------------------------------------------------------------------


def begins(last_cut: datetime | None, now: datetime) -> datetime:
    """From when on articles are looked at for an edition drafted `now`, where the last edition
    that was sent looked until `last_cut`."""
    return max(last_cut - OVERLAP if last_cut else now - 7 * DAY, now - LOOKED_BACK)


def belonging(
    published: Iterable[tuple[int, datetime]],
    *,
    last_cut: datetime | None,
    now: datetime,
    offered: Set[int],
) -> list[int]:
    """Which of the published articles (id, publication time) belong in an edition drafted `now`,
    the newest first: those since the last one's cut, without what it offered already."""
    since = begins(last_cut, now)
    found = [(at, pk) for pk, at in published if since < at <= now and pk not in offered]
    return [pk for at, pk in sorted(found, reverse=True)]


# -- what becomes of it -------------------------------------------------------------------------


class Timing(StrEnum):
    """Where a moment lies between an edition's drafting, its hour, and its being too late."""

    EARLY = "early"
    DRAFTING = "drafting"
    HOUR = "hour"
    LATE = "late"


def timing(due: datetime, now: datetime, *, drafted_before: timedelta, limit: timedelta) -> Timing:
    """`drafted_before` the hour it is drafted; more than `limit` after the hour it is late."""
    if now > due + limit:
        return Timing.LATE
    if now >= due:
        return Timing.HOUR
    return Timing.DRAFTING if now >= due - drafted_before else Timing.EARLY


class Next(StrEnum):
    """What is done with a drafted edition by itself."""

    WAIT = "wait"
    SEND = "send"
    SEND_AUTOMATIC = "send_automatic"  # without what an editor wrote and nobody approved
    HOLD = "hold"  # nobody approved it
    HOLD_LATE = "hold_late"  # its hour is long past: never hours later by itself


def next_step(
    due: datetime | None, now: datetime, *, limit: timedelta, approved: bool, send_unapproved: bool
) -> Next:
    """What is to be done `now` with an edition due at `due` (None: only by hand)."""
    if due is None or now < due:
        return Next.WAIT
    if now > due + limit:
        return Next.HOLD_LATE
    if approved:
        return Next.SEND
    return Next.SEND_AUTOMATIC if send_unapproved else Next.HOLD


class Stage(StrEnum):
    """Where the newsletter's turn of one day stands; worked out, not stored."""

    SENT = "sent"
    NOTHING = "nothing"
    MISSED = "missed"
    GONE = "gone"
    HELD = "held"
    APPROVED = "approved"
    CHANGED = "changed"
    DRAFTED = "drafted"


def stage_of(
    *, sent: bool, outcome: str, has_edition: bool, held: bool, approved: bool, changed: bool
) -> Stage:
    """`approved` once, and whether it was `changed` since; `outcome` as a turn keeps it."""
    if sent:
        return Stage.SENT
    if not has_edition:
        return Stage(outcome) if outcome else Stage.GONE
    if held:
        return Stage.HELD
    if approved:
        return Stage.CHANGED if changed else Stage.APPROVED
    return Stage.DRAFTED


WEEKDAYS: Mapping[int, str] = {
    1: "Monday",
    2: "Tuesday",
    3: "Wednesday",
    4: "Thursday",
    5: "Friday",
    6: "Saturday",
    7: "Sunday",
}


def weekdays_written(weekdays: str) -> str:
    """`12345` as a sentence says it: Monday to Friday."""
    days = sorted({int(one) for one in weekdays if one in "1234567"})
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return ", ".join(WEEKDAYS[day] for day in days)
