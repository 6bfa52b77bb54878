"""An edition's way to readers: approved, held, tested, sent. One verb, one transaction."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from standfirst.members.models import Member
from standfirst.newsletters.actions.sending import begin
from standfirst.newsletters.letters import compose_to_send
from standfirst.newsletters.models import (
    Edition,
    Sending,
    SendingKind,
    Suppression,
    Turn,
    Unapproved,
)
from standfirst.newsletters.queries import (
    as_written,
    coming_up,
    fingerprint,
    latest_of,
    open_turns,
    says_nothing,
)
from standfirst.newsletters.rules import Next, Stage, next_step
from standfirst.newsletters.senders import from_header, reply_to_of
from standfirst.publication.events import EditorsNeeded, TestWanted, happened
from standfirst.publication.statements import transaction_in_turn

log = logging.getLogger("standfirst.newsletters")


class NotNow(Exception):  # noqa: N818
    """What was asked cannot be done as things stand; the text says why, and what to do."""


# -- by editors -------------------------------------------------------------------------------


def approve(turn: int, *, seen: str, by: Member, now: datetime) -> Turn:
    """Approve what the edition of a turn (its id) says, as the editor saw it: `seen` is its print.

    It goes out at its hour, or, where that is past, when somebody presses “Send now”. An edition
    that was held is held no longer where its hour is still to come. Raises NotNow.
    """
    with transaction_in_turn():
        found, edition = _locked(turn)
        _refuse_nothing(edition)
        if fingerprint(edition) != seen:
            raise NotNow("The edition has changed since you opened this page. Read it once more.")
        found.approved, found.approved_at, found.approved_by = seen, now, by
        if found.due_at and now < found.due_at:
            found.held_at, found.held_why, found.told_at = None, "", None
        found.save()
    return found


def hold(turn: int, *, by: Member, now: datetime) -> Turn:
    """Take the approval back and let nothing go by itself until it is approved again. Raises
    NotNow where it is being sent already."""
    with transaction_in_turn():
        found, _ = _locked(turn)
        found.approved, found.approved_at, found.approved_by = "", None, None
        found.held_at, found.held_why = now, f"{by.get_full_name()} holds it."[:200]
        found.save()
    return found


def send_now(turn: int, *, by: Member, now: datetime) -> Turn:
    """Send an approved edition at once, whatever its hour. Raises NotNow."""
    with transaction_in_turn():
        found, edition = _locked(turn)
        if not found.approved_at:
            raise NotNow("Approve the edition first; then it can be sent.")
        if found.approved != fingerprint(edition):
            raise NotNow("The edition was changed since it was approved. Approve it anew.")
        _refuse_nothing(edition)
        _send(found, edition, by, now)
    return found


def test_to(edition: Edition, member: Member) -> None:
    """Mail the edition as it is now to a colleague, as each kind of reader will get it. Raises
    NotNow where no newsletter goes to their address."""
    with transaction.atomic():
        if Suppression.objects.filter(address__iexact=member.email).exists():
            raise NotNow(
                f"No newsletter goes to {member.email}: it stands under “No mail to”, where a "
                "publisher can lift it."
            )
        happened(TestWanted(edition=edition.pk, member=member.pk))


def _locked(turn: int) -> tuple[Turn, Edition]:
    """The turn, which nobody else changes meanwhile, and its edition as last written."""
    found = Turn.objects.select_for_update(of=("self",)).select_related("newsletter").get(pk=turn)
    if found.begun_at is not None:
        raise NotNow("This edition is sent already.")
    if found.edition is None:
        raise NotNow("There is no edition for this day. Draft it first.")
    return found, as_written(found.edition)


def _refuse_nothing(edition: Edition) -> None:
    if says_nothing(edition):
        raise NotNow(
            "There is nothing in this edition that readers may see. Write something, or add an "
            "article that is published."
        )


# -- by itself ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How many editions were sent and held; `failed` are named in the log."""

    sent: int = 0
    held: int = 0
    failed: int = 0


