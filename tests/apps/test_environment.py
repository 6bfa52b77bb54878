"""Settings from the environment, and the sentences of `standfirst check`."""

import os
from pathlib import Path

import pytest
from django.core.cache import cache

from standfirst.project import checks, environment
from standfirst.project.environment import BadSetting

HERE = Path("/srv/magazine/standfirst.sqlite3")


def test_without_an_address_the_data_lies_in_sqlite_and_writers_wait_for_each_other():
    row = environment.database("", HERE)
    assert row["NAME"] == str(HERE)
    assert row["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_an_address_of_postgres_is_understood():
    row = environment.database("postgres://ada:p%40ss@db.example/magazine", HERE)
    assert (row["HOST"], row["USER"], row["PASSWORD"]) == ("db.example", "ada", "p@ss")


def test_statements_are_prepared_unless_the_address_says_that_a_pooler_cannot():
    def threshold(more: str) -> object:
        row = environment.database(f"postgres://ada@db.example/magazine{more}", HERE)
        return row["OPTIONS"]["prepare_threshold"]

    assert threshold("") == 5
    assert threshold("?prepare_threshold=20") == 20
    assert threshold("?prepare_threshold=0") is None


@pytest.mark.parametrize("url", ["mysql://host/name", "magazine", "://"])
def test_an_address_that_is_no_database_of_ours_is_refused_with_a_sentence(url: str):
    with pytest.raises(BadSetting, match="DATABASE_URL"):
        environment.database(url, HERE)


def test_mail_travels_encrypted_unless_one_says_otherwise():
    assert environment.email("smtp://host")["EMAIL_USE_TLS"] is True
    assert environment.email("smtp://host?tls=0")["EMAIL_USE_TLS"] is False
    assert environment.email("smtps://host")["EMAIL_PORT"] == 465


def test_a_password_in_the_mail_servers_address_may_hold_any_character():
    assert environment.email("smtp://a%40b:p%2Fw@host:25")["EMAIL_HOST_PASSWORD"] == "p/w"


@pytest.mark.parametrize("url", ["", "host", "smtp://", "smtp://host:port", "imap://host"])
def test_a_mail_server_that_is_none_is_refused_with_a_sentence(url: str):
    with pytest.raises(BadSetting, match="EMAIL_URL"):
        environment.email(url)


def test_what_the_environment_says_wins_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text('# a comment\nBASE_URL="https://file.example"\nEMAIL_FROM=A <a@b.example>\n')
    monkeypatch.setattr(os, "environ", {"BASE_URL": "https://here.example"})
    environment.load_file(file)
    assert os.environ == {
        "BASE_URL": "https://here.example", "EMAIL_FROM": "A <a@b.example>"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "address", "said"),
    [
        ("pk_test_x", "", "STRIPE_KEY"),
        ("sk_live_x", "http://127.0.0.1:12111", "readers would pay nobody"),
        ("rk_live_x", "http://127.0.0.1:12111", "readers would pay nobody"),
        ("sk_test_x", "127.0.0.1:12111", "STRIPE_API"),
        ("sk_test_x", "http://127.0.0.1:x", "STRIPE_API"),
    ],
)
def test_what_does_not_go_together_for_stripe_is_refused(key: str, address: str, said: str):
    with pytest.raises(BadSetting, match=said):
        environment.stripe(key, address)


def test_stripe_is_asked_directly_or_through_a_stand_in():
    assert environment.stripe("rk_live_x", "") == ("rk_live_x", "")
    assert environment.stripe("sk_test_x", "http://127.0.0.1:1/") == (
        "sk_test_x", "http://127.0.0.1:1")  # fmt: skip


def test_a_variable_that_nobody_described_cannot_be_read():
    with pytest.raises(KeyError):
        environment.text("NOT_DESCRIBED")


def sentences() -> str:
    return " ".join(finding.sentence for finding in checks.findings())


