"""One magazine on two hosts, with doors and page stores of their own and one PostgreSQL."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from tests.hosts import TABLES, Host, Reader, false_clock
from tests.making import SECRET
from tests.patience import patient
from tests.servers import Cluster, postgres_cluster, postgres_programs

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        postgres_programs() is None,
        reason="PostgreSQL is not installed: apt-get install postgresql",
    ),
]
BOUND = 1.0  # seconds until a change counts on every host

# What every shell knows.
NAMES = """
from datetime import timedelta
from django.conf import settings
from django.test import Client
from django.utils import timezone
from allauth.usersessions.models import UserSession
from standfirst.access.models import Unlock
from standfirst.access.rules import Terms
from standfirst.articles.models import Article, Section
from standfirst.members.models import Member
from standfirst.reading.models import Change
from standfirst.subscriptions.actions import end_early
from standfirst.subscriptions.models import Subscription
from tests.making import *
def session_of(member):
    client = Client()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    key = client.session.session_key
    UserSession.objects.get_or_create(
        session_key=key, defaults={"user": member, "ip": "127.0.0.1", "user_agent": ""}
    )
    return key
def sign_out_everywhere(member):
    for session in UserSession.objects.filter(user=member):
        session.end()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres_cluster() as found:
        yield found


@pytest.fixture(scope="module")
def hosts(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Host, Host]]:
    folder = tmp_path_factory.mktemp("hosts")
    a, b = (Host(folder / name, cluster.address) for name in "ab")
    a.do(TABLES)
    a.do(NAMES)
    a.do("make_magazine()")
    with ExitStack() as stack:
        for host in (a, b):
            stack.enter_context(host.serving())
        yield a, b


def article(host: Host, **fields: object) -> tuple[int, str]:
    """The id and the path of a new article; the values of `fields` are Python."""
    given = ", ".join(f"{name}={value}" for name, value in fields.items())
    found = host.do(f"it = make_article({given}); answer = (it.pk, it.get_absolute_url())")
    assert isinstance(found, tuple)
    return found


def member(host: Host, *, subscribed: bool = False) -> tuple[int, Reader]:
    """The id of a new member, and their signed-in browser."""
    more = "subscribe(it);" if subscribed else ""
    found = host.do(f"it = make_member();{more} answer = (it.pk, session_of(it))")
    assert isinstance(found, tuple)
    return found[0], Reader({"sessionid": found[1]})


def kept(host: Host, path: str) -> set[str]:
    """The variants of a page that a host keeps."""
    with closing(sqlite3.connect(host.pages)) as store:
        return {
            row[0] for row in store.execute("SELECT variant FROM pages WHERE path = ?", (path,))
        }


def until(holds: Callable[[], bool], seconds: float) -> float:
    """How long it took to come about."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + seconds, "it did not come about in time"
        time.sleep(0.005)
    return time.monotonic() - began


def settled(host: Host, reader: Reader, path: str, *, full: bool) -> None:
    """The reader has what is right there, and from then on from the host's door."""
    for _ in range(3):
        status, body = reader.get(host, path)
        assert (status, SECRET in body) == (200, full)
    assert kept(host, path)


def is_full(host: Host, reader: Reader, path: str) -> bool:
    return SECRET in reader.get(host, path)[1]


