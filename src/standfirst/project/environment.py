"""The magazine's settings as environment variables, read with sentences for errors.

Every variable the program knows is a row of `VARIABLES`; the operator's manual lists the same rows
(a test compares them).
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import dj_database_url

VARIABLES: Mapping[str, str] = {
    "STANDFIRST_HOME": "folder of the magazine's data; the default is the present folder",
    "SECRET_KEY": "at least 50 random characters; signs sessions and links",
    "SECRET_KEY_FALLBACKS": "older keys, separated by commas, still believed while you rotate",
    "BASE_URL": "the address readers see, such as https://magazine.example",
    "ALLOWED_HOSTS": "host names to answer to, separated by commas; default: that of BASE_URL",
    "DATABASE_URL": "postgres://user:password@host/name; default: SQLite in STANDFIRST_HOME",
    "REDIS_URL": "redis://host:6379/0 for rate limits shared by several machines",
    "EMAIL_URL": "smtp://user:password@host:587?tls=1, smtps://…, mailgun://key@domain, "
    "sparkpost://key@, mailjet://key:secret@, brevo://key@, file:///folder or console:",
    "EMAIL_FROM": "sender of the magazine's mail, such as The Meridian <post@magazine.example>",
    "DKIM_KEY": "file with the private key (PEM) that signs all mail by SMTP; else the relay signs",
    "DKIM_SELECTOR": "the name of that key in the DNS; default: standfirst",
    "MAIL_BOUNCES": "address that bounces of newsletters go to; default: their sender",
    "BOUNCE_MAILBOX": "imaps://user:password@host/INBOX, the mailbox that bounces arrive in",
    "MAIL_WEBHOOK_SECRET": "name:password that the provider's events carry; Mailgun's signing key",
    "MAIL_SENDERS": "how many processes of a host send newsletters at once; default: 2",
    "MAIL_CONNECTIONS": "how many connections a sender of newsletters holds at once; default: 4",
    "MAIL_JOURNALS": "folder, on a disk of this host, where senders note what leaves; default: "
    "journals in STANDFIRST_HOME",
    "MEDIA_ROOT": "folder for pictures; default: media in STANDFIRST_HOME",
    "STATIC_ROOT": "folder that `standfirst prepare` collects style sheets and scripts in",
    "PAGE_STORE": "folder of this host's kept pages; default: pages in STANDFIRST_HOME",
    "PAGE_STORE_MB": "the largest size of the kept pages in megabytes; default: 2000",
    "LIBRARY": "folder of this host's search index; default: library in STANDFIRST_HOME",
    "LIBRARY_FRESHNESS": "percent by which today's analysis counts for more; default: 15",
    "SEARCH_URL": "https://user:secret@host:9200/prefix of OpenSearch, instead of LIBRARY's index",
    "LIBRARY_SEMANTIC": "1 finds articles by meaning too; needs the extra of that name",
    "STRIPE_KEY": "secret or restricted key of Stripe (sk_… or rk_…); readers can then subscribe",
    "STRIPE_WEBHOOK_SECRET": "whsec_… of the webhook endpoint; several, separated by commas",
    "STRIPE_API": "address of the stand-in for Stripe, such as http://127.0.0.1:12111; else empty",
    "TRUSTED_PROXIES": "networks of your own proxies, whose X-Forwarded-For and -Proto count",
    "EDGE_PURGE_URLS": "addresses of Varnish to tell of changes, such as http://10.0.0.5:6081",
    "DEBUG": "1 shows errors in the browser; never on a public machine",
    "DEMO": "1 marks a throwaway magazine and shows the outbox page",
}


class BadSetting(Exception):  # noqa: N818
    """A setting that cannot be used; the text says which, and what to write instead."""


def text(name: str, default: str = "") -> str:
    """The variable's value without surrounding blanks."""
    if name not in VARIABLES:
        raise KeyError(name)
    return os.environ.get(name, default).strip()


def flag(name: str) -> bool:
    """Is the variable set to 1, true, yes or on?"""
    return text(name).lower() in {"1", "true", "yes", "on"}


def words(name: str) -> list[str]:
    """The variable's parts between commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def number(name: str, default: int) -> int:
    """The variable as a whole number above nought. Raises BadSetting for anything else."""
    value = text(name)
    if value and not (value.isascii() and value.isdigit() and 0 < int(value) < 10**9):
        raise BadSetting(f"{name} is not a number. Write digits alone, such as {default}.")
    return int(value or default)


def share(name: str, default: int) -> float:
    """The variable, a whole number of percent from 0 to 100, as a share. Raises BadSetting."""
    value = text(name)
    if value and not (value.isascii() and value.isdigit() and len(value) < 4 and int(value) <= 100):
        raise BadSetting(f"{name} is not a percentage. Write 0 to 100, such as {default}.")
    return int(value or default) / 100


def folder(name: str, default: Path) -> Path:
    """The variable as an absolute path."""
    return Path(text(name) or default).expanduser().resolve()


def load_file(path: Path) -> None:
    """Read KEY=value lines of a `.env` file; what the environment already says wins."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not name.lstrip().startswith("#"):
            os.environ.setdefault(name.strip(), _unquoted(value.strip()))


