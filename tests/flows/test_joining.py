"""Joining at an article, and confirming the address."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as django_settings
from django.core import mail
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from standfirst.access.models import Unlock
from standfirst.access.rules import Terms, UnlockKind
from standfirst.members import codes, jobs
from standfirst.members.mail import send_letter
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from tests.conftest import Browser
from tests.letters import Postbox
from tests.making import SECRET, make_article, make_magazine, make_member

pytestmark = pytest.mark.django_db

SESSION = django_settings.SESSION_COOKIE_NAME


def join(browser: Browser, email: str, **fields: object):
    return browser.post(reverse("join"), {"email": email, **fields})


# -- at the wall -----------------------------------------------------------------------------


def test_an_address_alone_opens_the_rest_of_the_article_at_once(browser, postbox: Postbox) -> None:
    article = make_article()
    answer = join(browser, "  Ada@Example.ORG ", article=article.pk)
    assert answer.status_code == 302
    assert answer["Location"] == article.get_absolute_url() + "#rest"
    assert browser.cookies[SESSION]["httponly"]
    assert SECRET in browser.get(article.get_absolute_url()).content.decode()
    member = Member.objects.get()
    assert member.email == "ada@example.org"
    assert not member.has_usable_password()
    assert not is_verified(member)
    unlock = Unlock.objects.get()
    assert (unlock.member, unlock.kind) == (member, UnlockKind.WELCOME)
    assert len(postbox) == 1


def test_a_password_may_be_set_while_joining_and_works_afterwards(browser, postbox) -> None:
    join(browser, "ada@example.org", password="harbour lamp 7")
    assert Member.objects.get().check_password("harbour lamp 7")


def test_joining_at_a_subscribers_article_makes_an_account_but_does_not_open_it(
    browser, postbox
) -> None:
    article = make_article(terms=Terms.SUBSCRIBERS)
    join(browser, "ada@example.org", article=article.pk)
    assert Member.objects.exists()
    assert not Unlock.objects.exists()
    assert SECRET not in browser.get(article.get_absolute_url()).content.decode()


def test_the_session_gets_a_new_key_so_that_none_can_be_planted(browser, postbox) -> None:
    session = browser.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    browser.cookies[SESSION] = planted
    join(browser, "ada@example.org")
    assert browser.cookies[SESSION].value != planted


def test_a_known_address_is_not_signed_in_but_mailed_a_way_back_to_the_article(
    browser, postbox: Postbox
) -> None:
    article, member = make_article(), make_member("ada@example.org")
    answer = join(browser, "ADA@example.org", article=article.pk)
    assert answer.status_code == 202
    assert SESSION not in browser.cookies
    assert SECRET not in browser.get(article.get_absolute_url()).content.decode()
    assert postbox.newest.to == ["ada@example.org"]
    link = postbox.link()
    other = Browser()
    answer = other.post(link)
    assert answer.status_code == 302
    assert answer["Location"].startswith(article.get_absolute_url())
    assert int(other.session["_auth_user_id"]) == member.pk
    assert Member.objects.count() == 1


def test_an_account_that_is_switched_off_gets_the_same_answer_and_no_mail(
    browser, postbox: Postbox
) -> None:
    make_member("ada@example.org", is_active=False)
    make_member("bob@example.org")
    off, known = join(browser, "ada@example.org"), join(browser, "bob@example.org")
    assert off.status_code == known.status_code == 202
    assert [letter.to for letter in mail.outbox] == [["bob@example.org"]]


def test_joining_from_a_sign_in_page_goes_back_to_where_one_came_from(browser, postbox) -> None:
    page = browser.get(reverse("join_page"), {"next": "/archive/"})
    assert b'name="next" value="/archive/"' in page.content
    assert join(browser, "ada@example.org", next="/archive/")["Location"] == "/archive/"


@pytest.mark.parametrize("path", ["/account/signup/", "/account/signup/?next=/archive/"])
def test_allauths_own_sign_up_page_leads_to_ours(browser, path: str) -> None:
    make_magazine()
    answer = browser.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == path.replace("/account/signup/", "/join/").replace(
        "=/archive/", "=%2Farchive%2F"
    )
    assert browser.post(path, {"email": "ada@example.org"}).status_code == 405
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("", "Please type your e-mail address."),
        ("ada", "not a complete e-mail address"),
        ("ada@", "not a complete e-mail address"),
        ("ada@localhost", "not a complete e-mail address"),
        ("a@b@example.org", "not a complete e-mail address"),
        ("ada@ex_ample.org", "not a complete e-mail address"),
        ("ada@example.org\r\nBcc: all@example.org", "no blanks, line ends"),
        ("ada@exa\0mple.org", "no blanks, line ends"),
        ("a da@example.org", "no blanks, line ends"),
        ("ada\u202e@example.org", "no blanks, line ends"),
        ('"a b"@example.org', "no blanks, line ends"),
        ('"ada"@example.org', "quotation marks"),
        ("ada@[127.0.0.1]", "not a number"),
        ("ada@127.0.0.1", "not a number"),
        ("ada@[IPv6:::1]", "not a number"),
        ("ad\u0131@example.org", "only plain letters"),
        ("\u212aate@example.org", "only plain letters"),
        ("😀@example.org", "only plain letters"),
        ("a" * 65 + "@example.org", "too long"),
        ("a" * 50 + "@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 120 + ".org", "too long"),
        ("ada@mailinator.com", "thrown away"),
        ("ada@x.y.MAILINATOR.com", "thrown away"),
    ],
)
def test_an_address_that_cannot_be_gets_a_sentence_and_is_not_lost(
    browser, postbox: Postbox, email: str, sentence: str
) -> None:
    article = make_article()
    answer = join(browser, email, article=article.pk)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in text
    assert SECRET not in text
    assert not Member.objects.exists()
    assert not len(postbox)
    if email.isprintable() and '"' not in email:
        assert email.strip() in text


def test_a_magazine_may_refuse_other_domains_than_the_built_in_list(
    browser, postbox, settings
) -> None:
    make_magazine()
    settings.REFUSED_MAIL_DOMAINS = ["Example.org"]
    assert join(browser, "ada@example.org").status_code == 422
    assert join(browser, "ada@mailinator.com").status_code == 302


def test_a_foreign_domain_is_kept_in_one_form(browser, postbox: Postbox) -> None:
    assert join(browser, "ada@BÜCHER.example").status_code == 302
    assert Member.objects.get().email == "ada@xn--bcher-kva.example"
    assert join(Browser(), "ada@xn--bcher-kva.example").status_code == 202
    assert Member.objects.count() == 1


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("ada.lovelace@example.org", "must not be your address"),
        ("Ada.Lovelace2026", "must not be your address"),
        ("short", "too short"),
        ("password1234", "too common"),
        ("x" * 200, "at most 128"),
        ("nul\0nul\0nul\0", "invisible"),
    ],
)
def test_a_weak_password_gets_a_sentence_and_the_address_is_not_lost(
    browser, postbox, password: str, sentence: str
) -> None:
    make_magazine()
    answer = join(browser, "ada.lovelace@example.org", password=password)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert sentence in text
    assert 'value="ada.lovelace@example.org"' in text
    assert not Member.objects.exists()


def test_the_sixth_try_in_an_hour_with_one_address_is_too_often(browser, postbox) -> None:
    make_member("ada@example.org")
    answers = [join(browser, "ada@example.org").status_code for _ in range(6)]
    assert answers == [202] * 5 + [429]
    assert join(browser, "bob@example.org").status_code == 302


def test_one_network_cannot_make_accounts_without_end(postbox) -> None:
    make_magazine()
    answers = [join(Browser(), f"reader{n}@example.org") for n in range(21)]
    assert answers[-1].status_code == 429
    assert "too often" in answers[-1].content.decode()
    assert 'value="reader20@example.org"' in answers[-1].content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_posts_with_one_new_address_at_once_make_one_account_and_one_welcome(
    settings,
) -> None:
    from django_tasks_db.models import DBTaskResult

    article = make_article()

    def post(_: int) -> int:
        try:
            return join(Browser(), "ada@example.org", article=article.pk).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    assert sorted(answers) == [202, 202, 202, 302]
    assert Member.objects.count() == EmailAddress.objects.count() == Unlock.objects.count() == 1
    asked = [row.task_path.rpartition(".")[2] for row in DBTaskResult.objects.all()]
    assert asked.count("send_confirmation") == 1
    assert asked.count("send_sign_in_link") == 3


# -- the code --------------------------------------------------------------------------------


@pytest.fixture
def joined(browser: Browser, postbox: Postbox) -> Browser:
    """A browser in which somebody has just joined at an article."""
    browser.article = make_article(title="Salt roads")
    join(browser, "ada@example.org", article=browser.article.pk)
    return browser


def type_code(browser: Browser, code: str, **fields: str):
    return browser.post(reverse("confirm_code"), {"code": code, **fields})


@pytest.mark.parametrize("typing", [str, str.lower, lambda c: c.replace("-", " "), "  {} ".format])
def test_the_code_of_the_mail_confirms_the_address_however_it_is_typed(
    joined, postbox: Postbox, typing
) -> None:
    answer = type_code(joined, typing(postbox.code()), next="/archive/")
    assert (answer.status_code, answer["Location"]) == (302, "/archive/")
    assert is_verified(Member.objects.get())


def test_a_wrong_code_gets_a_sentence_and_changes_nothing(joined, postbox: Postbox) -> None:
    answer = type_code(joined, "BCDF-GHJK", next="/archive/")
    assert answer.status_code == 422
    assert "not the code" in answer.content.decode()
    assert 'value="/archive/"' in answer.content.decode()
    for odd in ("", "\0", "😀" * 9, "x" * 5000, "-"):
        assert type_code(joined, odd).status_code == 422
    assert not is_verified(Member.objects.get())


def test_after_ten_wrong_codes_even_the_right_one_must_wait(joined, postbox: Postbox) -> None:
    for _ in range(10):
        assert type_code(joined, "BCDF-GHJK").status_code == 422
    answer = type_code(joined, postbox.code())
    assert answer.status_code == 429
    assert "too many tries" in answer.content.decode()
    assert not is_verified(Member.objects.get())


def test_a_code_ends_within_the_hour(joined, postbox: Postbox) -> None:
    member, now = Member.objects.get(), timezone.now()
    code = codes.code_of(member, now)
    assert codes.is_code_of(member, code, now + timedelta(minutes=29))
    assert not codes.is_code_of(member, code, now + timedelta(minutes=61))
    assert not codes.is_code_of(make_member("bob@example.org"), code, now)


def test_the_code_of_one_member_is_nothing_to_another(joined, postbox: Postbox) -> None:
    code, other = postbox.code(), Browser()
    join(other, "bob@example.org")
    assert type_code(other, code).status_code == 422


def test_a_visitor_who_types_a_code_is_sent_to_sign_in(browser) -> None:
    make_magazine()
    answer = type_code(browser, "BCDF-GHJK")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")


def test_another_mail_can_be_had_three_times_in_ten_minutes(joined, postbox: Postbox) -> None:
    for _ in range(3):
        answer = joined.post(reverse("send_confirmation"), {"next": "/archive/"})
        assert answer["Location"] == "/account/confirm/?next=%2Farchive%2F&sent="
    assert len(postbox) == 4
    assert "on its way" in joined.get(answer["Location"]).content.decode()
    answer = joined.post(reverse("send_confirmation"))
    assert answer.status_code == 429
    assert "ten minutes" in answer.content.decode()
    assert type_code(joined, postbox.code()).status_code == 302
    assert len(postbox) == 5  # the welcome
    assert joined.post(reverse("send_confirmation")).status_code == 302
    assert len(postbox) == 5


@pytest.mark.parametrize("name", ["confirm_code", "send_confirmation"])
def test_a_foreign_page_can_confirm_and_send_nothing(joined, postbox, name: str) -> None:
    answer = joined.post(
        reverse(name), {"code": postbox.code()}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
    assert not is_verified(Member.objects.get())
    assert len(postbox) == 1


HOSTILE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "\x08//evil.example",
    "/" + "a" * 3000,
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_code_never_leads_to_a_foreign_host(joined, postbox: Postbox, hostile: str) -> None:
    assert "evil" not in type_code(joined, "wrong", next=hostile).content.decode()
    assert type_code(joined, postbox.code(), next=hostile)["Location"] == "/account/"


# -- the link --------------------------------------------------------------------------------


def test_the_link_asks_first_and_its_button_confirms_and_signs_in_any_browser(
    joined, postbox: Postbox
) -> None:
    link, phone = postbox.link(), Browser()
    for method in (phone.get, phone.head, phone.get):
        answer = method(link)
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
    assert not is_verified(Member.objects.get())
    assert SESSION not in phone.cookies
    answer = phone.post(link)
    assert answer["Location"] == joined.article.get_absolute_url()
    assert is_verified(Member.objects.get())
    assert SECRET in phone.get(joined.article.get_absolute_url()).content.decode()
    # The browser one joined in stays signed in.
    assert joined.get("/account/").status_code == 200


def test_a_link_used_twice_says_so_and_signs_nobody_in(joined, postbox: Postbox) -> None:
    link = postbox.link()
    Browser().post(link)
    for answer in (Browser().get(link), Browser().post(link)):
        assert answer.status_code == 410
        assert "confirmed already" in answer.content.decode()
        assert SESSION not in answer.cookies


@pytest.mark.parametrize("token", ["x", "a:b:c", "%00", "x" * 3000, "eyJhIjoxfQ:1abc:def", "😀"])
def test_a_link_that_is_not_ours_says_so(browser, token: str) -> None:
    make_magazine()
    for kind in ("confirm", "link"):
        for method in (browser.get, browser.post):
            answer = method(f"/account/{kind}/{token}/")
            assert answer.status_code == 410
            assert "too old" in answer.content.decode()


def test_a_link_ends_after_three_days(joined, postbox: Postbox, monkeypatch) -> None:
    link = postbox.link()
    monkeypatch.setattr(codes, "LINK_LASTS", timedelta(seconds=-1))
    assert Browser().post(link).status_code == 410
    assert not is_verified(Member.objects.get())


def test_a_link_for_an_account_that_is_gone_says_so(joined, postbox: Postbox) -> None:
    link = postbox.link()
    Member.objects.all().delete()
    answer = Browser().post(link)
    assert answer.status_code == 410
    assert "does not exist any more" in answer.content.decode()


def test_a_link_of_another_member_warns_and_then_changes_who_is_signed_in(
    joined, postbox: Postbox
) -> None:
    link, ada = postbox.link(), Member.objects.get()
    bobs = Browser()
    join(bobs, "bob@example.org")
    answer = bobs.get(link)
    assert "logged in with another account" in answer.content.decode()
    assert int(bobs.session["_auth_user_id"]) != ada.pk
    before = bobs.session.session_key
    bobs.post(link)
    assert int(bobs.session["_auth_user_id"]) == ada.pk
    assert bobs.session.session_key != before
    assert not is_verified(Member.objects.get(email="bob@example.org"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_link_never_leads_to_a_foreign_host(joined, postbox: Postbox, hostile: str) -> None:
    path = postbox.link().partition("?")[0]
    page = Browser().get(path, {"next": hostile})
    assert "evil" not in page.content.decode()
    assert Browser().post(path, {"next": hostile})["Location"] == "/account/"


@pytest.mark.parametrize("path", ["/account/confirm-email/", "/account/confirm-email/MQ:abc:def/"])
def test_allauths_own_confirmation_pages_lead_to_ours(browser, path: str) -> None:
    assert browser.get(path)["Location"] == "/account/confirm/"


# -- the letter ------------------------------------------------------------------------------


def test_the_letter_is_text_with_an_html_twin_and_the_headers_it_needs(
    joined, postbox: Postbox, settings
) -> None:
    raw = message_from_bytes(postbox.newest.message().as_bytes(), policy=policy.default)
    text, page = raw.get_body(("plain",)), raw.get_body(("html",))
    assert text is not None
    assert page is not None
    assert raw["Subject"] == f"Your code for The Meridian: {postbox.code()}"
    assert raw["From"] == settings.DEFAULT_FROM_EMAIL
    assert raw["Auto-Submitted"] == "auto-generated"
    assert raw["Date"]
    assert "@testserver>" in raw["Message-ID"]
    for part in (text.get_content(), page.get_content()):
        assert postbox.code() in part
        assert "Salt roads" in part
        assert "http://testserver/account/confirm/" in part
    assert "&" not in text.get_content()


def test_imprint_and_contact_stand_under_each_letter(browser, postbox: Postbox) -> None:
    make_magazine(imprint="Meridian Press\n1 Quay", contact="post@meridian.example", name="A & B")
    join(browser, "ada@example.org")
    assert "Meridian Press\n1 Quay" in postbox.newest.body
    assert "Meridian Press<br>1 Quay" in str(postbox.newest.alternatives[0])
    assert postbox.newest.reply_to == ["post@meridian.example"]
    assert "for A & B:" in postbox.newest.subject


def test_nothing_in_a_letter_can_start_a_header(browser, postbox: Postbox) -> None:
    make_magazine(name="The Meridian\r\nBcc: all@example.org")
    join(browser, "ada@example.org")
    raw = postbox.newest.message().as_bytes()
    assert not re.search(rb"^Bcc:", raw.partition(b"\n\n")[0], re.MULTILINE)
    with pytest.raises(ValueError, match="Header values"):
        send_letter("farewell", "ada@example.org\nBcc: all@example.org")


def test_a_job_for_a_member_who_is_gone_or_confirmed_does_nothing(postbox: Postbox) -> None:
    make_magazine()
    jobs.send_confirmation.enqueue(999)
    jobs.send_sign_in_link.enqueue(999)
    jobs.send_address_change.enqueue(999, email="new@example.org")
    jobs.send_confirmation.enqueue(make_member().pk)
    assert not len(postbox)


def test_a_job_that_runs_twice_mails_once(postbox: Postbox) -> None:
    make_magazine()
    member = make_member(verified=False)
    result = jobs.send_confirmation.enqueue(member.pk)
    from django_tasks import TaskContext

    jobs.send_confirmation.call(TaskContext(task_result=result), member.pk)
    assert len(postbox) == 1
