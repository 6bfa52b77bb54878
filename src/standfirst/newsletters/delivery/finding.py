"""A member's letters in the ledger, which has no index by member: it would be written with each
letter, and is wanted only when somebody leaves or asks for their data.

It needs none. Every list is frozen in the order of its members' numbers (`freezing`), with nobody
on it twice, and no row is ever added, taken away or given to somebody else: so a list of a million
is searched by halves, with twenty looks by key. All lists are searched side by side, so that these
are twenty statements and not twenty for each.
"""

from collections.abc import Iterator, Sequence

from standfirst.newsletters.models import Delivery, Sending

AT_ONCE = 500  # lists


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
