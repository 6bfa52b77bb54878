"""Newsletters on the web as each kind of reader has them, and on the newsroom's desk."""

from dataclasses import dataclass
from datetime import date, timedelta
from html import unescape
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.access.rules import Terms
from standfirst.articles.actions import set_up_magazine
from standfirst.members.consent import By, take_back
from standfirst.members.models import Consent, Member
from standfirst.newsletters import jobs
from standfirst.newsletters.actions import editions
from standfirst.newsletters.actions.setting_up import set_up_newsletters
from standfirst.newsletters.jobs import send_test, tell_editors
from standfirst.newsletters.models import (
    Delivery,
    Edition,
    Newsletter,
    Sending,
    Suppression,
    Turn,
)
from standfirst.newsletters.previews import preview_of
from standfirst.newsletters.queries import as_written
from standfirst.newsletters.slots import WORD
from tests.making import (
    make_article,
    make_edition,
    make_magazine,
    make_member,
    make_newsletter,
    make_staff,
    subscribe,
)

pytestmark = pytest.mark.django_db

DAY = "2026-11-26"
WRITTEN = "What it means for the ports."
DESK = "newsletters_desk:index"


def edition_of(newsletter: Newsletter, day: str = DAY, **fields: Any) -> Edition:
    item = {"headline": "A strait is closed", "text": f"<p>{WRITTEN}</p>"}
    take = [("item", {**item, "source_name": "The pilots", "source_url": "https://example.org/"})]
    radar = [("item", {"day": date(2026, 12, 4), "text": "<p>The deputies meet.</p>"})]
    article = make_article("Salt roads", terms=Terms.METERED)
    fields = {"take": take, "radar": radar, "more": "<p>We hire an editor.</p>", **fields}
    return make_edition(newsletter, day, article, **fields)


def signed_in(member: Member) -> Client:
    client = Client(headers={"sec-fetch-site": "same-origin"})
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_at(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return unescape(response.content.decode())


# -- on the web ----------------------------------------------------------------------------------


def test_a_subscriber_reads_the_whole_edition_and_a_member_its_headlines(client: Client) -> None:
    review = make_newsletter(terms="subscribers")
    address = edition_of(review).get_absolute_url()
    assert address == f"/newsletters/the-daily-review/{DAY}/"
    subscriber, member = make_member(), make_member()
    subscribe(subscriber)
    whole = text_at(signed_in(subscriber), address)
    for said in (WRITTEN, "Source:", "4 December", "The deputies meet.", "We hire", "Salt roads"):
        assert said in whole
    assert "wall-title" not in whole
    for reader in (signed_in(member), client):
        told = text_at(reader, address)
        for kept in (WRITTEN, "Source:", "The deputies meet.", "We hire"):
            assert kept not in told
        for shown in ("A strait is closed", "Salt roads", "For subscribers", "See All-Access"):
            assert shown in told


def test_a_visitor_joins_at_the_wall_of_an_edition_and_reads_it(client: Client) -> None:
    client = Client(headers={"sec-fetch-site": "same-origin"})
    address = edition_of(make_newsletter("The Weekly", terms="members")).get_absolute_url()
    wall = text_at(client, address)
    assert WRITTEN not in wall
    assert f'name="next" value="{address}"' in wall
    joined = client.post(reverse("join"), {"email": "ada@example.org", "next": address})
    assert (joined.status_code, joined["Location"]) == (302, address)
    assert WRITTEN in text_at(client, address)


def test_an_open_newsletter_is_for_everybody(client: Client) -> None:
    address = edition_of(make_newsletter(terms="open")).get_absolute_url()
    assert WRITTEN in text_at(client, address)


def test_nothing_is_kept_of_it_between_two_readers(client: Client) -> None:
    address = edition_of(make_newsletter(terms="members")).get_absolute_url()
    response = client.get(address)
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]


def test_what_was_not_sent_is_nowhere(client: Client) -> None:
    review = make_newsletter(terms="open", offered=False)
    draft = edition_of(review, live=False)
    staff = signed_in(make_staff())
    for reader in (client, staff):
        text_at(reader, draft.get_absolute_url(), 404)
        text_at(reader, "/newsletters/the-daily-review/", 404)
        assert "strait" not in text_at(reader, "/newsletters/")


def test_the_page_s_own_address_in_wagtail_leads_to_the_one_that_is_judged(client: Client) -> None:
    edition = edition_of(make_newsletter(terms="subscribers"))
    response = client.get(f"/editions/{edition.slug}/")
    assert (response.status_code, response["Location"]) == (302, edition.get_absolute_url())
    assert client.get("/editions/")["Location"] == "/newsletters/"


