"""Subscriptions that were bought elsewhere get their member, and those that the provider has
forgotten run out. No money moves: the provider is only read."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from standfirst.members.actions import join
from standfirst.members.models import Member
from standfirst.subscriptions.actions.following import follow, grace
from standfirst.subscriptions.books import write
from standfirst.subscriptions.models import AtProvider, Subscription
from standfirst.subscriptions.providers.base import Provider, Told
from standfirst.subscriptions.rules import RUNNING, Change, State, window


def is_known(provider: Provider, told: Told) -> bool:
    """Was it bought here, or by a customer of ours?"""
    if told.member is not None and Member.objects.filter(pk=told.member).exists():
        return True
    return AtProvider.objects.filter(
        provider=provider.name, realm=provider.realm, kind="customer", theirs=told.customer
    ).exists()


def is_worth_it(told: Told, now: datetime) -> bool:
    """Does it run, or open anything yet?"""
    return told.state in RUNNING or window(told.state, told.dates, grace()).ends_at > now


def adopt(
    provider: Provider, told: Told, *, mail: bool = False, by: str = "moving in"
) -> Member | None:
    """Give a subscription to the member whose confirmed address its customer has, or to a new,
    unconfirmed account for that address. `mail` asks the new one to confirm it.

    None where an account has the address and never confirmed it: it may be somebody else's. Raises
    as `follow` does.
    """
    email = told.email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        return None
    found = EmailAddress.objects.filter(email__iexact=email, verified=True).first()
    member = found.user if found else None
    if member is None and Member.objects.filter(email__iexact=email).exists():
        return None

    def whose() -> Member:
        """In one transaction with the subscription: a run that is broken off leaves no account
        that would be taken for a stranger's by the next."""
        owner = member or join(email, quiet=not mail)
        if owner is None:
            raise _Taken
        at = {"provider": provider.name, "realm": provider.realm, "kind": "customer"}
        AtProvider.objects.get_or_create(**at, ours=owner.pk, defaults={"theirs": told.customer})
        return owner

    why = f"Bought elsewhere with the address {email}."
    try:
        return follow(provider, told.id, by=by, why=why, whose=whose).member
    except _Taken:
        return None


class _Taken(Exception):  # noqa: N818
    """Somebody joined with the address in this moment, and has not confirmed it."""


def let_run_out(subscription: Subscription, *, by: str) -> bool:
    """The provider does not know it any more: it ends when what is paid for does, and its member
    may buy another at once. It never opens more than it did. Says whether anything changed."""
    now = timezone.now()
    with transaction.atomic():
        row = Subscription.objects.select_for_update(of=("self",)).get(pk=subscription.pk)
        if row.state not in RUNNING:
            return False
        # Not cancelled: what is cancelled counts as running until a provider says that it ended.
        row.state = State.ENDED.value
        row.ended_at = row.ended_at or row.paid_through or now
        row.next_at = row.next_amount = None
        until = window(State.ENDED, row.dates, grace()).ends_at
        row.ends_at = max(row.starts_at, min(row.ends_at, until))
        row.save()
        why = "The provider does not know it any more; it ends with what is paid for."
        change = Change.CANCELLED if row.ends_at > now else Change.ENDED
        write(row, [change], at=now, by=by, why=why)
    return True
