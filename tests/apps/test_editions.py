"""Editions on their way: drafted, approved, held, sent; each once, whatever the clock does."""

from datetime import date, datetime, time, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django_tasks_db.models import DBTaskResult

from standfirst.articles.actions import set_up_magazine
from standfirst.articles.models import Article, Topic
from standfirst.newsletters.actions import editions
from standfirst.newsletters.actions.drafting import draft_due, draft_today
from standfirst.newsletters.actions.editions import NotNow, approve, hold, send_due, send_now
from standfirst.newsletters.actions.setting_up import set_up_newsletters
from standfirst.newsletters.desk import on_desk, rows, told_of
from standfirst.newsletters.models import Edition, EditionArticle, MailSettings, Newsletter, Turn
from standfirst.newsletters.queries import as_written, fingerprint, latest_of
from standfirst.newsletters.rules import Stage
from standfirst.publication.models import Publication
from tests.making import at, make_article, make_magazine, make_member, make_staff

pytestmark = pytest.mark.django_db

# A Thursday; the publication is in Vienna, so 06:00 is 05:00 UTC.
DRAFTED, HOUR = at("2026-11-26T03:00"), at("2026-11-26T05:00")
DAY = date(2026, 11, 26)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Edition]:
    """What was handed to the ledger, in place of it."""
    handed: list[Edition] = []
    monkeypatch.setattr(editions, "begin_sending", lambda edition, by, now: handed.append(edition))
    return handed


@pytest.fixture(autouse=True)
def magazine() -> None:
    make_magazine(time_zone="Europe/Vienna")
    set_up_newsletters()


def make_newsletter(name: str = "The Daily Review", **fields: Any) -> Newsletter:
    fields = {"since": at("2026-11-25T12:00"), "hour": time(6), **fields}
    slug = fields.pop("slug", name.lower().replace(" ", "-"))
    return Newsletter.objects.create(name=name, slug=slug, **fields)


def publish(title: str, moment: datetime, **fields: Any) -> Article:
    return make_article(title, published_at=moment, **fields)


def drafted(newsletter: Newsletter, now: datetime = DRAFTED) -> Turn:
    draft_due(now)
    return Turn.objects.get(newsletter=newsletter, day=now.date())


def headlines(turn: Turn) -> list[str]:
    turn.refresh_from_db()
    return [article.title for article in latest_of(as_written(turn.edition))]


def write(turn: Turn, headline: str = "A strait is closed") -> Edition:
    """An editor writes our take, as the newsroom's form saves it."""
    edition = as_written(Edition.objects.get(pk=turn.edition_id))
    item = {"headline": headline, "text": "<p>What it means.</p>", "source_name": ""}
    edition.take = [("item", {**item, "source_url": ""})]
    edition.save_revision()
    return as_written(Edition.objects.get(pk=turn.edition_id))


def approved(turn: Turn, editor: Any, now: datetime = DRAFTED) -> Turn:
    seen = fingerprint(as_written(Edition.objects.get(pk=turn.edition_id)))
    return approve(turn.pk, seen=seen, by=editor, now=now)


def stage(turn: Turn) -> Stage:
    turn = Turn.objects.get(pk=turn.pk)
    return on_desk(turn).stage


def told() -> int:
    """How many times the editors are to be told of something."""
    return DBTaskResult.objects.filter(task_path__endswith="tell_editors").count()


# -- drafting -----------------------------------------------------------------------------------


def test_an_edition_is_drafted_before_its_hour_with_what_came_out_the_newest_first() -> None:
    review = make_newsletter()
    publish("Salt roads", DRAFTED - timedelta(hours=30))
    publish("Tide tables", DRAFTED - timedelta(hours=2))
    make_article("A draft", live=False)
    assert draft_due(DRAFTED - timedelta(seconds=1)) == 0
    assert draft_due(DRAFTED) == 1
    turn = Turn.objects.get()
    assert (turn.day, turn.due_at) == (DAY, HOUR)
    assert headlines(turn) == ["Tide tables", "Salt roads"]
    edition = turn.edition
    assert edition.title == "The Daily Review, 26 November 2026"
    assert edition.subject_line == "Tide tables"
    assert edition.slug == "the-daily-review-2026-11-26"
    assert not edition.live
    assert edition.newsletter == review


