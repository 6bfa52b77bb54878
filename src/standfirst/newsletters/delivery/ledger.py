"""The ledger's two movements: a sender claims a batch before anything leaves, and settles it.

A claim stands on the batch alone; each delivery is written once, when its batch is settled. All
here is called inside a transaction, but for `rows`.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max, Q
from django.utils import timezone

from standfirst.newsletters.delivery import rules
from standfirst.newsletters.delivery.limits import Limits
from standfirst.newsletters.models import (
    TALLIES,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Sending,
    SendingState,
)

log = logging.getLogger("standfirst.mail")

LEASE = 60.0  # seconds, by the database's clock for others, by the machine's uptime for the holder
_TABLE = Delivery._meta.db_table
LONGEST_WHY = 400


@dataclass(slots=True)
class Held:
    """A batch that a sender has. `booked`: letters that were booked for it, by period."""

    batch: int
    sending: int
    claim: int
    worker: str
    first: int
    last: int
    queued: int
    untried_only: bool
    booked: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one delivery that was not simply accepted. QUEUED: put off, tried again.
    `tried`: a server was asked, so that it counts as a try."""

    delivery: int
    state: DeliveryState
    why: str = ""
    tried: bool = True


@dataclass(slots=True)
class Told:
    """All that a sender knows of its batch; a delivery that is not named was not sent."""

    batch: int
    claim: int
    accepted: Sequence[int] = ()
    fates: Sequence[Fate] = ()
    untouched: Sequence[int] = ()  # known not to have left, said to who gave them up meanwhile
    variants: dict[int, str] = field(default_factory=dict)  # that are others than at the freeze
    rest_in_doubt: str = ""  # why nobody knows of those that are not named
    booked: tuple[tuple[str, int], ...] = ()


def database_now() -> datetime:
    """The clock that leases are compared with: one for all machines."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


# -- claiming -------------------------------------------------------------------------------------


def claim(wishes: Iterable[tuple[str, int]], now: datetime, limits: Limits) -> list[Held | None]:
    """A batch for each wish (the claimer's name, about how many letters: never half as many more),
    or None.

    `now` is the database's. Short lists come first, so that no alert waits for a million editions.
    """
    wanted = list(wishes)
    found: list[Held | None] = []
    running = iter(_running())
    batches: list[Batch] = []
    for worker, size in wanted:
        most = min(size, limits.left)
        while most > 0 and not batches:
            sending = next(running, None)
            if sending is None:
                break
            batches = _due(sending, now, len(wanted) - len(found))
        if most <= 0 or not batches:
            found.append(None)
            continue
        batch = batches.pop(0)
        # A small rest goes along: a batch costs as much as a hundred letters.
        if batch.queued > min(most + most // 2, limits.left):
            rest = _split(batch, most)
            batches.insert(0, rest)
        if batch.retry_at is not None and batch.retry_at <= now:
            batch.retry_at = None
        batch.state, batch.worker, batch.claim = BatchState.CLAIMED, worker, batch.claim + 1
        batch.leased_until = now + timedelta(seconds=LEASE)
        write(batch)
        found.append(
            Held(
                batch=batch.pk,
                sending=batch.sending_id,
                claim=batch.claim,
                worker=worker,
                first=batch.first,
                last=batch.last,
                queued=batch.queued,
                untried_only=batch.retry_at is not None,
                booked=limits.book(batch.queued),
            )
        )
    limits.save()
    return found


_WRITTEN = (
    *("state", "claim", "worker", "leased_until", "not_before", "retry_at", "settled_at"),
    *TALLIES.values(),
)
_WRITE = (
    f"UPDATE {Batch._meta.db_table} SET {', '.join(f'{name} = %s' for name in _WRITTEN)} "  # noqa: S608
    "WHERE id = %s"
)


def write(batch: Batch) -> None:
    """Save what a claim and a settlement change: by hand, for it is done all the time."""
    values = [getattr(batch, name) for name in _WRITTEN]
    adapted = [
        connection.ops.adapt_datetimefield_value(one) if isinstance(one, datetime) else one
        for one in values
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [*adapted, batch.pk])


def _running() -> list[int]:
    """The sendings of which something may be sent, short lists first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {Sending._meta.db_table} WHERE state = '{SendingState.SENDING}' "  # noqa: S608
            "ORDER BY total, id"
        )
        return [pk for (pk,) in cursor.fetchall()]


