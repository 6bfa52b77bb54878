"""Ours follows the provider's: what it says now is what counts, whatever was said before.

Nobody waits in a transaction for a provider. Each reading takes a number first, asks, and then
writes; an answer that another one, asked for later, has overtaken is thrown away and asked for
again. So events may come twice, late, backwards and at the same time.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from standfirst.members.models import Member
from standfirst.members.queries import whoever_is
from standfirst.publication.queries import the_publication
from standfirst.publication.statements import transaction_in_turn
from standfirst.subscriptions.books import standing_of, write
from standfirst.subscriptions.models import INVOICE, AtProvider, Bill, Price, Reading, Subscription
from standfirst.subscriptions.providers.base import BillTold, Provider, Told, Unreachable
from standfirst.subscriptions.rules import RUNNING, Change, State, what_changed, window

MOST_READINGS = 10
_T = TypeVar("_T")
_R = TypeVar("_R")


class Unknown(Exception):  # noqa: N818
    """The provider does not know this id. Nothing is changed: it may be the wrong key that asks."""


def follow(
    provider: Provider,
    id: str,
    *,
    by: str,
    why: str = "",
    whose: Callable[[], Member | None] = lambda: None,
) -> Subscription:
    """Read a subscription at its provider and let ours follow; made, where it was not known.

    `by` says in the ledger who or what caused it; `whose` takes one in that has no member here,
    and is asked in the transaction that writes. Raises Unknown, Unreachable and Refused.
    """
    return _read(
        provider,
        id,
        lambda: provider.read_subscription(id),
        lambda told: put_subscription(provider, told, by=by, why=why, whose=whose),
    )


def follow_bill(provider: Provider, id: str, *, by: str) -> Bill | None:
    """Read a bill at its provider and let ours follow, its subscription first where that is new.

    None for a bill of something that is no subscription. Raises as `follow` does.
    """

    def put(told: BillTold) -> Bill | None:
        return put_bill(provider, told)

    told = provider.read_bill(id)
    if told is None:
        raise Unknown(id)
    if not told.subscription:
        return None
    known = Subscription.objects.filter(provider=provider.name, provider_id=told.subscription)
    if not known.exists():
        follow(provider, told.subscription, by=by)
    return _read(provider, id, lambda: provider.read_bill(id), put)


def follow_all(provider: Provider, id: str, *, by: str, why: str = "") -> Subscription:
    """`follow`, and all its bills."""
    found = follow(provider, id, by=by, why=why)
    for told in provider.bills(id):
        follow_bill(provider, told.id, by=by)
    return found


def _read(provider: Provider, id: str, ask: Callable[[], _T | None], put: Callable[[_T], _R]) -> _R:
    for _ in range(MOST_READINGS):
        number = _take_number(provider, id)
        told = ask()
        if told is None:
            raise Unknown(id)
        with transaction_in_turn():
            mine = Reading.objects.filter(
                provider=provider.name, provider_id=id, counted__lt=number
            )
            if mine.update(counted=number):
                return put(told)
    raise Unreachable(f"{id} is being read by many at once. Ask again.")


def _take_number(provider: Provider, id: str) -> int:
    with transaction_in_turn():
        Reading.objects.get_or_create(provider=provider.name, provider_id=id)
        mine = Reading.objects.select_for_update().get(provider=provider.name, provider_id=id)
        mine.taken += 1
        mine.save(update_fields=["taken"])
    return mine.taken


# -- writing what was told --------------------------------------------------------------------


def put_subscription(
    provider: Provider,
    told: Told,
    *,
    by: str,
    why: str = "",
    now: datetime | None = None,
    whose: Callable[[], Member | None] = lambda: None,
) -> Subscription:
    """Write what a provider told of a subscription, with its entries in the ledger.

    Only `follow` and reconciling call it, since only they know that nothing newer was told.
    """
    now = now or timezone.now()
    with transaction.atomic():
        known = (
            Subscription.objects.select_for_update(of=("self",))
            .filter(provider=provider.name, provider_id=told.id)
            .first()
        )
        found = known or Subscription(
            provider=provider.name,
            provider_id=told.id,
            member=_member_of(provider, told),
        )
        before = standing_of(known) if known else None
        held = _row(known) if known else None
        _fill(provider, found, told)
        adopted = whose() if found.member_id is None else None
        found.member = adopted or found.member
        if adopted or _row(found) != held:
            found.save()
        # That it began is no news where it is taken in, nor is anything that came after.
        changes = [Change.ADOPTED] if adopted else what_changed(before, standing_of(found))
        if changes:
            write(found, changes, at=now, by=by, why=why)
    return found


def differs(provider: Provider, subscription: Subscription, told: Told) -> list[str]:
    """The names of the fields in which ours is not what was told; nothing is written."""
    held = _row(subscription)
    _fill(provider, subscription, told)
    now_told = _row(subscription)
    return [name for name, value in now_told.items() if held[name] != value]


def as_told(provider: Provider, told: Told) -> Subscription:
    """What was told as a row of ours, which is not written."""
    row = Subscription(provider=provider.name, provider_id=told.id)
    _fill(provider, row, told)
    return row


_FOLLOWED = (
    *("customer", "price_id", "plan_id", "state", "begun_at", "paid_through", "trial_ends_at"),
    *("cancel_at", "ended_at", "starts_at", "ends_at", "amount", "currency", "interval"),
    *("next_amount", "next_at", "card"),
)


def _row(subscription: Subscription) -> dict[str, object]:
    return {name: getattr(subscription, name) for name in _FOLLOWED}


def _fill(provider: Provider, found: Subscription, told: Told) -> None:
    price = _price_of(provider, told.price)
    begun = _begun(provider, found, told)
    open_for = window(told.state, replace(told.dates, starts_at=begun), grace())
    found.customer = told.customer
    found.price = price
    found.plan = price.plan if price else found.plan
    found.state = told.state.value
    found.begun_at = begun
    found.paid_through = told.dates.paid_through
    found.trial_ends_at = told.trial_ends_at
    found.cancel_at = told.dates.cancel_at
    found.ended_at = told.dates.ended_at
    found.starts_at, found.ends_at = open_for.starts_at, open_for.ends_at
    found.amount, found.currency = told.amount, told.currency
    found.interval = told.interval.value
    found.next_amount, found.next_at = told.next_amount, told.next_at
    found.card = told.card


def _begun(provider: Provider, found: Subscription, told: Told) -> datetime:
    """Since when it opens. What runs has begun, and not later than it had: the provider's clock may
    be ahead of ours, and who paid reads at once. Bank transfer's clock is our own."""
    if provider.name == INVOICE:
        return told.dates.starts_at
    moments = [told.dates.starts_at]
    if found.begun_at and found.state != State.INCOMPLETE:
        moments.append(found.begun_at)
    if told.state in RUNNING:
        moments.append(timezone.now())
    return min(moments)


