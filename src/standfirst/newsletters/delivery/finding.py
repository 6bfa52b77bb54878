"""A member's letters in the ledger, which has no index by member: it would be written with each
letter, and is wanted only when somebody leaves or asks for their data.

It needs none. Every list is frozen in the order of its members' numbers (`freezing`), with nobody
on it twice, and no row is ever added, taken away or given to somebody else: so a list of a million
is searched by halves, with twenty looks by key. All lists are searched side by side, so that these
are twenty statements and not twenty for each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, OuterRef, Subquery

from standfirst.newsletters.models import Batch, Delivery, DeliveryState, Letter, Sending

AT_ONCE = 500  # lists


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter to a member: its subject, what it was sent for (“an edition”), and by which consent;
    when its list was made, and when (None: not yet) something became of it; to which address;
    what, and the server's or our own words for it."""

    subject: str
    kind: str
    consent: str
    listed_at: datetime
    settled_at: datetime | None
    address: str
    fate: str
    words: str


def deliveries_to(member: int) -> Iterator[int]:
    """The ids of all deliveries to a member (the number) that the ledger has not forgotten, in
    their order. Only reads, and locks nothing."""
    known = Sending.objects.filter(forgotten_at=None).order_by("pk")
    lists = list(known.values_list("pk", "total"))
    for first in range(0, len(lists), AT_ONCE):
        yield from sorted(_search(member, lists[first : first + AT_ONCE]))


def _search(member: int, lists: Sequence[tuple[int, int]]) -> list[int]:
    found: list[int] = []
    open_ = [Delivery.ids_of(sending, 1, total) for sending, total in lists]
    while open_ := [(low, high) for low, high in open_ if low <= high]:
        middles = {(low + high) // 2: (low, high) for low, high in open_}
        rows = Delivery.objects.filter(pk__in=middles).values_list("pk", "member")
        open_ = []
        for middle, whose in rows:
            low, high = middles[middle]
            if whose == member:
                found.append(middle)
            else:
                open_.append((middle + 1, high) if whose < member else (low, middle - 1))
    return found


def letters_to(member: int) -> Iterator[Sent]:
    """What the ledger has of a member (the number): each letter of the last half year, the first
    first. However many there are, some hundreds are looked at at once."""
    some: list[int] = []
    for delivery in deliveries_to(member):
        some.append(delivery)
        if len(some) == AT_ONCE:
            yield from _read(some)
            some.clear()
    yield from _read(some)


def _read(deliveries: Sequence[int]) -> Iterator[Sent]:
    numbers = {delivery >> Delivery.NUMBERS for delivery in deliveries}
    sendings = Sending.objects.in_bulk(numbers)
    letters = Letter.objects.filter(sending__in=numbers)
    subjects = {
        (of, to): said for of, to, said in letters.values_list("sending", "variant", "subject")
    }
    batch = Batch.objects.filter(sending=OuterRef("sending"), first__lte=OuterRef("number"))
    rows = Delivery.objects.filter(pk__in=deliveries).annotate(
        sending=F("id").bitrightshift(Delivery.NUMBERS),
        number=F("id").bitand(0xFFFFFFFF),
        settled_at=Subquery(batch.order_by("-first").values("settled_at")[:1]),
    )
    for row in rows.order_by("pk"):
        sending = sendings[row.sending]
        yield Sent(
            subject=subjects.get((row.sending, row.variant), ""),
            kind=sending.get_kind_display(),
            consent=sending.consent,
            listed_at=sending.begun_at,
            settled_at=row.settled_at if row.state != DeliveryState.QUEUED else None,
            address=row.address,
            fate=row.get_state_display(),
            words=row.why,
        )
