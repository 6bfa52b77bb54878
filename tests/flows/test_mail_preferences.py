"""The pages that letters lead to: every switch, one click, and nothing by looking."""

import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from standfirst.account.actions import delete_account
from standfirst.members.consent import ALERTS, CHOICES, wanted_by
from standfirst.members.models import ConsentEntry, Member
from standfirst.newsletters.actions.following import follow
from standfirst.newsletters.links import token_for
from standfirst.newsletters.models import Delivery, Follow, MailSettings, Sending, Suppression
from standfirst.reading.keys import NEVER_KEPT
from tests.conftest import Browser
from tests.making import (
    make_article,
    make_edition,
    make_magazine,
    make_member,
    make_newsletter,
    make_newsletters,
    subscribe,
)

pytestmark = pytest.mark.django_db

WANTS = ["newsletter", "daily-review", CHOICES]
SHOWN = [*WANTS, ALERTS]


@pytest.fixture
def ada() -> Member:
    make_magazine(contact="desk@example.org")
    make_newsletters()
    return make_member("ada@example.org", wants=WANTS)


@pytest.fixture
def outside() -> Client:
    """Somebody with no cookie, whose browser says nothing of where a form came from; any token
    that Django would ask for is missed."""
    return Client(enforce_csrf_checks=True)


def delivered(member: Member, consent: str = "daily-review") -> int:
    """A letter that went to a member: its delivery's number."""
    _, review = make_newsletters()
    sending = Sending.objects.create(
        key=f"edition:{consent}", kind="edition", consent=consent, newsletter=review
    )
    number = sending.pk << Delivery.NUMBERS | 1
    Delivery.objects.create(
        id=number, member=member.pk, address=member.email, name="", variant="member"
    )
    return number


def links_of(member: Member, delivery: int = 0) -> tuple[str, str]:
    token = token_for(member.pk, delivery)
    return f"/mail/{token}/", f"/mail/{token}/off/"