@pytest.mark.parametrize("day", ["2026-13-01", "2026-02-30", "2026-11-25", "9999-99-99"])
def test_a_day_without_an_edition_is_not_found(client: Client, day: str) -> None:
    edition_of(make_newsletter())
    text_at(client, f"/newsletters/the-daily-review/{day}/", 404)
    text_at(client, f"/newsletters/another/{DAY}/", 404)


def test_an_archive_has_pages_the_newest_first_and_editions_lead_to_their_neighbours(
    client: Client,
) -> None:
    review = make_newsletter(terms="open", description="Five minutes on the world.")
    first = date(2026, 9, 1)
    for number in range(33):
        day = (first + timedelta(days=number)).isoformat()
        make_edition(review, day, subject=f"Subject {number}")
    page = text_at(client, "/newsletters/the-daily-review/")
    assert "33 editions" in page
    assert page.index("Subject 32") < page.index("Subject 3<")
    assert "Subject 2<" not in page
    assert "Subject 2<" in text_at(client, "/newsletters/the-daily-review/?page=2")
    for wrong in ("3", "0", "x"):
        text_at(client, f"/newsletters/the-daily-review/?page={wrong}", 404)
    middle = text_at(client, "/newsletters/the-daily-review/2026-09-10/")
    assert "/the-daily-review/2026-09-09/" in middle
    assert "/the-daily-review/2026-09-11/" in middle


def test_all_newsletters_say_when_they_come_and_how_to_get_them(client: Client) -> None:
    make_newsletter(terms="subscribers", audience="subscribers")
    edition_of(make_newsletter("The Weekly", weekdays="5", hour="07:30:00"))
    page = text_at(client, "/newsletters/")
    assert "Monday to Friday at 06:00" in page
    assert "Friday at 07:30" in page
    assert "It comes with All-Access" in page
    assert "/join/?next=/newsletters/the-weekly/" in page
    assert f"/newsletters/the-weekly/{DAY}/" in page


def test_an_article_that_was_withdrawn_is_left_out(client: Client) -> None:
    review = make_newsletter(terms="open")
    gone, here = make_article("Withdrawn"), make_article("Still here")
    address = make_edition(review, DAY, gone, here, subject="Two").get_absolute_url()
    gone.unpublish()
    page = text_at(client, address)
    assert "Still here" in page
    assert "Withdrawn" not in page


def test_what_an_editor_wrote_is_escaped_where_it_is_no_mark_up(client: Client) -> None:
    review = make_newsletter(terms="open")
    hostile = "<script>alert(1)</script> شريان"
    item = {"headline": hostile, "text": "<p>ok</p>", "source_name": hostile, "source_url": ""}
    edition = make_edition(review, DAY, take=[("item", item)], subject=hostile[:160])
    response = client.get(edition.get_absolute_url()).content.decode()
    assert "<script>alert" not in response
    assert "شريان" in response


# -- as editors look at it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "whole"), [("web-visitor", False), ("web-member", False), ("web-subscriber", True)]
)
def test_a_preview_of_the_page_shows_what_that_reader_will_see(
    mode: str, whole: bool, rf: Any
) -> None:
    edition = edition_of(make_newsletter(terms="subscribers"))
    request = rf.get("/")
    request.user = make_staff()  # who looks does not matter
    page = preview_of(edition, request, mode).render().content.decode()
    assert (WRITTEN in page) is whole
    assert ("wall-title" in page) is not whole


LETTERS = [
    ("mail-subscriber", True),
    ("dark-subscriber", True),
    ("text-subscriber", True),
    ("mail-member", False),
    ("text-member", False),
]


@pytest.mark.parametrize(("mode", "whole"), LETTERS)
def test_a_preview_of_a_letter_is_what_they_will_get(mode: str, whole: bool, rf: Any) -> None:
    edition = edition_of(make_newsletter(terms="subscribers"), live=False)
    response = preview_of(edition, rf.get("/"), mode)
    letter = response.content.decode()
    assert "Salt roads" in letter
    assert (WRITTEN in letter) is whole
    assert response["Content-Type"].startswith("text/plain" if "text" in mode else "text/html")


def test_every_preview_can_be_opened_from_the_editor_s_form(editor: Client) -> None:
    turn = drafted_by(editor)
    for mode, _ in Edition.preview_modes:
        address = reverse("wagtailadmin_pages:view_draft", args=[turn.edition_id])
        assert "Salt roads" in text_at(editor, f"{address}?mode={mode}"), mode


