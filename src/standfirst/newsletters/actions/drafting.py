"""Drafting editions: by themselves in the morning, or when an editor asks."""

import logging
from datetime import datetime, timedelta

from standfirst.members.models import Member
from standfirst.newsletters.actions.setting_up import set_up_newsletters
from standfirst.newsletters.models import (
    Edition,
    EditionArticle,
    EditionIndex,
    Newsletter,
    Outcome,
    Turn,
)
from standfirst.newsletters.models.editions import title_of
from standfirst.newsletters.queries import articles_for, coming_up, rhythm_of
from standfirst.newsletters.rules import Due, Timing, due_on, timing
from standfirst.publication.events import EditorsNeeded, happened
from standfirst.publication.statements import transaction_in_turn

log = logging.getLogger("standfirst.newsletters")


def draft_due(now: datetime) -> int:
    """Draft every newsletter's edition whose time has come, each once however many workers ask.
    Says how many were drafted.

    `now` is an aware datetime. Where nothing came out since the last edition none is made, and
    where the hour is long past neither: the turn says so, and the editors are told. A newsletter
    whose edition cannot be drafted is logged and holds up no other.
    """
    drafted = 0
    for newsletter in Newsletter.objects.exclude(weekdays="").select_related("topic"):
        rhythm = rhythm_of(newsletter, now)
        today = now.astimezone(rhythm.zone).date()
        for days in (-1, 0, 1):  # what is drafted before midnight goes out after it
            due = due_on(today + timedelta(days=days), rhythm)
            if due is None or due.at < newsletter.since or not _has_come(newsletter, due, now):
                continue
            try:
                drafted += _draft_by_itself(newsletter, due, now)
            except Exception:
                log.exception("%s of %s could not be drafted", newsletter, due.day)
    return drafted


def _has_come(newsletter: Newsletter, due: Due, now: datetime) -> bool:
    moment = timing(due.at, now, drafted_before=newsletter.drafted_before, limit=newsletter.limit)
    if moment is Timing.EARLY:
        return False
    return not Turn.objects.filter(newsletter=newsletter, day=due.day).exists()


def _draft_by_itself(newsletter: Newsletter, due: Due, now: datetime) -> bool:
    with transaction_in_turn():
        Newsletter.objects.select_for_update().get(pk=newsletter.pk)
        turn, made = Turn.objects.get_or_create(
            newsletter=newsletter, day=due.day, defaults={"due_at": due.at}
        )
        if not made:  # another worker was quicker
            return False
        if now > due.at + newsletter.limit:
            return _without_edition(turn, Outcome.MISSED, now)
        if not articles_for(newsletter, now):
            return _without_edition(turn, Outcome.NOTHING, now)
        _make_edition(turn, now, None)
    return True


def hours_begin_anew(now: datetime) -> None:
    """The publication has another time zone: hours that were not its own there were not missed."""
    Newsletter.objects.update(since=now)


def _without_edition(turn: Turn, why: Outcome, now: datetime) -> bool:
    turn.outcome = why.value
    turn.told_at = now
    turn.save()
    happened(EditorsNeeded(turn=turn.pk))
    return False


def draft_today(newsletter: Newsletter, *, by: Member | None, now: datetime) -> Turn:
    """Today's turn with its edition, drafted now where there is none: for an editor who does not
    want to wait. Also on a day that is none of the newsletter's, and where nothing came out.

    `now` is an aware datetime. Where today's hour is still to come the edition goes out then; else
    it goes out only by hand.
    """
    rhythm = rhythm_of(newsletter, now)
    today = now.astimezone(rhythm.zone).date()
    due = due_on(today, rhythm)
    with transaction_in_turn():
        Newsletter.objects.select_for_update().get(pk=newsletter.pk)
        turn, _ = Turn.objects.get_or_create(newsletter=newsletter, day=today)
        if turn.edition_id is None and turn.begun_at is None:
            turn.outcome = ""
            turn.due_at = due.at if due and due.at > now else None
            turn.approved_at = turn.held_at = turn.told_at = None
            turn.approved = turn.held_why = ""
            _make_edition(turn, now, by)
    return turn


def _make_edition(turn: Turn, now: datetime, by: Member | None) -> None:
    """The edition of a turn, with what belongs in it. Within a transaction that holds the row of
    the newsletter."""
    newsletter = turn.newsletter
    articles = articles_for(newsletter, now)
    # One place at a time is given out below the index.
    index = EditionIndex.objects.select_for_update().order_by("pk").first() or set_up_newsletters()
    title = title_of(newsletter, turn.day)
    edition = Edition(
        newsletter=newsletter,
        day=turn.day,
        title=title,
        draft_title=title,
        slug=f"{newsletter.slug}-{turn.day.isoformat()}",
        live=False,
        owner=by,
    )
    edition.radar = [(one["type"], one["value"]) for one in coming_up(newsletter, turn.day)]
    edition.latest = [
        EditionArticle(article_id=pk, sort_order=place)
        for place, pk in enumerate(articles[: newsletter.most_articles])
    ]
    index.add_child(instance=edition)
    edition.save_revision(user=by, log_action="wagtail.create")
    turn.edition = edition
    turn.drafted_at = now
    turn.offered = articles
    turn.save()
