"""What is missing or unsafe in this magazine's set-up, in sentences that name the next step."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from standfirst.project.environment import is_live

UNSAFE_KEY = "unsafe-"
SHORTEST_KEY = 50
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1", "testserver"}
WORKER_SEEN = "standfirst-worker-seen"
WORKER_SILENT_AFTER = 300  # seconds
ENDED_WITHIN = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to put right. `grave`: readers or their data are in danger, or nothing works."""

    sentence: str
    grave: bool = True


def pending_migrations() -> list[str]:
    """Names of the changes to the tables that `standfirst prepare` would make."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def is_public() -> bool:
    """Is BASE_URL an address that others can reach?"""
    host = urlsplit(settings.BASE_URL).hostname or ""
    return host not in LOCAL_HOSTS and not host.endswith((".localhost", ".test", ".example"))


def findings() -> Iterator[Finding]:
    """Everything that is missing or unsafe, the settings first, then the data."""
    for look in (_key, _address, _debug, _mail, _proxies, _edges, _static, _semantic, _stripe):
        yield from look()
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        reason = " ".join(str(error).split()).rstrip(".?")
        yield Finding(f"The database cannot be reached: {reason}. See DATABASE_URL.")
        return
    yield from _disk()
    pending = pending_migrations()
    if pending:
        yield Finding(
            f"The tables do not fit this version ({len(pending)} changes wait). "
            "Run `standfirst prepare`."
        )
        return
    for ask in _OF_THE_DATA:
        yield from ask()


def reasons_not_to_serve() -> list[str]:
    """Why the server must not start: the least that has to be right."""
    wrong = [f.sentence for look in _NEEDED for f in look() if f.grave]
    pending = pending_migrations()
    if pending:
        wrong.append(
            f"The tables do not fit this version ({len(pending)} changes wait). "
            "Run `standfirst prepare`."
        )
    return wrong


# -- settings ---------------------------------------------------------------------------------


def _key() -> Iterator[Finding]:
    if settings.SECRET_KEY.startswith(UNSAFE_KEY):
        yield Finding(
            "SECRET_KEY is not set, so anybody could forge a session. Put at least "
            f"{SHORTEST_KEY} random characters in .env; `standfirst new` writes a fresh one."
        )
    elif len(settings.SECRET_KEY) < SHORTEST_KEY:
        yield Finding(f"SECRET_KEY is short. Give it at least {SHORTEST_KEY} random characters.")


def _address() -> Iterator[Finding]:
    parts = urlsplit(settings.BASE_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Finding(
            "BASE_URL is not an address. Write it like https://magazine.example, without a path."
        )
        return
    if is_public() and parts.scheme == "http":
        yield Finding(
            "BASE_URL begins with http:, so sessions travel in the open. Put a certificate on the "
            "web server in front and write https: here."
        )
    if "*" in settings.ALLOWED_HOSTS and is_public():
        yield Finding(
            "ALLOWED_HOSTS is *, so links in mail can be made to point elsewhere. Leave it out "
            "(BASE_URL's host is then meant) or name your hosts."
        )
    elif parts.hostname not in settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        yield Finding(
            f"ALLOWED_HOSTS leaves out {parts.hostname}, the host of BASE_URL: readers will be "
            "turned away. Add it."
        )
    if settings.STANDFIRST_DEMO and is_public():
        yield Finding(
            "DEMO is on, so everybody can read all mail in the outbox. Take DEMO out of .env."
        )


def _debug() -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding(
            "DEBUG is on: errors show settings and texts to whoever meets them. "
            "Take DEBUG out of .env.",
            grave=is_public(),
        )


def _mail() -> Iterator[Finding]:
    if settings.STANDFIRST_DEMO:
        return
    backend = settings.EMAIL_BACKEND
    if not (backend.endswith(".smtp.EmailBackend") or backend.startswith("anymail.")):
        yield Finding(
            "No mail leaves this machine, so members cannot confirm their address or sign in "
            "by mail. Set EMAIL_URL, such as smtp://user:password@host:587?tls=1.",
            grave=is_public(),
        )
    if "localhost" in settings.DEFAULT_FROM_EMAIL and is_public():
        yield Finding(
            "EMAIL_FROM is not set: mail would come from post@localhost and be refused. "
            "Write it like The Meridian <post@magazine.example>."
        )


def _proxies() -> Iterator[Finding]:
    if settings.BASE_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        yield Finding(
            "BASE_URL is https, but TRUSTED_PROXIES names no web server in front: all readers "
            "share one network's rate limits, and forms may be refused. Name it, such as "
            "127.0.0.1.",
            grave=False,
        )
    for network in settings.TRUSTED_PROXIES:
        try:
            if ip_network(network, strict=False).prefixlen == 0:
                yield Finding(
                    f"TRUSTED_PROXIES names {network}, which is everybody: any reader could claim "
                    "any address. Name only your own proxies, such as 127.0.0.1."
                )
        except ValueError:
            yield Finding(
                f"TRUSTED_PROXIES: “{network}” is not an address or a network. Write it like "
                "127.0.0.1 or 10.0.0.0/8, separated by commas."
            )


def _edges() -> Iterator[Finding]:
    for url in settings.EDGE_PURGE_URLS:
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good:
            yield Finding(
                f"EDGE_PURGE_URLS: “{url}” is not an address. Write it like http://10.0.0.5:6081, "
                "separated by commas."
            )


def _stripe() -> Iterator[Finding]:
    key, address = settings.STRIPE_KEY, settings.STRIPE_API
    live, demo = is_live(key), settings.STANDFIRST_DEMO
    if address and live:  # the settings refuse it; a project of the publisher's own may not
        yield Finding(
            "STRIPE_API names a stand-in, and STRIPE_KEY is live: readers would pay nobody. Take "
            "STRIPE_API out, or write a key that begins with sk_test_."
        )
    elif address and not demo and urlsplit(address).hostname not in LOCAL_HOSTS:
        yield Finding(
            f"STRIPE_API is {address}, so readers “pay” at an address that is not Stripe. Take it "
            "out; a stand-in for tests listens on 127.0.0.1."
        )
    if key and not settings.STRIPE_WEBHOOK_SECRETS:
        yield Finding(
            "STRIPE_WEBHOOK_SECRET is not set, so nothing that Stripe tells (renewals, failed "
            "payments, refunds) is believed. Copy it from the endpoint in Stripe's dashboard.",
            grave=live,
        )
    if key and not live and not demo:
        yield Finding(
            "STRIPE_KEY is for tests, so readers subscribe without paying. Write a live key before "
            "you open.",
            grave=False,
        )


def _static() -> Iterator[Finding]:
    if not settings.DEBUG and not (Path(settings.STATIC_ROOT) / "staticfiles.json").is_file():
        yield Finding(
            f"Style sheets and scripts are not collected in {settings.STATIC_ROOT}. "
            "Run `standfirst prepare`."
        )


# What `standfirst serve` insists on, besides the tables.
_NEEDED: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(_key, _debug, _proxies, _edges, _static, _stripe),
)


# -- data -------------------------------------------------------------------------------------


def _semantic() -> Iterator[Finding]:
    from standfirst.library.semantic.model import lacking

    if settings.LIBRARY_SEMANTIC and (why := lacking()):
        yield Finding(f"LIBRARY_SEMANTIC is set, but readers search by words alone. {why}", False)


def _disk() -> Iterator[Finding]:
    import os
    import shutil

    folders = {"MEDIA_ROOT": Path(settings.MEDIA_ROOT)}
    if connection.vendor == "sqlite":
        file = Path(str(settings.DATABASES["default"]["NAME"]))
        folders["the database's folder"] = file.parent
        if file.exists() and not os.access(file, os.W_OK):
            yield Finding(f"The database {file} cannot be written. Give this user the right to.")
    for name, folder in folders.items():
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            yield Finding(
                f"{name} ({folder}) is missing or cannot be written. Make it and give it to the "
                "user that the magazine runs as."
            )
        elif shutil.disk_usage(folder).free < 200_000_000:
            yield Finding(f"The disk of {name} ({folder}) is nearly full. Make room there.")


def _cache() -> Iterator[Finding]:
    try:
        cache.set("standfirst-check", "1", 10)
        works = cache.get("standfirst-check") == "1"
    except Exception as error:  # whatever the cache's own library raises
        reason = " ".join(str(error).split()).rstrip(".?")
        yield Finding(
            f"The store for rate limits cannot be used: {reason}. Run `standfirst prepare`, or "
            "look at REDIS_URL."
        )
        return
    if not works:
        yield Finding("The store for rate limits forgets at once. Look at CACHES or REDIS_URL.")


def _staff() -> Iterator[Finding]:
    from standfirst.members.models import Member

    if not Member.objects.filter(is_active=True, is_superuser=True).exists():
        yield Finding(
            "Nobody may enter the newsroom yet. Run `standfirst staff name@magazine.example`.",
            grave=False,
        )


def _worker() -> Iterator[Finding]:
    try:
        seen = cache.get(WORKER_SEEN)
    except Exception:  # told of by `_cache`
        return
    if seen is None or time.time() - seen > WORKER_SILENT_AFTER:
        yield Finding(
            "The worker does not run, so no mail is sent and nothing is published on time. "
            "Start `standfirst worker` beside the server.",
            grave=False,
        )


def _endings() -> Iterator[Finding]:
    from standfirst.subscriptions.models import Ending

    late = timezone.now() - ENDED_WITHIN
    waiting = Ending.objects.filter(done_at=None, declared_at__lt=late).order_by("declared_at")
    for ending in waiting[:10]:
        yield Finding(
            f"Subscription no. {ending.subscription_id} was ended by its reader on "
            f"{ending.declared_at:%Y-%m-%d} ({ending.number}: {ending.get_kind_display()}), and is "
            f"not ended at {ending.subscription.provider} yet: "
            f"{ending.trouble or 'no try was made.'} The worker goes on trying; end it, and give "
            "the money back, there by hand if it stays so."
        )


def _library() -> Iterator[Finding]:
    """An index on this host is the worker's to build; a cluster is somebody's to look after."""
    if not settings.SEARCH_URL:
        return
    from standfirst.library import house
    from standfirst.library.engine import Broken, Unreachable

    parts = urlsplit(settings.SEARCH_URL)
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        yield Finding(
            "SEARCH_URL begins with http:, so texts and the password travel in the open. Write "
            "https:, unless the network between is your own.",
            grave=False,
        )
    try:
        house.live()
    except Unreachable as error:
        yield Finding(f"The library cannot be searched: {error}. See SEARCH_URL.")
    except Broken as error:
        yield Finding(
            f"The library cannot be searched yet: {error}. The worker builds an index; let it run.",
            grave=False,
        )


def _prices() -> Iterator[Finding]:
    from standfirst.subscriptions.providers import for_readers
    from standfirst.subscriptions.queries import not_at

    provider = for_readers()
    if provider is None:
        return
    missing = not_at(provider)
    if missing:
        named = ", ".join(map(str, missing[:3])) + (", …" if len(missing) > 3 else "")
        yield Finding(
            f"{len(missing)} offered price{'' if len(missing) == 1 else 's'} "
            f"({named}) cannot be bought: not put at {provider.name.capitalize()} yet. Run "
            "`standfirst prices --apply`, or do it in the newsroom (Subscriptions → Prices where "
            "readers pay).",
            grave=False,
        )


def _subscriptions() -> Iterator[Finding]:
    from standfirst.subscriptions.troubles import troubles

    for trouble in troubles(timezone.now()):
        yield Finding(trouble.sentence, trouble.grave)


def _newsletters() -> Iterator[Finding]:
    from standfirst.newsletters.troubles import troubles

    if not settings.STANDFIRST_DEMO:
        for trouble in troubles(timezone.now()):
            yield Finding(trouble.sentence, trouble.grave)


_OF_THE_DATA: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(_cache, _staff, _worker, _library, _prices, _endings, _subscriptions, _newsletters),
)
