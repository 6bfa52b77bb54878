"""The edges of `deploy/`, each run for real before a real door: whose bytes, how old, for whom."""

import gzip
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from django.utils import timezone

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.account.actions import delete_account
from standfirst.articles.models import Article
from standfirst.reading import edge, host
from standfirst.subscriptions.actions import end_early
from standfirst.subscriptions.models import Subscription
from tests.cast import MARKER, Magazine, Reader, make_cast
from tests.edges import EDGES, Served, missing, replaced, served
from tests.overhttp import Browser, Response
from tests.patience import patient
from tests.servers import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]

UNPACK = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": zstandard.decompress,
    "": bytes,
}


@pytest.fixture(params=EDGES)
def kind(request: Any) -> str:
    if why := missing(request.param):
        pytest.skip(why)
    return str(request.param)


@pytest.fixture
def magazine(settings: Any, tmp_path: Any) -> Magazine:
    settings.PAGE_STORE, settings.MEDIA_ROOT = tmp_path / "pages", tmp_path / "media"
    return make_cast()


@pytest.fixture
def at(kind: str, magazine: Magazine, settings: Any, tmp_path: Any) -> Iterator[Served]:
    with served(kind, tmp_path, settings) as found:
        yield found


def named(magazine: Magazine, name: str) -> Reader:
    return next(reader for reader in magazine.readers if reader.name == name)


def browser(at: Served, magazine: Magazine, name: str) -> Browser:
    return Browser(at.address, named(magazine, name).client)


def markers(body: bytes) -> set[int]:
    """The articles of whose rest something stands in a page."""
    return {int(number) for number, _ in MARKER.findall(body.decode("utf-8", "replace"))}


def plain(answer: Response) -> bytes:
    unpacked = UNPACK[answer.get("content-encoding")](answer.content)
    assert isinstance(unpacked, bytes)
    return unpacked


# -- whose bytes -------------------------------------------------------------------------------


def test_every_reader_gets_the_doors_own_bytes_in_every_encoding(
    at: Served, magazine: Magazine
) -> None:
    articles = [magazine.articles[n].get_absolute_url() for n in (3, 4, 6)]
    addresses = [*articles, "/", "/feed.xml"]
    kinds = ("visitor", "member with credits", "member with none left", "subscriber")
    readers = [browser(at, magazine, name) for name in kinds]
    at.warm(*readers, to=addresses)
    for here in readers:
        there = Browser(at.door)
        there.cookies = here.cookies
        for address in addresses:
            for encoding in UNPACK:
                asked = {"accept-encoding": encoding}
                expected = there.get(address, asked)
                for answer in (here.get(address, asked), here.get(address, asked)):
                    assert (answer.status_code, plain(answer)) == (200, plain(expected))
                    for name in ("content-type", "content-encoding", "vary", "etag"):
                        assert answer.get(name) == expected.get(name), (name, address)
                    own = r"x-standfirst|surrogate|xkey|x-varnish"
                    assert not [k for k, _ in answer.headers if re.match(own, k.lower())]
                again = here.get(address, asked | {"if-none-match": expected.get("etag")})
                assert again.content == b""
                assert again.status_code == (304 if expected.get("etag") else 200)
                head = here.ask("HEAD", address, asked)
                assert (head.status_code, head.content) == (200, b"")
    for text in ("salt", "tide", "salt"):  # what the library is asked is not remembered
        answer = readers[0].get(f"/library/suggestions/?q={text}", {"accept-encoding": ""})
        assert json.loads(answer.content)[0] == text


