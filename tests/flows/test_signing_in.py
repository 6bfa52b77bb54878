"""Signing in: a code or link by mail, a password, a passkey; and back to where one came from."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.core import mail
from django.urls import reverse

from standfirst.members.codes import sign_in_token
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from tests.conftest import Browser
from tests.flows.test_joining import HOSTILE, join
from tests.letters import Postbox
from tests.making import make_article, make_magazine, make_member

pytestmark = pytest.mark.django_db

SESSION = django_settings.SESSION_COOKIE_NAME
ASK, CONFIRM = "/account/login/code/", "/account/login/code/confirm/"
LOGIN = "/account/login/"


@pytest.fixture(autouse=True)
def _magazine(db: None) -> None:
    make_magazine()


def who(browser: Browser) -> int | None:
    found = browser.session.get("_auth_user_id")
    return int(found) if found else None


def ask(browser: Browser, email: str, **fields: str):
    return browser.post(ASK, {"email": email, **fields})


def enter(browser: Browser, code: str, **fields: str):
    return browser.post(CONFIRM, {"code": code, **fields})


# -- the code --------------------------------------------------------------------------------


def test_one_page_offers_all_three_ways_and_works_without_script(browser) -> None:
    page = browser.get(LOGIN, {"next": "/archive/"}).content.decode()
    assert f'action="{ASK}"' in page
    assert f'action="{LOGIN}"' in page
    assert "passkey" in page
    assert page.count('name="next" value="/archive/"') == 3


def test_a_code_signs_in_the_browser_that_asked_and_leads_back(browser, postbox: Postbox) -> None:
    article, member = make_article(), make_member("ada@example.org")
    back = article.get_absolute_url()
    answer = ask(browser, " ADA@Example.org ", next=back)
    assert answer.status_code == 302
    page = browser.get(answer["Location"])
    assert "ada@example.org" in page.content.decode()
    answer = enter(browser, postbox.code().lower(), next=back)
    assert (answer.status_code, answer["Location"]) == (302, back)
    assert who(browser) == member.pk


def test_a_code_is_worth_nothing_in_another_browser(browser, postbox: Postbox) -> None:
    make_member("ada@example.org")
    ask(browser, "ada@example.org")
    other = Browser()
    enter(other, postbox.code())
    ask(other, "bob@example.org")
    enter(other, mail.outbox[0].subject[-9:])
    assert who(other) is None


def test_after_three_wrong_codes_a_new_one_must_be_asked_for(browser, postbox: Postbox) -> None:
    make_member("ada@example.org")
    ask(browser, "ada@example.org")
    first = enter(browser, "BCDF-GHJK")
    assert "not the code" in first.content.decode()
    for _ in range(10):
        enter(browser, "BCDF-GHJK")
    enter(browser, postbox.code())
    assert who(browser) is None


def test_a_second_code_can_be_sent_and_the_first_is_void(browser, postbox: Postbox) -> None:
    member = make_member("ada@example.org")
    ask(browser, "ada@example.org")
    first = postbox.code()
    browser.post(CONFIRM, {"action": "resend"})
    assert postbox.code() != first
    enter(browser, first)
    assert who(browser) is None
    enter(browser, postbox.code())
    assert who(browser) == member.pk


def test_an_unknown_address_gets_the_same_answer_and_a_mail_that_says_so(
    browser, postbox: Postbox
) -> None:
    make_member("ada@example.org")
    known, unknown = Browser(), Browser()
    pages = []
    for one, email in ((known, "ada@example.org"), (unknown, "eve@example.org")):
        answer = ask(one, email)
        assert (answer.status_code, answer["Location"]) == (302, CONFIRM)
        wrong = [one.get(CONFIRM), enter(one, "-"), enter(one, "BCDF-GHJK")]
        pages.append([(p.status_code, len(p.content)) for p in wrong])
    assert pages[0] == pages[1]
    assert postbox.newest.to == ["eve@example.org"]
    assert "There is no account" in postbox.newest.body
    assert "/join/" in postbox.newest.body
    assert who(unknown) is None


def test_an_account_that_is_switched_off_gets_the_same_answer_and_no_mail(
    browser, postbox: Postbox
) -> None:
    make_member("ada@example.org", is_active=False)
    assert ask(browser, "ada@example.org")["Location"] == CONFIRM
    assert not len(postbox)


@pytest.mark.parametrize(
    "email", ["", "ada", "a\0b@example.org", "x" * 300 + "@example.org", "a@b.org\nBcc: c@d.org"]
)
def test_an_address_that_cannot_be_gets_a_sentence(browser, postbox, email: str) -> None:
    answer = ask(browser, email)
    assert answer.status_code == 200
    assert 'class="error"' in answer.content.decode()
    assert not len(postbox)


def test_asking_too_often_for_one_address_is_answered_429(browser, postbox: Postbox) -> None:
    make_member("ada@example.org")
    answers = [ask(Browser(), "ada@example.org") for _ in range(4)]
    assert [a.status_code for a in answers] == [302, 302, 302, 429]
    assert "too often" in answers[-1].content.decode()
    assert "429 Too Many" not in answers[-1].content.decode()
    assert ask(Browser(), "bob@example.org").status_code == 302


def test_a_member_made_by_a_colleague_is_confirmed_by_their_first_code(
    browser, postbox: Postbox
) -> None:
    member = Member.objects.create_user("ada@example.org")
    ask(browser, "ada@example.org")
    enter(browser, postbox.code())
    assert who(browser) == member.pk
    assert is_verified(member)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_code_never_leads_to_a_foreign_host(browser, postbox: Postbox, hostile: str) -> None:
    make_member("ada@example.org")
    ask(browser, "ada@example.org", next=hostile)
    assert "evil" not in postbox.newest.body
    assert enter(browser, postbox.code(), next=hostile)["Location"] == "/account/"


# -- the link in the same letter -------------------------------------------------------------


def test_the_link_works_in_any_browser_once_and_its_page_uses_nothing_up(
    browser, postbox: Postbox
) -> None:
    member = make_member("ada@example.org")
    ask(browser, "ada@example.org", next="/archive/")
    link, phone = postbox.link(), Browser()
    for _ in range(3):
        page = phone.get(link)
        assert page.status_code == 200
        assert SESSION not in phone.cookies
    phone.head(link)
    answer = phone.post(link)
    assert answer["Location"] == "/archive/"
    assert who(phone) == member.pk
    for again in (Browser().get(link), Browser().post(link)):
        assert again.status_code == 410
        assert "used already" in again.content.decode()
        assert SESSION not in again.cookies


def test_signing_in_otherwise_ends_the_link(browser, postbox: Postbox) -> None:
    make_member("ada@example.org")
    ask(browser, "ada@example.org")
    link = postbox.link()
    enter(browser, postbox.code())
    assert Browser().post(link).status_code == 410


def test_a_link_ends_within_the_hour(browser, postbox: Postbox, settings) -> None:
    make_member("ada@example.org")
    ask(browser, "ada@example.org")
    settings.SESAME_MAX_AGE = 0
    assert browser.post(postbox.link()).status_code == 410


def test_a_token_is_no_way_in_anywhere_else(browser) -> None:
    member = make_member()
    for path in ("/", "/account/", "/archive/"):
        browser.get(path, {"token": sign_in_token(member), "sesame": sign_in_token(member)})
        assert who(browser) is None


def test_another_members_link_warns_and_then_changes_who_is_signed_in(
    browser, postbox: Postbox
) -> None:
    ada = make_member("ada@example.org")
    join(browser, "bob@example.org")
    before = browser.session.session_key
    Browser().post(ASK, {"email": "ada@example.org"})
    link = postbox.link()
    assert "logged in with another account" in browser.get(link).content.decode()
    assert who(browser) != ada.pk
    browser.post(link)
    assert who(browser) == ada.pk
    assert browser.session.session_key != before


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_link_never_leads_to_a_foreign_host(browser, hostile: str) -> None:
    path = reverse("sign_in_link", args=[sign_in_token(make_member())])
    assert "evil" not in browser.get(path, {"next": hostile}).content.decode()
    assert browser.post(f"{path}", {"next": hostile})["Location"] == "/account/"


@pytest.mark.parametrize("way", ["code", "link"])
def test_whoever_took_an_address_that_is_not_theirs_is_out_once_its_owner_comes(
    browser, postbox: Postbox, way: str
) -> None:
    """A stranger joined with your address and set a password; your first sign-in ends both."""
    stranger, owner = Browser(), browser
    join(stranger, "ada@example.org", password="strangers secret 1")
    assert who(stranger)
    ask(owner, "ada@example.org")
    if way == "code":
        enter(owner, postbox.code())
    else:
        owner.post(postbox.link())
    member = Member.objects.get()
    assert who(owner) == member.pk
    assert owner.get("/account/").status_code == 200
    assert is_verified(member)
    assert not member.has_usable_password()
    assert stranger.get("/account/").status_code == 302


def test_a_confirmed_member_keeps_password_and_sessions_when_signing_in_by_mail(
    browser, postbox: Postbox
) -> None:
    member, laptop = make_member("ada@example.org"), Browser()
    laptop.post(LOGIN, {"login": "ada@example.org", "password": "harbour-lamp"})
    ask(browser, "ada@example.org")
    browser.post(postbox.link())
    member.refresh_from_db()
    assert member.has_usable_password()
    assert laptop.get("/account/").status_code == 200


# -- the password ----------------------------------------------------------------------------


def test_a_password_signs_in_and_leads_back(browser) -> None:
    member = make_member("ada@example.org")
    form = {"login": "ADA@example.org", "password": "harbour-lamp", "next": "/archive/"}
    assert browser.post(LOGIN, form)["Location"] == "/archive/"
    assert who(browser) == member.pk
    assert browser.cookies[SESSION]["max-age"] == django_settings.SESSION_COOKIE_AGE


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_a_wrong_password_says_the_same_of_every_address(browser, email: str) -> None:
    make_member("ada@example.org")
    answer = browser.post(LOGIN, {"login": email, "password": "wrong"})
    assert "Address and password do not fit" in answer.content.decode()
    assert f'value="{email}"' in answer.content.decode()
    assert who(browser) is None


def test_the_sixth_wrong_password_within_minutes_is_answered_429(browser) -> None:
    make_member("ada@example.org")
    form = {"login": "ada@example.org", "password": "wrong"}
    answers = [browser.post(LOGIN, form).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]


@pytest.mark.parametrize(
    "form",
    [
        {"login": "a\0@example.org", "password": "x"},
        {"login": "ada@example.org", "password": "x\0"},
        {"login": "ada@example.org"},
        {"password": "x"},
        {},
    ],
)
def test_odd_forms_get_a_sentence(browser, form: dict[str, str]) -> None:
    answer = browser.post(LOGIN, form)
    assert answer.status_code == 200
    assert 'class="error"' in answer.content.decode()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_password_never_leads_to_a_foreign_host(browser, hostile: str) -> None:
    make_member("ada@example.org")
    form = {"login": "ada@example.org", "password": "harbour-lamp", "next": hostile}
    assert browser.post(LOGIN, form)["Location"] == "/account/"


def test_an_account_that_is_switched_off_cannot_sign_in(browser, postbox: Postbox) -> None:
    member = make_member("ada@example.org")
    token = sign_in_token(member)
    Member.objects.update(is_active=False)
    browser.post(LOGIN, {"login": "ada@example.org", "password": "harbour-lamp"})
    browser.post(reverse("sign_in_link", args=[token]))
    assert who(browser) is None
    assert "switched off" in browser.get("/account/inactive/").content.decode()


@pytest.mark.parametrize(
    "path", ["/account/password/reset/", "/account/password/reset/key/1-set-password/"]
)
def test_a_forgotten_password_leads_to_the_code(browser, path: str) -> None:
    assert browser.get(path)["Location"] == LOGIN


# -- passkeys --------------------------------------------------------------------------------


def add_passkey(member: Member) -> Authenticator:
    return Authenticator.objects.create(
        user=member, type=Authenticator.Type.WEBAUTHN, data={"name": "Phone", "credential": {}}
    )


def test_a_passkey_is_asked_for_and_a_wrong_one_signs_nobody_in(browser) -> None:
    add_passkey(make_member("ada@example.org"))
    challenge = browser.get("/account/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert challenge.json()["request_options"]["publicKey"]["challenge"]
    handle = '{"response": {"userHandle": "MQ"}, "id": "eA", "rawId": "eA", "type": "public-key"}'
    for odd in ("", "{}", "[]", "null", "7", '{"id": "x"}', "{\0}", handle):
        answer = browser.post("/account/2fa/webauthn/login/", {"credential": odd})
        assert answer.status_code == 302
        assert who(browser) is None


def test_a_member_with_a_passkey_can_still_come_in_by_mail_alone(browser, postbox: Postbox) -> None:
    member = make_member("ada@example.org")
    add_passkey(member)
    ask(browser, "ada@example.org")
    enter(browser, postbox.code())
    assert who(browser) == member.pk
    assert "Phone" in browser.get("/account/2fa/webauthn/").content.decode()


def test_passkeys_can_be_added_only_once_the_address_is_confirmed(browser, postbox) -> None:
    join(browser, "ada@example.org")
    answer = browser.get("/account/2fa/webauthn/add/", follow=True)
    assert "confirm your e-mail address before" in answer.content.decode()


def test_who_came_by_mail_may_manage_passkeys_and_others_show_that_it_is_them(
    browser, postbox: Postbox
) -> None:
    passkey = add_passkey(make_member("ada@example.org"))
    remove = f"/account/2fa/webauthn/keys/{passkey.pk}/remove/"
    by_password = Browser()
    by_password.post(LOGIN, {"login": "ada@example.org", "password": "harbour-lamp"})
    assert "/reauthenticate/" in by_password.post(remove)["Location"]
    assert Authenticator.objects.exists()
    page = by_password.get("/account/reauthenticate/?next=/account/2fa/webauthn/")
    assert "Is it you?" in page.content.decode()
    ask(browser, "ada@example.org")
    enter(browser, postbox.code())
    edit = f"/account/2fa/webauthn/keys/{passkey.pk}/edit/"
    assert "Phone" in browser.get(edit).content.decode()
    browser.post(edit, {"name": "הטלפון 📱"})
    assert "הטלפון 📱" in browser.get(remove).content.decode()
    browser.post(remove)
    assert not Authenticator.objects.exists()
    page = browser.get("/account/2fa/webauthn/add/")
    assert "Add a passkey" in page.content.decode()
    assert page.context["js_data"]["creation_options"]["publicKey"]["rp"]["name"] == "The Meridian"
    for odd in ("{}", "[]", "7", '{"id": "x"}'):
        answer = browser.post("/account/2fa/webauthn/add/", {"credential": odd})
        assert "not accepted" in answer.content.decode()


def test_another_members_passkey_cannot_be_touched(browser, postbox: Postbox) -> None:
    passkey = add_passkey(make_member("bob@example.org"))
    make_member("ada@example.org")
    ask(browser, "ada@example.org")
    enter(browser, postbox.code())
    for verb in ("remove", "edit"):
        path = f"/account/2fa/webauthn/keys/{passkey.pk}/{verb}/"
        assert browser.get(path).status_code == browser.post(path).status_code == 404


# -- leaving ---------------------------------------------------------------------------------


def test_signing_out_needs_the_button(browser, postbox) -> None:
    join(browser, "ada@example.org")
    assert "Log out" in browser.get("/account/logout/").content.decode()
    assert who(browser)
    assert browser.post("/account/logout/")["Location"] == "/"
    assert who(browser) is None


@pytest.mark.parametrize("hostile", HOSTILE)
def test_signing_out_never_leads_to_a_foreign_host(browser, hostile: str) -> None:
    assert browser.post("/account/logout/", {"next": hostile})["Location"] == "/"


def test_every_page_of_allauths_that_can_be_reached_has_our_look(browser, postbox) -> None:
    pages = [LOGIN, ASK, "/account/inactive/"]
    signed_in = ["/account/logout/", "/account/2fa/webauthn/"]
    for path in pages:
        assert b"<main" in browser.get(path).content, path
    join(browser, "ada@example.org")
    for path in signed_in:
        text = browser.get(path).content.decode()
        assert 'class="tabs' in text, path
        assert "Menu:" not in text


def test_the_addresses_allauth_knows_stay_one_for_each_member(browser, postbox: Postbox) -> None:
    join(browser, "ada@example.org")
    ask(Browser(), "ada@example.org")
    Browser().post(postbox.link())
    assert EmailAddress.objects.count() == 1