def test_it_is_drafted_once_however_often_it_is_asked() -> None:
    make_newsletter()
    publish("Salt roads", DRAFTED - timedelta(hours=1))
    assert [draft_due(DRAFTED + timedelta(minutes=m)) for m in (0, 1, 30, 119)] == [1, 0, 0, 0]
    assert Edition.objects.count() == Turn.objects.count() == 1


def test_two_newsletters_of_one_day_have_an_edition_each() -> None:
    make_newsletter()
    make_newsletter("The Weekly", weekdays="4")
    publish("Salt roads", DRAFTED - timedelta(hours=1))
    assert draft_due(DRAFTED) == 2


def test_an_editor_may_put_articles_in_another_order_take_away_and_add() -> None:
    make_newsletter()
    first, second, other = (
        publish(title, DRAFTED - timedelta(hours=hours))
        for title, hours in [("One", 1), ("Two", 2), ("Of last month", 900)]
    )
    turn = drafted(Newsletter.objects.get())
    edition = as_written(turn.edition)
    edition.latest = [
        EditionArticle(article=a, sort_order=n) for n, a in enumerate([second, other])
    ]
    edition.save_revision()
    assert headlines(turn) == ["Two", "Of last month"]
    assert first.title not in headlines(turn)


def test_the_next_edition_begins_where_the_last_one_that_was_sent_ended(sent: list[Any]) -> None:
    editor = make_staff()
    make_newsletter()
    publish("Wednesday's", DRAFTED - timedelta(hours=20))
    turn = approved(drafted(Newsletter.objects.get()), editor)
    assert send_due(HOUR).sent == 1
    publish("Thursday's", HOUR + timedelta(hours=4))
    next_day = drafted(Newsletter.objects.get(), DRAFTED + timedelta(days=1))
    assert headlines(next_day) == ["Thursday's"]
    assert headlines(turn) == ["Wednesday's"]


def test_what_an_editor_added_is_not_drafted_into_the_next_edition_once_more(
    sent: list[Any],
) -> None:
    make_newsletter()
    publish("Wednesday's", DRAFTED - timedelta(hours=20))
    turn = drafted(Newsletter.objects.get())
    late = publish("Of the early morning", DRAFTED + timedelta(hours=1))
    edition = as_written(turn.edition)
    edition.latest.add(EditionArticle(article=late, sort_order=9))
    edition.save_revision()
    approved(turn, make_staff(), DRAFTED + timedelta(hours=1, minutes=5))
    assert send_due(HOUR).sent == 1
    publish("Thursday's", HOUR + timedelta(hours=4))
    next_day = drafted(Newsletter.objects.get(), DRAFTED + timedelta(days=1))
    assert headlines(next_day) == ["Thursday's"]


def test_an_article_that_is_withdrawn_gives_no_edition_its_subject() -> None:
    make_newsletter()
    publish("Tide tables", DRAFTED - timedelta(hours=3))
    publish("Salt roads", DRAFTED - timedelta(hours=2))
    turn = drafted(Newsletter.objects.get())
    assert as_written(turn.edition).subject_line == "Salt roads"
    Article.objects.get(title="Salt roads").unpublish()
    assert as_written(Edition.objects.get()).subject_line == "Tide tables"


def test_what_an_edition_offered_that_nobody_got_is_offered_again() -> None:
    make_newsletter()
    publish("Wednesday's", DRAFTED - timedelta(hours=20))
    drafted(Newsletter.objects.get())
    assert send_due(HOUR).held == 1
    publish("Thursday's", HOUR + timedelta(hours=4))
    again = drafted(Newsletter.objects.get(), DRAFTED + timedelta(days=1))
    assert headlines(again) == ["Thursday's", "Wednesday's"]


