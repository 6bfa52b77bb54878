"""What is not meant well is refused with the right status and a sentence, and changes nothing."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from standfirst.access.models import Unlock
from standfirst.access.rules import Terms
from standfirst.members.models import Member
from tests.conftest import Browser
from tests.making import make_article, make_member, make_staff

pytestmark = pytest.mark.django_db


def signed_in(member: Member) -> Browser:
    browser = Browser()
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return browser


# -- posts from elsewhere ----------------------------------------------------------------------

FOREIGN: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    {"sec-fetch-site": "same-site", "origin": "http://other.testserver"},
    {"sec-fetch-site": "none"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"referer": "https://evil.example/testserver"},
    {"origin": "http://testserver.evil.example"},
    {"origin": "https://testserver"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_post_that_does_not_come_from_our_pages_spends_nothing(headers: dict[str, str]) -> None:
    article, member = make_article(), make_member()
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    response = stranger.post(reverse("choose", args=[article.pk]), headers=headers)
    assert response.status_code == 403
    assert "did not come from" in response.content.decode()
    assert not Unlock.objects.exists()


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_post_that_does_not_come_from_our_pages_makes_no_account(
    headers: dict[str, str],
) -> None:
    data = {"email": "new@example.org", "article": make_article().pk}
    response = Client(enforce_csrf_checks=True).post(reverse("join"), data, headers=headers)
    assert response.status_code == 403
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    "headers", [{"origin": "http://testserver"}, {"referer": "http://testserver/2026/11/x/"}]
)
def test_an_older_browser_that_sends_only_origin_or_referer_can_join(
    headers: dict[str, str],
) -> None:
    data = {"email": "new@example.org", "article": make_article().pk}
    response = Client(enforce_csrf_checks=True).post(reverse("join"), data, headers=headers)
    assert response.status_code == 302
    assert Member.objects.get().email == "new@example.org"


@pytest.mark.parametrize("name", ["join", "choose"])
@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch", "options"])
def test_only_a_post_joins_or_chooses(name: str, method: str) -> None:
    article, browser = make_article(), signed_in(make_member())
    address = reverse(name, args=[article.pk] if name == "choose" else [])
    assert getattr(browser, method)(address).status_code == 405
    assert not Unlock.objects.exists()


# -- other people's numbers ----------------------------------------------------------------------


def test_numbers_that_are_no_article_are_not_found(browser: Browser) -> None:
    reader = signed_in(make_member())
    draft = make_article(live=False)
    for number in (0, 999_999, draft.pk, draft.get_parent().pk, 2**63, 10**30):
        assert reader.post(f"/choose/{number}/").status_code == 404, number
    assert not Unlock.objects.exists()


@pytest.mark.parametrize("article", ["", "x", "-1", "0", "1e3", "٣", "9" * 400, "1 OR 1=1", "\x00"])
def test_joining_at_an_article_that_is_none_joins_all_the_same_or_says_why(
    browser: Browser, article: str
) -> None:
    response = browser.post(reverse("join"), {"email": "new@example.org", "article": article})
    assert response.status_code in {302, 400, 422}
    assert not Unlock.objects.exists()


def test_a_draft_cannot_be_opened_by_joining_at_it(browser: Browser) -> None:
    draft = make_article(live=False)
    browser.post(reverse("join"), {"email": "new@example.org", "article": draft.pk})
    assert not Unlock.objects.exists()
    assert browser.get(draft.get_absolute_url()).status_code == 404


def test_joining_at_an_article_for_subscribers_does_not_open_it(browser: Browser) -> None:
    article = make_article(terms=Terms.SUBSCRIBERS)
    response = browser.post(reverse("join"), {"email": "new@example.org", "article": article.pk})
    assert response.status_code == 302
    assert not Unlock.objects.exists()
    assert "MARKER" not in browser.get(article.get_absolute_url()).content.decode()


def test_choosing_without_an_account_leads_to_the_sign_in_page_and_back(browser: Browser) -> None:
    article = make_article()
    response = browser.post(reverse("choose", args=[article.pk]))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
    assert article.get_absolute_url() in response["Location"]


# -- size and shape ------------------------------------------------------------------------------


def test_a_form_of_ten_megabytes_is_refused_with_a_sentence(browser: Browser) -> None:
    data = {"email": "new@example.org", "password": "x" * 10_000_000}
    response = browser.post(reverse("join"), data)
    assert response.status_code == 413
    assert "too large" in response.content.decode()
    assert not Member.objects.exists()


def test_a_body_that_is_no_form_is_refused_without_harm(browser: Browser) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary="):
        response = browser.post(reverse("join"), b"\xff\xfe{[", content_type=kind)
        assert response.status_code in {400, 415, 422}, kind
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "no-at-sign",
        "two@@example.org",
        "new@example.org\nBcc: all@example.org",
        "new@example.org\r\nSubject: x",
        "new\x00@example.org",
        "\u202egro.elpmaxe@wen",
        "new@[127.0.0.1]",
        '"<script>alert(1)</script>"@example.org',
        "a" * 250 + "@example.org",
        "new@example.org,second@example.org",
        "new@localhost",
    ],
)
def test_an_address_that_cannot_be_one_gets_a_sentence_and_stays_in_the_field(
    browser: Browser, email: str
) -> None:
    article = make_article()
    jobs = DBTaskResult.objects.count()
    response = browser.post(reverse("join"), {"email": email, "article": article.pk})
    text = response.content.decode()
    assert response.status_code in {400, 422}
    assert not Member.objects.exists()
    assert DBTaskResult.objects.count() == jobs
    assert not mail.outbox
    assert "<script>alert" not in text
    if response.status_code == 422:
        assert article.title in text, "the reader is still at the article"
        assert 'role="alert"' in text or "error" in text


@pytest.mark.parametrize(
    "path",
    [
        "/2026/11/a%00b/",
        "/section/%00/",
        "/media/..%2f..%2fetc/passwd",
        "/media/../../etc/passwd",
        "/2026/13/x/",
        "/0000/00/x/",
        "/2026/00/",
        "/9999/99/",
        "/section/world/?page=0",
        "/topics/?page=%00",
        "/%ff%fe/",
        "/archive/?page=-1",
    ],
)
def test_addresses_that_lead_nowhere_are_answered_calmly(browser: Browser, path: str) -> None:
    make_article()
    assert browser.get(path).status_code in {200, 400, 404}


@pytest.mark.parametrize("page", ["0", "-1", "999999", "x", "1.5", "9" * 60, "\x00"])
def test_a_page_of_a_list_that_does_not_exist_is_not_found(browser: Browser, page: str) -> None:
    article = make_article()
    response = browser.get(article.section.get_absolute_url(), {"page": page})
    assert response.status_code == 404


def test_a_forged_strip_cookie_opens_nothing(browser: Browser) -> None:
    article = make_article()
    browser.cookies["strip"] = "%7B%22name%22%3A%22x%22%2C%22left%22%3A3%2C%22staff%22%3Atrue%7D"
    assert "MARKER" not in browser.get(article.get_absolute_url()).content.decode()


def test_a_member_who_was_switched_off_reads_and_chooses_nothing() -> None:
    article, member = make_article(), make_member()
    reader = signed_in(member)
    Member.objects.update(is_active=False)
    assert "MARKER" not in reader.get(article.get_absolute_url()).content.decode()
    reader.post(reverse("choose", args=[article.pk]))
    assert not Unlock.objects.exists()


def test_staff_read_everything_and_spend_nothing() -> None:
    article = make_article(terms=Terms.SUBSCRIBERS)
    reader = signed_in(make_staff())
    assert "MARKER" in reader.get(article.get_absolute_url()).content.decode()
    reader.post(reverse("choose", args=[article.pk]))
    assert not Unlock.objects.exists()
