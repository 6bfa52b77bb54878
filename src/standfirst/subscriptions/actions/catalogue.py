"""What is sold, as it should stand at a provider."""

from standfirst.subscriptions.models import AtProvider, Coupon, Plan, Price
from standfirst.subscriptions.providers.base import (
    Catalogue,
    CouponWanted,
    PlanWanted,
    PriceWanted,
    Provider,
)
from standfirst.subscriptions.rules import Interval


def catalogue_for(provider: Provider) -> Catalogue:
    """Every plan, price and coupon, and under which id each stands at the provider."""
    known = AtProvider.objects.filter(provider=provider.name, realm=provider.realm)
    return Catalogue(
        plans=tuple(
            PlanWanted(ours=one.pk, name=one.name, text=one.promise, offered=one.is_offered)
            for one in Plan.objects.all()
        ),
        prices=tuple(
            PriceWanted(
                ours=one.pk,
                plan=one.plan_id,
                currency=one.currency,
                amount=one.amount,
                interval=Interval(one.interval),
                offered=one.is_offered,
                reduction=one.amount - (one.introductory_amount or one.amount),
                reduced_periods=one.introductory_periods,
            )
            for one in Price.objects.all()
        ),
        coupons=tuple(
            CouponWanted(
                ours=one.pk,
                code=one.code,
                percent=one.percent,
                amount=one.amount,
                currency=one.currency,
                periods=one.periods,
                until=one.until,
                most=one.most,
                offered=one.is_offered,
                plans=tuple(plan.pk for plan in one.plans.all()),
            )
            for one in Coupon.objects.prefetch_related("plans")
        ),
        known={(one.kind, one.ours): one.theirs for one in known.exclude(kind="customer")},
    )


def bring_in_line(provider: Provider) -> None:
    """Let everything that is sold stand at the provider as it does here."""
    for kind, ours, theirs in provider.bring_in_line(catalogue_for(provider)):
        AtProvider.objects.update_or_create(
            provider=provider.name,
            realm=provider.realm,
            kind=kind,
            ours=ours,
            defaults={"theirs": theirs},
        )
