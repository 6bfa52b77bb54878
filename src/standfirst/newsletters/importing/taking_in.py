"""Taking in rows of a list, so many at once. Doing it twice does nothing the second time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError
from django.db.models.functions import Lower

from standfirst.members.consent import ALERTS, CHOICES, By, Unless, give_many
from standfirst.members.models import Consent, Member
from standfirst.newsletters.importing.rules import Row
from standfirst.newsletters.models import Newsletter, Suppression
from standfirst.publication.events import MemberJoined, happened
from standfirst.publication.statements import transaction_in_turn

AT_ONCE = 500
LONGEST_PROOF = 400
TRIES = 3


class Became(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    ADDED = "added"
    ALREADY = "already"
    LEFT_ALONE = "left_alone"
    SUPPRESSED = "suppressed"
    REFUSED = "refused"


TOLD = {
    Became.NEW: "new accounts, without a password and unconfirmed",
    Became.ADDED: "members who are added to a list",
    Became.ALREADY: "members who are on the list already",
    Became.LEFT_ALONE: "members who unsubscribed, or whose account is closed: left alone",
    Became.SUPPRESSED: "addresses that get no mail (suppression list): left alone",
    Became.REFUSED: "rows that cannot be used",
}


def letters_by_name() -> dict[str, str]:
    """What a list may call each newsletter, in small letters, and its consent."""
    found = {letter: letter for letter in (CHOICES, ALERTS)}
    for one in Newsletter.objects.all():
        found[one.name.lower()] = found[one.slug] = one.slug
    return found


def proof_of(row: Row, file: str) -> str:
    """The sentence that is kept with a consent."""
    return f"Said yes on {row.said_on.isoformat()}: {row.source} (from {file})"[:LONGEST_PROOF]


def take_in(rows: Sequence[Row], *, file: str, apply: bool, now: datetime) -> Counter[Became]:
    """What becomes of rows of a list; and with `apply` let it be so.

    Whoever has no account gets one without a password, and no mail. Nobody who said no to a letter
    gets it again, and nobody who wants no letter any more gets another for a yes that is no newer.
    All in one transaction, which may be the caller's. `now` is aware.
    """
    if not apply:
        known = _Known(rows)
        found = ((row, known.became(row)) for row in rows)
        return Counter(
            Became.ADDED if row.again and one is Became.NEW else one for row, one in found
        )
    for attempt in range(TRIES):
        try:
            with transaction_in_turn():
                return sum((_let_in(some, file, now) for some in _one_each(rows)), Counter())
        except IntegrityError:  # somebody has just joined with one of the addresses, or left
            if attempt == TRIES - 1:
                raise
    raise AssertionError("never reached")


def _one_each(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows in parts, in each of which an address stands once."""
    part: dict[str, Row] = {}
    for row in rows:
        if row.address in part:
            yield list(part.values())
            part = {}
        part[row.address] = row
    if part:
        yield list(part.values())


class _Known:
    """What there is of the addresses of some rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        addresses = [row.address for row in rows]
        members = Member.objects.filter(email__in=addresses)
        self.members = {email: pk for pk, email in members.values_list("pk", "email")}
        closed = members.filter(is_active=False)
        self.closed = set(closed.values_list("email", flat=True))
        said = Consent.objects.filter(member__in=self.members.values())
        self.said: dict[tuple[int, str], bool] = {}
        noes: dict[int, date] = {}
        wanting: set[int] = set()
        for member, letter, given, at in said.values_list("member", "letter", "given", "at"):
            self.said[member, letter] = given
            if given:
                wanting.add(member)
            else:
                noes[member] = max(noes.get(member, date.min), at.date())
        # Members who want no letter any more, and the day on which they said so.
        self.left = {member: day for member, day in noes.items() if member not in wanting}
        stopped = Suppression.objects.annotate(small=Lower("address")).filter(small__in=addresses)
        self.stopped = set(stopped.values_list("small", flat=True))

    def became(self, row: Row) -> Became:
        if row.address in self.stopped:
            return Became.SUPPRESSED
        member = self.members.get(row.address)
        if member is None:
            return Became.NEW
        if row.address in self.closed:
            return Became.LEFT_ALONE
        said = [self.said.get((member, letter)) for letter in row.letters]
        if None in said:
            newer = row.said_on > self.left.get(member, date.min)
            return Became.ADDED if newer else Became.LEFT_ALONE
        return Became.ALREADY if all(said) else Became.LEFT_ALONE


def _let_in(rows: Sequence[Row], file: str, now: datetime) -> Counter[Became]:
    known = _Known(rows)
    became = {row.address: known.became(row) for row in rows}
    new = [row for row in rows if became[row.address] is Became.NEW]
    members = Member.objects.bulk_create(
        [
            Member(email=row.address, name=row.name, password=make_password(None), joined_at=now)
            for row in new
        ]
    )
    EmailAddress.objects.bulk_create(
        [EmailAddress(user=one, email=one.email, primary=True, verified=False) for one in members]
    )
    number_of = {**known.members, **{one.email: one.pk for one in members}}
    chosen = [row for row in rows if became[row.address] in {Became.NEW, Became.ADDED}]
    give_many(
        [(number_of[row.address], letter) for row in chosen for letter in row.letters],
        By.IMPORT,
        proof={number_of[row.address]: proof_of(row, file) for row in chosen},
        unless=Unless.SAID,
        now=now,
    )
    for one in members:
        happened(MemberJoined(member=one.pk, article=None, quiet=True))
    return Counter(became.values())


def today_at(now: datetime) -> date:
    """The last day that a list may name: it may have been made further east."""
    return (now + timedelta(days=1)).date()
