"""What a colleague does to a subscription that somebody pays for: asked of its provider, and then
followed, so that the ledger has their address and why.

Nobody waits for a provider in a transaction. `key` makes of a wish that is sent twice one thing.
All raise Refused and Unreachable; after the latter the same wish may be sent again.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from standfirst.members.models import Member
from standfirst.publication.money import written
from standfirst.subscriptions.actions.following import follow, follow_all
from standfirst.subscriptions.books import write
from standfirst.subscriptions.models import Bill, Subscription
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import Provider, Refused, When
from standfirst.subscriptions.rules import Change, State


def cancel_for(
    subscription: Subscription, when: When, *, why: str, key: str, by: Member
) -> Subscription:
    """Let it end, now or with what is paid for."""
    provider = _provider(subscription)
    provider.cancel(subscription.provider_id, when, key)
    return follow_all(provider, subscription.provider_id, by=by.email, why=why)


def resume_for(subscription: Subscription, *, why: str, key: str, by: Member) -> Subscription:
    """Take back a cancellation that has not come to pass, or a pause."""
    provider = _provider(subscription)
    provider.resume(subscription.provider_id, key)
    return follow(provider, subscription.provider_id, by=by.email, why=why)


def pause_for(
    subscription: Subscription, until: datetime | None, *, why: str, key: str, by: Member
) -> Subscription:
    """Take no money until a moment, or until it is resumed."""
    provider = _provider(subscription)
    provider.pause(subscription.provider_id, until, key)
    return follow(provider, subscription.provider_id, by=by.email, why=why)


def give_back_for(
    bill: Bill, amount: int | None, *, why: str, key: str, by: Member
) -> Subscription:
    """Give back what was paid for a bill, or `amount` of it.

    Where the subscription goes on, the ledger says so in an entry of its own.
    """
    provider = _provider(bill.subscription)
    before = bill.refunded
    provider.refund(bill.provider_id, amount, key)
    found = follow_all(provider, bill.subscription.provider_id, by=by.email, why=why)
    bill.refresh_from_db()
    back = bill.refunded - before
    if back > 0 and found.state != State.REFUNDED:
        told = f"{written(back, bill.currency)} of {bill}: {why}"
        with transaction.atomic():
            write(found, [Change.PART_REFUNDED], at=timezone.now(), by=by.email, why=told)
    return found


def _provider(subscription: Subscription) -> Provider:
    try:
        return by_name(subscription.provider)
    except LookupError as unknown:
        raise Refused(str(unknown), "not set up") from unknown
