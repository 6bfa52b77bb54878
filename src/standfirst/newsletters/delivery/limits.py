"""How many letters may leave in this hour and on this day: booked by the claim, exact for all."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from standfirst.newsletters.delivery import rules
from standfirst.newsletters.models import MailSettings, Quota
from standfirst.publication.clock import written
from standfirst.publication.queries import the_publication

UNLIMITED = 1 << 40


class Limits:
    """The limits in force at `now` (aware), as one claim sees them. Inside a transaction: whoever
    asks has the periods' rows until its end."""

    def __init__(
        self, now: datetime, in_force: Sequence[tuple[str, int, datetime]] | None = None
    ) -> None:
        """`in_force` is what `periods` said a moment ago."""
        self._periods = periods(now) if in_force is None else in_force
        self._booked = 0
        self.left = UNLIMITED
        for name, most, _ in self._periods:
            Quota.objects.bulk_create([Quota(period=name)], ignore_conflicts=True)
            used = Quota.objects.select_for_update().get(period=name).letters
            self.left = min(self.left, max(0, most - used))

    def book(self, letters: int) -> tuple[tuple[str, int], ...]:
        """Count letters that are about to leave; gives what to hand to `give_back`."""
        self.left -= letters
        self._booked += letters
        return tuple((name, letters) for name, _, _ in self._periods)

    def save(self) -> None:
        """Write what was booked."""
        for name, _, _ in self._periods if self._booked else ():
            Quota.objects.filter(period=name).update(letters=F("letters") + self._booked)

    @staticmethod
    def give_back(booked: Iterable[tuple[str, int]], used: int) -> None:
        """Of what was booked, only `used` letters left."""
        for name, letters in sorted(booked):
            if used < letters:
                rest = letters - used
                Quota.objects.filter(period=name, letters__gte=rest).update(
                    letters=F("letters") - rest
                )


def periods(now: datetime) -> list[tuple[str, int, datetime]]:
    """The limits in force: name, letters, and when each ends. See `rules.periods`."""
    settings = MailSettings.load()
    if settings.an_hour is None and not settings.warm_up:
        return []
    zone = the_publication().zone
    begun = settings.warm_up_from or now.astimezone(zone).date()
    return rules.periods(
        now, zone, an_hour=settings.an_hour, warm_up_from=begun if settings.warm_up else None
    )


def reached(now: datetime) -> list[str]:
    """Sentences on the limits that are reached at `now`."""
    return [
        f"The limit of {most:,} letters {'an hour' if 'T' in name else 'a day'} is reached; "
        f"it goes on at {written(end)}."
        for name, most, end in periods(now)
        if Quota.objects.filter(period=name, letters__gte=most).exists()
    ]


def forget(now: datetime | None = None) -> None:
    """Drop what was counted in periods long over."""
    now = now or timezone.now()
    Quota.objects.filter(period__lt=(now - timedelta(days=60)).date().isoformat()).delete()
