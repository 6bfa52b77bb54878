"""Moving what one member has to another, when two accounts become one."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from standfirst.members.models import Member
from standfirst.subscriptions.books import write
from standfirst.subscriptions.models import AtProvider, Checkout, Subscription
from standfirst.subscriptions.providers.base import Progress
from standfirst.subscriptions.rules import Change

_LONGEST_CHECKOUT = timedelta(days=1)


def why_not_move(left: Member, kept: Member, now: datetime) -> str:
    """A sentence of what must be done before `left`'s subscriptions can be `kept`'s; "" for
    nothing."""
    mine = [one for one in left.subscriptions.all() if one.is_running]
    theirs = [one for one in kept.subscriptions.all() if one.is_running]
    if mine and theirs:
        return (
            f"Both have a subscription that is paid for: {left.email} ({mine[0]}) and {kept.email} "
            f"({theirs[0]}). End one of them first, and give back what was paid for it; else "
            "somebody would pay twice."
        )
    paying = Checkout.objects.filter(member=left, progress=Progress.OPEN.value).filter(
        Q(expires_at__gt=now) | Q(expires_at__isnull=True, created_at__gt=now - _LONGEST_CHECKOUT)
    )
    if paying.exists():
        return (
            f"{left.email} is just paying, at a page of the provider’s. Wait until that is done or "
            "the page has expired, a day at most."
        )
    return ""


def move_subscriptions(
    left: Member, kept: Member, *, by: Member, why: str, now: datetime
) -> list[Subscription]:
    """Make every subscription of `left` one of `kept`, with an entry for each in the ledger.

    Entries of before keep the number they were written with. Customers at providers go along where
    `kept` has none there; else they stay under the old number, which `members.queries.whoever_is`
    follows. Raises ValueError with the sentence of `why_not_move`.
    """
    with transaction.atomic():
        if sentence := why_not_move(left, kept, now):
            raise ValueError(sentence)
        moved = list(
            Subscription.objects.select_for_update(of=("self",)).filter(member=left).order_by("pk")
        )
        for one in moved:
            one.member = kept
            one.save(update_fields=["member"])
            told = f"From account {left.pk}: {why}"
            write(one, [Change.MERGED], at=now, by=by.email, why=told)
        for one in Subscription.objects.filter(payer=left):
            one.payer = kept
            one.save(update_fields=["payer"])
        for row in AtProvider.objects.filter(kind="customer", ours=left.pk):
            same = AtProvider.objects.filter(
                provider=row.provider, realm=row.realm, kind="customer", ours=kept.pk
            )
            if not same.exists():
                row.ours = kept.pk
                row.save(update_fields=["ours"])
    return moved
