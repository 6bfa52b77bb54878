"""How many letters may leave by a road in this hour and on this day: booked by the claim, exact for
all. Each road (`in_use`) has its own limits, and counts by itself."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from standfirst.newsletters.delivery import rules
from standfirst.newsletters.delivery.in_use import road_in_use
from standfirst.newsletters.models import ProviderLimit, Quota
from standfirst.publication.clock import written
from standfirst.publication.queries import the_publication

UNLIMITED = 1 << 40


class Limits:
    """Limits as one claim sees them. Inside a transaction: whoever asks has the periods' rows until
    its end."""

    def __init__(self, in_force: Sequence[tuple[str, int, datetime]] = ()) -> None:
        """`in_force` is what `periods` said a moment ago."""
        self._periods = in_force
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


def periods(now: datetime, road: str) -> list[tuple[str, int, datetime]]:
    """The limits of a road in force at `now` (aware): the name they are counted by, letters, and
    when each ends. See `rules.periods`."""
    row = ProviderLimit.objects.filter(provider=road).first()
    if row is None:
        return []
    found = rules.periods(
        now,
        the_publication().zone,
        an_hour=row.an_hour,
        warm_up_from=row.warm_up_from,
        first_day=row.first_day,
    )
    return [(f"{name} {road}", most, end) for name, most, end in found]


def reached(now: datetime) -> list[str]:
    """Sentences on the limits that are reached at `now` by the road in use."""
    road = road_in_use()
    return [
        f"The limit of {most:,} letters {'an hour' if name[10] == 'T' else 'a day'} by {road} is "
        f"reached; it goes on at {written(end)}."
        for name, most, end in periods(now, road)
        if Quota.objects.filter(period=name, letters__gte=most).exists()
    ]


def forget(now: datetime | None = None) -> None:
    """Drop what was counted in periods long over."""
    now = now or timezone.now()
    Quota.objects.filter(period__lt=(now - timedelta(days=60)).date().isoformat()).delete()
