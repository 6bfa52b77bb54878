"""What others may ask about subscriptions."""

from datetime import datetime

from django.db.models import F, Q, Sum

from standfirst.members.models import Member
from standfirst.subscriptions.models import AtProvider, Bill, OfferedTo, Price, Subscription
from standfirst.subscriptions.providers.base import BillStatus
from standfirst.subscriptions.rules import State


def subscribed_until(member: Member, now: datetime) -> datetime | None:
    """The end of the member's All-Access that runs at `now` (aware), or None without one."""
    return (
        Subscription.objects.filter(member=member, starts_at__lte=now, ends_at__gt=now)
        .order_by("-ends_at")
        .values_list("ends_at", flat=True)
        .first()
    )


def main_subscription(member: Member, now: datetime) -> Subscription | None:
    """The subscription that a member thinks of: one that may still take money, or else one that
    opens everything at `now`, or else the last there was."""
    mine = list(
        Subscription.objects.filter(member=member)
        .select_related("plan", "price")
        .order_by("-starts_at", "-pk")
    )

    def weight(one: Subscription) -> tuple[bool, bool]:
        goes_on = one.is_running and (one.state != State.CANCELLED or one.ends_at > now)
        return goes_on, one.starts_at <= now < one.ends_at

    return max(mine, key=weight, default=None)  # of equal ones the first, which is the newest


def bills_of(member: Member) -> list[Bill]:
    """Every bill of a member's, the newest first; drafts are not bills yet."""
    bills = Bill.objects.filter(subscription__member=member).exclude(status=BillStatus.DRAFT)
    return list(bills.order_by("-issued_at", "-pk"))


def offered_instead(subscription: Subscription) -> list[Price]:
    """What a subscription can be changed to: offered prices in its currency that its provider
    knows, of plans for everybody and of its own plan."""
    stand_there = AtProvider.objects.filter(provider=subscription.provider, kind="price")
    prices = Price.objects.filter(
        Q(plan__offered_to=OfferedTo.EVERYONE) | Q(plan=subscription.plan_id),
        ~Q(pk=subscription.price_id or 0),
        is_offered=True,
        plan__is_offered=True,
        currency=subscription.currency,
        pk__in=stand_there.values("ours"),
    )
    return list(prices.select_related("plan").order_by("plan__position", "plan", "interval"))


def paid_and_kept(subscription: Subscription) -> int:
    """What was paid for a subscription and not given back (minor units of its currency), as far as
    its bills are known."""
    bills = subscription.bills.filter(currency=subscription.currency, is_disputed=False)
    return int(bills.aggregate(left=Sum(F("paid") - F("refunded")))["left"] or 0)
