"""Giving and ending All-Access by hand. One verb, one transaction."""

from datetime import datetime

from django.db import transaction

from standfirst.members.models import Member
from standfirst.subscriptions.models import Subscription


def give_all_access(
    member: Member, *, starts_at: datetime, ends_at: datetime, note: str, by: Member
) -> Subscription:
    """A complimentary subscription, set by a colleague. Times are aware; the end lies after the
    start, or the database refuses it."""
    return Subscription.objects.create(
        member=member, starts_at=starts_at, ends_at=ends_at, note=note, created_by=by
    )


def end_early(subscription: Subscription, now: datetime) -> bool:
    """End a subscription at `now` (aware); one that has not begun never begins.

    Says whether anything changed: one that is over already stays as it was.
    """
    with transaction.atomic():
        found = Subscription.objects.select_for_update().get(pk=subscription.pk)
        if found.ends_at <= now:
            return False
        if found.starts_at >= now:
            found.delete()
        else:
            found.ends_at = now
            found.save(update_fields=["ends_at"])
    return True