# -- on the desk ----------------------------------------------------------------------------------


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Edition]:
    sent: list[Edition] = []
    monkeypatch.setattr(editions, "begin_sending", lambda edition, by, now: sent.append(edition))
    return sent


@pytest.fixture
def editor() -> Client:
    make_magazine(time_zone="Europe/Vienna")
    set_up_magazine()
    set_up_newsletters()
    return signed_in(colleague("Editors"))


def colleague(group: str) -> Member:
    member = make_member(is_staff=True)
    member.groups.add(Group.objects.get(name=group))
    return member


def do(client: Client, turn: Turn, verb: str, **told: str) -> Any:
    return client.post(reverse("newsletters_desk:act", args=[turn.pk, verb]), told, follow=True)


def drafted_by(editor: Client) -> Turn:
    make_article("Salt roads", published_at=timezone.now() - timedelta(hours=1))
    review = make_newsletter(weekdays="")
    response = editor.post(reverse("newsletters_desk:draft", args=[review.pk]))
    turn = Turn.objects.get()
    assert response["Location"] == reverse("wagtailadmin_pages:edit", args=[turn.edition_id])
    return turn


@dataclass
class _Result:
    id: str


class _Run:
    """What a job is told of its run."""

    def __init__(self, number: str) -> None:
        self.task_result = _Result(number)


def seen_on(page: str) -> str:
    return page.partition('name="seen" value="')[2].partition('"')[0]


def test_an_editor_drafts_tests_approves_and_sends(editor: Client, handed: list[Edition]) -> None:
    turn = drafted_by(editor)
    desk = text_at(editor, reverse(DESK))
    for said in ("Draft", "it waits for approval", "1 article under", "Send a test to myself"):
        assert said in desk
    assert "Send now" not in desk.replace("press “Send now”", "")
    assert "A test is on its way" in unescape(do(editor, turn, "test").content.decode())
    assert DBTaskResult.objects.filter(task_path__endswith="send_test").count() == 1
    approved = unescape(do(editor, turn, "approve", seen=seen_on(desk)).content.decode())
    assert "Approved by" in approved
    sent = unescape(do(editor, turn, "send").content.decode())
    assert "It is on its way" in sent
    assert len(handed) == 1
    edition = Edition.objects.get()
    assert text_at(Client(), edition.get_absolute_url()).count("Salt roads") > 1


def test_what_is_sent_is_what_the_ledger_has(editor: Client) -> None:
    """Without a stand-in: the letters of each kind of reader, and the list of who gets them."""
    turn = drafted_by(editor)
    wants = make_member(wants=["the-daily-review"])
    make_member()
    do(editor, turn, "approve", seen=seen_on(text_at(editor, reverse(DESK))))
    do(editor, turn, "send")
    sending = Sending.objects.get()
    assert (sending.edition_id, sending.total) == (turn.edition_id, 1)
    assert Delivery.objects.get().member == wants.pk
    assert {letter.variant for letter in sending.letters.all()} == {"subscriber", "member"}
    assert sending.letters.first().subject == "Salt roads"
    desk = text_at(editor, reverse(DESK))
    assert reverse("newsletters_sending", args=[sending.pk]) in desk


def test_a_test_goes_to_whoever_asked_as_each_kind_of_reader_gets_it(
    editor: Client, mailoutbox: list[Any]
) -> None:
    turn = drafted_by(editor)
    me = Member.objects.get(pk=editor.session["_auth_user_id"])
    for _ in range(2):  # a job may be run twice
        send_test.func(_Run("one"), turn.edition_id, me.pk)
    assert [mail.to for mail in mailoutbox] == [[me.email]] * 2
    assert {mail.subject for mail in mailoutbox} == {
        "[Test, as a subscriber] Salt roads",
        "[Test, as a member] Salt roads",
    }
    assert not WORD.search(mailoutbox[0].body + mailoutbox[0].alternatives[0][0])


def test_a_long_past_costs_the_desk_no_more_than_a_short_one(
    editor: Client, django_assert_max_num_queries: Any
) -> None:
    review, article = make_newsletter(), make_article("Salt roads")
    for day in range(1, 13):
        edition = make_edition(review, f"2026-10-{day:02}", article)
        edition.save_revision()
        moment = timezone.now()
        Turn.objects.create(newsletter=review, day=edition.day, edition=edition, begun_at=moment)
        Sending.objects.create(key=f"edition:{edition.pk}", kind="edition", edition=edition)
    text_at(editor, reverse(DESK))  # what is kept in memory from now on
    with django_assert_max_num_queries(40):
        desk = text_at(editor, reverse(DESK))
    assert desk.count("Salt roads") == 12
    assert reverse("newsletters_sending", args=[Sending.objects.first().pk]) in desk