def _due(sending: int, now: datetime, most: int) -> list[Batch]:
    """The first batches of a sending that may be claimed, locked."""
    return _locked(
        # Said twice, so that both databases see that the index of what is left to do is enough.
        f"sending_id = %s AND state = '{BatchState.QUEUED}' AND NOT state = '{BatchState.SETTLED}' "
        "AND (not_before IS NULL OR not_before <= %s) ORDER BY first LIMIT %s",
        [sending, connection.ops.adapt_datetimefield_value(now), most],
        skip=True,
    )


def _locked(where: str, values: list[Any], *, skip: bool = False) -> list[Batch]:
    """Batches, locked; with `skip` those alone that nobody else has. Django takes three times as
    long to put such a query together as the database to answer it."""
    lock = ""
    if connection.features.has_select_for_update:
        lock = "FOR UPDATE SKIP LOCKED" if skip else "FOR UPDATE"
    sql = f"SELECT * FROM {Batch._meta.db_table} WHERE {where} {lock}"  # noqa: S608  our own words
    return list(Batch.objects.raw(sql, values))


def _split(batch: Batch, size: int) -> Batch:
    """Leave the first `size` queued deliveries to the batch; gives a new one with the rest."""
    width = batch.last - batch.first + 1
    low, high = Delivery.ids_of(batch.sending_id, batch.first, batch.last)
    mine = {TALLIES[DeliveryState.QUEUED]: size}
    end = batch.first + size - 1
    if batch.queued < width:
        queued = Delivery.objects.filter(pk__range=(low, high), state=DeliveryState.QUEUED)
        last = queued.order_by("pk").values_list("pk", flat=True)[size - 1]
        end = last & 0xFFFFFFFF
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT state, count(*) FROM {_TABLE} WHERE id BETWEEN %s AND %s GROUP BY 1",  # noqa: S608
                (low, last),
            )
            mine = {TALLIES[DeliveryState(state)]: count for state, count in cursor.fetchall()}
    rest = Batch(
        sending_id=batch.sending_id,
        first=end + 1,
        last=batch.last,
        not_before=batch.not_before,
        retry_at=batch.retry_at,
    )
    for name in TALLIES.values():
        setattr(rest, name, getattr(batch, name) - mine.get(name, 0))
        setattr(batch, name, mine.get(name, 0))
    batch.last = end
    batch.save()
    rest.save()
    return rest


def anything_due(now: datetime) -> bool:
    """Is there a batch that may be claimed at `now`? A look that locks nothing."""
    running = Sending.objects.filter(state=SendingState.SENDING).values_list("pk", flat=True)
    due = Q(not_before=None) | Q(not_before__lte=now)
    return any(
        Batch.objects.filter(due, sending=pk, state=BatchState.QUEUED).exists() for pk in running
    )


def renew(held: Iterable[tuple[int, int]], now: datetime) -> set[int]:
    """Lengthen the leases of batches (number, claim) that are still held; gives their numbers."""
    until = now + timedelta(seconds=LEASE)
    kept = set()
    for batch, number in held:
        mine = Batch.objects.filter(pk=batch, claim=number, state=BatchState.CLAIMED)
        if mine.update(leased_until=until):
            kept.add(batch)
    return kept


# -- settling -------------------------------------------------------------------------------------


def settle(told: Told, now: datetime) -> bool:
    """Write what became of a batch; what was not sent is queued again. `now` is the database's.

    Says whether the claim was still good. A sender whose batch was meanwhile given up as in doubt
    tells all the same: what it knows is better. Telling twice changes nothing.
    """
    batch = next(iter(_locked("id = %s", [told.batch])), None)
    if batch is None or batch.claim != told.claim or batch.state == BatchState.QUEUED:
        return False
    late = batch.state == BatchState.SETTLED
    if late and not batch.uncertain:
        return False
    was = DeliveryState.UNCERTAIN if late else DeliveryState.QUEUED
    _write(batch, told, was)
    if late and told.untouched:
        again = Delivery.objects.filter(pk__in=told.untouched, state=was)
        tally(batch, was, DeliveryState.QUEUED, again.update(state=DeliveryState.QUEUED, why=""))
    if told.rest_in_doubt and not late:
        low, high = Delivery.ids_of(batch.sending_id, batch.first, batch.last)
        rest = Delivery.objects.filter(pk__range=(low, high), state=DeliveryState.QUEUED)
        if batch.retry_at is not None:  # what was put off before was not under way
            rest = rest.filter(tries=0)
        count = rest.update(state=DeliveryState.UNCERTAIN, why=told.rest_in_doubt[:LONGEST_WHY])
        tally(batch, DeliveryState.QUEUED, DeliveryState.UNCERTAIN, count)
    if told.booked and not late:
        Limits.give_back(told.booked, len(told.accepted) + sum(one.tried for one in told.fates))
    _go_on(batch, told, now)
    write(batch)
    return not late