def contents() -> dict[str, str]:
    tables = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = sorted(repr(row) for row in cursor.fetchall())
            tables[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return tables


# -- looking --------------------------------------------------------------------------------------


def test_a_scanner_that_fetches_every_link_changes_nothing(ada: Member, outside: Client) -> None:
    follow(ada, make_article().bylines.first().author, timezone.now())
    addresses = [*links_of(ada, delivered(ada)), *links_of(ada)]
    before = contents()
    for address in addresses:
        for ask in (outside.get, outside.head, outside.options):
            for query in ("", "?done=none", "?off=1&none=1", "?List-Unsubscribe=One-Click"):
                answer = ask(address + query)
                assert answer.status_code == (405 if ask == outside.options else 200)
                assert not answer.cookies
    assert contents() == before
    assert wanted_by(ada) == {*WANTS, ALERTS}


def test_the_pages_are_kept_by_nobody_and_found_by_nobody(ada: Member, outside: Client) -> None:
    for address in links_of(ada, delivered(ada)):
        answer = outside.get(address)
        assert "no-store" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert address.startswith(NEVER_KEPT)


def test_a_forwarded_letter_shows_only_a_masked_address(ada: Member, outside: Client) -> None:
    ada.name = "Ada Lovelace"
    ada.save()
    for address in links_of(ada, delivered(ada)):
        text = outside.get(address).content.decode()
        assert "a…@example.org" in text
        assert "ada@" not in text
        assert "Lovelace" not in text


# -- the switches ---------------------------------------------------------------------------------


def test_every_switch_works_without_being_logged_in(ada: Member, outside: Client) -> None:
    page, _ = links_of(ada, 7 << 32 | 1)
    text = outside.get(page).content.decode()
    assert text.count(" checked") == 3
    assert "New choices" in text
    form = {"shown": SHOWN, "letter": ["newsletter", ALERTS]}
    answer = outside.post(page, form)
    assert answer.status_code == 302
    assert not answer.cookies
    assert "Your choice is kept." in outside.get(answer["Location"]).content.decode()
    assert wanted_by(ada) == {"newsletter", ALERTS}
    said = ConsentEntry.objects.exclude(by="joining").order_by("pk")
    assert {(e.letter, e.given, e.by, e.delivery) for e in said} == {
        (ALERTS, True, "preferences", 7 << 32 | 1),
        ("daily-review", False, "preferences", 7 << 32 | 1),
        (CHOICES, False, "preferences", 7 << 32 | 1),
    }
    outside.post(page, form)
    assert said.count() == 3


def test_an_old_page_changes_only_what_it_showed(ada: Member, outside: Client) -> None:
    page, _ = links_of(ada)
    outside.post(page, {"shown": ["newsletter"]})
    assert wanted_by(ada) == {"daily-review", CHOICES}
    outside.post(page, {"shown": ["made-up"], "letter": ["made-up", ALERTS]})
    assert wanted_by(ada) == {"daily-review", CHOICES}


def test_one_button_ends_every_newsletter(ada: Member, outside: Client) -> None:
    page, _ = links_of(ada)
    answer = outside.post(page, {"none": "1"})
    assert "No newsletter goes to you any more." in outside.get(answer["Location"]).content.decode()
    assert wanted_by(ada) == set()
    assert "No mail at all" not in outside.get(page).content.decode()


def test_what_is_followed_is_listed_and_removed_one_by_one(ada: Member, outside: Client) -> None:
    author = make_article().bylines.first().author
    follow(ada, author, timezone.now())
    page, _ = links_of(ada)
    assert "Do not follow Ada Sample any more" in outside.get(page).content.decode()
    theirs = Follow.objects.create(member=make_member(), author=author)
    outside.post(page, {"unfollow": str(theirs.pk)})
    assert Follow.objects.count() == 2  # another's is not touched
    for hostile in ("x", "-1", "9" * 40, "²"):
        outside.post(page, {"unfollow": hostile})
    outside.post(page, {"unfollow": str(ada.follows.get().pk)})
    assert list(Follow.objects.all()) == [theirs]
    assert wanted_by(ada) == {*WANTS, ALERTS}


def test_a_newsletter_that_is_not_offered_any_more_can_still_be_left(
    ada: Member, outside: Client
) -> None:
    free, _ = make_newsletters()
    free.offered = False
    free.save()
    page, _ = links_of(ada)
    assert "The free newsletter" in outside.get(page).content.decode()
    outside.post(page, {"shown": SHOWN, "letter": ["daily-review"]})
    assert "The free newsletter" not in outside.get(page).content.decode()


def test_the_account_shows_the_same_switches(ada: Member, browser: Browser) -> None:
    browser.force_login(ada)
    text = browser.get("/account/newsletters/").content.decode()
    for name in ("The free newsletter", "The Daily Review", "New choices", "Alerts"):
        assert name in text
    browser.post("/account/newsletters/", {"shown": SHOWN, "letter": [ALERTS]})
    assert wanted_by(ada) == {ALERTS}
    assert ConsentEntry.objects.filter(by="account").count() == 4


def test_double_opt_in_tells_whose_address_is_not_confirmed(outside: Client) -> None:
    make_magazine()
    page, _ = links_of(make_member(verified=False))
    assert "once this address is confirmed" not in outside.get(page).content.decode()
    unconfirmed = Member.objects.get()
    account = Browser()
    account.force_login(unconfirmed)
    assert "newsletters begin then" not in account.get("/account/").content.decode()
    MailSettings.objects.create(double_opt_in=True)
    assert "newsletters begin then" in account.get("/account/").content.decode()
    assert "once this address is confirmed" in outside.get(page).content.decode()
    page, _ = links_of(make_member())
    assert "once this address is confirmed" not in outside.get(page).content.decode()


def test_every_form_of_joining_says_that_a_mail_comes_to_be_confirmed(outside: Client) -> None:
    article = make_article()
    newsletter = make_newsletter(offered=True)
    edition = make_edition(newsletter, "2026-11-27", article)
    for page in ("/join/", article.get_absolute_url(), edition.get_absolute_url()):
        text = outside.get(page).content.decode()
        assert "We mail you a link to confirm your address: follow it, so that our" in text, page


def test_who_gets_no_mail_is_told_why(ada: Member, outside: Client) -> None:
    Suppression.objects.create(address="Ada@Example.org", reason="complained")
    page, _ = links_of(ada)
    text = outside.get(page).content.decode()
    assert "called spam" in text
    assert "desk@example.org" in text


# -- one click ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"List-Unsubscribe": "One-Click"}},  # multipart/form-data
        {"data": b"List-Unsubscribe=One-Click", "content_type": "text/plain"},
        {"data": b"List-Unsubscribe=One-Click\r\n", "content_type": "application/octet-stream"},
    ],
)
def test_one_click_takes_the_consent_back_at_once(
    ada: Member, outside: Client, content: dict[str, object]
) -> None:
    delivery = delivered(ada)
    _, off = links_of(ada, delivery)
    for header in ({}, {"sec-fetch-site": "cross-site", "origin": "https://mail.example.net"}):
        answer = outside.post(off, **content, headers=header)
        assert answer.status_code == 200
        assert not answer.cookies
    assert wanted_by(ada) == {"newsletter", CHOICES}
    said = ConsentEntry.objects.get(given=False)
    assert (said.letter, said.by, said.delivery) == ("daily-review", "one_click", delivery)


def test_a_mail_program_that_says_less_than_it_should_is_heard_all_the_same(
    ada: Member, outside: Client
) -> None:
    _, off = links_of(ada, delivered(ada, "newsletter"))
    assert outside.post(off, b"", content_type="").status_code == 200
    assert wanted_by(ada) == {"daily-review", CHOICES}


