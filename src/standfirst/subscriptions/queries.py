"""What others may ask about subscriptions."""

from datetime import datetime

from standfirst.members.models import Member
from standfirst.subscriptions.models import Subscription


def subscribed_until(member: Member, now: datetime) -> datetime | None:
    """The end of the member's All-Access that runs at `now` (aware), or None without one."""
    return (
        Subscription.objects.filter(member=member, starts_at__lte=now, ends_at__gt=now)
        .order_by("-ends_at")
        .values_list("ends_at", flat=True)
        .first()
    )