def put_bill(provider: Provider, told: BillTold) -> Bill:
    """Write what a provider told of a bill; its subscription is known."""
    subscription = Subscription.objects.get(provider=provider.name, provider_id=told.subscription)
    found, _ = Bill.objects.update_or_create(
        provider=provider.name,
        provider_id=told.id,
        defaults={"subscription": subscription, **_as_row(told)},
    )
    return found


def bill_differs(bill: Bill, told: BillTold) -> list[str]:
    """The names of the fields in which our bill is not what was told; nothing is written. The
    addresses of its pages are not compared: a provider may sign them anew each time."""
    fresh = _as_row(told)
    compared = (name for name in fresh if name not in ("page", "pdf"))
    return [name for name in compared if getattr(bill, name) != fresh[name]]


def bill_as_told(told: BillTold) -> Bill:
    """What was told as a bill of ours, which is not written."""
    return Bill(**_as_row(told))


def _as_row(told: BillTold) -> dict[str, Any]:
    return {
        "number": told.number,
        "status": told.status.value,
        "currency": told.currency,
        "total": told.total,
        "paid": told.paid,
        "refunded": told.refunded,
        "is_disputed": told.disputed,
        "issued_at": told.issued_at,
        "due_at": told.due_at,
        "paid_at": told.paid_at,
        "period_from": told.period[0],
        "period_until": told.period[1],
        "page": told.page,
        "pdf": told.pdf,
    }


def grace() -> timedelta:
    """How long a payment may be late."""
    return timedelta(days=the_publication().grace_days)


def _member_of(provider: Provider, told: Told) -> Member | None:
    if told.member is not None:
        return whoever_is(told.member)
    known = AtProvider.objects.filter(
        provider=provider.name, realm=provider.realm, kind="customer", theirs=told.customer
    ).first()
    return whoever_is(known.ours) if known else None


def _price_of(provider: Provider, theirs: str) -> Price | None:
    known = AtProvider.objects.filter(
        provider=provider.name, realm=provider.realm, kind="price", theirs=theirs
    ).values_list("ours", flat=True)
    return Price.objects.select_related("plan").filter(pk__in=known).first()


# -- windows ----------------------------------------------------------------------------------


def recount_windows(subscriptions: Iterable[Subscription], *, by: str, now: datetime) -> int:
    """Work the windows out anew, after the grace has become another. Says how many changed."""
    count = 0
    for one in subscriptions:
        with transaction.atomic():
            found = Subscription.objects.select_for_update().get(pk=one.pk)
            fresh = window(State(found.state), found.dates, grace())
            if (fresh.starts_at, fresh.ends_at) == (found.starts_at, found.ends_at):
                continue
            found.starts_at, found.ends_at = fresh.starts_at, fresh.ends_at
            found.save(update_fields=["starts_at", "ends_at"])
            write(found, [Change.DATES_CHANGED], at=now, by=by, why="The grace was changed.")
            count += 1
    return count
