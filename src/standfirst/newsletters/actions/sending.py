"""Beginning a sending, and what a colleague does with one that runs. One verb, one transaction."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from django.db import IntegrityError, OperationalError, connection

from standfirst.newsletters.delivery.ending import cancel_rest, locked_batch_of, move
from standfirst.newsletters.delivery.freezing import freeze
from standfirst.newsletters.models import (
    Audience,
    Batch,
    BatchState,
    Counted,
    Delivery,
    DeliveryState,
    Edition,
    Letter,
    Newsletter,
    Sending,
    SendingKind,
    SendingState,
)
from standfirst.publication.statements import transaction_in_turn

TRIES_BESIDE_SENDERS = 5


class Written(NamedTuple):
    """A letter with the words of its slots still in it."""

    subject: str
    html: str
    text: str


class CannotBeSent(Exception):  # noqa: N818
    """What was asked of a sending cannot be done; the text says why in a sentence."""


def begin(
    kind: SendingKind,
    key: str,
    letters: Mapping[str, Written | tuple[str, str, str]],
    *,
    consent: str,
    sender: str,
    now: datetime,
    audience: str = Audience.MEMBERS,
    topics: Collection[int] = (),
    authors: Collection[int] = (),
    reply_to: str = "",
    newsletter: Newsletter | None = None,
    edition: Edition | None = None,
    by: int | None = None,
    counted: Mapping[int, str] | None = None,
) -> Sending:
    """Freeze list and letters at `now` (aware) and let senders have them. A list of more than
    `freezing.PARTS` says is made in several transactions, after the caller's own: see `make_lists`.

    `key` names the occasion: begun twice, also at the same moment, it is one sending, the first.
    `letters` has one for each variant (subscriber, member); whose variant has none is not on the
    list. `consent` is what readers said yes to; `topics` and `authors` (numbers) are for the
    audience of those who follow any of them. `sender` is the From header, `by` a colleague's
    number. `counted` are the addresses of links that are counted, by their numbers.
    """
    known = Sending.objects.filter(key=key).first()
    if known:
        return known
    try:
        with transaction_in_turn():
            sending = Sending.objects.create(
                key=key,
                kind=kind,
                state=SendingState.FREEZING,
                consent=consent,
                audience=audience,
                topics=sorted(topics),
                authors=sorted(authors),
                newsletter=newsletter,
                edition=edition,
                sender=sender,
                reply_to=reply_to,
                by=by,
                begun_at=now,
            )
            Letter.objects.bulk_create(
                Letter(sending=sending, variant=variant, subject=one[0], html=one[1], text=one[2])
                for variant, one in letters.items()
            )
            Counted.objects.bulk_create(
                Counted(sending=sending, number=number, address=address)
                for number, address in (counted or {}).items()
            )
            _freeze_on(sending, letters.keys(), now)
    except IntegrityError:
        known = Sending.objects.filter(key=key).first()
        if known:  # somebody else began it meanwhile
            return known
        raise
    # A long list: others may write between its parts. In a caller's transaction they can't, so
    # that the rest is left to the worker, seconds later.
    if sending.state == SendingState.FREEZING and not connection.in_atomic_block:
        make_list(sending)
    return sending


def _freeze_on(sending: Sending, variants: Collection[str], now: datetime) -> None:
    if freeze(sending, variants, now):
        sending.state, sending.frozen_at = SendingState.SENDING, now
        if not sending.total:
            sending.state, sending.ended_at = SendingState.DONE, now
    sending.save(update_fields=["total", "frozen_to", "frozen_at", "state", "ended_at"])


def make_list(sending: Sending) -> None:
    """Go on with a list until it is whole, or the sending is cancelled: a part is a transaction.
    Whoever else goes on with it at the same time does other parts."""
    while sending.state == SendingState.FREEZING:
        with transaction_in_turn():
            sending.refresh_from_db(from_queryset=Sending.objects.select_for_update(no_key=True))
            if sending.state == SendingState.FREEZING:
                variants = sending.letters.values_list("variant", flat=True)
                _freeze_on(sending, set(variants), sending.begun_at)


def make_lists() -> int:
    """Go on with lists that are not whole: long ones that were begun in a transaction, and those
    whose maker was killed in the middle. Says with how many."""
    waiting = list(Sending.objects.filter(state=SendingState.FREEZING).order_by("pk"))
    failed = None
    for sending in waiting:
        try:
            make_list(sending)
        except Exception as error:  # no list waits for another
            failed = error
    if failed:
        raise failed
    return len(waiting)


# -- while it runs --------------------------------------------------------------------------------


def pause(sending: int, *, why: str = "") -> bool:
    """Let nothing more be claimed; what is under way is finished. Did it run?"""
    with transaction_in_turn():
        running = Sending.objects.filter(pk=sending, state=SendingState.SENDING)
        return bool(running.update(state=SendingState.PAUSED, why=why[:400]))


def resume(sending: int) -> bool:
    """Go on with a sending that was paused. Was it?"""
    with transaction_in_turn():
        paused = Sending.objects.filter(pk=sending, state=SendingState.PAUSED)
        return bool(paused.update(state=SendingState.SENDING, why=""))


def cancel(sending: int, *, why: str) -> int:
    """End a sending: who was not written to will not be, for this reason. Says how many these are
    now; of what is under way, the rest follows when it is settled. A second time does nothing."""
    with transaction_in_turn():
        going_on = Sending.objects.filter(
            pk=sending,
            state__in=[SendingState.FREEZING, SendingState.SENDING, SendingState.PAUSED],
        )
        if not going_on.update(state=SendingState.CANCELLED, why=why[:400]):
            return 0
        return cancel_rest(Sending.objects.get(pk=sending))


# -- what is in doubt -----------------------------------------------------------------------------


def send_again(deliveries: Collection[int]) -> int:
    """Queue letters again of which nobody knows whether they arrived: some readers may get theirs
    twice. Says how many; what is not in doubt is left alone.

    Raises CannotBeSent where the sending was cancelled.
    """
    numbers = sorted(deliveries)
    for _ in range(TRIES_BESIDE_SENDERS):
        # A sender that settles one of these batches waits for its sending, and we for it: then the
        # database undoes one of both, and the other goes on.
        with suppress(OperationalError), transaction_in_turn():
            return _send_again(numbers)
    with transaction_in_turn():
        return _send_again(numbers)


def _send_again(numbers: Sequence[int]) -> int:
    count = 0
    for pk, ids in groupby(numbers, key=lambda one: one >> Delivery.NUMBERS):
        sending = Sending.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if sending is None:
            continue
        if sending.state == SendingState.CANCELLED:
            raise CannotBeSent("This sending was cancelled, so none of its letters is sent.")
        here = 0
        for one in ids:
            batch = locked_batch_of(one)
            if batch is None or not move(
                batch, one, [DeliveryState.UNCERTAIN], DeliveryState.QUEUED, "sent again"
            ):
                continue
            here += 1
            if batch.state == BatchState.SETTLED:
                batch.state = BatchState.QUEUED
                # Who had it before and comes back late has nothing to tell any more.
                batch.claim += 1
                batch.not_before = batch.retry_at = batch.settled_at = None
            batch.save()
        if here and sending.state == SendingState.DONE:
            sending.state, sending.ended_at = SendingState.SENDING, None
            sending.save(update_fields=["state", "ended_at"])
        count += here
    return count


# What may be heard of a delivery, and of which ones. A queued one may be under way at this moment,
# its event quicker than the sender's own word.
_NOT_YET = (DeliveryState.QUEUED, DeliveryState.UNCERTAIN)
HEARD = {
    DeliveryState.ACCEPTED: _NOT_YET,
    DeliveryState.REFUSED: _NOT_YET,
    DeliveryState.BOUNCED: (*_NOT_YET, DeliveryState.ACCEPTED),
    DeliveryState.COMPLAINED: (*_NOT_YET, DeliveryState.ACCEPTED, DeliveryState.BOUNCED),
}


def hear(delivery: int, state: DeliveryState, why: str = "") -> bool:
    """A provider, a server's log or a bounce says what became of a delivery: ACCEPTED, REFUSED,
    BOUNCED or COMPLAINED. Did it change anything?"""
    with transaction_in_turn():
        batch = locked_batch_of(delivery)
        if batch is None or not move(batch, delivery, HEARD[state], state, why):
            return False
        if not batch.queued:
            batch.state = BatchState.SETTLED
        batch.save()
    return True


def in_doubt(sending: int) -> list[int]:
    """The deliveries of which nobody knows whether they arrived."""
    doubtful: list[int] = []
    batches = Batch.objects.filter(sending=sending, uncertain__gt=0).order_by("first")
    for first, last in batches.values_list("first", "last"):
        ids = Delivery.ids_of(sending, first, last)
        here = Delivery.objects.filter(pk__range=ids, state=DeliveryState.UNCERTAIN)
        doubtful += here.order_by("pk").values_list("pk", flat=True)
    return doubtful
