"""Who said yes or no to what, to take away with the proof."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from standfirst.members.models import Consent, ConsentEntry, Member
from standfirst.publication.queries import the_publication

HEADS = ("Address", "Name", "Letter", "Given", "Since", "By", "Proof")
_AT_ONCE = 1_000


def consents_as_rows() -> Iterator[tuple[Any, ...]]:
    """Every member's present word to every letter, for a spreadsheet: by member, a thousand at a
    time; times where the magazine is."""
    zone = the_publication().zone

    def written(moment: datetime) -> str:
        return moment.astimezone(zone).isoformat(" ", "minutes")[:16]

    yield HEADS
    last = 0
    while some := list(Member.objects.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        first, last = some[0].pk, some[-1].pk
        members = {one.pk: one for one in some}
        span = {"member__gte": first, "member__lte": last}
        said = ConsentEntry.objects.filter(**span).order_by("pk")
        newest = {(entry.member, entry.letter): entry for entry in said}
        rows = Consent.objects.filter(**span).order_by("member", "letter")
        for row in rows:
            member = members.get(row.member_id)
            entry = newest.get((row.member_id, row.letter))
            if member:
                yield (
                    *(member.email, member.name, row.letter, "yes" if row.given else "no"),
                    written(row.at),
                    entry.get_by_display() if entry else "",
                    entry.proof if entry else "",
                )
