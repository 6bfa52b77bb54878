"""What a pass says of a member."""

from datetime import datetime, timedelta
from types import MappingProxyType

from standfirst.access.queries import month_for_all, standing_of
from standfirst.access.rules import Standing
from standfirst.members.models import Member
from standfirst.reading import passes
from standfirst.reading.generations import Generations
from standfirst.subscriptions.models import Subscription

LASTS = timedelta(minutes=10)


def pass_for(member: Member, session_key: str, numbers: Generations, now: datetime) -> passes.Pass:
    """A pass for one session of a member, at `now` (aware): true as long as nothing changes.

    It ends before the clock alone changes the standing: with the month, an unlock, or a
    subscription that begins.
    """
    epoch, generation = numbers.epoch, numbers.now  # before the truth is read
    standing = standing_of(member, now)
    ends = [now + LASTS, month_for_all(now).renews_at]
    coming = Subscription.objects.filter(
        member=member, starts_at__gt=now, starts_at__lt=now + LASTS
    )
    ends += coming.values_list("starts_at", flat=True)
    open_now = [
        (article, door)
        for article, door in standing.unlocked.items()
        if door.until is None or door.until > now
    ]
    newest = open_now[-passes.MOST_UNLOCKED :]
    ends += [door.until for _, door in newest if door.until]
    carried = Standing(
        signed_in=True,
        verified=standing.verified,
        staff=standing.staff,
        subscribed_until=standing.subscribed_until,
        unlocked=MappingProxyType(dict(newest)),
        credits_left=standing.credits_left,
    )
    return passes.Pass(
        member=member.pk,
        standing=carried,
        complete=len(newest) == len(open_now),
        epoch=epoch,
        generation=generation,
        session=passes.fingerprint(session_key),
        expires=int(min(ends).timestamp()),
    )