# -- what changes at A counts at B ---------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False], ids=["listening", "polling"])
def test_whatever_changes_at_one_host_counts_at_the_other_within_a_second(
    hosts: tuple[Host, Host], told: bool
) -> None:
    """`polling`: rows whose notification never comes, as when a pooler loses it."""
    a, b = hosts

    def change(code: str, quietly: str) -> None:
        a.do(code if told else quietly)

    took = {}
    reader = Reader()
    pk, path = article(a, terms="Terms.OPEN")
    settled(b, reader, path, full=True)
    change(
        f"it = Article.objects.get(pk={pk}); it.terms = 'subscribers'; it.save()",
        f"Article.objects.filter(pk={pk}).update(terms='subscribers');"
        f"Change.objects.create(tags=['article:{pk}'])",
    )
    took["terms tightened"] = until(lambda: not is_full(b, reader, path), patient(BOUND))
    change(
        f"it = Article.objects.get(pk={pk}); it.title = 'Corrected'; it.save_revision().publish()",
        f"Article.objects.filter(pk={pk}).update(title='Corrected');"
        f"Change.objects.create(tags=['article:{pk}'])",
    )
    took["corrected"] = until(lambda: "Corrected" in reader.get(b, path)[1], patient(BOUND))
    change(
        f"Article.objects.get(pk={pk}).unpublish()",
        f"Article.objects.filter(pk={pk}).update(live=False);"
        f"Change.objects.create(tags=['article:{pk}'])",
    )
    took["withdrawn"] = until(lambda: reader.get(b, path)[0] == 404, patient(BOUND))

    pk, path = article(a)
    who, reader = member(a, subscribed=True)
    settled(b, reader, path, full=True)
    change(
        f"end_early(Subscription.objects.get(member={who}), timezone.now())",
        f"Subscription.objects.filter(member={who}).update(ends_at=timezone.now());"
        f"Change.objects.create(member={who})",
    )
    took["lapsed"] = until(lambda: not is_full(b, reader, path), patient(BOUND))
    who, reader = member(a, subscribed=True)
    settled(b, reader, path, full=True)
    change(
        f"sign_out_everywhere(Member.objects.get(pk={who}))",
        "from django.contrib.sessions.models import Session;"
        f"Session.objects.filter(pk={reader.cookies['sessionid']!r}).delete();"
        f"Change.objects.create(member={who})",
    )
    took["signed out everywhere"] = until(lambda: not is_full(b, reader, path), patient(BOUND))
    print({name: round(seconds, 3) for name, seconds in took.items()})


