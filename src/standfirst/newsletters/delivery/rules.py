"""What a sender may do when: pauses, tries, limits, how many letters it takes at once. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from standfirst.newsletters.delivery.headers import clean

# Minutes before a letter that was put off is tried a second time, a third, ...
PAUSES = (1, 5, 25, 120, 600)
# Seconds in which nobody sends anything after a server said no to all of us, once, twice, ...
RESTS = (60, 120, 300, 600, 900)
# Seconds before a sender that reached no server tries once more.
REACHING = (2, 5, 15, 60, 120, 300)

BATCH = 1000  # the most letters that are claimed at once
FIRST_BATCH = 50  # by a line of which nobody knows yet how quick it is
BATCH_LASTS = 1.5  # seconds: how long an unsubscribe may go unnoticed, and the lines' settling

WARM_UP_BEGINS = 200  # letters on the first day


def pause_after(tries: int) -> timedelta | None:
    """How long a letter waits that was put off for the `tries`-th time (from 1); None: give up."""
    return timedelta(minutes=PAUSES[tries - 1]) if tries <= len(PAUSES) else None


def longest(pauses: Sequence[int], times: int) -> int:
    """The pause (as `pauses` counts) after it went wrong `times` times (from 1) on end."""
    return pauses[min(times, len(pauses)) - 1]


def next_size(size: int, seconds: float) -> int:
    """How many letters a line should claim next, when its last `size` took so long.

    It grows at most tenfold, so that one quick batch (all refused at once) promises little.
    """
    if size <= 0:
        return FIRST_BATCH
    fitting = int(size * BATCH_LASTS / max(seconds, 0.001))
    return max(1, min(BATCH, fitting, size * 10))


def warm_up_limit(day: date, begun: date, first_day: int = WARM_UP_BEGINS) -> int:
    """The most letters of a day while a new address gets known: `first_day`, then doubled daily.

    Providers advise this for addresses and hosts they have not seen before.
    """
    return first_day << min(20, max(0, (day - begun).days))


def periods(
    now: datetime,
    zone: ZoneInfo,
    *,
    an_hour: int | None,
    warm_up_from: date | None,
    first_day: int = WARM_UP_BEGINS,
) -> list[tuple[str, int, datetime]]:
    """The limits in force at `now` (aware): the period's name, its letters, and when it ends.

    Hours are those of UTC, days those where the publication is.
    """
    found = []
    if an_hour is not None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        name = hour.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H")
        found.append((name, an_hour, hour + timedelta(hours=1)))
    if warm_up_from is not None:
        day = now.astimezone(zone).date()
        after = day + timedelta(days=1)
        ends = datetime(after.year, after.month, after.day, tzinfo=zone)
        found.append((day.isoformat(), warm_up_limit(day, warm_up_from, first_day), ends))
    return found


# -- what a letter says to one reader -----------------------------------------------------------

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
LONGEST_NAME = 60


def greeting(name: str, hour: int) -> str:
    """“Good morning, Ada” at an hour of the publication's day; without a name “Good morning”."""
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    who = clean(name)
    if len(who) > LONGEST_NAME:
        who = who[:LONGEST_NAME].rstrip() + "…"
    return f"Good {part}, {who}" if who else f"Good {part}"


def choices(used: int, allowance: int, renewed: date) -> str:
    """How many choices a member has until the day on which new ones come, as a sentence."""
    left = max(0, allowance - used)
    day = f"{renewed.day} {renewed:%B}"
    if not allowance:
        return ""
    if not left:
        return f"You have made your choices of this month; new ones come on {day}."
    if left == allowance:
        all_of = "Your choice is" if left == 1 else f"All your {_number(left)} choices are"
        return f"{all_of} left until {day}."
    some_of = f"{_number(left).capitalize()} of your {_number(allowance)} choices"
    return f"{some_of} {'is' if left == 1 else 'are'} left until {day}."


def _number(value: int) -> str:
    return _NUMBERS[value] if value < len(_NUMBERS) else str(value)
