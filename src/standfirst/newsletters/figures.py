"""How a sending goes, and what became of it: read from the sums of its batches, and not more often
than once a second however many look, so that looking costs a running one next to nothing."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from django.db.models import Count, Max, Min, Sum

from standfirst.members.models import ConsentEntry
from standfirst.newsletters.delivery import limits, resting
from standfirst.newsletters.models import (
    TALLIES,
    Batch,
    Delivery,
    DeliveryState,
    Sending,
    SendingState,
)

# What came back later was accepted at first.
_ACCEPTED = (DeliveryState.ACCEPTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
_LEFT_OUT = (
    DeliveryState.SUPPRESSED,
    DeliveryState.UNSUBSCRIBED,
    DeliveryState.UNCONFIRMED,
    DeliveryState.GONE,
    DeliveryState.OUTSIDE,
    DeliveryState.CANCELLED,
)
RATE_OVER = timedelta(seconds=60)
REMEMBERED = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Progress:
    """A sending at one moment. `counts` has every state of a delivery and adds up to `total`.
    `rate` is in letters a second over the last minute (None: nothing was settled in it); `ends_at`
    what that makes of the rest; `waits` is why nothing leaves at this moment, in the server's
    words."""

    sending: Sending
    counts: dict[DeliveryState, int]
    rate: float | None
    ends_at: datetime | None
    waits: str

    @property
    def total(self) -> int:
        return self.sending.total

    @property
    def queued(self) -> int:
        return self.counts[DeliveryState.QUEUED]

    @property
    def accepted(self) -> int:
        """Taken by the mail server, whatever came back later."""
        return sum(self.counts[state] for state in _ACCEPTED)

    @property
    def refused(self) -> int:
        return self.counts[DeliveryState.REFUSED]

    @property
    def bounced(self) -> int:
        return self.counts[DeliveryState.BOUNCED]

    @property
    def complained(self) -> int:
        return self.counts[DeliveryState.COMPLAINED]

    @property
    def uncertain(self) -> int:
        return self.counts[DeliveryState.UNCERTAIN]

    @property
    def left_out(self) -> int:
        """On the list, but not written to: each for a reason that is counted."""
        return sum(self.counts[state] for state in _LEFT_OUT)

    @property
    def why_left_out(self) -> list[tuple[str, int]]:
        """The reasons, with how many each."""
        return [(str(state.label), self.counts[state]) for state in _LEFT_OUT if self.counts[state]]

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        return 1.0 if not self.total else (self.total - self.queued) / self.total

    @property
    def runs(self) -> bool:
        return self.sending.state in {SendingState.FREEZING, SendingState.SENDING}


_remembered: dict[tuple[int, str], tuple[float, Progress]] = {}
_lock = Lock()


def watched(sending: Sending, now: datetime) -> Progress:
    """What `progress_of` says, at most a second old: for pages that are asked for all the time."""
    key = sending.pk, sending.state
    with _lock:
        at, known = _remembered.get(key, (0.0, None))
        if known is None or time.monotonic() - at > REMEMBERED:
            known = progress_of(sending, now)
            if len(_remembered) > 100:
                _remembered.clear()
            _remembered[key] = time.monotonic(), known
    return known


def progress_of(sending: Sending, now: datetime) -> Progress:
    """One query, whose cost grows with the batches, not with the letters."""
    batches = Batch.objects.filter(sending=sending)
    sums = batches.aggregate(**{column: Sum(column) for column in TALLIES.values()})
    counts = {state: sums[column] or 0 for state, column in TALLIES.items()}
    rate = ends_at = None
    waits = ""
    if sending.state == SendingState.SENDING:
        rate = _rate(sending, now)
        if rate:
            ends_at = now + timedelta(seconds=counts[DeliveryState.QUEUED] / rate)
        waits = " ".join([*resting.sentences(now), *limits.reached(now)])
    return Progress(sending, counts, rate, ends_at, waits)


def _rate(sending: Sending, now: datetime) -> float | None:
    lately = Batch.objects.filter(sending=sending, settled_at__gt=now - RATE_OVER)
    found = lately.aggregate(
        first=Min("settled_at"), last=Max("settled_at"), batches=Count("pk"), n=Sum("accepted")
    )
    if not found["n"]:
        return None
    since = max(sending.begun_at, now - RATE_OVER)
    seconds = max((now - since).total_seconds(), 0.5)
    return float(found["n"]) / seconds


def unsubscribed_by(sending: Sending) -> int:
    """How many readers took their consent back by a link or button of this very letter. Who called
    it spam is counted by that alone."""
    low, high = Delivery.ids_of(sending.pk, 0, (1 << Delivery.NUMBERS) - 1)
    entries = ConsentEntry.objects.filter(delivery__range=(low, high), given=False)
    entries = entries.exclude(by=ConsentEntry.By.COMPLAINED)
    return entries.values("member").distinct().count()


def deliveries_in(sending: Sending, state: DeliveryState, most: int) -> list[Delivery]:
    """The first `most` deliveries of a sending that are in a state."""
    found: list[Delivery] = []
    having = Batch.objects.filter(sending=sending, **{f"{TALLIES[state]}__gt": 0})
    for first, last in having.order_by("first").values_list("first", "last"):
        ids = Delivery.ids_of(sending.pk, first, last)
        here = Delivery.objects.filter(pk__range=ids, state=state).order_by("pk")
        found += here[: most - len(found)]
        if len(found) >= most:
            break
    return found