def test_where_nothing_came_out_nothing_is_made_and_the_editors_are_told_once() -> None:
    make_newsletter()
    publish("Of last month", DRAFTED - timedelta(days=25))
    assert [draft_due(DRAFTED), draft_due(DRAFTED + timedelta(minutes=5))] == [0, 0]
    turn = Turn.objects.get()
    assert stage(turn) is Stage.NOTHING
    assert told_of(turn) == "Nothing was published since the last edition, so nothing is sent."
    assert told() == 1
    assert not Edition.objects.exists()
    assert send_due(HOUR).sent == 0


def test_an_editor_drafts_by_hand_what_was_not_drafted(sent: list[Any]) -> None:
    make_newsletter()
    draft_due(DRAFTED)
    editor = make_staff()
    turn = draft_today(Newsletter.objects.get(), by=editor, now=DRAFTED)
    assert turn.edition is not None
    assert turn.due_at == HOUR
    with pytest.raises(NotNow, match="nothing in this edition"):
        approved(turn, editor)
    write(turn)
    approved(turn, editor)
    send_due(HOUR)
    assert [edition.subject_line for edition in sent] == ["A strait is closed"]


def test_drafting_by_hand_twice_gives_the_same_edition() -> None:
    make_newsletter()
    first = draft_today(Newsletter.objects.get(), by=None, now=DRAFTED)
    again = draft_today(Newsletter.objects.get(), by=None, now=DRAFTED)
    assert first.edition_id == again.edition_id
    assert Edition.objects.count() == 1


def test_what_is_drafted_by_hand_after_the_hour_goes_out_only_by_hand(sent: list[Any]) -> None:
    editor = make_staff()
    publish("Salt roads", HOUR)
    make_newsletter(since=HOUR)
    noon = HOUR + timedelta(hours=6)
    turn = approved(draft_today(Newsletter.objects.get(), by=editor, now=noon), editor, noon)
    assert turn.due_at is None
    assert send_due(noon + timedelta(days=3)) == editions.Done()
    send_now(turn.pk, by=editor, now=noon)
    assert len(sent) == 1


def test_a_worker_that_comes_hours_late_drafts_nothing_and_says_so() -> None:
    make_newsletter()
    publish("Salt roads", DRAFTED)
    assert draft_due(HOUR + timedelta(hours=3, seconds=1)) == 0
    assert stage(Turn.objects.get()) is Stage.MISSED
    assert "long past" in told_of(Turn.objects.get())
    assert told() == 1


def test_a_newsletter_made_in_the_afternoon_has_missed_nothing() -> None:
    make_newsletter(since=HOUR + timedelta(hours=8))
    publish("Salt roads", DRAFTED)
    draft_due(HOUR + timedelta(hours=9))
    assert not Turn.objects.exists()


def test_a_newsletter_that_is_given_another_hour_has_not_missed_it(monkeypatch: Any) -> None:
    noon = HOUR + timedelta(hours=6)
    review = make_newsletter(weekdays="")
    publish("Salt roads", DRAFTED)
    monkeypatch.setattr("django.utils.timezone.now", lambda: noon)
    review.weekdays = "12345"
    review.save()
    draft_due(noon)
    assert not Turn.objects.exists()


def test_a_magazine_that_moves_to_another_zone_has_missed_no_hour_there() -> None:
    newsletter = make_newsletter()
    publication = Publication.objects.get()
    publication.name = "The Pier"
    publication.save()
    newsletter.refresh_from_db()
    assert newsletter.since == at("2026-11-25T12:00")
    publication.time_zone = "Pacific/Auckland"
    publication.save()
    newsletter.refresh_from_db()
    assert newsletter.since > at("2026-11-25T12:00")


def test_an_edition_for_just_after_midnight_is_drafted_the_evening_before() -> None:
    make_newsletter(hour=time(0, 30), weekdays="5")
    publish("Salt roads", DRAFTED)
    assert draft_due(at("2026-11-26T21:30")) == 1
    assert Turn.objects.get().day == date(2026, 11, 27)


def test_on_a_holiday_and_on_a_day_off_there_is_none() -> None:
    MailSettings.objects.update(holidays="US", days_off="2026-11-27")
    make_newsletter()
    publish("Salt roads", DRAFTED)
    assert draft_due(DRAFTED) == 0  # Thanksgiving
    assert draft_due(DRAFTED + timedelta(days=1)) == 0
    assert draft_due(DRAFTED + timedelta(days=2)) == 0  # Saturday
    assert draft_due(DRAFTED + timedelta(days=4)) == 1