def test_a_reader_sees_which_newsletter_it_is_presses_once_and_may_undo_it(
    ada: Member, outside: Client
) -> None:
    delivery = delivered(ada)
    page, off = links_of(ada, delivery)
    text = outside.get(off).content.decode()
    assert "No more of The Daily Review?" in text
    assert text.count("<button") == 1
    text = outside.post(off, {"off": "1"}).content.decode()
    assert "The Daily Review goes to <bdi>a…@example.org</bdi> no more" in text
    assert "put me back" in text
    assert wanted_by(ada) == {"newsletter", CHOICES}
    assert "You are off the list" in outside.get(off).content.decode()
    answer = outside.post(off, {"again": "1", "letter": "daily-review"})
    assert answer["Location"] == f"{page}?done=kept"
    assert wanted_by(ada) == set(WANTS)
    rows = ConsentEntry.objects.filter(letter="daily-review", by="preferences").order_by("pk")
    assert [(row.given, row.delivery) for row in rows] == [(False, delivery), (True, delivery)]


def test_undo_brings_nothing_that_was_never_asked_for(ada: Member, outside: Client) -> None:
    _, off = links_of(ada, delivered(ada))
    outside.post(off, {"off": "1"})
    outside.post(off, {"again": "1", "letter": [ALERTS, "made-up", "daily-review"]})
    assert wanted_by(ada) == set(WANTS)


def test_a_link_that_names_no_letter_ends_every_newsletter(ada: Member, outside: Client) -> None:
    for delivery in (0, 999 << 32 | 4):  # none, and one whose sending nobody knows any more
        _, off = links_of(ada, delivery)
        assert "No more newsletters?" in outside.get(off).content.decode()
    text = outside.post(off, {"off": "1"}).content.decode()
    assert wanted_by(ada) == set()
    assert text.count('name="letter"') == 3
    outside.post(off, {"again": "1", "letter": WANTS})
    assert wanted_by(ada) == set(WANTS)


# -- years later ----------------------------------------------------------------------------------


def test_links_work_after_years_and_after_the_key_was_changed(
    ada: Member, outside: Client, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standfirst.newsletters import links

    page, off = links_of(ada, delivered(ada))
    much_later = timezone.now() + timedelta(days=3650)
    monkeypatch.setattr("django.utils.timezone.now", lambda: much_later)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "another key, fifty letters long, as they should all be"  # type: ignore[attr-defined]
    links._keys.cache_clear()
    try:
        assert outside.get(page).status_code == 200
        assert outside.post(off, {"off": "1"}).status_code == 200
    finally:
        links._keys.cache_clear()
    assert wanted_by(ada) == {"newsletter", CHOICES}


def test_who_has_left_is_told_so_kindly(ada: Member, outside: Client) -> None:
    page, off = links_of(ada, delivered(ada))
    delete_account(ada)
    before = contents()
    for address in (page, off):
        for answer in (outside.get(address), outside.post(address, {"none": "1"})):
            assert answer.status_code == 200
            assert "This account is gone" in answer.content.decode()
    assert outside.post(off, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert contents() == before


def test_a_link_that_was_tampered_with_opens_nothing(ada: Member, outside: Client) -> None:
    token = token_for(ada.pk, delivered(ada))
    other = "A" if token[-3] != "A" else "B"
    for wrong in (token[:-1], token[:-3] + other + token[-2:], token + "=", "x", "a" * 300, "✉"):
        for address in (f"/mail/{wrong}/", f"/mail/{wrong}/off/"):
            for answer in (outside.get(address), outside.post(address, {"off": "1", "none": "1"})):
                assert answer.status_code == 404
                assert "This link is not complete" in answer.content.decode()
    assert wanted_by(ada) == set(WANTS)


def test_who_changes_the_switches_without_end_is_asked_to_wait_but_may_always_leave(
    ada: Member, outside: Client
) -> None:
    page, off = links_of(ada, delivered(ada))
    seen = [outside.post(page, {"shown": SHOWN, "letter": WANTS}).status_code for _ in range(40)]
    assert seen.count(429) == 10
    assert outside.post(off, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert wanted_by(ada) == {"newsletter", CHOICES}


def test_whoever_subscribes_is_not_told_to_become_a_subscriber(client: Client) -> None:
    _, review = make_newsletters()
    said = "it begins once you are one"
    member, subscriber = make_member(wants=[review.slug]), make_member(wants=[review.slug])
    subscribe(subscriber)
    for who, told in ((member, True), (subscriber, False)):
        page = client.get(f"/mail/{token_for(who.pk)}/").content.decode()
        assert "To subscribers of All-Access" in page
        assert (said in page) is told