def _unquoted(value: str) -> str:
    """Without the quotation marks around it, if it has a pair."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def database(url: str, file: Path) -> dict[str, Any]:
    """Django's row of DATABASES for an address such as postgres://user:password@host/name.

    Without an address: SQLite in `file`. Waits for a lock instead of failing, and takes it when a
    transaction begins, so that two writers never meet half-way.
    """
    try:
        row: dict[str, Any] = dict(
            dj_database_url.parse(url or f"sqlite:///{file}", conn_max_age=60)
        )
    except (ValueError, dj_database_url.ParseError) as error:
        raise BadSetting(
            "DATABASE_URL is not understood. Write postgres://user:password@host/name, or leave "
            "it out for SQLite."
        ) from error
    engine = str(row["ENGINE"]).rpartition(".")[2]
    if engine == "sqlite3":
        row["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;"
            ),
        }
    elif engine == "postgresql":
        row["CONN_HEALTH_CHECKS"] = True
        # Only for publication.statements: what Django itself composes is never prepared.
        options = row.setdefault("OPTIONS", {})
        options["prepare_threshold"] = options.get("prepare_threshold", 5) or None
    else:
        raise BadSetting(
            "DATABASE_URL names a kind of database that Standfirst does not work with. "
            "It works with PostgreSQL (postgres://…) and SQLite."
        )
    return row


def search(url: str) -> str:
    """The address of an OpenSearch cluster, or "". Raises BadSetting for what cannot be one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    else:
        name = parts.path.strip("/")
        usable = usable and bool(re.fullmatch(r"([a-z0-9][a-z0-9_-]{0,99})?", name))
        usable = usable and set(dict(parse_qsl(parts.query))) <= {"ca"}
    if url and not usable:
        raise BadSetting(
            "SEARCH_URL is not understood. Write https://user:secret@host:9200/prefix, the prefix "
            "in small letters, digits, - and _; ?ca=FILE names an authority of your own. Leave it "
            "out for an index on each host."
        )
    return url


def stripe(key: str, address: str) -> tuple[str, str]:
    """Stripe's key and the stand-in's address, as they came. Raises BadSetting for a key that is
    none, and for a live key beside the stand-in: money would seem to be taken."""
    if key and not re.fullmatch(r"(sk|rk)_(test|live)_\w+", key):
        raise BadSetting(
            "STRIPE_KEY is not a secret key. Write one that begins with sk_live_, rk_live_, "
            "sk_test_ or rk_test_ (a key with pk_ is for browsers), or leave it out."
        )
    if address:
        try:
            parts = urlsplit(address)
            _ = parts.port
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise BadSetting(
                "STRIPE_API is not understood. Write the address of the stand-in, such as "
                "http://127.0.0.1:12111, or leave it out for Stripe itself."
            )
        if is_live(key):
            raise BadSetting(
                "STRIPE_API names a stand-in, and STRIPE_KEY is live: readers would pay nobody. "
                "Take STRIPE_API out, or write a key that begins with sk_test_."
            )
    return key, address.rstrip("/")


def is_live(key: str) -> bool:
    """Is this a key of Stripe's with which real money is taken?"""
    return key.startswith(("sk_live_", "rk_live_"))


def email(url: str) -> dict[str, Any]:
    """Django's EMAIL_* settings for an address such as smtp://user:password@host:587?tls=1."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "file":
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": parts.path,
        }
    if parts.scheme in PROVIDERS:
        return _provider(parts)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise BadSetting(
            "EMAIL_URL is not understood. Write smtp://user:password@host:587?tls=1, "
            "smtps://user:password@host:465, mailgun://key@domain, sparkpost://key@, "
            "mailjet://key:secret@, brevo://key@, file:///folder or console:."
        )
    secure = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "standfirst.newsletters.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if secure else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": secure,
        "EMAIL_USE_TLS": not secure and dict(parse_qsl(parts.query)).get("tls", "1") == "1",
        "EMAIL_TIMEOUT": 20,
    }


# Those that take one text with many recipients' words (see newsletters.delivery.provider); what
# Anymail calls their key, and whether there are two parts to it.
PROVIDERS = {
    "mailgun": ("MAILGUN_API_KEY", ""),
    "sparkpost": ("SPARKPOST_API_KEY", ""),
    "mailjet": ("MAILJET_API_KEY", "MAILJET_SECRET_KEY"),
    "brevo": ("BREVO_API_KEY", ""),
}


def _provider(parts: SplitResult) -> dict[str, Any]:
    """Anymail's settings. `?api=` names another address of the provider's interface, such as that
    for Europe."""
    name = parts.scheme
    key, secret = PROVIDERS[name]
    no_domain = name == "mailgun" and not parts.hostname
    if not parts.username or (secret and not parts.password) or no_domain:
        raise BadSetting(
            f"EMAIL_URL lacks a part. Write {name}://"
            f"{'key:secret@' if secret else 'key@'}{'your.domain' if name == 'mailgun' else ''}."
        )
    anymail: dict[str, Any] = {key: unquote(parts.username)}
    if secret:
        anymail[secret] = unquote(parts.password or "")
    if name == "mailgun":
        anymail["MAILGUN_SENDER_DOMAIN"] = parts.hostname
    api = dict(parse_qsl(parts.query)).get("api")
    if api:
        anymail[f"{name.upper()}_API_URL"] = api
    return {
        "EMAIL_BACKEND": f"anymail.backends.{name}.EmailBackend",
        "ANYMAIL": anymail,
        "EMAIL_TIMEOUT": 20,
    }


def webhook_secret(secret: str) -> dict[str, str]:
    """Anymail's settings by which events of a provider are believed: `name:password` (HTTP's basic
    authentication), or Mailgun's key for signing."""
    if not secret:
        return {}
    return {"WEBHOOK_SECRET" if ":" in secret else "MAILGUN_WEBHOOK_SIGNING_KEY": secret}
