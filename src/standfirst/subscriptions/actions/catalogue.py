"""What is sold, put at a provider: what it should be, what would be done, and doing it."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from standfirst.subscriptions.models import AtProvider, Coupon, Plan, Price
from standfirst.subscriptions.providers.base import (
    Catalogue,
    CouponWanted,
    Difference,
    PlanWanted,
    PriceWanted,
    Provider,
)
from standfirst.subscriptions.rules import Interval

KINDS = ("plan", "price", "intro", "coupon")


def wanted(provider: Provider, now: datetime) -> Catalogue:
    """Everything that is sold, as it should stand at the provider.

    What was withdrawn is in it where it stands there, so that it is withdrawn there too.
    """
    rows = AtProvider.objects.filter(
        provider=provider.name, realm=provider.realm, kind__in=KINDS
    ).values_list("kind", "ours", "theirs")
    known = {(kind, ours): theirs for kind, ours, theirs in rows}
    prices = [
        price
        for price in Price.objects.select_related("plan").order_by("pk")
        if (price.is_offered and price.plan.is_offered) or ("price", price.pk) in known
    ]
    needed = {price.plan_id for price in prices}
    coupons = [
        coupon
        for coupon in Coupon.objects.prefetch_related("plans").order_by("pk")
        if _is_given(coupon, now) or ("coupon", coupon.pk) in known
    ]
    needed |= {plan.pk for coupon in coupons for plan in coupon.plans.all()}
    plans = [
        plan
        for plan in Plan.objects.order_by("pk")
        if plan.is_offered or plan.pk in needed or ("plan", plan.pk) in known
    ]
    return Catalogue(
        plans=tuple(
            PlanWanted(
                ours=plan.pk,
                name=plan.name,
                text="; ".join(plan.promise.split("\n")).replace("\r", ""),
                offered=plan.is_offered,
            )
            for plan in plans
        ),
        prices=tuple(map(_price, prices)),
        coupons=tuple(_coupon(coupon, now) for coupon in coupons),
        known=known,
    )


def differences(provider: Provider) -> list[Difference]:
    """What `bring_in_line` would do, in sentences; nothing is changed. Raises Unreachable and
    Refused."""
    return provider.differences(wanted(provider, timezone.now()))


def bring_in_line(provider: Provider) -> int:
    """Put at the provider what is sold, and note the id of each thing as soon as it stands there:
    whoever is killed, or refused, on the way can do it again. Says how many things stand there.
    Raises Unreachable and Refused."""
    count = 0
    for kind, ours, theirs in provider.bring_in_line(wanted(provider, timezone.now())):
        note(provider, kind, ours, theirs)
        count += 1
    return count


def note(provider: Provider, kind: str, ours: int, theirs: str) -> None:
    """Write down under which id something stands there; one that it had before is replaced."""
    with transaction.atomic():
        row, made = AtProvider.objects.get_or_create(
            provider=provider.name,
            realm=provider.realm,
            kind=kind,
            ours=ours,
            defaults={"theirs": theirs},
        )
        if not made and row.theirs != theirs:
            row.theirs = theirs
            row.save(update_fields=["theirs"])


def _is_given(coupon: Coupon, now: datetime) -> bool:
    return coupon.is_offered and (coupon.until is None or coupon.until > now)


def _price(price: Price) -> PriceWanted:
    introductory = price.introductory_amount is not None
    return PriceWanted(
        ours=price.pk,
        plan=price.plan_id,
        currency=price.currency,
        amount=price.amount,
        interval=Interval(price.interval),
        offered=price.is_offered and price.plan.is_offered,
        reduction=price.amount - (price.introductory_amount or 0) if introductory else 0,
        reduced_periods=price.introductory_periods if introductory else 0,
    )


def _coupon(coupon: Coupon, now: datetime) -> CouponWanted:
    return CouponWanted(
        ours=coupon.pk,
        code=coupon.code,
        percent=coupon.percent,
        amount=coupon.amount,
        currency=coupon.currency,
        periods=coupon.periods,
        until=coupon.until,
        most=coupon.most,
        offered=_is_given(coupon, now),
        plans=tuple(sorted(plan.pk for plan in coupon.plans.all())),
    )
