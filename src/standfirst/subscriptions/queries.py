"""What others may ask about subscriptions."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from standfirst.members.models import Member
from standfirst.publication.kept import depends_on, true_until
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.models import (
    COMPLIMENTARY,
    AtProvider,
    Coupon,
    OfferedTo,
    Plan,
    Price,
    Subscription,
)
from standfirst.subscriptions.offers import Offer
from standfirst.subscriptions.providers import for_readers
from standfirst.subscriptions.providers.base import Provider
from standfirst.subscriptions.rules import RUNNING, Interval


def subscribed_until(member: Member, now: datetime) -> datetime | None:
    """The end of the member's All-Access that runs at `now` (aware), or None without one."""
    return (
        Subscription.objects.filter(member=member, starts_at__lte=now, ends_at__gt=now)
        .order_by("-ends_at")
        .values_list("ends_at", flat=True)
        .first()
    )


def subscribes(member: Member) -> bool:
    """Does a subscription go on that the member, or somebody for them, pays for?"""
    running = Subscription.objects.filter(member=member, state__in=RUNNING)
    return running.exclude(provider=COMPLIMENTARY).exists()


# -- what is sold -----------------------------------------------------------------------------

# What pages depend on that show all that is sold, and those that name the lowest price alone.
PLANS, LOWEST = "plans", "lowest-price"


def for_sale() -> QuerySet[Price]:
    """The prices a reader can be offered: offered, of an offered plan, and, where readers pay at a
    provider, standing there with their introductory price."""
    found = Price.objects.filter(is_offered=True, plan__is_offered=True)
    provider = for_readers()
    if provider is None:
        return found
    there = _there(provider)
    return found.filter(Exists(there.filter(kind="price"))).filter(
        Q(introductory_amount=None) | Exists(there.filter(kind="intro"))
    )


def not_at(provider: Provider) -> list[Price]:
    """The offered prices that nobody can buy, since they do not stand at the provider."""
    there = _there(provider)
    offered = Price.objects.filter(is_offered=True, plan__is_offered=True)
    return list(
        offered.exclude(
            Exists(there.filter(kind="price"))
            & (Q(introductory_amount=None) | Exists(there.filter(kind="intro")))
        ).select_related("plan")
    )


def _there(provider: Provider) -> QuerySet[AtProvider]:
    return AtProvider.objects.filter(
        provider=provider.name, realm=provider.realm, ours=OuterRef("pk")
    )


def lowest_price() -> Offer | None:
    """The least that everything costs everybody in the magazine's currency: of what is paid by the
    month, or else by the year. One statement."""
    depends_on(LOWEST)
    publication = the_publication()
    price = (
        for_sale()
        .filter(plan__offered_to=OfferedTo.EVERYONE, currency=publication.currency)
        .select_related("plan")
        .order_by("interval", "amount")  # month comes before year
        .first()
    )
    return _offer(price, publication.language) if price else None


@dataclass(frozen=True, slots=True)
class OnSale:
    """A plan with its offers in one currency, the monthly one first."""

    plan: Plan
    offers: list[Offer]

    @property
    def promise(self) -> list[str]:
        return [line.strip() for line in self.plan.promise.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Shop:
    """All that is sold. `currency` is the one that is shown, `currencies` all there are, the
    magazine's own first; `takes_codes`: is there a code that a reader can type?"""

    plans: list[OnSale]
    currency: str
    currencies: list[str]
    takes_codes: bool


def shop(currency: str = "", price: int = 0) -> Shop:
    """What is sold, in a currency, in that of a price, or in the magazine's own, whichever is known
    first. A plan that has no price in it is shown in the magazine's, or else in its first."""
    depends_on(PLANS)
    publication = the_publication()
    prices = list(for_sale().select_related("plan").order_by("plan__position", "plan", "pk"))
    own = publication.currency
    currencies = sorted({one.currency for one in prices}, key=lambda code: (code != own, code))
    asked = [currency, *(one.currency for one in prices if one.pk == price), own, *currencies, own]
    shown = next(code for code in asked if code in currencies or not currencies)
    plans: dict[int, list[Price]] = {}
    for one in prices:
        plans.setdefault(one.plan_id, []).append(one)
    found = []
    for of_plan in plans.values():
        there = {one.currency for one in of_plan}
        best = next(code for code in (shown, own, *sorted(there)) if code in there)
        offers = _offers([one for one in of_plan if one.currency == best], publication.language)
        found.append(OnSale(of_plan[0].plan, offers))
    return Shop(found, shown, currencies, bool(prices) and _takes_codes())


def _takes_codes() -> bool:
    now = timezone.now()
    given = Coupon.objects.filter(is_offered=True).filter(Q(until=None) | Q(until__gt=now))
    ends = list(given.values_list("until", flat=True))
    days = [end for end in ends if end is not None]
    if days and len(days) == len(ends):
        true_until(max(days))
    return bool(ends)


def _offers(prices: list[Price], language: str) -> list[Offer]:
    """The offers of one plan in one currency."""
    by = {Interval(one.interval): one for one in prices}
    month = by.get(Interval.MONTH)
    found = []
    for interval in Interval:
        if one := by.get(interval):
            saves = month.amount * 12 - one.amount if month and interval is Interval.YEAR else 0
            offer = _offer(one, language)
            found.append(replace(offer, saves=saves, monthly=month.amount if month else 0))
    return found


def _offer(price: Price, language: str) -> Offer:
    return Offer(
        price=price.pk,
        amount=price.amount,
        currency=price.currency,
        interval=Interval(price.interval),
        introductory=price.introductory_amount,
        periods=price.introductory_periods,
        trial_days=price.plan.trial_days,
        language=language,
    )
