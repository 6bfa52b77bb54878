"""The member's own pages: what they hold, what one can change there, and leaving."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from standfirst.access.actions import unlock_as, unlock_with_credit
from standfirst.access.models import Unlock
from standfirst.access.rules import Terms, UnlockKind
from standfirst.members.consent import wanted_by
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.newsletters.models import Welcomed
from standfirst.subscriptions.models import Subscription
from tests.conftest import Browser
from tests.flows.test_joining import HOSTILE, join
from tests.letters import Postbox
from tests.making import make_article, make_magazine, make_member, make_newsletters, subscribe

pytestmark = pytest.mark.django_db

LOGIN = "/account/login/"
PAGES = [
    "/account/",
    "/account/shelf/",
    "/account/newsletters/",
    "/account/sign-in/",
    "/account/email/",
    "/account/password/",
    "/account/sessions/",
    "/account/data/",
    "/account/data/download/",
    "/account/delete/",
]


def signed_in(email: str = "ada@example.org") -> Browser:
    browser = Browser()
    browser.post(LOGIN, {"login": email, "password": "harbour-lamp"})
    assert browser.session["_auth_user_id"]
    return browser


@pytest.fixture
def ada(postbox: Postbox) -> Member:
    make_magazine(time_zone="Pacific/Auckland")
    make_newsletters()
    member = make_member("ada@example.org", wants=["newsletter", "daily-review"])
    Welcomed.objects.create(member=member.pk)  # when she confirmed this address
    return member


@pytest.fixture
def adas(ada: Member) -> Browser:
    return signed_in()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_for_its_member_alone(adas: Browser, path: str) -> None:
    answer = adas.get(path)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    answer = Browser().get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"{LOGIN}?next={path}"


@pytest.mark.parametrize(
    "path", ["newsletters/", "sign-in/", "email/", "password/", "sessions/", "delete/"]
)
def test_a_foreign_page_can_change_nothing(adas: Browser, ada: Member, path: str) -> None:
    form = {"name": "Eve", "email": "eve@example.org", "new": "evil evil evil", "word": "delete"}
    answer = adas.post(f"/account/{path}", form, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    ada.refresh_from_db()
    assert (ada.name, wanted_by(ada)) == ("", {"newsletter", "daily-review"})
    assert ada.check_password("harbour-lamp")
    assert not len(mail.outbox)


# -- overview and shelf ----------------------------------------------------------------------


def test_the_overview_says_what_is_left_and_when_new_ones_come(
    adas: Browser, ada: Member, monkeypatch
) -> None:
    now = datetime.fromisoformat("2026-11-30T12:00:00+00:00")  # December in Auckland
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    article = make_article(title="Salt roads", published_at=now - timedelta(days=1))
    unlock_with_credit(ada, article.pk, article.title, Terms.METERED, now=now)
    text = adas.get("/account/").content.decode()
    assert "December" in text
    assert "2 of 3 articles left to choose" in text
    assert "Three new ones come on 1 January" in text
    assert "Salt roads" in text
    assert "Confirm your address" not in text
    assert "Everything is open" not in text


def test_the_overview_says_until_when_all_access_runs(adas: Browser, ada: Member) -> None:
    subscription = subscribe(ada)
    day = subscription.ends_at.astimezone(ZoneInfo("Pacific/Auckland"))
    text = adas.get("/account/").content.decode()
    assert "Everything is open to you" in text
    assert f"Until {day.day} {day:%B %Y}" in text


def test_an_unconfirmed_member_finds_the_code_form_on_the_overview(postbox: Postbox) -> None:
    browser = Browser()
    make_magazine()
    join(browser, "ada@example.org")
    text = browser.get("/account/").content.decode()
    assert 'action="/account/confirm/"' in text
    assert 'action="/account/confirm/send/"' in text
    answer = browser.post("/account/confirm/", {"code": postbox.code(), "next": "/account/"})
    assert answer["Location"] == "/account/"
    assert "Confirm your address" not in browser.get("/account/").content.decode()


def test_the_shelf_gives_each_article_its_reason_and_date_and_keeps_deleted_ones_by_headline(
    adas: Browser, ada: Member
) -> None:
    now = timezone.now()
    chosen, joined, gone, draft = (make_article(title=t) for t in ("One", "Two", "Three", "Four"))
    unlock_with_credit(ada, chosen.pk, chosen.title, Terms.METERED, now=now)
    unlock_as(UnlockKind.WELCOME, ada, joined.pk, joined.title, now=now)
    unlock_as(UnlockKind.GIFT, ada, gone.pk, gone.title, now=now)
    unlock_as(UnlockKind.STAFF, ada, draft.pk, draft.title, now=now)
    gone.delete()
    draft.unpublish()
    text = adas.get("/account/shelf/").content.decode()
    for words in ("Chosen by you", "The article you joined at", "A gift", "Opened for you"):
        assert words in text
    assert f'href="{chosen.get_absolute_url()}"' in text
    assert "Three" in text
    assert text.count("not published any more") == 2
    assert f'href="{draft.get_absolute_url()}"' not in text


def test_the_shelf_says_what_was_open_until_a_months_end(adas: Browser, ada: Member) -> None:
    make_magazine(unlock_lasts="month")
    article = make_article()
    then = timezone.now() - timedelta(days=40)
    unlock_with_credit(ada, article.pk, article.title, Terms.METERED, now=then)
    assert "it was open until" in adas.get("/account/shelf/").content.decode()


def test_an_empty_shelf_says_what_will_lie_there(adas: Browser) -> None:
    assert "Nothing is here yet" in adas.get("/account/shelf/").content.decode()


def test_nobody_sees_what_is_another_members(adas: Browser, ada: Member) -> None:
    bob = make_member("bob@example.org", name="Bob the other")
    article = make_article(title="Only Bob chose this")
    unlock_with_credit(bob, article.pk, article.title, Terms.METERED, now=timezone.now())
    for path in PAGES:
        text = adas.get(path).content.decode()
        assert "Bob the other" not in text
        assert "Only Bob" not in text
        assert "bob@example.org" not in text


# -- newsletters and name --------------------------------------------------------------------


def test_newsletters_are_chosen_with_boxes(adas: Browser, ada: Member) -> None:
    page = "/account/newsletters/"
    assert adas.get(page).content.decode().count(" checked") == 2
    form = {"shown": ["newsletter", "daily-review", "choices"], "letter": ["daily-review"]}
    answer = adas.post(page, form)
    assert answer.status_code == 302
    assert wanted_by(ada) == {"daily-review"}
    text = adas.get(answer["Location"]).content.decode()
    assert "Your choice is kept." in text
    assert text.count(" checked") == 1
    assert "Your choice is kept." not in adas.get(page).content.decode()


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Müller",
        "محمد علي",
        "עדה לאבלייס",
        "👩🏽‍🚀 Ada",
        "李雷",
        "Ἀριάδνη",
        "<b>Ada</b> & co",
        "x" * 120,
        "",
    ],
)
def test_a_name_can_be_in_any_script(adas: Browser, ada: Member, name: str) -> None:
    assert adas.post("/account/sign-in/", {"name": f"  {name} "}).status_code == 302
    ada.refresh_from_db()
    assert ada.name == name
    page = adas.get("/account/")
    assert page.status_code == 200
    assert b"<b>Ada" not in page.content
    if name:
        assert "<bdi>" in page.content.decode()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Ada\0", "invisible"),
        ("Ada\r\nBcc: x@example.org", "one line"),
        ("Ada\x1b[31m", "one line"),
        ("Ada\u2028Eve", "one line"),
        ("x" * 121, "at most 120"),
    ],
)
def test_a_name_that_cannot_be_gets_a_sentence(
    adas: Browser, ada: Member, name: str, sentence: str
) -> None:
    answer = adas.post("/account/sign-in/", {"name": name})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    ada.refresh_from_db()
    assert ada.name == ""


# -- the address -----------------------------------------------------------------------------


def change(browser: Browser, email: str):
    return browser.post("/account/email/", {"email": email})


def test_the_old_address_stays_until_the_new_one_is_confirmed(
    adas: Browser, ada: Member, postbox: Postbox
) -> None:
    answer = change(adas, "Ada@New.example")
    assert "We mailed a link to <bdi>ada@new.example</bdi>" in answer.content.decode()
    assert postbox.newest.to == ["ada@new.example"]
    link, phone = postbox.link(), Browser()
    assert "in place of" in phone.get(link).content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"
    assert EmailAddress.objects.get().email == "ada@example.org"
    answer = phone.post(link)
    assert "Your address is changed" in answer.content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@new.example"
    assert is_verified(ada)
    assert EmailAddress.objects.count() == 1
    # The link does not sign in; the browser that was signed in still is.
    assert "_auth_user_id" not in phone.session
    assert adas.get("/account/").status_code == 200
    # The old address is told.
    assert postbox.newest.to == ["ada@example.org"]
    assert "has another address now" in postbox.newest.subject


def test_a_change_link_works_once_also_after_changing_back(
    adas: Browser, ada: Member, postbox: Postbox
) -> None:
    change(adas, "ada@new.example")
    link = postbox.link()
    adas.post(link)
    answer = Browser().post(link)
    assert answer.status_code == 410
    assert "confirmed already" in answer.content.decode()


def test_an_unconfirmed_member_can_mend_a_mistyped_address(postbox: Postbox) -> None:
    make_magazine()
    browser = Browser()
    join(browser, "ada@exampel.org")
    wrong = postbox.link()
    change(browser, "ada@example.org")
    browser.post(postbox.link())
    member = Member.objects.get()
    assert member.email == "ada@example.org"
    assert is_verified(member)
    assert Browser().post(wrong).status_code == 410
    member.refresh_from_db()
    assert member.email == "ada@example.org"


def test_a_taken_address_gets_the_same_answer_and_no_mail(
    adas: Browser, ada: Member, postbox: Postbox
) -> None:
    make_member("bob@example.org")
    free, taken = change(adas, "free@example.org"), change(adas, "bob@example.org")
    assert len(postbox) == 1
    assert free.status_code == taken.status_code == 200
    assert "We mailed a link to" in taken.content.decode()


def test_an_address_taken_meanwhile_is_refused_with_a_sentence(
    adas: Browser, ada: Member, postbox: Postbox
) -> None:
    change(adas, "new@example.org")
    link = postbox.link()
    make_member("new@example.org")
    answer = adas.post(link)
    assert answer.status_code == 410
    assert "Another account has this address" in answer.content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("ADA@example.org", "your address already"),
        ("x\r\nBcc: y@example.org", "no blanks"),
        ("x\0@example.org", "no blanks"),
        ("x@yopmail.com", "thrown away"),
        ("", "Please type"),
    ],
)
def test_an_address_that_cannot_be_gets_a_sentence(
    adas: Browser, postbox: Postbox, email: str, sentence: str
) -> None:
    answer = change(adas, email)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not len(postbox)


def test_addresses_cannot_be_mailed_without_end(adas: Browser, postbox: Postbox) -> None:
    answers = [change(adas, f"new{n}@example.org").status_code for n in range(6)]
    assert answers == [200] * 5 + [429]
    assert len(postbox) == 5


# -- password and browsers -------------------------------------------------------------------


def set_password(browser: Browser, **form: str):
    return browser.post("/account/password/", form)


def test_a_password_is_changed_with_the_present_one_and_signs_out_other_browsers(
    adas: Browser, ada: Member
) -> None:
    other = signed_in()
    assert set_password(adas, new="a new harbour lamp").status_code == 422
    wrong = set_password(adas, present="wrong", new="a new harbour lamp")
    assert "not your present password" in wrong.content.decode()
    assert set_password(adas, present="harbour-lamp", new="short").status_code == 422
    answer = set_password(adas, present="harbour-lamp", new="a new harbour lamp")
    assert answer.status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("a new harbour lamp")
    assert adas.get("/account/sessions/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_who_just_came_in_by_mail_may_set_one_without_the_old(
    ada: Member, postbox: Postbox
) -> None:
    browser = Browser()
    browser.post("/account/login/code/", {"email": "ada@example.org"})
    browser.post(postbox.link())
    assert set_password(browser, new="a new harbour lamp").status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("a new harbour lamp")


def test_a_password_can_be_removed(adas: Browser, ada: Member) -> None:
    assert set_password(adas, remove="1").status_code == 422
    assert set_password(adas, remove="1", present="harbour-lamp").status_code == 302
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    assert adas.get("/account/").status_code == 200


@pytest.mark.parametrize("path", ["/account/password/change/", "/account/password/set/"])
def test_allauths_password_pages_lead_to_ours(adas: Browser, path: str) -> None:
    assert adas.get(path)["Location"] == "/account/password/"


def test_one_can_sign_out_everywhere_else(adas: Browser, ada: Member) -> None:
    others = [signed_in(), signed_in()]
    text = adas.get("/account/sessions/").content.decode()
    assert text.count("<li><strong>") == 3
    assert text.count("this browser") == 1
    assert adas.post("/account/sessions/").status_code == 302
    assert adas.get("/account/").status_code == 200
    assert all(other.get("/account/").status_code == 302 for other in others)
    assert adas.get("/account/sessions/").content.decode().count("<li><strong>") == 1


# -- taking everything away ------------------------------------------------------------------


def test_everything_held_about_a_member_can_be_taken_away(adas: Browser, ada: Member) -> None:
    article = make_article(title="Zölle & Häfen")
    unlock_with_credit(ada, article.pk, article.title, Terms.METERED, now=timezone.now())
    subscribe(ada)
    answer = adas.get("/account/data/download/")
    assert answer["Content-Type"].startswith("application/json")
    assert "attachment" in answer["Content-Disposition"]
    told = json.loads(answer.content)
    assert told["member"]["address"] == "ada@example.org"
    assert told["addresses"] == [{"email": "ada@example.org", "verified": True, "primary": True}]
    assert told["unlocks"][0]["headline"] == "Zölle & Häfen"
    assert told["unlocks"][0]["kind"] == "credit"
    assert len(told["subscriptions"]) == 1
    assert told["letters"]["wanted"] == ["daily-review", "newsletter"]
    assert told["sessions"][0]["ip"] == "127.0.0.1"
    assert "harbour" not in answer.content.decode()
    assert ada.password not in answer.content.decode()


def test_the_page_before_deleting_says_what_goes_and_what_the_law_keeps(
    adas: Browser, ada: Member
) -> None:
    subscribe(ada)
    text = adas.get("/account/delete/").content.decode()
    assert "Kept, because tax and commercial law ask for it" in text
    assert "without your name and address" in text
    assert "Your All-Access runs until" in text


@pytest.mark.parametrize("word", ["", "no", "deleted", "\0"])
def test_nothing_is_deleted_without_the_word(adas: Browser, ada: Member, word: str) -> None:
    answer = adas.post("/account/delete/", {"word": word})
    assert answer.status_code == 422
    assert "Nothing was deleted" in answer.content.decode()
    assert Member.objects.filter(pk=ada.pk).exists()


def test_deleting_takes_everything_but_the_records_of_subscriptions_and_one_may_come_back(
    adas: Browser, ada: Member, postbox: Postbox
) -> None:
    article, other = make_article(), signed_in()
    unlock_with_credit(ada, article.pk, article.title, Terms.METERED, now=timezone.now())
    subscribe(ada)
    answer = adas.post("/account/delete/", {"word": " Delete "})
    assert "Your account is deleted" in answer.content.decode()
    for rows in (Member, EmailAddress, Unlock, UserSession, Session):
        assert not rows.objects.exists(), rows
    kept = Subscription.objects.get()
    assert kept.member is None
    assert adas.get("/account/").status_code == 302
    assert other.get("/account/").status_code == 302
    assert django_settings.SESSION_COOKIE_NAME not in adas.cookies or (
        not adas.cookies[django_settings.SESSION_COOKIE_NAME].value
    )
    assert postbox.newest.to == ["ada@example.org"]
    assert "is deleted" in postbox.newest.subject
    answer = join(adas, "ada@example.org", article=article.pk)
    assert answer.status_code == 302
    assert Unlock.objects.get().kind == UnlockKind.WELCOME
    assert "3 of 3" not in adas.get("/account/shelf/").content.decode()


def test_the_last_who_may_do_everything_cannot_go(postbox: Postbox) -> None:
    make_magazine()
    make_member("ada@example.org", is_staff=True, is_superuser=True)
    browser = signed_in()
    answer = browser.post("/account/delete/", {"word": "delete"})
    assert answer.status_code == 422
    assert "the last one who may do everything" in answer.content.decode()
    assert Member.objects.count() == 1
    make_member("bob@example.org", is_staff=True, is_superuser=True, is_active=False)
    assert browser.post("/account/delete/", {"word": "delete"}).status_code == 422
    make_member("eve@example.org", is_staff=True, is_superuser=True)
    assert browser.post("/account/delete/", {"word": "delete"}).status_code == 200
    assert not Member.objects.filter(email="ada@example.org").exists()


# -- every GET -------------------------------------------------------------------------------


def test_no_page_of_the_account_changes_anything_by_being_looked_at(
    adas: Browser, ada: Member
) -> None:
    def everything() -> object:
        return [
            list(rows.objects.order_by("pk").values())
            for rows in (Member, EmailAddress, UserSession, Unlock, Subscription, Session)
        ]

    Session.objects.create(session_key="x", session_data="", expire_date=timezone.now())
    UserSession.objects.create(user=ada, session_key="gone", ip="192.0.2.1", user_agent="")
    before = everything()
    for path in [*PAGES, "/account/logout/", "/account/confirm/", "/account/2fa/webauthn/"]:
        for method in (adas.get, adas.head):
            method(path)
    assert everything() == before
    assert not len(mail.outbox)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_page_of_the_account_never_leads_to_a_foreign_host(adas: Browser, hostile: str) -> None:
    answer = adas.post(reverse("my_newsletters") + "?next=" + hostile, {"next": hostile})
    assert answer["Location"] == "/account/newsletters/?done=kept"