def test_holidays_that_are_known_no_more_keep_no_edition_from_its_readers() -> None:
    # As another version of the library may leave it: the form would not take it.
    MailSettings.objects.update(holidays="US-XX", days_off="2026-11-27")
    make_newsletter()
    publish("Salt roads", DRAFTED)
    assert draft_due(DRAFTED) == 1
    assert draft_due(DRAFTED + timedelta(days=1)) == 0


def test_a_newsletter_on_a_topic_takes_what_is_filed_there() -> None:
    topic = Topic.objects.create(name="Shipping", slug="shipping")
    make_newsletter(audience="topic", topic=topic)
    publish("On ships", DRAFTED - timedelta(hours=1), topics=[topic])
    publish("On maps", DRAFTED - timedelta(hours=1))
    assert headlines(drafted(Newsletter.objects.get())) == ["On ships"]


def test_no_more_than_so_many_articles_are_drafted_and_the_desk_says_how_many_are_left() -> None:
    make_newsletter(most_articles=2)
    for hours in range(1, 6):
        publish(f"Number {hours}", DRAFTED - timedelta(hours=hours))
    turn = drafted(Newsletter.objects.get())
    assert headlines(turn) == ["Number 1", "Number 2"]
    assert on_desk(turn).left_out == 3


def test_what_is_still_to_come_stays_on_the_radar(sent: list[Any]) -> None:
    editor = make_staff()
    make_newsletter()
    publish("Salt roads", DRAFTED - timedelta(hours=2))
    turn = drafted(Newsletter.objects.get())
    edition = as_written(turn.edition)
    days = [date(2026, 11, 26), date(2026, 11, 27), date(2026, 12, 4)]
    edition.radar = [("item", {"day": day, "text": f"<p>On {day}</p>"}) for day in days]
    edition.save_revision()
    approved(turn, editor)
    send_due(HOUR)
    publish("Tide tables", HOUR)
    after = drafted(Newsletter.objects.get(), DRAFTED + timedelta(days=1))
    assert [item.value["day"] for item in as_written(after.edition).radar] == days[1:]
    # It was approved once, so it goes along where nobody approves the next edition.
    Newsletter.objects.update(unapproved="send")
    assert send_due(HOUR + timedelta(days=1)).sent == 1
    assert [item.value["day"] for item in sent[-1].radar] == days[1:]


# -- approval and the hour ----------------------------------------------------------------------


@pytest.fixture
def turn() -> Turn:
    make_newsletter()
    publish("Salt roads", DRAFTED - timedelta(hours=2))
    return drafted(Newsletter.objects.get())


def test_an_approved_edition_is_sent_at_its_hour_once_and_then_readers_find_it(
    turn: Turn, sent: list[Edition]
) -> None:
    write(turn)
    approved(turn, make_staff())
    assert send_due(HOUR - timedelta(seconds=1)).sent == 0
    assert send_due(HOUR).sent == 1
    assert send_due(HOUR + timedelta(minutes=1)) == editions.Done()
    assert [edition.subject_line for edition in sent] == ["A strait is closed"]
    live = Edition.objects.get()
    assert live.live
    assert live.take[0].value["headline"] == "A strait is closed"
    assert stage(turn) is Stage.SENT


def test_what_nobody_approved_is_held_and_the_editors_are_told_once(
    turn: Turn, sent: list[Edition]
) -> None:
    write(turn)
    assert send_due(HOUR).held == 1
    assert send_due(HOUR + timedelta(minutes=1)) == editions.Done()
    assert not sent
    assert told() == 1
    assert stage(turn) is Stage.HELD
    turn.refresh_from_db()
    assert told_of(turn) == "Held. Nobody approved it by its hour."


