"""How far a sending is, for whoever watches. It reads the batches' figures, never the deliveries,
and not more often than once a second in a process, however many watch."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from django.db.models import Max, Min, Q, Sum
from django.utils import timezone

from standfirst.newsletters.delivery import limits, resting
from standfirst.newsletters.models import (
    TALLIES,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Sending,
    SendingState,
)
from standfirst.publication.clock import written

REMEMBERED = 1.0  # seconds
RATED = 30  # seconds that the rate is taken from


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many of a list are in which state. `rate` is letters a second lately; `ends_at` is when
    it should be done at that rate; `troubles` are sentences on what holds it up."""

    total: int = 0
    queued: int = 0
    accepted: int = 0
    refused: int = 0
    uncertain: int = 0
    suppressed: int = 0
    unsubscribed: int = 0
    gone: int = 0
    cancelled: int = 0
    bounced: int = 0
    complained: int = 0
    unconfirmed: int = 0
    outside: int = 0
    state: SendingState = SendingState.SENDING
    rate: float = 0.0
    ends_at: datetime | None = None
    next_try: datetime | None = None
    troubles: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Letters that a server took, whatever it said of them later."""
        return self.accepted + self.bounced + self.complained

    @property
    def percent(self) -> int:
        """How much of the list is dealt with; 100 only when all of it is."""
        return (self.total - self.queued) * 100 // self.total if self.total else 100


_remembered: dict[int, tuple[float, Figures]] = {}
_lock = Lock()


def figures(sending: Sending) -> Figures:
    """A sending's figures as they are now."""
    now = timezone.now()
    names = {f"of_{name}": Sum(name, default=0) for name in TALLIES.values()}
    lately = Q(settled_at__gt=now - timedelta(seconds=RATED))
    rows = Batch.objects.filter(sending=sending)
    found = rows.aggregate(
        **names,
        recent=Sum("accepted", filter=lately, default=0),
        since=Min("settled_at", filter=lately),
        next_try=Min("not_before", filter=Q(state=BatchState.QUEUED)),
        latest=Max("settled_at"),
    )
    tallies = {name: found[f"of_{name}"] for name in TALLIES.values()}
    state = SendingState(
        Sending.objects.filter(pk=sending.pk).values_list("state", flat=True).get()
    )
    rate, ends_at = 0.0, None
    if found["recent"] and state == SendingState.SENDING:
        seconds = max(1.0, (now - max(found["since"], sending.begun_at)).total_seconds())
        rate = found["recent"] / seconds
        ends_at = now + timedelta(seconds=tallies["queued"] / rate)
    return Figures(
        total=sending.total,
        state=state,
        rate=rate,
        ends_at=ends_at,
        next_try=found["next_try"],
        troubles=_troubles(now) if state == SendingState.SENDING else [],
        **tallies,
    )


def watched(sending: Sending) -> Figures:
    """A sending's figures, at most a second old: what a progress page shows to any number of
    watchers."""
    with _lock:
        at, known = _remembered.get(sending.pk, (0.0, None))
        if known is None or time.monotonic() - at > REMEMBERED:
            known = figures(sending)
            if len(_remembered) > 100:
                _remembered.clear()
            _remembered[sending.pk] = time.monotonic(), known
    return known


def _troubles(now: datetime) -> list[str]:
    found = [
        f"{row.words.rstrip('.')}. It is tried again at {written(row.until)}."
        for row in resting.troubles(now)
    ]
    return found + limits.reached(now)


def named(sending: Sending, *states: DeliveryState) -> list[Delivery]:
    """The deliveries of a sending in any of these states (not those that are simply accepted or
    queued: there may be a million), in the list's order."""
    wanted = Q()
    for state in states:
        wanted |= Q(**{f"{TALLIES[state]}__gt": 0})
    found: list[Delivery] = []
    for first, last in Batch.objects.filter(wanted, sending=sending).values_list("first", "last"):
        ids = Delivery.ids_of(sending.pk, first, last)
        found += Delivery.objects.filter(pk__range=ids, state__in=states).order_by("pk")
    return sorted(found, key=lambda row: row.pk)