def test_what_is_remembered_needs_no_door(at: Served, magazine: Magazine) -> None:
    people = ["visitor", "member with credits", "subscriber"]
    open_to_some, strict = magazine.articles[6], magazine.articles[4]
    addresses = [a.get_absolute_url() for a in (open_to_some, strict)]
    browsers = {name: browser(at, magazine, name) for name in people}
    at.warm(*browsers.values(), to=addresses)
    os.kill(at.pid, signal.SIGKILL)
    for name, one in browsers.items():
        reader = named(magazine, name)
        for article in (open_to_some, strict):
            answer = one.get(article.get_absolute_url() + "?utm_source=letter")
            assert answer.status_code == 200, name
            assert bool(markers(answer.content)) is reader.may_read(article), name
    assert browsers["visitor"].get("/account/login/").status_code in {502, 503}


# -- how old -----------------------------------------------------------------------------------


def test_what_is_published_counts_from_the_next_request(at: Served, magazine: Magazine) -> None:
    article = magazine.articles[3]
    address = article.get_absolute_url()
    people = [browser(at, magazine, name) for name in ("visitor", "subscriber")]
    at.warm(*people, to=[address, "/section/world/"])
    for title in ("Corrected once", "Corrected twice"):
        article = Article.objects.get(pk=article.pk)
        article.title = title
        article.save_revision().publish()
        for one in people:
            for page in (address, "/section/world/"):
                assert title.encode() in one.get(page).content, page
                assert title.encode() in one.get(page).content, page
    article.unpublish()
    assert [one.get(address).status_code for one in people] == [404, 404]


def choose(magazine: Magazine) -> None:
    reader, article = named(magazine, "member with credits"), magazine.articles[7]
    unlock_with_credit(reader.member, article.pk, "x", Terms.METERED, now=timezone.now())


def lapse(magazine: Magazine) -> None:
    member = named(magazine, "subscriber").member
    end_early(Subscription.objects.get(member=member), timezone.now())


def sign_out(magazine: Magazine) -> None:
    named(magazine, "staff").client.post("/account/logout/")


def delete(magazine: Magazine) -> None:
    delete_account(named(magazine, "member with none left").member)


def tighten(magazine: Magazine) -> None:
    article = Article.objects.get(pk=magazine.articles[1].pk)
    article.terms = Terms.SUBSCRIBERS.value
    article.save_revision().publish()


# What happens, for whom, at which article, and whether it is open afterwards.
REVOKED = [
    (choose, "member with credits", 7, True),
    (lapse, "subscriber", 4, False),
    (sign_out, "staff", 4, False),
    (delete, "member with none left", 8, False),
    (tighten, "visitor", 1, False),
]


def test_what_changes_a_standing_counts_from_the_next_request(
    at: Served, magazine: Magazine
) -> None:
    for change, name, number, after in REVOKED:
        address = magazine.articles[number].get_absolute_url()
        reader = browser(at, magazine, name)
        at.warm(reader, to=[address])
        cookies = "; ".join(f"{k}={m.coded_value}" for k, m in reader.cookies.items())
        headers = [("host", "testserver"), *([("cookie", cookies)] if cookies else [])]
        for _ in range(2):
            assert bool(markers(reader.send("GET", address, headers).content)) is not after
        change(magazine)
        for _ in range(2):  # with the very same cookies, also those that were taken away
            body = reader.send("GET", address, headers).content
            assert bool(markers(body)) is after, change.__name__


def test_readers_of_one_variant_share_one_copy_in_varnish(
    magazine: Magazine, settings: Any, tmp_path: Path
) -> None:
    if why := missing("varnish"):
        pytest.skip(why)
    address, other = (magazine.articles[n].get_absolute_url() for n in (4, 5))

    def tell(config: str) -> str:
        return replaced(config, {"unset resp.http.X-Varnish;": ""})

    with served("varnish", tmp_path, settings, tell) as at:
        first, second = (browser(at, magazine, name) for name in ("subscriber", "staff"))
        at.warm(first, to=[address])
        at.warm(second, to=[other])
        answer = second.get(address)
        assert markers(answer.content)
        # Beside the request, Varnish names the one that fetched what it answers with.
        assert len(dict(answer.headers)["X-Varnish"].split()) == 2