def send_due(now: datetime) -> Done:
    """Send or hold every edition whose hour has come, each once however many workers ask.

    `now` is an aware datetime. One that cannot be sent is logged, tried again at the next call,
    and held once it is too late; it holds up no other.
    """
    count = {Next.SEND: 0, Next.HOLD: 0, Next.WAIT: 0}
    failed = 0
    for pk in open_turns(now).values_list("pk", flat=True):
        try:
            count[_at_its_hour(pk, now)] += 1
        except Exception:
            log.exception("The edition of turn %s could not be sent", pk)
            failed += 1
    return Done(sent=count[Next.SEND], held=count[Next.HOLD], failed=failed)


def _at_its_hour(pk: int, now: datetime) -> Next:
    with transaction_in_turn():
        # Asked again under a lock: two workers may both have seen the turn.
        rows = open_turns(now).select_for_update(of=("self",)).select_related("newsletter")
        turn = rows.filter(pk=pk).first()
        if turn is None or turn.edition is None:
            return Next.WAIT
        edition = as_written(turn.edition)
        newsletter = turn.newsletter
        stage = turn.stage(fingerprint(edition))
        step = next_step(
            turn.due_at,
            now,
            limit=newsletter.limit,
            approved=stage is Stage.APPROVED,
            send_unapproved=newsletter.unapproved == Unapproved.SEND,
        )
        if step is Next.SEND_AUTOMATIC and not _keep_automatic_parts(edition):
            step = Next.HOLD
        if step is Next.SEND and says_nothing(edition):
            step = Next.HOLD
        match step:
            case Next.SEND | Next.SEND_AUTOMATIC:
                turn.automatic = step is Next.SEND_AUTOMATIC
                _send(turn, edition, None, now)
                return Next.SEND
            case Next.HOLD | Next.HOLD_LATE:
                turn.held_at, turn.held_why = now, _why_held(turn, step, stage)
                turn.told_at = now
                turn.save()
                happened(EditorsNeeded(turn=turn.pk))
                return Next.HOLD
        return step


def _why_held(turn: Turn, step: Next, stage: Stage) -> str:
    if step is Next.HOLD_LATE:
        hours = turn.newsletter.late_hours
        return f"Its hour was more than {hours} hour{'s' if hours > 1 else ''} ago."
    if stage is Stage.CHANGED:
        return "It was changed after it was approved, and not approved anew by its hour."
    if stage is Stage.APPROVED:
        return "Its articles were withdrawn, so it says nothing."
    return "Nobody approved it by its hour."


def _keep_automatic_parts(edition: Edition) -> bool:
    """Leave of an edition what nobody need approve: the latest analysis, and what the radar of the
    last one said of days to come. Says whether there is any analysis. What was written stays in its
    history."""
    radar = coming_up(edition.newsletter, edition.day)
    edition.subject, edition.more, edition.take = "", "", []
    edition.radar = [(one["type"], one["value"]) for one in radar]
    return bool(latest_of(edition))


def _send(turn: Turn, edition: Edition, by: Member | None, now: datetime) -> None:
    """Publish the edition on the web and begin its sending, in the caller's transaction."""
    revision = edition.save_revision(user=by, log_action=True)
    revision.publish(user=by, skip_permission_checks=True)
    sent = Edition.objects.get(pk=edition.pk)
    turn.begun_at, turn.begun_by = now, by
    # What an editor added is not drafted into the next one once more.
    turn.offered = [*dict.fromkeys([*turn.offered, *(one.article_id for one in sent.latest.all())])]
    turn.save()
    begin_sending(sent, by, now)


def begin_sending(edition: Edition, by: Member | None, now: datetime) -> Sending:
    """The ledger's part: fix what the letter says and who gets it, and let it go."""
    newsletter = edition.newsletter
    letters, counted = compose_to_send(edition)
    return begin(
        SendingKind.EDITION,
        f"edition:{edition.pk}",
        letters,
        consent=newsletter.slug,
        audience=newsletter.audience,
        topics=[newsletter.topic_id] if newsletter.topic_id else [],
        newsletter=newsletter,
        edition=edition,
        sender=from_header(newsletter),
        reply_to=reply_to_of(newsletter),
        by=by.pk if by else None,
        counted=counted,
        now=now,
    )