@pytest.fixture
def public(settings):
    """A magazine on the open internet, with nothing wrong in its settings."""
    settings.BASE_URL = "https://magazine.org"
    settings.ALLOWED_HOSTS = ["magazine.org"]
    settings.SECRET_KEY = "k" * 60
    settings.DEFAULT_FROM_EMAIL = "post@magazine.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.STANDFIRST_DEMO = settings.DEBUG = False
    return settings


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", "unsafe-" + "x" * 50, "SECRET_KEY is not set"),
        ("SECRET_KEY", "short", "SECRET_KEY is short"),
        ("BASE_URL", "http://magazine.org", "begins with http:"),
        ("BASE_URL", "magazine.org", "BASE_URL is not an address"),
        ("ALLOWED_HOSTS", ["*"], "ALLOWED_HOSTS is *"),
        ("ALLOWED_HOSTS", ["other.org"], "ALLOWED_HOSTS leaves out magazine.org"),
        ("DEBUG", True, "DEBUG is on"),
        ("STANDFIRST_DEMO", True, "DEMO is on"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "No mail leaves"),
        ("DEFAULT_FROM_EMAIL", "post@localhost", "EMAIL_FROM is not set"),
        ("TRUSTED_PROXIES", ["10.0.0.0/99"], "is not an address or a network"),
        ("TRUSTED_PROXIES", ["0.0.0.0/0"], "which is everybody"),
        ("EDGE_PURGE_URLS", ["10.0.0.5:6081"], "is not an address. Write it like http://10.0.0.5"),
        ("STATIC_ROOT", "/nowhere", "not collected"),
        ("MEDIA_ROOT", "/nowhere", "missing or cannot be written"),
    ],
)
def test_what_is_unsafe_is_said_in_a_sentence(public, name: str, value: object, said: str):
    assert said not in sentences()
    setattr(public, name, value)
    assert said in sentences()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "secrets", "address", "said"),
    [
        ("sk_live_x", ["whsec_x"], "http://127.0.0.1:1", "readers would pay nobody"),
        ("sk_live_x", [], "", "STRIPE_WEBHOOK_SECRET is not set"),
        ("sk_test_x", ["whsec_x"], "", "readers subscribe without paying"),
        ("sk_test_x", ["whsec_x"], "https://elsewhere.org", "an address that is not Stripe"),
    ],
)
def test_what_is_unsafe_about_paying_is_said(
    public, key: str, secrets: list[str], address: str, said: str
):
    public.STRIPE_KEY, public.STRIPE_WEBHOOK_SECRETS = "sk_live_x", ["whsec_x"]
    assert "STRIPE" not in sentences()
    public.STRIPE_KEY, public.STRIPE_WEBHOOK_SECRETS, public.STRIPE_API = key, secrets, address
    assert said in sentences()


@pytest.mark.django_db
def test_a_magazine_opens_with_a_key_for_tests_and_not_without_a_live_secret(public):
    public.STRIPE_KEY = "sk_test_x"
    assert checks.reasons_not_to_serve() == []
    public.STRIPE_KEY = "sk_live_x"
    assert "STRIPE_WEBHOOK_SECRET" in " ".join(checks.reasons_not_to_serve())


def test_readers_pay_with_what_is_set_up(settings):
    from standfirst.subscriptions import providers

    settings.STRIPE_KEY = ""
    assert providers.for_readers() is None
    with pytest.raises(LookupError, match="set STRIPE_KEY"):
        providers.by_name("stripe")
    realms = []
    for settings.STRIPE_KEY, settings.STRIPE_API in (
        ("rk_live_x", ""), ("sk_test_x", ""), ("sk_test_x", "http://127.0.0.1:1"),
    ):  # fmt: skip
        found = providers.for_readers()
        assert found is providers.by_name("stripe") is providers.for_readers()
        realms.append(found.realm)
    assert realms == ["live", "test", "stand-in"]


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.MEDIA_ROOT = settings.STATIC_ROOT = tmp_path
    (tmp_path / "staticfiles.json").write_text("{}")


@pytest.mark.django_db
def test_a_magazine_without_staff_or_worker_is_told_so(public):
    said = sentences()
    assert "Nobody may enter the newsroom" in said
    assert "The worker does not run" in said


@pytest.mark.django_db
def test_a_worker_that_was_seen_a_moment_ago_is_not_missed(public):
    import time

    cache.set(checks.WORKER_SEEN, time.time())
    assert "The worker does not run" not in sentences()


@pytest.mark.django_db
def test_the_server_does_not_start_with_the_key_that_everybody_knows(public):
    assert checks.reasons_not_to_serve() == []
    public.SECRET_KEY = "unsafe-" + "x" * 50
    assert any("SECRET_KEY" in reason for reason in checks.reasons_not_to_serve())
