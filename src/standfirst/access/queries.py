"""Reading the ledger: what a reader's standing is at a moment, and what lies on their shelf."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.models import AnonymousUser

from standfirst.access.models import Unlock
from standfirst.access.rules import VISITOR, OpenDoor, Standing, UnlockKind
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.publication.models import Publication
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of, next_month, start_of
from standfirst.subscriptions.queries import subscribed_until


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


def credits_of(member: Member, now: datetime, publication: Publication | None = None) -> Credits:
    """The member's credits in the month that `now` (aware) falls in, at the publication's place."""
    publication = publication or the_publication()
    month = month_of(now, publication.zone)
    chosen = Unlock.objects.filter(member=member, kind=UnlockKind.CREDIT, month=month)
    return Credits(
        month=month,
        allowance=publication.allowance,
        chosen=tuple(chosen.select_related("article").order_by("slot")),
        renews_at=start_of(next_month(month), publication.zone),
    )


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
    publication = the_publication()
    return Standing(
        signed_in=True,
        verified=is_verified(reader),
        staff=reader.is_staff,
        subscribed_until=subscribed_until(reader, now),
        crawler=crawler,
        unlocked=_unlocked(reader, publication),
        credits_left=credits_of(reader, now, publication).left,
    )


def _unlocked(member: Member, publication: Publication) -> dict[int, OpenDoor]:
    doors: dict[int, OpenDoor] = {}
    rows = Unlock.objects.filter(member=member, article__isnull=False)
    # Those for good come last, so that they win over one that ended with its month.
    for row in rows.order_by("valid_month", "pk").values_list("article", "kind", "valid_month"):
        article, kind, valid_month = row
        until = start_of(next_month(valid_month), publication.zone) if valid_month else None
        known = doors.get(article)
        if known and (known.until is None or (until and known.until > until)):
            continue
        doors[article] = OpenDoor(kind=UnlockKind(kind), until=until)
    return doors