def _write(batch: Batch, told: Told, was: DeliveryState) -> None:
    """Write the deliveries that are named, and count what was written."""
    low, high = Delivery.ids_of(batch.sending_id, batch.first, batch.last)
    with connection.cursor() as cursor:
        for one in told.fates:
            if not low <= one.delivery <= high:
                continue
            cursor.execute(
                f"UPDATE {_TABLE} SET state = %s, why = %s, tries = tries + %s "  # noqa: S608
                "WHERE id = %s AND state = %s",
                (one.state, one.why[:LONGEST_WHY], int(one.tried), one.delivery, was),
            )
            tally(batch, was, one.state, cursor.rowcount)
        accepted = {one for one in told.accepted if low <= one <= high}
        if accepted:
            # A range without a gap needs no list of numbers. The batch's own would not do: others
            # may have settled some of it meanwhile, so no sum says whether all of it was accepted.
            first, last = min(accepted), max(accepted)
            if len(accepted) == last - first + 1:
                where, values = "id BETWEEN %s AND %s", [first, last]
            else:
                where, values = f"id IN ({', '.join(map(str, accepted))})", []
            cursor.execute(
                f"UPDATE {_TABLE} SET state = {DeliveryState.ACCEPTED}, tries = tries + 1 "  # noqa: S608
                f"WHERE {where} AND state = %s",
                [*values, was],
            )
            tally(batch, was, DeliveryState.ACCEPTED, cursor.rowcount)
        for delivery, variant in told.variants.items():
            cursor.execute(
                f"UPDATE {_TABLE} SET variant = %s WHERE id = %s",  # noqa: S608
                (variant, delivery),
            )


def tally(batch: Batch, was: DeliveryState, state: DeliveryState, count: int) -> None:
    """So many of a batch's deliveries are in another state now. The batch is saved later."""
    setattr(batch, TALLIES[was], getattr(batch, TALLIES[was]) - count)
    setattr(batch, TALLIES[state], getattr(batch, TALLIES[state]) + count)


def _go_on(batch: Batch, told: Told, now: datetime) -> None:
    """Is there something left to send of a batch, and when?"""
    if batch.queued:
        # Cancelling takes this row before it looks for queued batches, so none slips through.
        sending = Sending.objects.select_for_update(no_key=True).get(pk=batch.sending_id)
        if sending.state == SendingState.CANCELLED:
            _cancel(batch, sending.why)
        elif sending.state == SendingState.DONE:  # a late sender's letters that did not leave
            sending.state, sending.ended_at = SendingState.SENDING, None
            sending.save(update_fields=["state", "ended_at"])
    if not batch.queued:
        batch.state, batch.settled_at = BatchState.SETTLED, now
        return
    batch.state, batch.settled_at = BatchState.QUEUED, now
    low, high = Delivery.ids_of(batch.sending_id, batch.first, batch.last)
    queued = Delivery.objects.filter(pk__range=(low, high), state=DeliveryState.QUEUED)
    put_off = [one for one in told.fates if one.state is DeliveryState.QUEUED and one.tried]
    if put_off:
        numbers = [one.delivery for one in put_off]
        tries = queued.filter(pk__in=numbers).aggregate(most=Max("tries"))["most"] or 1
        pause = rules.pause_after(tries) or timedelta(minutes=rules.PAUSES[-1])
        batch.retry_at = max(batch.retry_at or now, now + pause)
    untried = batch.retry_at is None or queued.filter(tries=0).exists()
    batch.not_before = None if untried else batch.retry_at


def _cancel(batch: Batch, why: str) -> None:
    low, high = Delivery.ids_of(batch.sending_id, batch.first, batch.last)
    rest = Delivery.objects.filter(pk__range=(low, high), state=DeliveryState.QUEUED)
    count = rest.update(state=DeliveryState.CANCELLED, why=why)
    tally(batch, DeliveryState.QUEUED, DeliveryState.CANCELLED, count)
