"""Leaving, and what goes with it. One verb, one transaction."""

from enum import StrEnum

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils import timezone

from standfirst.members.consent import By, take_back, wanted_by
from standfirst.members.models import Member
from standfirst.publication.events import AccountDeleted, happened
from standfirst.subscriptions.actions.buying import leave_checkout
from standfirst.subscriptions.actions.leaving import end_with_account


class Leaving(StrEnum):
    """What became of a wish to delete an account."""

    DELETED = "deleted"
    LAST_SUPERUSER = "last_superuser"


def delete_account(member: Member) -> Leaving:
    """Delete a member with all that is theirs, and end their sessions in every browser.

    What may still take money is ended at once at its provider, by the worker, so that a provider
    that is away holds nobody. Records of subscriptions stay, without the member. The last one who
    may do everything in the newsroom cannot go: nobody could let a successor in.
    """
    with transaction.atomic():
        if member.is_superuser:
            in_charge = Member.objects.select_for_update().filter(is_superuser=True, is_active=True)
            if not [one for one in in_charge if one.pk != member.pk]:
                return Leaving.LAST_SUPERUSER
        number, email = member.pk, member.email
        earlier = tuple(member.mergers.values_list("left", "address"))
        for session in UserSession.objects.filter(user=member):
            session.end()
        end_with_account(member, now=timezone.now())
        leave_checkout(member)
        # The ledger keeps the number, and that its lists are shorter by one.
        now = timezone.now()
        take_back(member, wanted_by(member), By.ACCOUNT, proof="The account was deleted.", now=now)
        Member.objects.filter(pk=number).delete()
        happened(AccountDeleted(member=number, email=email, earlier=earlier))
    return Leaving.DELETED
