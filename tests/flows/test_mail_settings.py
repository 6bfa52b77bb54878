"""What a publisher sets for all newsletters: Settings, Newsletters in the newsroom."""

from typing import Any

import pytest
from django.test import Client

from standfirst.newsletters.actions.setting_up import set_up_newsletters
from standfirst.newsletters.delivery.in_use import road_in_use
from standfirst.newsletters.models import MailSettings, ProviderLimit
from tests.making import make_magazine, make_member

pytestmark = pytest.mark.django_db
PAGE = "/newsroom/settings/newsletters/mailsettings/"


@pytest.fixture
def publisher() -> Client:
    make_magazine()
    set_up_newsletters()
    browser = Client()
    browser.force_login(make_member("pub@example.org", is_staff=True, is_superuser=True))
    return browser


def saved(publisher: Client, *rows: dict[str, Any]) -> str:
    """Save these rows of limits, as the page's form does; gives what it says afterwards."""
    number = MailSettings.objects.get().pk
    form: dict[str, Any] = {
        "accent": "#8a2432",
        "limits-TOTAL_FORMS": len(rows),
        "limits-INITIAL_FORMS": 0,
        "limits-MIN_NUM_FORMS": 0,
        "limits-MAX_NUM_FORMS": 1000,
    }
    for at, row in enumerate(rows):
        given = {"first_day": 200, "id": "", "DELETE": "", **row}
        form |= {f"limits-{at}-{name}": value for name, value in given.items()}
    return publisher.post(f"{PAGE}{number}/", form, follow=True).content.decode()


def test_each_provider_is_given_a_limit_and_the_one_in_use_is_marked(
    publisher: Client, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    said = saved(
        publisher,
        {"provider": "mailgun", "an_hour": 5000, "warm_up_from": "2026-12-01", "first_day": 500},
        {"provider": "smtp.example.org", "an_hour": 900},
    )
    assert "updated" in said
    assert said.count("Yes: letters leave by it") == 1
    # Those that wait name the one in use: the other row, and the form for one more.
    assert said.count("No: they leave by mailgun") == 2
    rows = ProviderLimit.objects.order_by("provider").values_list("provider", "an_hour")
    assert list(rows) == [("mailgun", 5000), ("smtp.example.org", 900)]


@pytest.mark.parametrize("names", [["Mailgun"], ["mail gun"], ["mailgun", "mailgun"]])
def test_a_name_that_would_limit_nothing_is_refused(publisher: Client, names: list[str]) -> None:
    said = saved(publisher, *({"provider": name, "an_hour": 1} for name in names))
    assert "could not be saved" in said
    assert not ProviderLimit.objects.exists()


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        ("anymail.backends.brevo.EmailBackend", "brevo"),
        ("django.core.mail.backends.smtp.EmailBackend", "smtp.example.org"),
        ("django.core.mail.backends.filebased.EmailBackend", "folder"),
        ("django.core.mail.backends.console.EmailBackend", "screen"),
    ],
)
def test_a_road_has_the_name_of_what_email_url_says(settings: Any, backend: str, name: str) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = backend, "SMTP.example.org"
    assert road_in_use() == name


def test_what_nobody_has_set_is_not_made_by_being_read() -> None:
    assert not MailSettings.load().double_opt_in
    assert not MailSettings.objects.exists()


def test_setting_up_makes_the_row_once() -> None:
    make_magazine()
    set_up_newsletters()
    MailSettings.objects.update(double_opt_in=True)
    set_up_newsletters()
    assert MailSettings.objects.get().double_opt_in
