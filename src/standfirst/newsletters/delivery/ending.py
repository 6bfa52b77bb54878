"""What colleagues and what comes back change in the ledger, and the end of a sending. All here is
called inside a transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from standfirst.newsletters.delivery.ledger import LONGEST_WHY, tally
from standfirst.newsletters.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Sending,
    SendingState,
)


def locked_batch_of(delivery: int) -> Batch | None:
    """The batch that a delivery is in, locked; its row in the ledger is written by none but us."""
    sending, number = delivery >> Delivery.NUMBERS, delivery & 0xFFFFFFFF
    while True:
        batch = (
            Batch.objects.select_for_update()
            .filter(sending=sending, first__lte=number)
            .order_by("-first")
            .first()
        )
        if batch is None or batch.last >= number:
            return batch
        # It was split while we waited for it; numbers above the last are nobody's.
        if not Batch.objects.filter(sending=sending, first__lte=number, last__gte=number).exists():
            return None


def move(
    batch: Batch, delivery: int, was: Sequence[DeliveryState], state: DeliveryState, why: str
) -> bool:
    """Write a delivery's state if it `was` one of these, and count it. The batch is saved later."""
    row = Delivery.objects.filter(pk=delivery, state__in=was).first()
    if row is None or row.state == state:
        return False
    before = DeliveryState(row.state)
    row.state, row.why = state, why[:LONGEST_WHY]
    row.save(update_fields=["state", "why"])
    tally(batch, before, state, 1)
    return True


def cancel_rest(sending: Sending) -> int:
    """Nobody who is queued in no sender's hands will be written to. Says how many these are."""
    queued = list(
        Batch.objects.select_for_update()
        .filter(sending=sending, state=BatchState.QUEUED)
        .order_by("first")
    )
    count = 0
    for low, high in _runs(queued):
        ids = Delivery.ids_of(sending.pk, low, high)
        rest = Delivery.objects.filter(pk__range=ids, state=DeliveryState.QUEUED)
        count += rest.update(state=DeliveryState.CANCELLED, why=sending.why)
    Batch.objects.filter(pk__in=[one.pk for one in queued]).update(
        cancelled=F("cancelled") + F("queued"),
        queued=0,
        state=BatchState.SETTLED,
        settled_at=timezone.now(),
    )
    return count


def _runs(batches: Iterable[Batch]) -> Iterable[tuple[int, int]]:
    """Ranges of numbers of batches that follow one another without a gap."""
    run: tuple[int, int] | None = None
    for one in batches:
        if run and one.first == run[1] + 1:
            run = run[0], one.last
        else:
            if run:
                yield run
            run = one.first, one.last
    if run:
        yield run


def finish(now: datetime) -> int:
    """Mark sendings as ended of which nothing is left. Says how many."""
    open_ones = Sending.objects.filter(ended_at=None).exclude(
        state__in=[SendingState.FREEZING, SendingState.DONE]
    )
    count = 0
    for pk in list(open_ones.order_by("pk").values_list("pk", flat=True)):
        if _something_is_left(pk):
            continue
        # Asked again once nobody else has the row: a letter may just be sent again.
        sending = open_ones.select_for_update(no_key=True).filter(pk=pk).first()
        if sending is None or _something_is_left(pk):
            continue
        cancelled = sending.state == SendingState.CANCELLED
        sending.state = SendingState.CANCELLED if cancelled else SendingState.DONE
        sending.ended_at = now
        sending.save(update_fields=["state", "ended_at"])
        count += 1
    return count


def _something_is_left(sending: int) -> bool:
    return Batch.objects.filter(sending=sending).exclude(state=BatchState.SETTLED).exists()
