"""Changing the ledger. One verb, one transaction; each may be repeated without harm."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import IntegrityError, transaction

from standfirst.access.models import Unlock
from standfirst.access.queries import standing_of
from standfirst.access.rules import FullText, Terms, UnlockKind, Wall, decide
from standfirst.members.models import Member
from standfirst.publication.events import ArticleUnlocked, happened
from standfirst.publication.models import UnlockLasts
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of


class Outcome(StrEnum):
    """What became of a wish to choose an article."""

    CHOSEN = "chosen"
    ALREADY_OPEN = "already_open"
    SPENT = "spent"
    CONFIRM_FIRST = "confirm_first"
    NOT_FOR_CREDITS = "not_for_credits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The outcome of choosing, and how many credits are left after it."""

    outcome: Outcome
    credits_left: int


_OUTCOME_OF_WALL = {
    Wall.SPENT: Outcome.SPENT,
    Wall.CONFIRM: Outcome.CONFIRM_FIRST,
    Wall.SUBSCRIBE: Outcome.NOT_FOR_CREDITS,
    Wall.JOIN: Outcome.NOT_FOR_CREDITS,
}


def unlock_with_credit(
    member: Member, article: int, headline: str, terms: Terms, *, now: datetime
) -> Choice:
    """Spend one of this month's credits on an article, unless the member may read it already.

    `article` is the page's id, `terms` its effective terms, `now` an aware datetime. Exact under
    any concurrency: two posts at once spend one credit, and nobody gets more than the allowance.
    """
    # A lost race costs one attempt, and every race has a winner who used up a slot or the article.
    for _ in range(100):
        standing = standing_of(member, now)
        decision = decide(terms, standing, article, now)
        if isinstance(decision, FullText):
            return Choice(outcome=Outcome.ALREADY_OPEN, credits_left=standing.credits_left)
        if decision.wall is not Wall.CHOOSE:
            return Choice(
                outcome=_OUTCOME_OF_WALL[decision.wall], credits_left=standing.credits_left
            )
        try:
            with transaction.atomic():
                slot_found = _take_slot(member, article, headline, now)
        except IntegrityError:
            continue
        if slot_found:
            return Choice(outcome=Outcome.CHOSEN, credits_left=standing.credits_left - 1)
    raise RuntimeError(f"member {member.pk} could not choose article {article}: too many at once")


def _take_slot(member: Member, article: int, headline: str, now: datetime) -> bool:
    publication = the_publication()
    month = month_of(now, publication.zone)
    taken = set(Unlock.objects.filter(member=member, month=month).values_list("slot", flat=True))
    free = [slot for slot in range(1, publication.allowance + 1) if slot not in taken]
    # The number of choices counts, not their numbers: the allowance may have been lowered.
    if len(taken) >= publication.allowance or not free:
        return False
    for_good = publication.unlock_lasts == UnlockLasts.FOR_GOOD
    Unlock.objects.create(
        member=member,
        article_id=article,
        headline=headline,
        kind=UnlockKind.CREDIT,
        month=month,
        slot=free[0],
        allowance=publication.allowance,
        valid_month=None if for_good else month,
        unlocked_at=now,
    )
    happened(ArticleUnlocked(member=member.pk, article=article, kind=UnlockKind.CREDIT))
    return True


def unlock_as(
    kind: UnlockKind,
    member: Member,
    article: int,
    headline: str,
    *,
    now: datetime,
    by: Member | None = None,
) -> bool:
    """Open an article to a member for good without a credit: `welcome`, `gift` or `staff`.

    Says whether a new unlock was made; an article that is open for good already stays as it is.
    Raises ValueError for the kind `credit`, which is spent by `unlock_with_credit` alone.
    """
    if kind is UnlockKind.CREDIT:
        raise ValueError("a credit is spent with unlock_with_credit")
    try:
        with transaction.atomic():
            Unlock.objects.create(
                member=member,
                article_id=article,
                headline=headline,
                kind=kind,
                unlocked_at=now,
                by=by,
            )
            happened(ArticleUnlocked(member=member.pk, article=article, kind=kind))
    except IntegrityError:
        if Unlock.objects.filter(member=member, article=article, valid_month__isnull=True).exists():
            return False
        raise
    return True