def test_a_lost_file_of_generations_ends_every_memory(
    kind: str, at: Served, magazine: Magazine
) -> None:
    if kind != "nginx":
        pytest.skip("Varnish does not read it")
    address = magazine.articles[4].get_absolute_url()
    reader = browser(at, magazine, "subscriber")
    at.warm(reader, to=[address])
    (host.folder() / "generations").unlink()
    time.sleep(patient(0.15))
    os.kill(at.pid, signal.SIGKILL)
    assert reader.get(address).status_code == 502


# -- for whom ----------------------------------------------------------------------------------

HOSTILE_HEADERS: list[list[tuple[str, str]]] = [
    [("x-standfirst-variant", "full"), ("x-standfirst-edge", "1")],
    [("X-STANDFIRST-Variant", "full"), ("x-standfirst-variant", "full")],
    [("x-standfirst-asks", "page"), ("x-standfirst-variant", "full")],
    [("x-standfirst-reader", "x"), ("x-standfirst-member", "1:1:1"), ("x-standfirst-page", "/")],
    [("x_standfirst_variant", "full"), ("x_forwarded_for", "127.0.0.1")],
    [("x-forwarded-for", "127.0.0.1, 127.0.0.1"), ("forwarded", "for=127.0.0.1")],
    [("x-original-url", "/"), ("x-rewrite-url", "/account/"), ("x-http-method-override", "PURGE")],
    [("range", "bytes=0-100000")],
    [("range", "bytes=-1"), ("if-range", '"x"')],
    [("if-none-match", "*"), ("if-modified-since", "Thu, 01 Jan 2037 00:00:00 GMT")],
    [("accept-encoding", "br;q=0, *"), ("te", "trailers")],
    [("accept-encoding", "BR"), ("accept-encoding", "gzip")],
    [("cookie", "pass=full; variant=full; strip=x")],
    [("cookie", "sessionid=" + "0" * 32 + "; pass=x")],
    [("cookie", 'sessionid="; pass="; strip="')],
    [("cookie", "a=1\t;\x0bpass=x"), ("cookie", "sessionid=x")],
    [("cookie", "padding=" + "x" * 10_000)],
    [("authorization", "Basic c3Vic2NyaWJlcjp4")],
    [("user-agent", "Googlebot/2.1"), ("from", "googlebot(at)googlebot.com")],
    [("transfer-encoding", "identity"), ("connection", "close, cookie, x-standfirst-edge")],
    [("surrogate-control", "no-store"), ("cache-control", "no-cache"), ("pragma", "no-cache")],
]


def hostile_targets(address: str) -> list[str]:
    stem, _, slug = address.strip("/").rpartition("/")
    stem = f"/{stem}/"
    queries = ["page=1", "page=1&page=2", "x=page=", "%70age=2", "variant=full", "?", "#x"]
    odd = [
        f"//testserver{address}",
        f"/{address}",
        f"{address}/",
        f"{stem}/{slug}/",
        f"/.{address}",
    ]
    odd += [f"/x/..{address}", f"{stem}%2e/{slug}/", f"{stem}./{slug}/", f"{stem}x/%2e%2e/{slug}/"]
    odd += [f"{stem}{slug}%2f", f"{stem}{slug};full/", f"{address};jsessionid=1", f"{stem}{slug}"]
    odd += [
        f"{stem}%61{slug[1:]}/",
        f"{stem}{slug.upper()}/",
        f"{address}%00",
        f"{address}%0d%0ax:1",
    ]
    odd += [f"{stem}{slug}\\", f"http://testserver{address}", f"{address}?{'j' * 3000}"]
    return [*(f"{address}?{query}" for query in queries), *odd]


