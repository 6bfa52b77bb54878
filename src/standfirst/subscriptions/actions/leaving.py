"""What a reader changes about a subscription: cancelled, taken up again, another plan.

A wish is written into the ledger first, with the reader's reason, and gives the key under which the
provider is asked. So a second click and a second try after a kill ask for the same thing, and the
reason is kept whoever is the first to tell of the change: the provider's answer or its event.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from standfirst.members.models import Member
from standfirst.publication.events import Withdrew, happened
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions.following import Unknown, follow, follow_all
from standfirst.subscriptions.actions.given import end_early
from standfirst.subscriptions.books import write
from standfirst.subscriptions.models import (
    INVOICE,
    AtProvider,
    Ending,
    Entry,
    Price,
    Subscription,
)
from standfirst.subscriptions.providers.base import (
    BillStatus,
    Provider,
    ProviderError,
    Refused,
    Unreachable,
    When,
)
from standfirst.subscriptions.queries import paid_and_kept
from standfirst.subscriptions.rules import RUNNING, Change, State, withdrawal_ends

THE_READER = "the reader"
MOST_TURNS = 3
_OVER = (State.ENDED, State.REFUNDED)


class TooLate(Exception):  # noqa: N818
    """A purchase can't be withdrawn from, or not any more."""


# -- cancel, resume, change -------------------------------------------------------------------


def cancel(
    provider: Provider, subscription: Subscription, *, why: str, now: datetime
) -> Subscription:
    """Let it end with what is paid for, or at once where nothing is. `why` is the reader's reason,
    or "". Raises Unreachable (ask again), Refused and Unknown, as all verbs here."""

    def ends(found: Subscription) -> bool:
        return found.cancel_at is not None or found.state in (State.CANCELLED, *_OVER)

    return _ask(
        provider,
        subscription,
        f"To cancel. {why}".strip(),
        lambda key: provider.cancel(subscription.provider_id, When.AT_THE_END, key),
        ends,
        now,
    )


def resume(provider: Provider, subscription: Subscription, *, now: datetime) -> Subscription:
    """Take back a cancellation that has not come to pass, or a pause."""

    def goes_on(found: Subscription) -> bool:
        stopped = (State.CANCELLED, State.PAUSED, *_OVER)
        return found.cancel_at is None and found.state not in stopped

    return _ask(
        provider,
        subscription,
        "To go on.",
        lambda key: provider.resume(subscription.provider_id, key),
        goes_on,
        now,
    )


def change_price(
    provider: Provider, subscription: Subscription, price: Price, *, now: datetime
) -> Subscription:
    """Another plan or interval from now on; what is paid for and not used is counted."""
    theirs = (
        AtProvider.objects.filter(
            provider=provider.name, realm=provider.realm, kind="price", ours=price.pk
        )
        .values_list("theirs", flat=True)
        .first()
    )
    if not theirs:
        raise Refused(f"{price} does not stand at {provider.name}.", "price_unknown")
    return _ask(
        provider,
        subscription,
        f"To change to {price} (no. {price.pk}).",
        lambda key: provider.change_price(subscription.provider_id, theirs, key),
        lambda found: found.price_id == price.pk,
        now,
    )


def _ask(
    provider: Provider,
    subscription: Subscription,
    wish: str,
    do: Callable[[str], None],
    is_done: Callable[[Subscription], bool],
    now: datetime,
) -> Subscription:
    for turn in range(MOST_TURNS):
        entry = _write_down(subscription, wish, now, anew=turn > 0)
        try:
            do(f"asked-{subscription.provider_id}-{entry.pk}")
        except Refused as refused:
            # A provider keeps its refusal for the key; the next wish gets another one.
            _note(subscription, f"Refused: {refused}", now, by=provider.name)
            raise
        found = follow(provider, subscription.provider_id, by=THE_READER, why=wish)
        if is_done(found):
            with suppress(ProviderError, Unknown):  # bills come with events, too
                follow_all(provider, subscription.provider_id, by=THE_READER, why=wish)
            return found
        # The key stands for an earlier try of this wish, undone since by somebody else.
    raise Unreachable("It was changed from two sides at once. Ask again.")


