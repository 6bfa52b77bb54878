"""Picking up what a dead sender left: nobody gets a letter twice, nobody is forgotten.

What its journal names was answered as the journal says; of the last alone nobody knows, and it is
told so. Whatever was claimed and never noted did not leave, and is queued again. Where there is no
journal to ask (the machine was lost, or started anew) the whole batch is in doubt, once its lease
has run out.
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from standfirst.newsletters.delivery import rules
from standfirst.newsletters.delivery.journal import (
    Abandoned,
    Left,
    StillHeld,
    is_of_this_boot,
    journals_in,
    take_over,
)
from standfirst.newsletters.delivery.ledger import Fate, Told, database_now, settle
from standfirst.newsletters.delivery.road import Outcome
from standfirst.newsletters.models import Batch, BatchState, Delivery, DeliveryState
from standfirst.publication.statements import transaction_in_turn

log = logging.getLogger("standfirst.mail")

KILLED = "its sender was killed while it was leaving, so nobody knows whether it arrived"
LOST = "the machine that sent it was lost, so nobody knows whether it arrived"
DAMAGED = "what its sender noted of it cannot be read, so nobody knows whether it arrived"
UNKNOWN_WORDS = "what the server said was lost with the sender; its answer was {code}"


def recover(folder: Path, *, mine: Collection[str] = ()) -> int:
    """Settle the batches of dead senders. `folder` has this host's journals, `mine` are names of
    journals of this very process. Says how many batches were settled.

    Each is a transaction of its own; any number may recover at the same time.
    """
    claimed = Batch.objects.filter(state=BatchState.CLAIMED).exclude(worker__in=mine)
    workers: dict[str, list[tuple[int, int, datetime | None]]] = {}
    for pk, claim, worker, until in claimed.values_list("pk", "claim", "worker", "leased_until"):
        workers.setdefault(worker, []).append((pk, claim, until))
    count = 0
    for worker, batches in workers.items():
        try:
            journal = take_over(folder, worker) if is_of_this_boot(worker) else None
        except StillHeld:
            continue
        if journal is None:
            now = database_now()
            for pk, claim, until in batches:
                if until is None or until < now:
                    count += _settle(Told(pk, claim, rest_in_doubt=LOST))
            continue
        count += _from_journal(journal, [(pk, claim) for pk, claim, _ in batches])
    _tidy(folder, {*workers, *mine})
    return count


def _from_journal(journal: Abandoned, batches: list[tuple[int, int]]) -> int:
    done = False
    try:
        count = sum(_settle(told) for told in _all_told(journal, batches))
        done = True
        return count
    finally:
        journal.close(done=done)


def _all_told(journal: Abandoned, batches: list[tuple[int, int]]) -> Iterator[Told]:
    try:
        left = journal.read()
    except (ValueError, LookupError):
        left = None
    for pk, claim in batches:
        if left is None:
            yield Told(pk, claim, rest_in_doubt=DAMAGED)
        elif (left.batch, left.claim) == (pk, claim):
            yield _told(left)
        else:
            yield Told(pk, claim)


def _told(left: Left) -> Told:
    accepted, fates = [], []
    tries = dict(
        Delivery.objects.filter(pk__in=[one.delivery for one in left.noted]).values_list(
            "pk", "tries"
        )
    )
    for one in left.noted:
        words = UNKNOWN_WORDS.format(code=one.code)
        match one.outcome:
            case Outcome.ACCEPTED:
                accepted.append(one.delivery)
            case Outcome.REFUSED:
                fates.append(Fate(one.delivery, DeliveryState.REFUSED, words))
            case Outcome.DEFERRED:
                fates.append(put_off(one.delivery, tries.get(one.delivery, 0), words))
            case Outcome.NOT_TRIED:
                pass
            case _:
                fates.append(Fate(one.delivery, DeliveryState.UNCERTAIN, KILLED))
    return Told(left.batch, left.claim, accepted, fates)


def put_off(delivery: int, tries: int, words: str) -> Fate:
    """The fate of a letter that a server would not take now, after `tries` tries before."""
    if rules.pause_after(tries + 1) is None:
        return Fate(delivery, DeliveryState.REFUSED, f"given up after {tries + 1} tries: {words}")
    return Fate(delivery, DeliveryState.QUEUED, words)


def _settle(told: Told) -> bool:
    with transaction_in_turn():
        settled = settle(told, database_now())
    if settled:
        doubt = sum(one.state is DeliveryState.UNCERTAIN for one in told.fates)
        log.warning(
            "Batch %s was left by a dead sender: %s accepted, %s.",
            told.batch,
            len(told.accepted),
            "the rest in doubt" if told.rest_in_doubt else f"{doubt} in doubt, the rest is queued",
        )
    return settled


def _tidy(folder: Path, named: Collection[str]) -> None:
    """Take away journals that nobody holds and no batch needs."""
    for name in list(journals_in(folder)):
        if name in named:
            continue
        try:
            journal = take_over(folder, name)
        except StillHeld:
            continue
        if journal:
            # A claim may have been committed since we looked: its sender lived then.
            needed = Batch.objects.filter(worker=name, state=BatchState.CLAIMED).exists()
            journal.close(done=not needed)


def work_waits(folder: Path) -> bool:
    """Is there a letter to send now, or a dead sender's batch to settle?"""
    from django.db.models import Q

    from standfirst.newsletters.models import SendingState

    now = database_now()
    due = Q(not_before=None) | Q(not_before__lte=now)
    queued = Batch.objects.filter(state=BatchState.QUEUED, sending__state=SendingState.SENDING)
    if queued.filter(due).exists():
        return True
    claimed = Batch.objects.filter(state=BatchState.CLAIMED)
    for worker, until in claimed.values_list("worker", "leased_until"):
        if is_of_this_boot(worker):
            try:
                journal = take_over(folder, worker)
            except StillHeld:
                continue
            if journal:
                journal.close(done=False)
                return True
        if until is None or until < now:
            return True
    return False
