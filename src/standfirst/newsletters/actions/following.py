"""Following a topic or an author. One verb, one transaction."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from standfirst.articles.models import Author, Topic
from standfirst.members.consent import ALERTS, By, Unless, give
from standfirst.members.models import Member
from standfirst.newsletters.models import Follow

MOST_FOLLOWED = 200


class Following(StrEnum):
    """What became of a wish to follow. FULL: the member follows as much as one may."""

    FOLLOWED = "followed"
    ALREADY = "already"
    FULL = "full"


def follow(member: Member, subject: Topic | Author, now: datetime) -> Following:
    """Follow a topic or an author, once, however often it is asked for.

    Who follows wants to hear of it, so this is a yes to alerts; but it does not override a no that
    was said before.
    """
    kind = "topic" if isinstance(subject, Topic) else "author"
    with transaction.atomic():
        # One at a time for each member, so that none of several at once goes beyond the bound.
        Member.objects.select_for_update().filter(pk=member.pk).first()
        mine = Follow.objects.filter(member=member)
        if mine.filter(**{kind: subject}).exists():
            return Following.ALREADY
        if mine.count() >= MOST_FOLLOWED:
            return Following.FULL
        Follow.objects.create(member=member, since=now, **{kind: subject})
        give(member, [ALERTS], By.ACCOUNT, unless=Unless.SAID, now=now)
    return Following.FOLLOWED


def unfollow(member: Member, follow: int) -> bool:
    """Stop following, by the number of the row. Says whether it was there."""
    count, _ = Follow.objects.filter(member=member, pk=follow).delete()
    return bool(count)


def move_follows(left: Member, kept: Member) -> int:
    """Let `kept` follow what `left` followed, up to the bound. Says how much came along."""
    with transaction.atomic():
        Member.objects.select_for_update().filter(pk=kept.pk).first()
        mine = Follow.objects.filter(member=kept)
        known = set(mine.values_list("topic_id", "author_id"))
        count = 0
        theirs = Follow.objects.filter(member=left).order_by("-since", "-pk")
        for row in theirs:
            if (row.topic_id, row.author_id) in known or len(known) + count >= MOST_FOLLOWED:
                continue
            row.member = kept
            row.save(update_fields=["member"])
            count += 1
    return count
