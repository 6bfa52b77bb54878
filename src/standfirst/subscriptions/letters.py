"""Which letter tells of which change."""

from datetime import timedelta

from standfirst.subscriptions.models import COMPLIMENTARY, INVOICE, Entry
from standfirst.subscriptions.rules import Change

# Found out long after: what was moved in, or was read anew after a while, is no news.
NEWS_FOR = timedelta(days=3)

LETTERS = {
    Change.BEGAN: "welcome",
    Change.TRIAL_BEGAN: "welcome",
    Change.PAYMENT_FAILED: "payment_failed",
    Change.CANCELLED: "cancelled",
    Change.RESUMED: "resumed",
    Change.PLAN_CHANGED: "plan_changed",
    Change.ENDED: "ended",
    Change.REFUNDED: "refunded",
    Change.DISPUTED: "disputed",
    Change.DOUBLED: "bought_twice",
}
# These have a letter of their own, which tells of the end and the money too.
TELLS_ALL = (Change.WITHDRAWN, Change.DOUBLED)


def letter_of(entry: Entry) -> str:
    """The letter for a change in the ledger, or ""."""
    one = entry.subscription
    kind = LETTERS.get(Change(entry.change), "")
    if not kind or one.provider in (COMPLIMENTARY, INVOICE):
        return ""
    if entry.member is None:  # it was nobody's yet: bought elsewhere, and moved in later
        return ""
    if kind == "welcome" and entry.at - (one.begun_at or one.starts_at) > NEWS_FOR:
        return ""
    if kind in ("ended", "refunded", "cancelled") and _told_apart(entry):
        return ""
    if kind == "ended" and entry.at - (one.ended_at or entry.at) > NEWS_FOR:
        return ""
    return kind


def _told_apart(entry: Entry) -> bool:
    earlier = Entry.objects.filter(subscription=entry.subscription_id, pk__lt=entry.pk)
    return earlier.filter(change__in=TELLS_ALL).exists()
