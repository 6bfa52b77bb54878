"""Giving and ending All-Access by hand. One verb, one transaction."""

from datetime import datetime

from django.db import transaction

from standfirst.members.models import Member
from standfirst.subscriptions.books import write
from standfirst.subscriptions.models import COMPLIMENTARY, Subscription
from standfirst.subscriptions.providers.base import Refused
from standfirst.subscriptions.rules import Change, State


def give_all_access(
    member: Member, *, starts_at: datetime, ends_at: datetime, note: str, by: Member, now: datetime
) -> Subscription:
    """A complimentary subscription, set by a colleague. Times are aware; the end lies after the
    start, or the database refuses it."""
    with transaction.atomic():
        given = Subscription.objects.create(
            member=member,
            state=State.CANCELLED,  # it ends on its day, and nothing renews it
            begun_at=starts_at,
            cancel_at=ends_at,
            starts_at=starts_at,
            ends_at=ends_at,
            note=note,
            created_by=by,
        )
        write(given, [Change.GIVEN], at=now, by=by.email, why=note)
    return given


def change_end(
    subscription: Subscription, *, ends_at: datetime, note: str, by: Member, now: datetime
) -> None:
    """Another end (aware, after the start) and another note for what a colleague gave."""
    with transaction.atomic():
        found = Subscription.objects.select_for_update().get(pk=subscription.pk)
        if found.provider != COMPLIMENTARY:
            raise Refused("Only what a colleague gave has an end that is typed.", "not given")
        moved, noted = found.ends_at != ends_at, found.note != note
        found.ends_at = found.cancel_at = ends_at
        found.note = note
        if ends_at > now:
            found.state, found.ended_at = State.CANCELLED, None
        found.save()
        if moved or noted:
            change = Change.DATES_CHANGED if moved else Change.NOTED
            write(found, [change], at=now, by=by.email, why=note)


def end_early(subscription: Subscription, now: datetime, *, by: str = "", why: str = "") -> bool:
    """End what a colleague gave at `now` (aware); what has not begun never begins.

    Says whether anything changed: one that is over already stays as it was.
    """
    with transaction.atomic():
        found = Subscription.objects.select_for_update().get(pk=subscription.pk)
        if found.ends_at <= now:
            return False
        found.ends_at = found.ended_at = max(now, found.starts_at)
        found.state = State.ENDED
        found.save(update_fields=["ends_at", "ended_at", "state"])
        write(found, [Change.ENDED], at=now, by=by or "a colleague", why=why)
    return True
