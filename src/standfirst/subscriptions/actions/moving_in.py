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


def adopt(provider: Provider, told: Told, *, mail: bool = False) -> Member | None:
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
    why = f"Bought elsewhere with the address {email}."
    ours = follow(provider, told.id, by="moving in", why=why)
    with transaction.atomic():
        row = Subscription.objects.select_for_update(of=("self",)).get(pk=ours.pk)
        if row.member_id is not None:
            return row.member
        member = member or join(email, quiet=not mail)
        if member is None:
            return None
        row.member = member
        row.save(update_fields=["member"])
        at = {"provider": provider.name, "realm": provider.realm, "kind": "customer"}
        AtProvider.objects.get_or_create(**at, ours=member.pk, defaults={"theirs": told.customer})
        write(row, [Change.ADOPTED], at=timezone.now(), by="moving in", why=why)
    return member


def let_run_out(subscription: Subscription, *, by: str) -> bool:
    """The provider does not know it any more: it ends when what is paid for does. Says whether
    anything changed."""
    with transaction.atomic():
        row = Subscription.objects.select_for_update(of=("self",)).get(pk=subscription.pk)
        if row.state == State.CANCELLED:
            return False
        row.state = State.CANCELLED.value
        row.cancel_at = row.paid_through or row.ends_at
        row.next_at = row.next_amount = None
        open_for = window(State.CANCELLED, row.dates, grace())
        row.starts_at, row.ends_at = open_for.starts_at, open_for.ends_at
        row.save()
        why = "The provider does not know it any more; it ends with what is paid for."
        write(row, [Change.CANCELLED], at=timezone.now(), by=by, why=why)
    return True