def test_what_is_approved_after_its_hour_waits_for_send_now(turn: Turn, sent: list[Any]) -> None:
    editor = make_staff()
    send_due(HOUR)
    approved(turn, editor, HOUR + timedelta(minutes=30))
    assert send_due(HOUR + timedelta(minutes=31)) == editions.Done()
    shown = on_desk(Turn.objects.get())
    assert (shown.may_send, shown.may_approve, shown.may_hold) == (True, False, True)
    assert shown.sentence == (
        f"Nobody approved it by its hour. Since then approved by {editor.get_full_name()}. It goes "
        "out when you press “Send now”."
    )
    write(turn, "Written since")
    shown = on_desk(Turn.objects.get())
    assert (shown.may_send, shown.may_approve) == (False, True)
    assert shown.sentence == "Held. Nobody approved it by its hour."
    approved(turn, editor, HOUR + timedelta(minutes=35))
    send_now(turn.pk, by=editor, now=HOUR + timedelta(minutes=40))
    assert len(sent) == 1
    assert Edition.objects.get().live


def test_editing_after_approval_asks_to_approve_anew(turn: Turn, sent: list[Any]) -> None:
    editor = make_staff()
    approved(turn, editor)
    write(turn, "Written at the last moment")
    assert stage(turn) is Stage.CHANGED
    with pytest.raises(NotNow, match="Approve it anew"):
        send_now(turn.pk, by=editor, now=HOUR)
    assert send_due(HOUR).held == 1
    assert not sent
    turn.refresh_from_db()
    assert "changed after it was approved" in turn.held_why


def test_an_edit_that_is_taken_back_leaves_it_approved(turn: Turn) -> None:
    approved(turn, make_staff())
    write(turn)
    edition = as_written(Edition.objects.get())
    edition.take = []
    edition.save_revision()
    assert stage(turn) is Stage.APPROVED


def test_one_cannot_approve_what_one_has_not_seen(turn: Turn) -> None:
    seen = fingerprint(as_written(Edition.objects.get()))
    write(turn)
    with pytest.raises(NotNow, match="has changed since you opened"):
        approve(turn.pk, seen=seen, by=make_staff(), now=DRAFTED)


def test_what_was_not_approved_goes_out_with_its_automatic_parts_if_the_newsletter_says_so(
    turn: Turn, sent: list[Edition]
) -> None:
    Newsletter.objects.update(unapproved="send")
    edition = write(turn, "Nobody approved this")
    edition.more = "<p>Nor this</p>"
    edition.subject = "Nor this subject"
    edition.radar = [("item", {"day": DAY + timedelta(days=8), "text": "<p>Nor this summit</p>"})]
    edition.save_revision()
    assert send_due(HOUR).sent == 1
    (letter,) = sent
    assert (letter.subject_line, list(letter.take), letter.more) == ("Salt roads", [], "")
    assert not letter.radar
    assert "automatic parts" in told_of(Turn.objects.get())
    # Nothing that was written is lost.
    assert any("Nobody approved this" in str(r.content) for r in letter.revisions.all())


def test_with_no_automatic_part_it_is_held_even_then(turn: Turn, sent: list[Any]) -> None:
    Newsletter.objects.update(unapproved="send")
    edition = write(turn)
    edition.latest = []
    edition.save_revision()
    assert send_due(HOUR).held == 1
    assert not sent


def test_with_nothing_but_withdrawn_articles_it_is_held_even_then(
    turn: Turn, sent: list[Any]
) -> None:
    Newsletter.objects.update(unapproved="send")
    Article.objects.get(title="Salt roads").unpublish()
    assert send_due(HOUR).held == 1
    assert not sent


def test_an_approved_edition_of_which_nothing_is_left_is_held(turn: Turn, sent: list[Any]) -> None:
    editor = make_staff()
    edition = as_written(Edition.objects.get())
    edition.subject = "Today"
    edition.save_revision()
    approved(turn, editor)
    Article.objects.get(title="Salt roads").unpublish()
    with pytest.raises(NotNow, match="nothing in this edition"):
        send_now(turn.pk, by=editor, now=DRAFTED)
    assert send_due(HOUR).held == 1
    assert not sent
    assert told_of(Turn.objects.get()) == "Held. Its articles were withdrawn, so it says nothing."
    with pytest.raises(NotNow, match="nothing in this edition"):
        approved(turn, editor)


