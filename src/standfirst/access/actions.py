"""Changing the ledger. One verb, one transaction; each may be repeated without harm."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import IntegrityError, connection, transaction

from standfirst.access.models import Unlock
from standfirst.access.queries import month_at
from standfirst.access.rules import FullText, Terms, UnlockKind, Wall, decide
from standfirst.members.models import Member
from standfirst.publication.events import ArticleUnlocked, happened
from standfirst.publication.models import Publication, UnlockLasts
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import next_month, start_of
from standfirst.publication.statements import in_turn, planned_once


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
    publication = the_publication()
    # A lost race costs one attempt, and every race has a winner who used up a slot or the article.
    for _ in range(100):
        known = month_at(member, now, publication)
        left = known.standing.credits_left
        decision = decide(terms, known.standing, article, now)
        if isinstance(decision, FullText):
            return Choice(outcome=Outcome.ALREADY_OPEN, credits_left=left)
        if decision.wall is not Wall.CHOOSE:
            return Choice(outcome=_OUTCOME_OF_WALL[decision.wall], credits_left=left)
        # Everybody wants the lowest free slot, so whoever knows less than the ledger gets none.
        slot = min(set(range(1, publication.allowance + 1)) - known.slots)
        # One statement, so that it is its own transaction where the caller has none.
        if _take_slot(member.pk, article, headline, known.month, slot, publication, now):
            happened(ArticleUnlocked(member=member.pk, article=article, kind=UnlockKind.CREDIT))
            return Choice(outcome=Outcome.CHOSEN, credits_left=left - 1)
    raise RuntimeError(f"member {member.pk} could not choose article {article}: too many at once")


def _take_slot(
    member: int,
    article: int,
    headline: str,
    month: date,
    slot: int,
    publication: Publication,
    now: datetime,
) -> bool:
    """Add the row; says whether that slot and article were still free."""
    day = connection.ops.adapt_datefield_value(month)
    for_good = publication.unlock_lasts == UnlockLasts.FOR_GOOD
    values = (
        *(member, article, headline, UnlockKind.CREDIT.value, day, slot, publication.allowance),
        *(None if for_good else day, connection.ops.adapt_datetimefield_value(now)),
    )
    with planned_once() as cursor, in_turn():
        cursor.execute(_TAKE, values)
        return bool(cursor.rowcount == 1)


_TAKE = f"""
INSERT INTO {Unlock._meta.db_table}
    (member_id, article_id, headline, kind, month, slot, allowance, valid_month, unlocked_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""  # noqa: S608  our own table's name


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


def move_unlocks(left: Member, kept: Member, *, by: Member, now: datetime) -> list[Unlock]:
    """Give `kept` what `left` unlocked, as new rows with the old times; `left`'s go with them.

    Nobody loses an article that is open, and the meter stays exact: a credit takes a free slot of
    its month. Where `kept` has none left it is opened by the colleague `by` instead, for good, at
    no cost. What `kept` holds for as long already, and what has ended, is not given twice.
    """
    with transaction.atomic():
        zone = the_publication().zone
        held = list(Unlock.objects.filter(member=kept))
        new = []
        for row in Unlock.objects.filter(member=left).order_by("pk"):
            same = [one for one in held if one.article_id == row.article_id and row.article_id]
            if any(one.valid_month in (None, row.valid_month) for one in same):
                continue
            slot = None
            if row.month and row.allowance:
                taken = {one.slot for one in held if one.month == row.month}
                slot = min(set(range(1, row.allowance + 1)) - taken, default=None)
            lapsed = row.valid_month and start_of(next_month(row.valid_month), zone) <= now
            if row.month and slot is None and lapsed:
                continue
            kind = UnlockKind(row.kind)
            if row.month and slot is None:
                kind = UnlockKind.STAFF
            counted = kind is UnlockKind.CREDIT
            moved = Unlock.objects.create(
                member=kept,
                article_id=row.article_id,
                headline=row.headline,
                kind=kind,
                month=row.month if counted else None,
                slot=slot if counted else None,
                allowance=row.allowance if counted else None,
                valid_month=row.valid_month if counted else None,
                unlocked_at=row.unlocked_at,
                by=row.by if kind == row.kind else by,
            )
            held.append(moved)
            new.append(moved)
        for moved in new:
            if moved.article_id:
                article, kind = moved.article_id, UnlockKind(moved.kind)
                happened(ArticleUnlocked(member=kept.pk, article=article, kind=kind))
    return new
