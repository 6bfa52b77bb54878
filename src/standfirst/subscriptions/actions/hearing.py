"""What providers tell: kept before it is answered, and handled afterwards by the worker.

An event says only where to look. Those of one subscription that wait together are settled by one
reading of it, so it does not matter how often, in which order or by how many they are handled.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import groupby

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, QuerySet
from django.utils import timezone

from standfirst.publication.statements import in_turn, transaction_in_turn
from standfirst.subscriptions.actions.following import follow, follow_bill
from standfirst.subscriptions.models import Checkout, Subscription, WebhookEvent
from standfirst.subscriptions.providers.base import Heard, Progress, Provider, Unreachable

log = logging.getLogger("standfirst.subscriptions")

LEASE = timedelta(minutes=2)  # then a worker that took events and says nothing is given up
MOST_TRIES = 5
# Before the second, third, ... try, where the fault seems to be ours.
PAUSES = tuple(timedelta(seconds=s) for s in (5, 30, 180, 900))
PATIENCE = timedelta(days=3)  # with a provider that cannot be reached
SHORTEST, LONGEST = timedelta(seconds=2), timedelta(hours=1)
BODIES_KEPT = timedelta(days=90)
ROWS_KEPT = timedelta(days=400)  # so long a repeat is recognised
AT_ONCE = 20

Waiting = WebhookEvent.Progress.NEW
ByName = Callable[[str], Provider]


def keep(provider: str, heard: Heard, body: bytes, now: datetime) -> None:
    """Keep an event whose signature was checked; one that is known is left as it is."""
    event = WebhookEvent(
        provider=provider,
        event_id=heard.id,
        kind=heard.kind[:100],
        subject=heard.subscription,
        bill=heard.bill,
        payment=heard.payment,
        checkout=heard.checkout,
        created_at=heard.created_at,
        received_at=now,
        due_at=now,
        body=body.decode(),
    )
    with in_turn():
        WebhookEvent.objects.bulk_create([event], ignore_conflicts=True)


# -- taking -----------------------------------------------------------------------------------


def take(now: datetime, most: int = AT_ONCE) -> list[WebhookEvent]:
    """Take the events that have waited longest, and all that wait for the same subscriptions.

    Nobody else takes them until LEASE is over. A try is counted beforehand, so that an event that
    ends its worker is not tried for ever.
    """
    due = WebhookEvent.objects.filter(progress=Waiting, due_at__lte=now)
    if not due.exists():
        return []  # without a transaction, which on SQLite would keep writers waiting
    due = due.order_by("due_at", "pk")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True)
    with transaction_in_turn():
        found = {one.pk: one for one in due[:most]}
        subjects = {one.subject for one in found.values() if one.subject}
        found |= {one.pk: one for one in due.filter(subject__in=subjects)}
        lost = [pk for pk, one in found.items() if one.tries >= MOST_TRIES]
        taken = [one for pk, one in found.items() if pk not in lost]
        if lost:
            parked, said = WebhookEvent.Progress.PARKED, "Each worker that handled this was ended."
            WebhookEvent.objects.filter(pk__in=lost).update(progress=parked, trouble=said)
        WebhookEvent.objects.filter(pk__in=[one.pk for one in taken]).update(
            due_at=now + LEASE, tries=F("tries") + 1
        )
    for one in taken:
        one.tries += 1
    return taken


# -- handling ---------------------------------------------------------------------------------


def handle(events: Iterable[WebhookEvent], provider_of: ByName, now: datetime) -> None:
    """Settle events that were taken. What cannot be settled is tried again later, or parked.

    Raises DatabaseError where the database is away: what was taken is then taken again.
    """
    by_place = sorted(events, key=_place)
    for place, group in groupby(by_place, key=_place):
        some = list(group)
        try:
            progress = _settle(provider_of, place, some)
        except Unreachable as error:
            _later(some, error, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # whatever it is: shown to somebody, and no other event waits
            log.warning("Events of %s cannot be handled: %s", place[1], _last_line(error))
            _later_or_parked(some, error, now)
        else:
            done = timezone.now()
            with in_turn():
                _are(some).update(progress=progress, handled_at=done, trouble="")


def _place(event: WebhookEvent) -> tuple[str, str]:
    """Where an event says to look, once for all that say the same."""
    where = event.subject or event.bill or event.payment or event.checkout
    return event.provider, where or f"event {event.event_id}"


def _settle(
    provider_of: ByName, place: tuple[str, str], events: list[WebhookEvent]
) -> WebhookEvent.Progress:
    """Look at everything that the events of one place name."""
    subjects = {one.subject for one in events if one.subject}
    bills = {one.bill for one in events if one.bill}
    payments = {one.payment for one in events if one.payment}
    checkouts = {one.checkout for one in events if one.checkout}
    if not (subjects or bills or payments or checkouts):
        return WebhookEvent.Progress.IGNORED
    provider, newest = provider_of(place[0]), max(events, key=lambda one: (one.created_at, one.pk))
    by = f"{provider.name}: {newest.kind}, {newest.event_id}"
    bills |= {found for one in payments if (found := provider.bill_of(one))}
    touched: list[object] = [follow(provider, id, by=by) for id in sorted(subjects)]
    for id in sorted(bills):
        bill = follow_bill(provider, id, by=by)
        if bill is None:
            continue  # of something that is no subscription
        touched.append(bill)
        # A payment that was given back or taken back changes the standing too.
        if (owner := bill.subscription.provider_id) not in subjects:
            follow(provider, owner, by=by)
            subjects.add(owner)
    touched += [one for id in sorted(checkouts) if (one := settle_checkout(provider, id))]
    return WebhookEvent.Progress.HANDLED if touched else WebhookEvent.Progress.IGNORED


def settle_checkout(provider: Provider, id: str) -> Checkout | None:
    """Let our checkout be as far as the provider's; None for one that was not begun here."""
    ours = Checkout.objects.filter(provider=provider.name, provider_id=id)
    if not ours.exists() or (told := provider.read_checkout(id)) is None:
        return None
    values: dict[str, object] = {"progress": told.progress}
    if told.subscription:
        values["subscription"] = Subscription.objects.filter(
            provider=provider.name, provider_id=told.subscription
        ).first()
    if told.progress is not Progress.OPEN:  # paid and expired are for good
        ours.update(**values)
    return ours.first()


