"""Two accounts of one person become one: everything of `left` moves to `kept`, and `left` goes.

Each app moves what is its own; here stands the order, in one transaction. What is lost is never
silent: the preview, the row that stays (`members.Merger`) and the letters say what came along.
"""

from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction

from standfirst.access.actions import move_unlocks
from standfirst.access.models import Unlock
from standfirst.library.models import Saved
from standfirst.library.reading_list import move_saved
from standfirst.members.actions import move_notes
from standfirst.members.consent import By, take_back, wanted_by
from standfirst.members.models import Member, MemberNote, Merger
from standfirst.newsletters.actions.following import move_follows
from standfirst.newsletters.models import Follow
from standfirst.publication.events import AccountsMerged, happened
from standfirst.subscriptions.actions import move_subscriptions, why_not_move


class Refused(ValueError):  # noqa: N818
    """These two cannot become one now; the text is a sentence that says what to do first."""


def why_not(left: Member, kept: Member, now: datetime) -> str:
    """What stands in the way of merging, as a sentence; "" for nothing."""
    if left.pk == kept.pk:
        return "These are the same account. Give the address of another one."
    for one in (left, kept):
        if one.is_staff or one.is_superuser:
            return (
                f"{one.email} is a colleague’s account, with power over the newsroom. Take that "
                "away under Colleagues first."
            )
        if not one.is_active:
            return f"The account of {one.email} is closed. Open it first, or leave it as it is."
    return why_not_move(left, kept, now)


def what_moves(left: Member) -> list[str]:
    """What would move with an account, in sentences; nothing is changed."""
    subscriptions = list(left.subscriptions.order_by("pk"))
    told = [f"Subscription: {one}, paid by {one.provider}, {one.state}." for one in subscriptions]
    for many, what in (
        (Unlock.objects.filter(member=left).count(), "unlocked articles"),
        (Saved.objects.filter(member=left).count(), "articles on the reading list"),
        (Follow.objects.filter(member=left).count(), "topics or authors followed"),
        (MemberNote.objects.filter(member=left).count(), "notes"),
        (Merger.objects.filter(kept=left).count(), "accounts that were merged before"),
    ):
        if many:
            told.append(f"{what.capitalize()}: {many}.")
    return told or ["Nothing: the account is empty. It is closed, and its address let go."]


def merge(left: Member, kept: Member, *, by: Member, why: str, now: datetime) -> Merger:
    """Make `left` a part of `kept` and delete it, all or nothing. Raises Refused with a sentence.

    `kept` stays as it is in name, address, ways to sign in and newsletters; what was agreed to at
    another address is not agreed to here, and its consents go with it. `why` is kept for whoever
    asks later.
    """
    with transaction.atomic():
        pair = Member.objects.select_for_update().filter(pk__in=[left.pk, kept.pk]).order_by("pk")
        found = {one.pk: one for one in pair}
        if len(found) < 2 and left.pk != kept.pk:
            raise Refused("One of the accounts is not there any more.")
        left, kept = found[left.pk], found[kept.pk]
        if sentence := why_not(left, kept, now):
            raise Refused(sentence)
        subscriptions = move_subscriptions(left, kept, by=by, why=why, now=now)
        unlocks = move_unlocks(left, kept, by=by, now=now)
        saved = move_saved(left, kept)
        follows = move_follows(left, kept)
        notes = move_notes(left, kept)
        if not kept.name and left.name:
            kept.name = left.name
            kept.save(update_fields=["name"])
        merger = Merger.objects.create(
            kept=kept,
            left=left.pk,
            address=left.email,
            joined_at=left.joined_at,
            unlocks=[one.pk for one in unlocks],
            told=[
                f"{len(subscriptions)} subscriptions, {len(unlocks)} unlocked articles, "
                f"{saved} on the reading list, {follows} topics or authors followed and "
                f"{notes} notes came along."
            ],
            by=by,
            why=why,
            at=now,
        )
        for session in UserSession.objects.filter(user=left):
            session.end()
        proof = f"The account became part of account {kept.pk}."
        take_back(left, wanted_by(left), By.STAFF, proof=proof, now=now)
        Member.objects.filter(pk=left.pk).delete()
        happened(AccountsMerged(kept=kept.pk, email=left.email))
    return merger