def test_an_edition_is_never_sent_hours_late_by_itself(turn: Turn, sent: list[Any]) -> None:
    approved(turn, make_staff())
    assert send_due(HOUR + timedelta(hours=3, seconds=1)).held == 1
    assert not sent
    assert told_of(Turn.objects.get()) == "Held. Its hour was more than 3 hours ago."


def test_a_held_edition_does_not_go_out_until_it_is_approved_again(
    turn: Turn, sent: list[Any]
) -> None:
    editor = make_staff()
    approved(turn, editor)
    hold(turn.pk, by=editor, now=DRAFTED)
    assert send_due(HOUR - timedelta(hours=1)) == editions.Done()
    with pytest.raises(NotNow, match="Approve the edition first"):
        send_now(turn.pk, by=editor, now=DRAFTED)
    approved(turn, editor)
    assert stage(turn) is Stage.APPROVED
    assert send_due(HOUR).sent == 1


def test_what_was_sent_can_neither_be_held_nor_sent_again(turn: Turn, sent: list[Any]) -> None:
    editor = make_staff()
    approved(turn, editor)
    send_now(turn.pk, by=editor, now=DRAFTED)
    for verb in (hold, send_now):
        with pytest.raises(NotNow, match="sent already"):
            verb(turn.pk, by=editor, now=DRAFTED)
    with pytest.raises(NotNow):
        approved(turn, editor)
    assert len(sent) == 1