def test_no_test_goes_to_a_colleague_to_whom_no_mail_goes(editor: Client) -> None:
    turn = drafted_by(editor)
    me = Member.objects.get(pk=editor.session["_auth_user_id"])
    Suppression.objects.create(address=me.email.upper(), reason="bounced")
    page = unescape(do(editor, turn, "test").content.decode())
    assert "it stands under “No mail to”" in page
    assert not DBTaskResult.objects.filter(task_path__endswith="send_test").exists()


def test_each_editor_is_told_once_why_an_edition_waits(
    editor: Client, mailoutbox: list[Any]
) -> None:
    turn = drafted_by(editor)
    colleague("Editors")
    tell_editors.func(_Run("before"), turn.pk)
    assert not mailoutbox  # nothing waits
    do(editor, turn, "hold")
    for _ in range(2):
        tell_editors.func(_Run("two"), turn.pk)
    assert len(mailoutbox) == len({mail.to[0] for mail in mailoutbox}) == 2
    assert "Held." in mailoutbox[0].body
    assert reverse(DESK) in mailoutbox[0].body


def test_an_editor_whose_mail_is_refused_keeps_no_other_from_hearing_of_it(
    editor: Client, mailoutbox: list[Any], monkeypatch: Any
) -> None:
    turn = drafted_by(editor)
    first = Member.objects.get(pk=editor.session["_auth_user_id"])
    other = colleague("Editors")
    do(editor, turn, "hold")
    send = jobs.send_letter

    def refused(template: str, to: str, **more: Any) -> Any:
        if to == first.email:
            raise SMTPRecipientsRefused({to: (550, b"no such user")})
        return send(template, to, **more)

    monkeypatch.setattr(jobs, "send_letter", refused)
    with pytest.raises(SMTPRecipientsRefused):  # and the job is known to have failed
        tell_editors.func(_Run("one"), turn.pk)
    assert [mail.to for mail in mailoutbox] == [[other.email]]


def test_what_was_changed_meanwhile_is_not_approved(editor: Client) -> None:
    turn = drafted_by(editor)
    seen = seen_on(text_at(editor, reverse(DESK)))
    edition = as_written(turn.edition)
    edition.subject = "Another subject"
    edition.save_revision()
    page = unescape(do(editor, turn, "approve", seen=seen).content.decode())
    assert "has changed since you opened this page" in page
    assert Turn.objects.get().approved_at is None


def test_an_editor_holds_an_approved_edition(editor: Client, handed: list[Edition]) -> None:
    turn = drafted_by(editor)
    do(editor, turn, "approve", seen=seen_on(text_at(editor, reverse(DESK))))
    assert "Held." in unescape(do(editor, turn, "hold").content.decode())
    assert "Approve the edition first" in unescape(do(editor, turn, "send").content.decode())
    assert not handed


def test_a_writer_drafts_and_edits_but_approves_nothing(editor: Client) -> None:
    turn = drafted_by(editor)
    writer = signed_in(colleague("Writers"))
    desk = text_at(writer, reverse(DESK))
    assert "Send a test to myself" in desk
    assert "Approve" not in desk
    text_at(writer, reverse("wagtailadmin_pages:edit", args=[turn.edition_id]))
    for verb in ("approve", "hold", "send"):
        do(writer, turn, verb, seen=seen_on(text_at(editor, reverse(DESK))))
    turn.refresh_from_db()
    assert (turn.approved_at, turn.held_at, turn.begun_at) == (None, None, None)


def test_nobody_else_sees_the_desk_and_a_get_changes_nothing(editor: Client) -> None:
    turn = drafted_by(editor)
    outsider = signed_in(make_member())
    assert outsider.get(reverse(DESK)).status_code in {302, 403}
    assert Client().get(reverse(DESK)).status_code == 302
    for address in (
        reverse("newsletters_desk:act", args=[turn.pk, "approve"]),
        reverse("newsletters_desk:draft", args=[turn.newsletter_id]),
    ):
        assert editor.get(address).status_code == 405


def test_the_editor_s_form_of_an_edition_has_what_an_edition_is_made_of(editor: Client) -> None:
    turn = drafted_by(editor)
    form = text_at(editor, reverse("wagtailadmin_pages:edit", args=[turn.edition_id]))
    for said in ("Subject", "Our take", "Latest analysis", "On our radar", "And more"):
        assert said in form
    assert "action-publish" not in form  # it reaches readers by being sent


