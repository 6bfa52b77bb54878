"""What the newsroom says of newsletters, in sentences; times are those of the active zone."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format

from standfirst.articles.actions import EDITORS
from standfirst.members.models import Member
from standfirst.newsletters.models import (
    Edition,
    Newsletter,
    Outcome,
    SendingKind,
    Turn,
)
from standfirst.newsletters.queries import as_written, fingerprint, headlines_in, next_turn
from standfirst.newsletters.rules import Stage


def editors() -> QuerySet[Member]:
    """Who is told when an edition waits: the editors; where there are none, who may do all."""
    active = Member.objects.filter(is_active=True)
    found = active.filter(groups__name=EDITORS).distinct()
    return found if found.exists() else active.filter(is_superuser=True)


def hour_written(moment: datetime | None) -> str:
    """Such as: at 06:00 on Monday, 30 November. "" for none."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"at {local:%H:%M} on {date_format(local, 'l, j F')}"


def told_of(turn: Turn, said: str | None = None) -> str:
    """Where a turn stands, in a sentence. `said` is the print of its edition as last written."""
    if said is None:
        said = fingerprint(as_written(turn.edition)) if turn.edition else ""
    match turn.stage(said):
        case Stage.SENT:
            by = f"sent by {turn.begun_by.get_full_name()}" if turn.begun_by else "by itself"
            parts = ", with its automatic parts alone" if turn.automatic else ""
            return f"Went out {hour_written(turn.begun_at)}, {by}{parts}."
        case Stage.NOTHING:
            return "Nothing was published since the last edition, so nothing is sent."
        case Stage.MISSED:
            return f"{Outcome.MISSED.label.capitalize()}."
        case Stage.GONE:
            return "Its edition was deleted."
        case Stage.HELD if turn.approved == said and _is_approved_since(turn):
            return f"{turn.held_why} Since then approved by {_approved_by(turn)}. {_goes_out(None)}"
        case Stage.HELD:
            return f"Held. {turn.held_why}".strip()
        case Stage.APPROVED:
            return f"Approved by {_approved_by(turn)}. {_goes_out(turn.due_at)}"
        case Stage.CHANGED:
            return "Changed after it was approved: approve it anew."
    return f"Drafted; it waits for approval. {_goes_out(turn.due_at)}"


def _is_approved_since(turn: Turn) -> bool:
    return bool(turn.approved_at and turn.held_at and turn.approved_at > turn.held_at)


def _approved_by(turn: Turn) -> str:
    return turn.approved_by.get_full_name() if turn.approved_by else "a former colleague"


def _goes_out(due_at: datetime | None) -> str:
    if due_at is None or due_at <= timezone.now():
        return "It goes out when you press “Send now”."
    return f"It goes out {hour_written(due_at)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDesk:
    """A turn as the newsroom shows it: where it stands, and what can be done."""

    turn: Turn
    edition: Edition | None  # as last written
    seen: str  # the print of that
    stage: Stage
    sentence: str
    subject: str
    articles: int
    left_out: int
    sending: int | None  # the ledger's number, once it is being sent
    may_approve: bool
    may_hold: bool
    may_send: bool

    @property
    def approve_label(self) -> str:
        due = self.turn.due_at
        if due is None or due <= timezone.now():
            return "Approve"
        local = timezone.localtime(due)
        today = local.date() == timezone.localdate()
        return f"Approve: it goes out at {local:%H:%M}" + ("" if today else f", {local:%A}")


def on_desk(turn: Turn) -> OnDesk:
    """One turn for the newsroom's page. What was sent is shown as it stands on the web, which for
    turns of `with_what_is_shown` asks nothing more."""
    edition = turn.edition
    seen = ""
    if edition and not turn.begun_at:
        edition = as_written(edition)
        seen = fingerprint(edition)
    stage = turn.stage(seen)
    open_ = edition is not None and stage is not Stage.SENT
    is_approved = bool(turn.approved_at) and turn.approved == seen
    return OnDesk(
        turn=turn,
        edition=edition,
        seen=seen,
        stage=stage,
        sentence=told_of(turn, seen),
        subject=edition.subject_line if edition else "",
        articles=len(edition.latest.all()) if edition else 0,
        left_out=max(0, len(turn.offered) - turn.newsletter.most_articles) if open_ else 0,
        sending=_sending_of(turn) if stage is Stage.SENT else None,
        may_approve=open_ and not is_approved and not edition.is_empty,  # type: ignore[union-attr]
        may_hold=open_ and not (stage is Stage.HELD and not turn.approved_at),
        may_send=open_ and is_approved,
    )


def _sending_of(turn: Turn) -> int | None:
    sendings = turn.edition.sendings.all() if turn.edition else ()
    return next((one.pk for one in sendings if one.kind == SendingKind.EDITION), None)


def with_what_is_shown(turns: QuerySet[Turn]) -> QuerySet[Turn]:
    """Turns with all that `on_desk` needs of those that were sent, in a fixed number of queries."""
    people = ("approved_by", "begun_by")
    related = turns.select_related("edition__newsletter", "newsletter", *people)
    return related.prefetch_related(headlines_in("edition__latest"), "edition__sendings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A newsletter on the newsroom's page."""

    newsletter: Newsletter
    next: str  # in words; "" where it goes out only by hand
    current: OnDesk | None  # the turn that is being worked at, or the day's
    may_draft: bool


def rows(now: datetime) -> list[Row]:
    """Every newsletter with its next hour and the edition in hand; `now` is aware."""
    found = []
    today = timezone.localdate(now)
    for newsletter in Newsletter.objects.select_related("topic"):
        turns = with_what_is_shown(newsletter.turns.order_by("-day"))
        waiting = Q(edition__isnull=False, begun_at__isnull=True, day__gte=today)
        turn = turns.filter(waiting | Q(day=today)).order_by("day").first()
        if turn is None and (last := turns.first()) and last.edition_id and not last.begun_at:
            turn = last  # of an earlier day, and still there to be sent by hand
        due = next_turn(newsletter, now)
        of_today = turn is not None and turn.day == today
        found.append(
            Row(
                newsletter=newsletter,
                next=hour_written(due.at) if due else "",
                current=on_desk(turn) if turn else None,
                may_draft=not (
                    of_today and turn is not None and (turn.edition_id or turn.begun_at)
                ),
            )
        )
    return found
