"""What a member could read at a moment that is over, as the ledgers knew it then."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from standfirst.access.models import Unlock
from standfirst.access.rules import VISITOR, OpenDoor, Standing, UnlockKind
from standfirst.members.models import Member, Merger
from standfirst.members.queries import is_verified
from standfirst.publication.clock import written
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of, next_month, start_of
from standfirst.subscriptions.models import Entry, Plan
from standfirst.subscriptions.rules import Window

NOT_KNOWN = (
    "Not kept for the past, so as of today: whether the address was confirmed, who was staff, the "
    "allowance and the article’s terms."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """A standing at a moment, the unlocks that there were, and sentences of what it rests on."""

    standing: Standing
    unlocks: tuple[Unlock, ...]
    sentences: tuple[str, ...]


def standing_then(member: Member, moment: datetime) -> Then:
    """The member's standing at `moment` (aware), rebuilt from rows that are only ever added.

    Subscriptions count as their last entry before `moment` left them, and for whoever had them
    then. What the ledgers do not keep is today's, and the last sentence says so.
    """
    if moment < member.joined_at:
        sentence = f"They joined later, on {written(member.joined_at)}: a visitor asked."
        return Then(standing=VISITOR, unlocks=(), sentences=(sentence,))
    publication = the_publication()
    zone = publication.zone
    sentences, until = _subscriptions(member, moment)
    unlocks = _unlocks(member, moment)
    doors: dict[int, OpenDoor] = {}
    for row in unlocks:
        ends = start_of(next_month(row.valid_month), zone) if row.valid_month else None
        known = doors.get(row.article_id or 0)
        if row.article_id and not (known and known.until is None):
            doors[row.article_id] = OpenDoor(kind=UnlockKind(row.kind), until=ends)
    month = month_of(moment, zone)
    chosen = sum(row.month == month for row in unlocks)
    standing = Standing(
        signed_in=True,
        verified=is_verified(member),
        staff=member.is_staff,
        subscribed_until=until,
        unlocked=doors,
        credits_left=max(0, publication.allowance - chosen),
    )
    return Then(standing=standing, unlocks=tuple(unlocks), sentences=(*sentences, NOT_KNOWN))


def _subscriptions(member: Member, moment: datetime) -> tuple[list[str], datetime | None]:
    """Sentences of every subscription that the member had by then; when the open one ends."""
    last = Entry.objects.filter(
        subscription__in=Entry.objects.filter(member=member.pk).values("subscription"),
        at__lte=moment,
    )
    keys = last.values("subscription").annotate(key=Max("pk")).values("key")
    entries = Entry.objects.filter(pk__in=keys, member=member.pk).order_by("pk")
    sentences, until = [], None
    for entry in entries:
        first = Entry.objects.filter(subscription=entry.subscription_id).order_by("pk").first()
        sentences.append(_told(entry, first or entry, moment))
        if Window(entry.starts_at, entry.ends_at).holds(moment):
            until = max(until, entry.ends_at) if until else entry.ends_at
    return sentences or ["There was no subscription."], until


def _told(entry: Entry, first: Entry, moment: datetime) -> str:
    plan = Plan.objects.filter(pk=entry.plan).first() if entry.plan else None
    opens = Window(entry.starts_at, entry.ends_at).holds(moment)
    parts = [f"{plan.name if plan else 'All-Access'}, {entry.state.replace('_', ' ')}"]
    if entry.paid_through:
        parts.append(f"paid until {written(entry.paid_through)}")
    if entry.cancel_at:
        parts.append(f"to end on {written(entry.cancel_at)}")
    open_told = "everything open" if opens else "nothing open by it"
    parts.append(f"{open_told}, {written(entry.starts_at)} to {written(entry.ends_at)}")
    began = f"began {written(first.at)} by {first.by}"
    if first.why:
        began += f" ({first.why})"
    tail = ""
    if entry.pk != first.pk:
        tail = f"; last change {written(entry.at)}: {entry.change}, by {entry.by}"
        tail += f" ({entry.why})" if entry.why else ""
    return f"Subscription {entry.subscription_id}: {', '.join(parts)}; {began}{tail}."


def _unlocks(member: Member, moment: datetime) -> list[Unlock]:
    """The unlocks of then; those of an account that was merged later were not theirs yet."""
    later = Merger.objects.filter(kept=member, at__gt=moment).values_list("unlocks", flat=True)
    others = {number for numbers in later for number in numbers}
    rows = Unlock.objects.filter(member=member, unlocked_at__lte=moment).order_by("unlocked_at")
    return [row for row in rows if row.pk not in others]