def test_choosing_and_joining_at_one_host_count_at_the_other(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    pk, path = article(a)
    _, there = member(a)
    settled(b, there, path, full=False)
    here = Reader({"sessionid": there.cookies["sessionid"]})
    assert here.post(a, f"/choose/{pk}/")[0] == 302
    until(lambda: is_full(b, there, path), patient(BOUND))
    joining = Reader()
    status, _ = joining.post(a, "/join/now/", article=pk, email="new@example.org", password="")
    assert status == 302
    assert is_full(b, Reader({"sessionid": joining.cookies["sessionid"]}), path)


def test_a_pass_of_one_host_proves_nothing_at_another(hosts: tuple[Host, Host]) -> None:
    """So no host's clock decides how long another host's pass is believed."""
    a, b = hosts
    _, path = article(a)
    _, reader = member(a, subscribed=True)
    settled(a, reader, path, full=True)
    of_a = reader.cookies["pass"]
    settled(b, reader, path, full=True)
    assert reader.cookies["pass"] != of_a


@pytest.mark.skipif(false_clock() is None, reason="apt-get install libfaketime")
@pytest.mark.parametrize("ahead", [60, -60])
def test_a_clock_that_is_a_minute_wrong_delays_no_change(
    hosts: tuple[Host, Host], cluster: Cluster, tmp_path: Path, ahead: int
) -> None:
    right, wrong = hosts[0], Host(tmp_path / "wrong", cluster.address, ahead=ahead)
    wrong.do(NAMES)
    with wrong.serving():
        skew = wrong.do("import time; answer = time.time()") - time.time()  # type: ignore[operator]
        assert abs(skew - ahead) < 5
        for here, there in ((right, wrong), (wrong, right)):
            pk, path = article(right)
            who, reader = member(right, subscribed=True)
            _, chooser = member(right)
            visitor = Reader()
            settled(there, reader, path, full=True)
            settled(there, chooser, path, full=False)
            settled(there, visitor, path, full=False)
            choosing = Reader({"sessionid": chooser.cookies["sessionid"]})
            assert choosing.post(here, f"/choose/{pk}/")[0] == 302
            until(lambda: is_full(there, chooser, path), patient(BOUND))  # noqa: B023
            here.do(f"sign_out_everywhere(Member.objects.get(pk={who}))")
            until(lambda: not is_full(there, reader, path), patient(BOUND))  # noqa: B023
            here.do(f"Article.objects.get(pk={pk}).unpublish()")
            until(lambda: visitor.get(there, path)[0] == 404, patient(BOUND))  # noqa: B023
        # What ends by the clock ends by the clock of the host that is asked.
        _, path = article(right)
        who, reader = member(right, subscribed=True)
        settled(wrong, reader, path, full=True)
        right.do(f"end_early(Subscription.objects.get(member={who}), timezone.now())")
        time.sleep(patient(BOUND))
        assert is_full(wrong, reader, path) is (ahead < 0)


# -- the database goes and comes -----------------------------------------------------------------


def test_while_the_database_is_away_kept_pages_are_answered_and_all_heals_by_itself(
    hosts: tuple[Host, Host], cluster: Cluster
) -> None:
    """Redis plays no part here: it only counts attempts, and neither door nor follower ask it."""
    pk, path = article(hosts[0])
    who, _ = member(hosts[0], subscribed=True)
    sessions = f"answer = [session_of(Member.objects.get(pk={who})) for _ in 'ab']"
    readers = [Reader({"sessionid": key}) for key in hosts[0].do(sessions)]  # type: ignore[attr-defined]
    visitor, unkept = Reader(), article(hosts[0])[1]
    time.sleep(patient(0.5))  # both followers have heard of all this
    for host, reader in zip(hosts, readers, strict=True):
        settled(host, reader, path, full=True)
        settled(host, visitor, path, full=False)
    cluster.stop()
    try:
        for host, reader in zip(hosts, readers, strict=True):
            for _ in range(3):
                assert is_full(host, reader, path), "a pass that is valid stays so"
                status, body = visitor.get(host, path)
                assert (status, SECRET in body) == (200, False)
            for address in (unkept, "/account/login/", "/healthz"):
                status, body = visitor.get(host, address)
                assert status in {500, 503}
                assert "again" in body, body  # what to do now
            stranger = Reader({"sessionid": "unknown"})
            assert stranger.get(host, path)[0] in {500, 503}
    finally:
        cluster.start()
    a, b = hosts
    for host in hosts:
        until(lambda host=host: visitor.get(host, unkept)[0] == 200, 60)  # type: ignore[misc]
    a.do(f"end_early(Subscription.objects.get(member={who}), timezone.now())")
    # The follower looks for its database once a second.
    until(lambda: not is_full(b, readers[1], path), patient(1 + BOUND))
    settled(b, visitor, path, full=False)
    a.do(f"Article.objects.get(pk={pk}).unpublish()")
    until(lambda: visitor.get(b, path)[0] == 404, patient(BOUND))


def test_a_worker_killed_in_the_middle_of_publishing_publishes_once_after_all(
    hosts: tuple[Host, Host], cluster: Cluster
) -> None:
    a, b = hosts
    pk, path = article(a, live=False, published_at=None, title="'On the hour'")
    settled(b, Reader(), article(a, terms="Terms.OPEN")[1], full=True)
    front = Reader()
    front.get(b, "/")
    assert "On the hour" not in front.get(b, "/")[1]
    a.do(
        f"it = Article.objects.get(pk={pk}); it.go_live_at = timezone.now() + timedelta(seconds=1);"
        "it.save_revision(approved_go_live_at=it.go_live_at).publish()"
    )
    time.sleep(1)
    with psycopg.connect(cluster.address, autocommit=True) as watching:
        with psycopg.connect(cluster.address) as holding:
            # Publishing writes its log last of all: there it is made to wait.
            holding.execute("LOCK TABLE wagtailcore_pagelogentry IN EXCLUSIVE MODE")
            worker = a.started("-m", "standfirst", "worker")
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            until(lambda: watching.execute(waiting).fetchone() == (1,), 120)
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        log = "SELECT count(*) FROM wagtailcore_pagelogentry WHERE page_id = %s AND action = %s"
        published = (pk, "wagtail.publish.scheduled")
        assert watching.execute(log, published).fetchone() == (0,)
        assert front.get(b, path)[0] == 404
        worker = a.started("-m", "standfirst", "worker")
        try:
            until(lambda: watching.execute(log, published).fetchone() == (1,), 120)
            until(lambda: "On the hour" in front.get(b, "/")[1], patient(BOUND))
            assert front.get(b, path)[0] == 200
            time.sleep(1)
        finally:
            worker.terminate()
            worker.wait(20)
        assert watching.execute(log, published).fetchone() == (1,)
