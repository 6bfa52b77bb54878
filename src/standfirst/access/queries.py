"""Reading the ledger: what a reader's standing is at a moment, and what lies on their shelf."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from standfirst.access.models import Unlock
from standfirst.access.rules import VISITOR, OpenDoor, Standing, UnlockKind
from standfirst.members.models import Member
from standfirst.publication.models import Publication
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of, next_month, start_of
from standfirst.publication.statements import planned_once
from standfirst.subscriptions.models import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """A member's month: how many choices there are, which were taken, when new ones come."""

    month: date
    allowance: int
    chosen: tuple[Unlock, ...]
    renews_at: datetime

    @property
    def left(self) -> int:
        """Choices still open; never below nought, also where the allowance was lowered."""
        return max(0, self.allowance - len(self.chosen))


def month_for_all(now: datetime) -> Credits:
    """What is true of the month that `now` (aware) falls in for every member; nothing is chosen."""
    publication = the_publication()
    month = month_of(now, publication.zone)
    return Credits(
        month=month,
        allowance=publication.allowance,
        chosen=(),
        renews_at=start_of(next_month(month), publication.zone),
    )


def credits_of(member: Member, now: datetime) -> Credits:
    """The member's credits in the month that `now` (aware) falls in, at the publication's place."""
    month = month_for_all(now)
    chosen = Unlock.objects.filter(member=member, kind=UnlockKind.CREDIT, month=month.month)
    return replace(month, chosen=tuple(chosen.select_related("article").order_by("slot")))


def shelf_of(member: Member) -> list[Unlock]:
    """Everything the member ever unlocked, the newest first."""
    return list(
        Unlock.objects.filter(member=member).select_related("article").order_by("-unlocked_at")
    )


def standing_of(
    reader: Member | AnonymousUser,
    now: datetime,
    *,
    crawler: str | None = None,
) -> Standing:
    """The standing of whoever is asking, at `now` (aware).

    `crawler` is the name of a search engine whose address was verified, see `access.crawlers`.
    """
    if not isinstance(reader, Member) or not reader.is_active:
        return VISITOR if crawler is None else Standing(crawler=crawler)
    return month_at(reader, now, the_publication(), crawler=crawler).standing


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOf:
    """A member's standing, the month it was taken in, and the slots that are taken in it."""

    standing: Standing
    month: date
    slots: frozenset[int]


def month_at(
    member: Member, now: datetime, publication: Publication, *, crawler: str | None = None
) -> MonthOf:
    """What access must know of a member at `now` (aware), read in one statement, as it was at one
    moment."""
    month = month_of(now, publication.zone)
    moment = connection.ops.adapt_datetimefield_value(now)
    with planned_once() as cursor:
        cursor.execute(_FACTS, (member.pk, member.email, member.pk, moment, moment, member.pk))
        rows = cursor.fetchall()
    doors: dict[int, OpenDoor] = {}
    slots = set()
    for _, _, article, kind, valid_month, paid_month, slot in rows:
        if slot and _day(paid_month) == month:
            slots.add(slot)
        if not article:
            continue
        until = None
        if valid_month:
            until = start_of(next_month(_day(valid_month)), publication.zone)
        known = doors.get(article)
        if not known or (known.until and (until is None or until >= known.until)):
            doors[article] = OpenDoor(kind=UnlockKind(kind), until=until)
    standing = Standing(
        signed_in=True,
        verified=bool(rows[0][0]),
        staff=member.is_staff,
        subscribed_until=_moment(rows[0][1]),
        crawler=crawler,
        unlocked=doors,
        credits_left=max(0, publication.allowance - len(slots)),
    )
    return MonthOf(standing=standing, month=month, slots=frozenset(slots))


# By hand: Django takes a millisecond to compose each of the four queries that this replaces.
_FACTS = f"""
SELECT
    EXISTS (SELECT 1 FROM {EmailAddress._meta.db_table}
            WHERE user_id = %s AND verified AND lower(email) = lower(%s)),
    (SELECT max(ends_at) FROM {Subscription._meta.db_table}
     WHERE member_id = %s AND starts_at <= %s AND ends_at > %s),
    article_id, kind, valid_month, month, slot
FROM (SELECT 1 AS one) AS always
LEFT JOIN {Unlock._meta.db_table} ON member_id = %s
ORDER BY id
"""  # noqa: S608  our own tables' names


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: datetime | str | None) -> datetime | None:
    # SQLite keeps text, in UTC.
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
