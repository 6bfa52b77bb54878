"""Changing who is a member. One verb, one transaction."""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from standfirst.members.models import Member
from standfirst.publication.events import JoinedAgain, MemberJoined, happened


def join(email: str, password: str = "", *, article: int | None = None) -> Member | None:
    """Create a free account with an unconfirmed address; None where the address already has one.

    `email` is a valid address in lower case, `article` the id of the article they join at.
    """
    try:
        with transaction.atomic():
            member = Member.objects.create_user(email, password or None)
            EmailAddress.objects.create(user=member, email=email, primary=True, verified=False)
            happened(MemberJoined(member=member.pk, article=article))
    except IntegrityError:
        if Member.objects.filter(email__iexact=email).exists():
            return None
        raise
    return member


def join_again(email: str, *, next: str) -> None:
    """Someone 'joined' with a known address: it gets a sign-in mail leading back to `next`."""
    with transaction.atomic():
        member = Member.objects.get(email__iexact=email)
        happened(JoinedAgain(member=member.pk, next=next))