def _write_down(subscription: Subscription, wish: str, now: datetime, *, anew: bool) -> Entry:
    """The wish's entry: the one that is there, where nothing has happened since."""
    wish = wish[:400]
    with transaction.atomic():
        held = _held(subscription)
        last = held.entries.order_by("-pk").first()
        if (
            last
            and not anew
            and (last.change, last.by, last.why) == (Change.ASKED, THE_READER, wish)
        ):
            return last
        write(held, [Change.ASKED], at=now, by=THE_READER, why=wish)
        return Entry.objects.filter(subscription=held).latest("pk")


def _note(subscription: Subscription, why: str, now: datetime, *, by: str) -> None:
    with transaction.atomic():
        write(_held(subscription), [Change.ASKED], at=now, by=by, why=why)


def _held(subscription: Subscription) -> Subscription:
    """The row as it stands now, for this transaction alone: what an entry says stood."""
    return Subscription.objects.select_for_update(of=("self",)).get(pk=subscription.pk)


# -- withdrawing, and going altogether --------------------------------------------------------


def may_withdraw(subscription: Subscription, now: datetime) -> datetime | None:
    """Until when (exclusive) this purchase can be withdrawn from; None where it cannot, or not any
    more."""
    bought = subscription.provider_id and subscription.provider != INVOICE
    if not bought or subscription.state in (State.INCOMPLETE, State.REFUNDED):
        return None
    ends = withdrawal_ends(subscription.begun_at or subscription.starts_at, the_publication().zone)
    return ends if now < ends else None


def withdraw(subscription: Subscription, *, now: datetime) -> Ending:
    """Declare the withdrawal from a purchase, once; `finish` carries it out.

    From here on it stands, whatever happens; the receipt is mailed. Asked again, it gives what was
    declared. Raises TooLate.
    """
    with transaction.atomic():
        held = _held(subscription)
        known = held.endings.filter(kind=Ending.Kind.WITHDRAWN).first()
        if known:
            return known
        if may_withdraw(held, now) is None:
            raise TooLate
        ending = Ending.objects.create(
            subscription=held,
            kind=Ending.Kind.WITHDRAWN,
            declared_at=now,
            due_at=now,
            amount=paid_and_kept(held),
            currency=held.currency,
        )
        write(
            held,
            [Change.WITHDRAWN],
            at=now,
            by=THE_READER,
            why=f"{ending.number}: withdrew from the purchase; all that was paid is given back.",
        )
        happened(Withdrew(ending=ending.pk, email=held.member.email if held.member else ""))
    return ending


def end_with_account(member: Member, *, now: datetime) -> None:
    """Let everything that may still take money end, since its member deletes the account. Nothing
    is given back. What stands at a provider is ended there by `finish`."""
    mine = Subscription.objects.filter(member=member, state__in=[*RUNNING, State.INCOMPLETE])
    for one in mine.exclude(provider_id=""):
        if one.provider == INVOICE:
            end_early(one, now, by=THE_READER, why="The account is deleted.")
            continue
        with transaction.atomic():
            _, made = Ending.objects.get_or_create(
                subscription=one,
                kind=Ending.Kind.LEFT,
                defaults={"declared_at": now, "due_at": now},
            )
            if made:
                why = "To end at once: the account is deleted."
                _note(one, why, now, by=THE_READER)


def finish(ending: Ending, provider: Provider, *, now: datetime) -> Subscription:
    """Carry out at the provider what was declared. Every step may be done again."""
    subscription = ending.subscription
    id, key = subscription.provider_id, f"ending-{subscription.provider_id}-{ending.kind}"
    provider.cancel(id, When.NOW, f"{key}-end")
    if ending.kind == Ending.Kind.WITHDRAWN:
        for bill in provider.bills(id):
            if bill.status is BillStatus.PAID and bill.paid > bill.refunded and not bill.disputed:
                provider.refund(bill.id, None, f"{key}-{bill.id}")
    why = f"{ending.number}: {ending.get_kind_display()}."
    found = follow_all(provider, id, by=THE_READER, why=why)
    Ending.objects.filter(pk=ending.pk).update(done_at=now, trouble="")
    return found
