"""Doors that were found ajar on a second look, each kept shut by a test."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import RequestFactory

from standfirst.articles.actions import set_up_magazine
from standfirst.members.actions import forget_what_was_not_proved
from standfirst.members.models import Member
from standfirst.members.newsroom import AddColleague, EditColleague
from standfirst.project.actions import make_staff as make_staff_on_the_machine
from standfirst.project.checks import findings
from standfirst.publication.models import Publication
from standfirst.publication.proxies import believe_our_own
from tests.conftest import Browser
from tests.letters import Postbox, postbox  # noqa: F401  a fixture
from tests.making import SECRET, make_article, make_magazine, make_member, make_staff

pytestmark = pytest.mark.django_db


def signed_in(member: Member) -> Browser:
    browser = Browser()
    browser.force_login(member)
    return browser


# -- one way in -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/newsroom/login/", "/_util/login/"])
def test_no_page_of_wagtails_takes_passwords_uncounted(browser: Browser, path: str) -> None:
    set_up_magazine()
    boss = make_staff("boss@example.org")
    form = {"username": boss.email, "password": "harbour-lamp"}
    assert browser.post(path, form).status_code == 405
    assert "_auth_user_id" not in browser.session
    ours = browser.get(path, {"next": "/library/"})
    assert ours["Location"] == "/account/login/?next=/library/"
    foreign = browser.get(path, {"next": "https://evil.example/"})
    assert "evil" not in foreign["Location"]


# -- accounts that a stranger made beforehand -------------------------------------------------


def _on_the_machine(member: Member) -> None:
    make_staff_on_the_machine(member.email)


def _added_in_the_newsroom(member: Member) -> None:
    form = AddColleague({"email": member.email, "name": "Boss", "is_superuser": "on"})
    assert form.is_valid(), form.errors
    form.save()


def _changed_in_the_newsroom(member: Member) -> None:
    form = EditColleague({"name": "Boss", "is_staff": "on"}, instance=member)
    assert form.is_valid(), form.errors
    form.save()


@pytest.mark.parametrize(
    "promote", [_on_the_machine, _added_in_the_newsroom, _changed_in_the_newsroom]
)
def test_who_joined_with_a_colleagues_address_beforehand_does_not_become_staff(
    promote: Any,
) -> None:
    set_up_magazine()
    member = make_member("boss@example.org", verified=False)
    stranger = signed_in(member)
    assert stranger.get("/account/").status_code == 200
    promote(member)
    member = Member.objects.get()
    assert member.is_staff
    assert not member.has_usable_password()
    assert stranger.get("/account/").status_code == 302
    assert stranger.get("/newsroom/").status_code == 302


@pytest.mark.parametrize(
    "promote", [_on_the_machine, _added_in_the_newsroom, _changed_in_the_newsroom]
)
def test_a_member_who_proved_the_address_keeps_password_and_sessions_on_becoming_staff(
    promote: Any,
) -> None:
    set_up_magazine()
    member = make_member("boss@example.org")
    at_home = signed_in(member)
    promote(member)
    assert Member.objects.get().check_password("harbour-lamp")
    assert at_home.get("/account/").status_code == 200


def test_a_change_of_address_asked_for_by_a_stranger_ends_when_the_owner_comes(
    postbox: Postbox,  # noqa: F811
) -> None:
    make_magazine()
    member = make_member("ada@example.org", verified=False)
    stranger = signed_in(member)
    stranger.post("/account/email/", {"email": "stranger@example.net"})
    link = postbox.link()
    assert mail.outbox[-1].to == ["stranger@example.net"]
    assert Browser().get(link).status_code == 200
    # The owner signs in by mail, see test_signing_in.
    forget_what_was_not_proved(member)
    EmailAddress.objects.update(verified=True)
    assert Browser().get(link).status_code == 410
    assert Browser().post(link).status_code == 410
    assert Member.objects.get().email == "ada@example.org"


# -- what others may keep ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/feed.xml", "/sitemap.xml", "/robots.txt"])
def test_what_caches_may_keep_for_all_carries_no_cookie_and_varies_by_none(path: str) -> None:
    make_article()
    reader = signed_in(make_member())
    response = reader.get(path)
    assert "public" in response["Cache-Control"]
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert reader.get("/").cookies["strip"].value, "pages do bring it"


def test_a_search_engine_may_read_a_full_text_but_show_no_copy_of_it(browser: Browser) -> None:
    make_magazine(crawlers_read_all=True, crawler_networks="127.0.0.0/8 Somebot")
    article = make_article()
    response = browser.get(article.get_absolute_url())
    assert SECRET in response.content.decode()
    assert response["X-Robots-Tag"] == "noarchive"
    reader = signed_in(make_staff())
    assert "X-Robots-Tag" not in reader.get(article.get_absolute_url())


def test_readers_pages_run_our_own_scripts_alone(browser: Browser) -> None:
    set_up_magazine()
    article = make_article()
    for path in ("/", article.get_absolute_url(), "/account/login/", "/nothing-here/"):
        policy = browser.get(path)["Content-Security-Policy"]
        assert "script-src 'self';" in policy
    assert "Content-Security-Policy" not in signed_in(make_staff()).get("/newsroom/")


# -- odd addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["überfahrt-nach-süden", "海峡", "пролив"])
def test_an_address_in_any_script_leads_to_its_article(browser: Browser, slug: str) -> None:
    article = make_article("A crossing", slug=slug)
    assert browser.get(article.get_absolute_url()).status_code == 200
    elsewhere = browser.get(f"/1999/01/{slug}/")
    assert elsewhere["Location"] == article.get_absolute_url()


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize(
    "path", ["/9999/12/", "/0001/01/", "/0000/01/", "/sitemap-articles-99999999999999999999.xml"]
)
def test_the_ends_of_the_calendar_are_not_found(browser: Browser, zone: str, path: str) -> None:
    make_magazine(time_zone=zone)
    make_article()
    assert browser.get(path).status_code == 404


def test_a_time_zone_that_this_machine_does_not_know_locks_nobody_out(browser: Browser) -> None:
    make_magazine()
    Publication.objects.update(time_zone="Atlantis/Capital")
    assert browser.get("/").status_code == 200
    assert signed_in(make_staff()).get("/newsroom/").status_code == 200


# -- behind a proxy ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "6.6.6.6, unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("203.0.113.9", "6.6.6.6", "203.0.113.9"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_forwarded_address_is_believed_of_our_own_proxies_alone(
    settings: Any, peer: str, forwarded: str, seen: str
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1", "10.0.0.0/8"]
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded}, REMOTE_ADDR=peer)
    believe_our_own(lambda request: request)(request)  # type: ignore[arg-type, return-value]
    assert request.META["REMOTE_ADDR"] == seen
    assert "HTTP_X_FORWARDED_FOR" not in request.META


def test_https_without_a_proxy_to_believe_is_told_of(settings: Any) -> None:
    settings.BASE_URL, settings.TRUSTED_PROXIES = "https://magazine.example", []
    assert any("TRUSTED_PROXIES names no web server" in f.sentence for f in findings())
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert not any("TRUSTED_PROXIES" in f.sentence for f in findings())


# -- what editors write for search engines ----------------------------------------------------


def test_title_and_description_for_search_engines_are_the_editors(browser: Browser) -> None:
    article = make_article(seo_title="Straits & tolls", search_description="Who pays, and why.")
    page = browser.get(article.get_absolute_url()).content.decode()
    assert "<title>Straits &amp; tolls –" in page
    assert '<meta name="description" content="Who pays, and why.">' in page
    assert f"<h1>{article.title}</h1>" in page