def test_editions_are_drafted_and_not_added_like_pages(editor: Client) -> None:
    index = set_up_newsletters()
    address = reverse("wagtailadmin_pages:add", args=["newsletters", "edition", index.pk])
    assert signed_in(make_staff()).get(address).status_code in {302, 403, 404}


FORM = {
    "name": "The Weekly",
    "audience": "members",
    "terms": "members",
    "weekdays": ["5"],
    "hour": "07:00",
    "drafted_minutes_before": "120",
    "most_articles": "10",
    "unapproved": "hold",
    "late_hours": "3",
    "position": "0",
}


def test_a_newsletter_is_made_in_the_newsroom_and_faults_are_said_in_sentences(
    editor: Client,
) -> None:
    told = {**FORM, "slug": "newsletter", "weekdays": ["5", "1"]}
    add = reverse("newsletters:add")
    page = unescape(editor.post(add, {**told, "audience": "topic"}).content.decode())
    assert "Say which topic its readers follow." in page
    assert editor.post(add, told).status_code == 302
    weekly = Newsletter.objects.get()
    assert (weekly.slug, weekly.weekdays) == ("newsletter", "15")
    edit = reverse("newsletters:edit", args=[weekly.pk])
    assert 'value="5"' in text_at(editor, edit)
    editor.post(edit, {**told, "slug": "another", "weekdays": ["2"]})
    weekly.refresh_from_db()
    assert (weekly.slug, weekly.weekdays) == ("newsletter", "2")


def test_a_newsletter_with_editions_is_not_deleted(editor: Client) -> None:
    publisher = signed_in(make_staff())
    used, unused = drafted_by(editor).newsletter, make_newsletter("Never sent")
    for one in (used, unused):
        publisher.post(reverse("newsletters:delete", args=[one.pk]))
    assert list(Newsletter.objects.all()) == [used]
    page = text_at(publisher, reverse("newsletters:edit", args=[used.pk]))
    assert "has editions, so it stays" in page


def test_a_newsletter_that_a_reader_spoke_of_is_not_deleted_even_if_the_reader_is_gone() -> None:
    publisher = signed_in(make_staff())
    wanted, left = make_newsletter("Wanted"), make_newsletter("Left")
    make_member(wants=[wanted.slug])
    take_back(make_member(wants=[left.slug]), [left.slug], By.ACCOUNT, now=timezone.now())
    for one in (wanted, left):
        publisher.post(reverse("newsletters:delete", args=[one.pk]))
    assert set(Newsletter.objects.all()) == {wanted, left}
    page = text_at(publisher, reverse("newsletters:edit", args=[left.pk]))
    assert "Readers have said yes or no to this newsletter, so it stays" in page


def test_a_new_newsletter_takes_over_no_consent_given_to_another() -> None:
    """Whatever took the other one out, and however long ago."""
    publisher = signed_in(make_staff())
    make_member(wants=["weekly"])
    Newsletter.objects.filter(slug="weekly").delete()
    add = reverse("newsletters:add")
    page = unescape(publisher.post(add, {**FORM, "slug": "weekly"}).content.decode())
    assert "what they said is not of this one. Choose another." in page
    assert not Newsletter.objects.exists()
    assert publisher.post(add, {**FORM, "slug": "the-weekly"}).status_code == 302
    weekly = Newsletter.objects.get()
    assert not Consent.objects.filter(letter=weekly.slug).exists()
    make_member(wants=[weekly.slug])  # a newsletter of its own is edited as ever
    edit = reverse("newsletters:edit", args=[weekly.pk])
    assert publisher.post(edit, {**FORM, "position": "3"}).status_code == 302
    # What joining speaks of was said yes to before there was any.
    make_member(wants=["newsletter"])
    told = {**FORM, "name": "Free", "slug": "newsletter"}
    assert publisher.post(add, told).status_code == 302


def test_the_settings_of_all_newsletters_stand_in_the_newsroom(editor: Client) -> None:
    staff = signed_in(make_staff())
    first = reverse("wagtailsettings:edit", args=["newsletters", "mailsettings"])
    address = staff.get(first)["Location"]
    form = text_at(staff, address)
    for said in ("Days without an edition", "public holidays of".capitalize(), "To whom"):
        assert said in form
    page = unescape(
        staff.post(
            address, {"holidays": "XX", "days_off": "soon", "accent": "red"}, follow=True
        ).content.decode()
    )
    for said in ("ISO code", "Write 2026-12-24", "Write a colour as #"):
        assert said in page
