"""Two subscriptions that run for one reader, bought elsewhere or by hand at the provider: one is
ended at once and paid back.

What is to be done is written into the ledger before anything is asked of the provider. So after a
kill in between, or when the provider was away, the next try finishes it.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from standfirst.subscriptions.actions.following import follow, follow_all
from standfirst.subscriptions.books import write
from standfirst.subscriptions.models import Entry, Subscription
from standfirst.subscriptions.providers.base import BillStatus, Progress, Provider, When
from standfirst.subscriptions.rules import RUNNING, Change

log = logging.getLogger("standfirst.subscriptions")

# An older one is no slip of these days: a colleague decides.
BY_ITSELF = timedelta(days=45)
WHY = "All-Access ran already for this reader: this one is ended, and what it took is given back."
LEFT = "It was paid after the account was deleted: it is ended, and what it took is given back."


def to_keep(running: list[Subscription], now: datetime) -> Subscription:
    """The one that goes on: the oldest of those that open everything now, or else the oldest."""
    opens = [one for one in running if one.starts_at <= now < one.ends_at]
    return min(opens or running, key=lambda one: (one.begun_at or one.starts_at, one.pk))


def end_doubles(
    member: int, provider_of: Callable[[str], Provider], *, now: datetime
) -> list[Subscription]:
    """End what runs a second time for a member (an id), and give back what it took.

    `provider_of` gives a provider by its name. May be done again at any time: it takes up what was
    left. Raises Unreachable and Refused.
    """
    _write_down(member, now)
    named = Entry.objects.filter(change=Change.DOUBLED, subscription__member=member)
    todo = Subscription.objects.filter(pk__in=named.values("subscription"))
    return [_end(one, provider_of(one.provider), WHY) for one in todo.order_by("pk")]


def close_left(provider: Provider, checkout: str) -> None:
    """Whoever was on the way to pay has left: close the page (the provider's id). What was paid
    there meanwhile is ended and given back. Raises Unreachable and Refused."""
    told = provider.expire_checkout(checkout)
    if told.progress is Progress.PAID and told.subscription:
        _end(follow(provider, told.subscription, by="the magazine", why=LEFT), provider, LEFT)


def _write_down(member: int, now: datetime) -> None:
    with transaction.atomic():
        held = Subscription.objects.select_for_update().filter(member=member, state__in=RUNNING)
        running = [one for one in held.order_by("pk") if one.is_running]
        if len(running) < 2:
            return
        keep = to_keep(running, now)
        for one in running:
            if one == keep or one.entries.filter(change=Change.DOUBLED).exists():
                continue
            if (one.begun_at or one.starts_at) < now - BY_ITSELF or not one.provider_id:
                log.error(
                    "Member no. %s has All-Access twice, by subscriptions no. %s and %s. Which is "
                    "to end, and what is given back, is for a colleague to decide.",
                    *(member, keep.pk, one.pk),
                )
                continue
            write(one, [Change.DOUBLED], at=now, by="the magazine", why=WHY)


def _end(one: Subscription, provider: Provider, why: str) -> Subscription:
    """Every step is done once, however often this is called."""
    if one.is_running:
        provider.cancel(one.provider_id, When.NOW, f"back-{one.provider_id}-end")
    done = follow(provider, one.provider_id, by="the magazine", why=why)
    back = False
    for bill in provider.bills(one.provider_id):
        if bill.status is BillStatus.PAID and bill.paid > bill.refunded and not bill.disputed:
            provider.refund(bill.id, None, f"back-{one.provider_id}-{bill.id}")
            back = True
    return follow_all(provider, one.provider_id, by="the magazine", why=why) if back else done
