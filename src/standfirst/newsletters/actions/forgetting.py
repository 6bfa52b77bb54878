"""What the ledger of letters forgets: who somebody was who is gone, and who got letters long ago.

The rows stay, so that the sum of a list is always the whole list; names and addresses go.
"""

from datetime import datetime, timedelta

from standfirst.newsletters.delivery.finding import deliveries_to
from standfirst.newsletters.models import Delivery, Returned, Sending
from standfirst.publication.statements import transaction_in_turn

PIECE = 50_000  # rows that are rewritten at once, so that no writer waits long
KEPT = timedelta(days=180)  # as long as a bounce or a question may still come

_NOBODY = {"address": "", "name": "", "why": ""}


def forget_member(member: int, email: str) -> int:
    """A member (the number) with this address is gone: no letter to them says who they were. Says
    how many letters there were. A suppressed address stays, so that nobody writes to it again."""
    count = 0
    for delivery in deliveries_to(member):
        # Each by itself: a sender that settles others of these rows is never waited for in a ring.
        with transaction_in_turn():
            theirs = Delivery.objects.filter(pk=delivery).exclude(address="")
            count += theirs.update(**_NOBODY)
    with transaction_in_turn():
        Returned.objects.filter(address__iexact=email).update(address="", words="")
    return count


def forget_old_letters(now: datetime) -> int:
    """Forget to whom sendings went that ended half a year ago, and what came back then. Says how
    many sendings; may be stopped, and begun again, at any time."""
    with transaction_in_turn():
        long_ago = Returned.objects.filter(at__lt=now - KEPT).exclude(address="")
        long_ago.update(address="", words="")
    old = Sending.objects.filter(ended_at__lt=now - KEPT, forgotten_at=None)
    count = 0
    for sending, total in old.values_list("pk", "total"):
        # The first ones first, so that a list stays in the order of its members' numbers.
        for low, high in _pieces(sending, total):
            with transaction_in_turn():
                rows = Delivery.objects.filter(pk__range=(low, high)).exclude(member=0)
                rows.update(**_NOBODY, member=0)
        with transaction_in_turn():
            count += Sending.objects.filter(pk=sending).update(forgotten_at=now)
    return count


def _pieces(sending: int, total: int) -> list[tuple[int, int]]:
    return [
        Delivery.ids_of(sending, first, min(first + PIECE - 1, total))
        for first in range(1, total + 1, PIECE)
    ]
