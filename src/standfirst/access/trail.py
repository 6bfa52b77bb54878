"""Every change of a member's access, with who and why: the ledgers told as one, newest first."""

from dataclasses import dataclass
from datetime import datetime

from standfirst.access.models import Unlock
from standfirst.members.models import Member, Merger
from standfirst.subscriptions.models import Entry

KINDS = {
    "credit": "chose",
    "welcome": "opened on joining",
    "gift": "was given",
    "staff": "was opened for them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change: when, what in a few words, by whom, why, and until when everything was open."""

    at: datetime
    what: str
    by: str = ""
    why: str = ""
    until: datetime | None = None


def trail(
    member: Member, *, since: datetime | None = None, until: datetime | None = None
) -> list[Step]:
    """All that is known of how a member's access changed, between two moments (aware).

    What an account that was merged into this one went through is part of it, under its number.
    What was never written down is not: changes of the address, and of who is a colleague.
    """
    mergers = list(Merger.objects.filter(kept=member).select_related("by"))
    came = {number: one for one in mergers for number in one.unlocks}
    others = {one.left: one for one in mergers}
    steps = [Step(at=member.joined_at, what="Joined", by="the reader")]
    for one in mergers:
        steps.append(Step(at=one.joined_at, what=f"Account {one.left} joined", by="the reader"))
        steps.append(
            Step(
                at=one.at,
                what=f"Account {one.left} became part of this one",
                by=str(one.by or "a colleague"),
                why=" ".join([one.why, *one.told]),
            )
        )
    entries = Entry.objects.filter(member__in=[member.pk, *others]).order_by("-at", "-pk")
    for entry in entries:
        name = f"Subscription {entry.subscription_id}"
        other = f" (then of account {entry.member})" if entry.member in others else ""
        steps.append(
            Step(
                at=entry.at,
                what=f"{name}{other}: {entry.change}",
                by=entry.by,
                why=entry.why,
                until=entry.ends_at if entry.ends_at > entry.at else None,
            )
        )
    for row in Unlock.objects.filter(member=member).select_related("by"):
        slot = f", {row.slot} of {row.allowance} in {row.month:%B %Y}" if row.month else ""
        moved = f" (account {came[row.pk].left})" if row.pk in came else ""
        steps.append(
            Step(
                at=row.unlocked_at,
                what=f"“{row.headline}” {KINDS[row.kind]}{slot}{moved}",
                by=str(row.by) if row.by_id else "the reader",
            )
        )
    kept = [
        step
        for step in steps
        if (since is None or step.at >= since) and (until is None or step.at < until)
    ]
    return sorted(kept, key=lambda step: step.at, reverse=True)