def test_what_the_ledger_refuses_stays_unsent_and_is_tried_again(
    turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(turn, make_staff())

    def refuse(edition: Edition, by: Any, now: datetime) -> None:
        raise RuntimeError("no letter could be made")

    with monkeypatch.context() as patched:
        patched.setattr(editions, "begin_sending", refuse)
        assert send_due(HOUR).failed == 1
    assert not Edition.objects.get().live
    assert stage(turn) is Stage.APPROVED
    assert send_due(HOUR + timedelta(minutes=1)).sent == 1


def test_the_history_of_a_page_gives_nothing_back_that_was_approved(turn: Turn) -> None:
    """A page that is reverted says what it said before; where it stands is kept beside it."""
    editor = make_staff()
    first = Edition.objects.get().latest_revision
    write(turn)
    approved(turn, editor)
    send_now(turn.pk, by=editor, now=DRAFTED)
    first.publish()
    assert Turn.objects.get().begun_at == DRAFTED
    assert stage(turn) is Stage.SENT


def test_an_edition_that_was_sent_cannot_be_deleted_and_none_is_published_by_itself(
    turn: Turn,
) -> None:
    editor = make_staff()
    may = Edition.objects.get().permissions_for_user(editor)
    assert may.can_delete()
    assert may.can_edit()
    assert may.can_send()
    assert not may.can_publish()
    assert not may.can_copy()
    assert not may.can_move()
    approved(turn, editor)
    send_now(turn.pk, by=editor, now=DRAFTED)
    may = Edition.objects.get().permissions_for_user(editor)
    assert not may.can_delete()
    assert may.can_publish()  # what was mended in the archive


def test_a_deleted_draft_is_not_made_again_by_itself_but_by_hand(turn: Turn) -> None:
    Edition.objects.get().delete()
    assert draft_due(DRAFTED + timedelta(minutes=1)) == 0
    assert stage(turn) is Stage.GONE
    assert draft_today(Newsletter.objects.get(), by=None, now=DRAFTED).edition is not None


# -- several workers ----------------------------------------------------------------------------


def at_once(count: int, do: Any) -> list[Any]:
    """What each of so many threads was given, which all begin at the same moment."""
    ready, given = Barrier(count), []

    def one() -> None:
        try:
            ready.wait()
            given.append(do())
        finally:
            connection.close()

    threads = [Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


@pytest.mark.django_db(transaction=True)
def test_six_workers_draft_one_edition_and_send_it_once(sent: list[Edition]) -> None:
    make_newsletter()
    make_newsletter("The Weekly", weekdays="4")
    publish("Salt roads", DRAFTED - timedelta(hours=2))
    # What one could not do at the same time as another, it does when it comes by again.
    made = sum(sum(at_once(6, lambda: draft_due(DRAFTED))) for _ in range(2))
    assert made == Turn.objects.count() == Edition.objects.count() == 2
    for turn in Turn.objects.all():
        approved(turn, make_staff())
    done = at_once(6, lambda: send_due(HOUR))
    assert sum(one.sent for one in done) == len(sent) == 2


# -- settings -----------------------------------------------------------------------------------


@pytest.fixture
def faults() -> Any:
    def of(row: Any) -> dict[str, list[str]]:
        with pytest.raises(ValidationError) as refused:
            row.full_clean()
        return refused.value.message_dict

    return of


def test_settings_that_make_no_sense_are_refused_with_what_to_write(faults: Any) -> None:
    told = faults(MailSettings(holidays="XX", days_off="soon"))
    assert "ISO code" in told["holidays"][0]
    assert "Write 2026-12-24" in told["days_off"][0]
    assert "Its parts are" in faults(MailSettings(holidays="DE-ZZ"))["holidays"][0]
    for fine in ("", "at", "DE-BE", "de-be", "DE-Augsburg"):
        MailSettings(holidays=fine).full_clean()


def test_a_newsletter_that_makes_no_sense_is_refused(faults: Any) -> None:
    review = make_newsletter(slug="daily-review")
    review.slug = "another"
    assert "cannot change" in faults(review)["slug"][0]
    assert "taken" in faults(Newsletter(name="A", slug="alerts"))["slug"][0]
    assert "topic" in faults(Newsletter(name="B", slug="b", audience="topic"))["topic"][0]
    assert "weekdays" in faults(Newsletter(name="C", slug="c", weekdays="129"))
    topic = Topic.objects.create(name="T", slug="t")
    assert "topic" in faults(Newsletter(name="D", slug="d", topic=topic))


# -- the desk -----------------------------------------------------------------------------------


def test_the_desk_says_when_each_newsletter_goes_out_next_and_what_is_in_hand(turn: Turn) -> None:
    make_newsletter("By hand", weekdays="")
    by_hand, review = rows(DRAFTED)
    assert (by_hand.next, by_hand.current) == ("", None)
    assert by_hand.may_draft
    assert "Thursday, 26 November" in review.next
    assert review.current is not None
    assert review.current.sentence.startswith("Drafted; it waits for approval.")
    assert not review.may_draft


def test_an_edition_that_was_held_stays_in_hand_until_the_next_one(turn: Turn) -> None:
    send_due(HOUR)
    next_day = HOUR + timedelta(days=1)
    (review,) = rows(next_day)
    assert review.current is not None
    assert (review.current.turn.pk, review.current.may_approve) == (turn.pk, True)
    assert review.may_draft
    publish("Tide tables", HOUR + timedelta(hours=4))
    drafted(Newsletter.objects.get(), DRAFTED + timedelta(days=1))
    (review,) = rows(next_day)
    assert review.current is not None
    assert review.current.turn.day == turn.day + timedelta(days=1)


def test_set_up_may_be_repeated_and_gives_each_group_what_it_needs() -> None:
    from standfirst.newsletters.models import EditionIndex

    EditionIndex.objects.all().delete()
    set_up_magazine()
    index = set_up_newsletters()
    assert set_up_newsletters() == index
    make_newsletter()
    publish("Salt roads", DRAFTED - timedelta(hours=1))
    edition = drafted(Newsletter.objects.get()).edition

    def may(group: str) -> list[bool]:
        from django.contrib.auth.models import Group

        member = make_member()
        member.groups.add(Group.objects.get(name=group))
        on_page = edition.permissions_for_user(member)
        return [
            on_page.can_edit(),
            on_page.can_send(),
            member.has_perm("newsletters.change_newsletter"),
            member.has_perm("newsletters.change_mailsettings"),
        ]

    assert may("Writers") == [True, False, False, False]
    assert may("Editors") == [True, True, True, False]
    assert may("Publishers") == [False, False, True, True]