# -- what cannot be handled -------------------------------------------------------------------


def _are(events: Iterable[WebhookEvent]) -> QuerySet[WebhookEvent]:
    """The rows of events, unless somebody has settled them meanwhile."""
    return WebhookEvent.objects.filter(pk__in=[one.pk for one in events], progress=Waiting)


def _later(events: list[WebhookEvent], error: Unreachable, now: datetime) -> None:
    """The provider cannot be reached: each waits a quarter of the time that it has waited."""
    for one in events:
        waited = now - one.received_at
        if waited > PATIENCE:
            values: dict[str, object] = {"progress": WebhookEvent.Progress.PARKED}
        else:
            pause = min(LONGEST, max(SHORTEST, waited / 4))
            values = {"due_at": now + pause, "tries": one.tries - 1}  # not the event's fault
        _are([one]).update(trouble=str(error), **values)


def _later_or_parked(events: list[WebhookEvent], error: Exception, now: datetime) -> None:
    for one in events:
        if one.tries >= MOST_TRIES:
            values: dict[str, object] = {"progress": WebhookEvent.Progress.PARKED}
        else:
            values = {"due_at": now + PAUSES[one.tries - 1]}
        _are([one]).update(trouble=_last_line(error), **values)


def _last_line(error: Exception) -> str:
    """The last line of a traceback: what went wrong, and where in our code."""
    deepest = error.__traceback__
    while deepest and deepest.tb_next:
        deepest = deepest.tb_next
    where = ""
    if deepest:
        code = deepest.tb_frame.f_code
        where = f" ({code.co_filename.rpartition('/')[2]}, line {deepest.tb_lineno})"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000] + where


# -- by hand, and tidying up ------------------------------------------------------------------


def try_again(events: QuerySet[WebhookEvent], now: datetime) -> int:
    """Let parked events be handled once more, as if they had just come. Says how many."""
    parked = events.filter(progress=WebhookEvent.Progress.PARKED)
    return parked.update(progress=Waiting, tries=0, due_at=now, received_at=now)


def leave(events: QuerySet[WebhookEvent], by: str, now: datetime) -> int:
    """Somebody has looked at parked events: nothing is to be done. Says how many."""
    parked = events.filter(progress=WebhookEvent.Progress.PARKED)
    ignored = WebhookEvent.Progress.IGNORED
    return parked.update(progress=ignored, handled_at=now, trouble=f"Left as it is by {by}.")


def forget_bodies(now: datetime) -> int:
    """Drop what old events said, and much later that they came. Says how many changed."""
    settled = WebhookEvent.objects.exclude(progress__in=[Waiting, WebhookEvent.Progress.PARKED])
    gone, _ = settled.filter(received_at__lt=now - ROWS_KEPT).delete()
    return gone + settled.filter(received_at__lt=now - BODIES_KEPT).exclude(body="").update(body="")
