"""From a price to a page where it is paid, and what became of it. Nobody pays twice.

A member has one place on the way to pay: the one open row in `Checkout`, held by the database. Who
has it asks the provider with the row's key, so that every step may be the last before the program
is killed: the next try goes on with the same row and the same key. And whoever has taken the place
looks *then* whether a subscription runs: one that was just paid for is written before its place
becomes free.
"""

import hashlib
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from standfirst.members.models import Member
from standfirst.publication.events import CheckoutLeft, happened
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions.following import Unknown, follow, follow_bill
from standfirst.subscriptions.models import COMPLIMENTARY, AtProvider, Checkout, Price, Subscription
from standfirst.subscriptions.providers.base import (
    CheckoutTold,
    Order,
    Progress,
    Provider,
    ProviderError,
    Refused,
    Unreachable,
)
from standfirst.subscriptions.rules import RUNNING

log = logging.getLogger("standfirst.subscriptions")

MOST_TURNS = 6
NEAR_ITS_END = timedelta(minutes=15)  # too short to find one's card
KEYS_ARE_KEPT = timedelta(hours=12)  # the provider's promise is a day
LONGEST_ONWARD = 400


class AlreadyRuns(Exception):  # noqa: N818
    """The member has a subscription that goes on, so nothing is sold."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__("There is a subscription already.")
        self.subscription = subscription


class NotForSale(Exception):  # noqa: N818
    """The price is withdrawn, or does not stand at the provider. The text is for the operator."""


# -- on the way to pay --------------------------------------------------------------------------


def begin_checkout(
    provider: Provider, member: Member, price: Price, onward: str, *, now: datetime
) -> Checkout:
    """The one open checkout of a member, for this price; its `url` is where it is paid.

    `onward` is the path to read on at. Raises AlreadyRuns, NotForSale, Unreachable (ask again: it
    goes on where it stopped) and Refused. One that was open for another price, or is near its
    end, is ended at the provider first.
    """
    _for_sale(provider, price)
    if not Checkout.objects.filter(member=member, progress=Progress.OPEN).exists():
        for one in Subscription.objects.filter(member=member, ends_at__gt=now):
            if one.is_running:
                raise AlreadyRuns(one)
    for _ in range(MOST_TURNS):
        mine = _take_place(provider, member, price, onward[:LONGEST_ONWARD], now)
        if mine.provider_id:
            ready = _go_on(provider, mine, price, now)
        else:
            ready = _start(provider, mine, price, now)
        if ready:
            if mine.onward != onward:
                Checkout.objects.filter(pk=mine.pk).update(onward=onward[:LONGEST_ONWARD])
            return mine
    raise Unreachable("Another window of this member is on the way to pay too. Try again.")


def _take_place(
    provider: Provider, member: Member, price: Price, onward: str, now: datetime
) -> Checkout:
    for _ in range(MOST_TURNS):
        held = Checkout.objects.filter(member=member, progress=Progress.OPEN).first()
        if held:
            return held
        with suppress(IntegrityError), transaction.atomic():
            return Checkout.objects.create(
                member=member,
                price=price,
                provider=provider.name,
                key=uuid4(),
                onward=onward,
                created_at=now,
            )
    raise Unreachable("Many windows of this member are on the way to pay. Try again.")


def _go_on(provider: Provider, mine: Checkout, price: Price, now: datetime) -> bool:
    """May a checkout that stands at the provider be paid still, and is it the one wanted? One that
    is not is ended."""
    told = provider.read_checkout(mine.provider_id)
    if told is None:  # of another key, or deleted there
        _give_up(mine)
        return False
    wanted = mine.price_id == price.pk and told.expires_at - now > NEAR_ITS_END
    runs = running_subscription(provider, mine.member, now)
    if told.progress is Progress.OPEN and (runs or not wanted):
        told = provider.expire_checkout(mine.provider_id)
    if told.progress is Progress.PAID:
        paid = settle(provider, mine, told)
        if paid.is_running:
            raise AlreadyRuns(paid)
        return False
    if told.progress is Progress.EXPIRED:
        _give_up(mine)
    if runs:
        raise AlreadyRuns(runs)
    mine.url = told.url or mine.url
    return told.progress is Progress.OPEN


def _start(provider: Provider, mine: Checkout, price: Price, now: datetime) -> bool:
    """Begin at the provider what is not known to stand there yet."""
    if mine.price_id != price.pk or now - mine.created_at > KEYS_ARE_KEPT:
        # Nobody was given its address: whoever is about to note it finds the place taken.
        _give_up(mine)
        return False
    runs = running_subscription(provider, mine.member, now)
    if runs:
        _give_up(mine)
        raise AlreadyRuns(runs)
    try:
        customer = _customer_of(provider, mine.member)
        told = provider.start_checkout(_order(provider, mine, customer), str(mine.key))
    except Refused as refused:
        _give_up(mine)
        return _after_refusal(provider, mine, refused)
    if not _note(mine, told):
        provider.expire_checkout(told.id)
        return False
    return told.progress is Progress.OPEN


def _note(mine: Checkout, told: CheckoutTold) -> bool:
    """Write down where it is paid, unless the place was given up meanwhile."""
    mine.provider_id, mine.url, mine.expires_at = told.id, told.url, told.expires_at
    still = Checkout.objects.filter(
        pk=mine.pk, progress=Progress.OPEN, provider_id__in=["", told.id]
    )
    return bool(still.update(provider_id=told.id, url=told.url[:1000], expires_at=told.expires_at))


def _give_up(mine: Checkout) -> None:
    """Free the place, if the checkout still stands as it was read."""
    Checkout.objects.filter(
        pk=mine.pk, progress=Progress.OPEN, provider_id=mine.provider_id
    ).update(progress=Progress.EXPIRED)


def _after_refusal(provider: Provider, mine: Checkout, refused: Refused) -> bool:
    """Whether there is something to be tried otherwise (False), or else raises."""
    known = _at(provider, "customer", mine.member_id)
    if refused.code == "resource_missing" and known and known in str(refused):
        # Deleted there by hand. Nothing of ours is lost: another one is made.
        _customer_of(provider, mine.member, instead_of=known)
        return False
    if refused.code == "idempotency_error":  # the plan was changed between two tries
        return False
    log.error(
        "The price %s (no. %s) cannot be bought: %s Bring the catalogue in line again.",
        mine.price,
        mine.price_id,
        refused,
    )
    if refused.code == "resource_missing":
        raise NotForSale(str(refused)) from refused
    raise refused


# -- what is ordered ----------------------------------------------------------------------------


def _for_sale(provider: Provider, price: Price) -> None:
    if not (price.is_offered and price.plan.is_offered):
        raise NotForSale(f"{price} is withdrawn.")
    wanted = ["price", "intro"] if price.introductory_periods else ["price"]
    for kind in wanted:
        if not _at(provider, kind, price.pk):
            sentence = f"{price} (no. {price.pk}) does not stand at {provider.name}"
            log.error("%s (%s): bring the catalogue in line.", sentence, kind)
            raise NotForSale(sentence)


def _at(provider: Provider, kind: str, ours: int) -> str:
    found = AtProvider.objects.filter(
        provider=provider.name, realm=provider.realm, kind=kind, ours=ours
    )
    return found.values_list("theirs", flat=True).first() or ""


def _order(provider: Provider, mine: Checkout, customer: str) -> Order:
    """The same for the same row, since the provider refuses another order for the same key."""
    price, base = mine.price, settings.WAGTAILADMIN_BASE_URL
    back = reverse("bought", args=["CHECKOUT"]).replace("CHECKOUT", "{CHECKOUT}")
    asked = urlencode({"next": mine.onward}) if mine.onward else ""
    return Order(
        member=mine.member_id,
        customer=customer,
        price=_at(provider, "price", price.pk),
        currency=price.currency,
        trial_days=0 if _had_one(mine.member) else price.plan.trial_days,
        coupon=_at(provider, "intro", price.pk) if price.introductory_periods else "",
        codes=True,
        success_url=base + back,
        cancel_url=base + reverse("all_access") + (f"?{asked}" if asked else ""),
        language=the_publication().language,
    )


def _had_one(member: Member) -> bool:
    bought = Subscription.objects.filter(member=member).exclude(provider=COMPLIMENTARY)
    return bool(bought.exists())


def _customer_of(provider: Provider, member: Member, *, instead_of: str = "") -> str:
    """The member as the provider knows them, made once; `instead_of` one that is gone there."""
    known = _at(provider, "customer", member.pk)
    if known and known != instead_of:
        return known
    # Not the number alone: a magazine made anew beside the same provider has the same numbers.
    facts = f"{member.pk} {member.email} {member.joined_at.isoformat()} {instead_of}"
    key = f"customer-{hashlib.sha256(facts.encode()).hexdigest()[:40]}"
    made = provider.put_customer(member.pk, member.email, member.name, key)
    mine = {
        "provider": provider.name, "realm": provider.realm, "kind": "customer", "ours": member.pk
    }  # fmt: skip
    row, _ = AtProvider.objects.get_or_create(**mine, defaults={"theirs": made})
    if row.theirs == instead_of:
        AtProvider.objects.filter(pk=row.pk, theirs=instead_of).update(theirs=made)
        row.refresh_from_db()
    return row.theirs


# -- what runs already --------------------------------------------------------------------------


def running_subscription(provider: Provider, member: Member, now: datetime) -> Subscription | None:
    """A subscription of the member that goes on, or None.

    Where ours looks as if it were over, and where the member is a customer of whom we may have
    missed something, the provider is asked.
    """
    for one in Subscription.objects.filter(member=member, state__in=RUNNING):
        if not one.is_running:
            continue
        if one.ends_at > now or one.provider != provider.name:
            return one
        with suppress(Unknown):
            fresh = follow(provider, one.provider_id, by=f"{provider.name}: looked before selling")
            if fresh.is_running:
                return fresh
    customer = _at(provider, "customer", member.pk)
    told_of = provider.subscriptions(customer) if customer else ()
    for told in told_of:
        if told.state in RUNNING:
            found = follow(provider, told.id, by=f"{provider.name}: looked before selling")
            if found.is_running and found.member_id == member.pk:
                return found
    return None


def leave_checkout(member: Member) -> None:
    """The member leaves for good: say which page must not be paid at any more. One that is begun
    at this moment is ended by whoever begins it, who finds no row to note it in."""
    for mine in Checkout.objects.filter(member=member, progress=Progress.OPEN):
        if mine.provider_id:
            happened(CheckoutLeft(provider=mine.provider, checkout=mine.provider_id))


# -- back from paying ---------------------------------------------------------------------------


def mirror_checkout(provider: Provider, mine: Checkout) -> Checkout:
    """Ask the provider what became of a checkout and let ours follow; nothing is begun or paid.

    Raises Unreachable and Refused. What is not paid yet stays open.
    """
    told = provider.read_checkout(mine.provider_id)
    if told is None or told.progress is Progress.EXPIRED:
        _give_up(mine)
    elif told.progress is Progress.PAID:
        settle(provider, mine, told)
    mine.refresh_from_db()
    return mine


def settle(provider: Provider, mine: Checkout, told: CheckoutTold) -> Subscription:
    """A checkout is paid: the subscription follows, and only then is the place free again."""
    if not told.subscription:
        raise Unreachable("It is paid, and the subscription is not there yet. Ask again.")
    by = f"{provider.name}: checkout {told.id}"
    try:
        found = follow(provider, told.subscription, by=by)
    except Unknown as error:
        raise Unreachable(f"{provider.name} does not show {error} yet. Ask again.") from error
    _mark_paid(mine, found)
    with suppress(ProviderError, Unknown):  # bills come with events, too
        for bill in provider.bills(told.subscription):
            follow_bill(provider, bill.id, by=by)
    return found


def _mark_paid(mine: Checkout, subscription: Subscription) -> None:
    Checkout.objects.filter(pk=mine.pk).update(
        progress=Progress.PAID, subscription=subscription, url=""
    )
