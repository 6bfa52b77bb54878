"""Saying yes or no to a kind of letter. One verb, one transaction.

What holds now is a row of Consent; that it was said, when and by which door is a row of
ConsentEntry, which is only ever added. Both are written together, by the statement that finds out
whether anything changes: to say the same twice writes nothing, and of two who say it at the same
moment one has said it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from standfirst.members.models import Consent, ConsentEntry, Member
from standfirst.members.queries import numbers_of
from standfirst.publication.statements import transaction_in_turn

By = ConsentEntry.By

CHOICES = "choices"
ALERTS = "alerts"
# What the forms of joining speak of. The two above begin with an act of the reader's own.
AT_JOINING = ("newsletter", "daily-review")
SAID_AT_ONCE = 500  # rows of one statement


class Unless(StrEnum):
    """What a yes does not override: nothing but a yes, or whatever the member said before."""

    GIVEN = "given"
    SAID = "said"


def give(
    member: Member | int,
    letters: Iterable[str],
    by: By,
    *,
    proof: str = "",
    delivery: int | None = None,
    unless: Unless = Unless.GIVEN,
    now: datetime,
) -> list[str]:
    """A member says yes to these letters (slugs of newsletters, CHOICES, ALERTS).

    `by` is the door it came by, `proof` a sentence or source kept with it, `delivery` the letter
    whose link was followed. Gives those that are new; all others were said before. A member who is
    gone says nothing.
    """
    number = member if isinstance(member, int) else member.pk
    pairs = [(number, letter) for letter in letters]
    with transaction_in_turn():
        if not _hold(number):
            return []
        said = give_many(pairs, by, proof=proof, delivery=delivery, unless=unless, now=now)
    return [letter for _, letter in said]


def take_back(
    member: Member | int,
    letters: Iterable[str],
    by: By,
    *,
    proof: str = "",
    delivery: int | None = None,
    now: datetime,
) -> list[str]:
    """A member wants these letters no more. Gives those that were wanted until now."""
    number = member if isinstance(member, int) else member.pk
    wanted = sorted(set(letters))
    if not wanted:
        return []
    marks = ", ".join(["%s"] * len(wanted))
    values = [False, _moment(now), number, *wanted, True]
    with transaction_in_turn(), connection.cursor() as cursor:
        _hold(number)
        cursor.execute(_TAKE_BACK.format(marks=marks), values)
        said = sorted((number, str(letter)) for (letter,) in cursor.fetchall())
        _enter(said, False, by, proof, delivery, now)
    return [letter for _, letter in said]


def _hold(member: int) -> bool:
    """Hold the member's row until the end: an account deleted meanwhile leaves no row behind, and
    nobody takes the rows of its consent in another order. Is there one?"""
    held = Member.objects.select_for_update(no_key=True).filter(pk=member)
    return bool(held.values_list("pk", flat=True))


def give_many(
    pairs: Iterable[tuple[int, str]],
    by: By,
    *,
    proof: str | Mapping[int, str] = "",
    delivery: int | None = None,
    unless: Unless = Unless.GIVEN,
    now: datetime,
) -> list[tuple[int, str]]:
    """`give` for many members (their numbers) and letters, within the caller's transaction, in
    which nobody of them may be deleted; `proof` may be one for each member. Gives the pairs that
    are new."""
    said: list[tuple[int, str]] = []
    ordered = sorted(set(pairs))  # the same order for all, so that no two wait for each other
    with transaction.atomic(), connection.cursor() as cursor:
        for first in range(0, len(ordered), SAID_AT_ONCE):
            some = ordered[first : first + SAID_AT_ONCE]
            values = [value for pair in some for value in (*pair, True, _moment(now))]
            rows = ", ".join(["(%s, %s, %s, %s)"] * len(some))
            cursor.execute(_GIVE[unless].format(rows=rows), values)
            said += [(int(number), str(letter)) for number, letter in cursor.fetchall()]
        said.sort()
        _enter(said, True, by, proof, delivery, now)
    return said


_TABLE = Consent._meta.db_table
_NEW = f"INSERT INTO {_TABLE} (member_id, letter, given, at) VALUES {{rows}} "  # noqa: S608
_GIVE = {
    Unless.GIVEN: _NEW
    + "ON CONFLICT (letter, member_id) DO UPDATE SET given = excluded.given, at = excluded.at "
    + f"WHERE NOT {_TABLE}.given RETURNING member_id, letter",
    Unless.SAID: _NEW + "ON CONFLICT (letter, member_id) DO NOTHING RETURNING member_id, letter",
}
_TAKE_BACK = (
    f"UPDATE {_TABLE} SET given = %s, at = %s "  # noqa: S608  our own table's name
    "WHERE member_id = %s AND letter IN ({marks}) AND given = %s RETURNING letter"
)


def _enter(
    said: Sequence[tuple[int, str]],
    given: bool,
    by: By,
    proof: str | Mapping[int, str],
    delivery: int | None,
    now: datetime,
) -> None:
    ConsentEntry.objects.bulk_create(
        [
            ConsentEntry(
                member=member,
                letter=letter,
                given=given,
                by=by,
                proof=proof if isinstance(proof, str) else proof[member],
                delivery=delivery,
                at=now,
            )
            for member, letter in said
        ],
        batch_size=500,
    )


def _moment(now: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(now)


# -- what was said ----------------------------------------------------------------------------


def wanted_by(member: Member | int) -> set[str]:
    """The letters that a member wants now."""
    number = member if isinstance(member, int) else member.pk
    mine = Consent.objects.filter(member=number, given=True)
    return set(mine.values_list("letter", flat=True))


def was_spoken_of(letter: str) -> bool:
    """Has anybody ever said yes or no to a letter?"""
    return ConsentEntry.objects.filter(letter=letter).exists()


def said_by(member: Member) -> list[ConsentEntry]:
    """Everything that a member ever said of letters, also by accounts that became part of theirs;
    the first first."""
    return list(ConsentEntry.objects.filter(member__in=numbers_of(member)).order_by("pk"))
