"""Changing what is sold. A price that was ever sold, or stands at a provider, keeps its amount,
currency and interval: another one takes its place."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef
from wagtail.log_actions import log

from standfirst.members.models import Member
from standfirst.publication.money import written
from standfirst.subscriptions.models import AtProvider, Checkout, Coupon, Plan, Price, Subscription
from standfirst.subscriptions.offers import EACH
from standfirst.subscriptions.rules import Interval

CHANGED = "subscriptions.sold"  # in Wagtail's log, with what changed in words


class MayNotBeDeleted(Exception):  # noqa: N818
    """Something that was sold stays. The text is a sentence that names the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTyped:
    """A price as a colleague wants it; `price` is the id of the one that it was, None for a new
    one. Money in minor units."""

    price: int | None
    currency: str
    interval: Interval
    amount: int
    introductory_amount: int | None
    introductory_periods: int
    is_offered: bool


def fixed_prices(plan: Plan) -> set[int]:
    """The ids of a plan's prices that keep their amount, currency and interval."""
    used = (
        Exists(Subscription.objects.filter(price=OuterRef("pk")))
        | Exists(Checkout.objects.filter(price=OuterRef("pk")))
        | Exists(AtProvider.objects.filter(kind="price", ours=OuterRef("pk")))
    )
    return set(Price.objects.filter(used, plan=plan).values_list("pk", flat=True))


def save_plan(plan: Plan, typed: Iterable[PriceTyped], *, by: Member, changed: bool) -> list[str]:
    """Save a plan with its prices, all or nothing; what became of the prices, in sentences.

    `changed`: is anything of the plan itself another? At most one offered price for each currency
    and interval, or the database refuses.
    """
    with transaction.atomic():
        made = plan.pk is None
        if made or changed:
            plan.save()
            log(instance=plan, action="wagtail.create" if made else "wagtail.edit", user=by)
        said = _save_prices(plan, list(typed))
        if said:
            log(instance=plan, action=CHANGED, user=by, data={"said": " ".join(said)})
    return said


def _save_prices(plan: Plan, typed: list[PriceTyped]) -> list[str]:
    held = {price.pk: price for price in Price.objects.select_for_update().filter(plan=plan)}
    fixed = fixed_prices(plan)
    said: list[str] = []
    to_save: list[tuple[Price, str]] = []
    for one in typed:
        price = held.get(one.price or 0)
        if price is None:
            to_save.append((_fill(Price(plan=plan), one), "added"))
            continue
        before = _row(price)
        same = (price.amount, price.currency, price.interval) == (
            one.amount,
            one.currency,
            one.interval.value,
        )
        if not same and price.pk in fixed:
            if price.is_offered:
                price.is_offered = False
                price.save(update_fields=["is_offered"])
                said.append(f"{named(price)}: withdrawn; who pays it goes on paying it.")
            to_save.append((_fill(Price(plan=plan), one), "added in its place"))
            continue
        was = price.is_offered
        introduced = (price.introductory_amount, price.introductory_periods)
        _fill(price, one)
        if introduced != (price.introductory_amount, price.introductory_periods):
            # What stands at a provider is the old one, which nobody must be given unawares.
            AtProvider.objects.filter(kind="intro", ours=price.pk).delete()
        if _row(price) == before:
            continue
        word = "changed"
        if was != price.is_offered:
            word = "offered again" if price.is_offered else "withdrawn"
        to_save.append((price, word))
    # What is withdrawn first, since it makes room for what is offered.
    for price, word in sorted(to_save, key=lambda pair: pair[0].is_offered):
        price.save()
        said.append(f"{named(price)}: {word}.")
    return said


def _fill(price: Price, typed: PriceTyped) -> Price:
    price.currency, price.interval = typed.currency, typed.interval.value
    price.amount = typed.amount
    price.introductory_amount = typed.introductory_amount
    price.introductory_periods = typed.introductory_periods
    price.is_offered = typed.is_offered
    return price


def _row(price: Price) -> tuple[object, ...]:
    return (
        *(price.currency, price.interval, price.amount),
        *(price.introductory_amount, price.introductory_periods, price.is_offered),
    )


def named(price: Price, language: str = "en") -> str:
    """“€9.00 a month”"""
    return f"{written(price.amount, price.currency, language)} {EACH[Interval(price.interval)]}"


# -- deleting ---------------------------------------------------------------------------------


def why_kept(thing: Plan | Coupon) -> str:
    """Why this may not be deleted, with the next step; "" where it may."""
    kind = "plan" if isinstance(thing, Plan) else "coupon"
    if isinstance(thing, Plan):
        count = Subscription.objects.filter(plan=thing).count()
        if count:
            people = "1 subscription has" if count == 1 else f"{count} subscriptions have"
            return (
                f"{people} this plan, so it can’t be deleted. Withdraw it instead: untick "
                "“Offered”. It is then no longer sold, and who has it keeps it."
            )
        if Checkout.objects.filter(price__plan=thing).exists():
            return (
                "Somebody began to pay for this plan, so it can’t be deleted. Withdraw it "
                "instead: untick “Offered”."
            )
    if AtProvider.objects.filter(kind=kind, ours=thing.pk).exists():
        return (
            f"This {kind} stands at the payment service, so it can’t be deleted. Withdraw it "
            "instead: untick “Offered”."
        )
    return ""


def delete_plan(plan: Plan, *, by: Member) -> None:
    """Delete a plan that was never sold, with its prices. Raises MayNotBeDeleted."""
    with transaction.atomic():
        list(Price.objects.select_for_update().filter(plan=plan))
        if why := why_kept(plan):
            raise MayNotBeDeleted(why)
        log(instance=plan, action="wagtail.delete", user=by, deleted=True)
        plan.prices.all().delete()
        plan.delete()