def test_nothing_hostile_gets_a_gated_byte_or_changes_what_the_next_reader_gets(
    at: Served, magazine: Magazine
) -> None:
    victim, owner = magazine.articles[4], browser(at, magazine, "subscriber")
    address = victim.get_absolute_url()
    visitor, member = browser(at, magazine, "visitor"), browser(at, magazine, "member with credits")
    at.warm(visitor, owner, member, to=[address])
    clean, full, walled = (one.get(address).content for one in (visitor, owner, member))
    assert (bool(markers(full)), bool(markers(clean)), bool(markers(walled))) == (
        True,
        False,
        False,
    )

    theirs = {k: m.coded_value for k, m in owner.cookies.items()}
    mine = {k: m.coded_value for k, m in member.cookies.items()}
    mixed = [
        [("cookie", f"sessionid={mine['sessionid']}; pass={theirs['pass']}")],
        [("cookie", f"pass={theirs['pass']}")],
        [("cookie", f"pass={theirs['pass']}; sessionid=")],
        [("cookie", f"pass={theirs['pass']}; strip={theirs['strip']}")],
        [("cookie", f"pass={theirs['pass']}"), ("cookie", f"sessionid={mine['sessionid']}")],
        [("cookie", f"sessionid={mine['sessionid']}; pass={theirs['pass'][:-1]}A")],
    ]
    asked = [("GET", address, rows) for rows in [*HOSTILE_HEADERS, *mixed]]
    asked += [
        (method, address, HOSTILE_HEADERS[0]) for method in ("HEAD", "OPTIONS", "TRACE", "FOO")
    ]
    asked += [("GET", target, []) for target in hostile_targets(address)]
    asked += [("GET", address, [("host", "evil.example")]), ("GET", address, [("host", "")])]
    for method, target, rows in asked:
        host_row = [] if any(name == "host" for name, _ in rows) else [("host", "testserver")]
        stranger = Browser(at.address)
        for _ in range(2):
            answer = stranger.send(method, target, [*host_row, *rows])
            assert not markers(answer.content), (method, target, rows)
            assert not markers(b"".join(v.encode() for _, v in answer.headers))
            for undo in (brotli.decompress, gzip.decompress):
                try:
                    assert not markers(undo(answer.content)), (method, target, rows)
                except (brotli.error, OSError, EOFError):
                    continue
        # And nobody finds anything else than before.
        for one, was in ((visitor, clean), (owner, full), (member, walled)):
            assert one.get(address).content == was, (method, target, rows)


def test_only_our_own_hosts_may_purge(kind: str, at: Served, magazine: Magazine) -> None:
    if kind != "varnish":
        pytest.skip("nginx is told by the file of generations")
    stranger = Browser(at.address)
    ours = [("host", "testserver"), ("xkey", "*")]
    assert stranger.send("PURGE", "/", ours).status_code == 200
    through_a_proxy = [*ours, ("x-forwarded-for", "127.0.0.1")]
    assert stranger.send("PURGE", "/", through_a_proxy).status_code == 403


# -- an edge that is away ----------------------------------------------------------------------


def test_an_edge_that_is_away_slows_no_change_and_is_told_later(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    port, heard = free_port(), []

    class Heard(BaseHTTPRequestHandler):
        def do_PURGE(self) -> None:
            heard.extend(self.headers["xkey"].split())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    settings.EDGE_PURGE_URLS = [f"http://127.0.0.1:{port}"]
    began = time.monotonic()
    for number in range(50):
        edge.tell([f"article:{number}"], 65_536 + 7)
    assert time.monotonic() - began < 10 * edge.LONGEST_WAIT, "it waits at most once"
    server = HTTPServer(("127.0.0.1", port), Heard)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        end = time.monotonic() + 60
        while len(set(heard)) < 51:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert set(heard) == {"member:7", *(f"article:{number}" for number in range(50))}
        monkeypatch.setattr(edge, "LONGEST_WAIT", 30.0)
        edge.tell([], 0)
        assert heard[-1] == "members", "told before `tell` returns"
    finally:
        server.shutdown()
        server.server_close()
