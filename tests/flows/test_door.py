"""The door and Django's own view over the same table: the same bytes, and never a stale one."""

import asyncio
import gzip
import os
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import brotli
import pytest
import zstandard
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from standfirst.access.actions import unlock_as, unlock_with_credit
from standfirst.access.rules import Terms, UnlockKind
from standfirst.account.actions import delete_account
from standfirst.articles.models import Article
from standfirst.publication.models import Publication
from standfirst.reading import host, passes, store
from standfirst.reading.follower import Follower, Log
from standfirst.reading.models import Change
from standfirst.reading.press import press_all
from standfirst.subscriptions.actions import end_early
from tests.cast import MARKER, Magazine, make_cast
from tests.doors import TestDoor
from tests.making import SECRET, make_article, make_magazine, make_member, subscribe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.attack]


@pytest.fixture(autouse=True)
def own_store(settings: Any, tmp_path: Any) -> None:
    settings.PAGE_STORE = tmp_path / "pages"
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()


def signed_in(member: Any) -> Client:
    client = Client(headers={"sec-fetch-site": "same-origin"})
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def strip_of_headers(answer: Any) -> dict[str, str]:
    leave = {"content-length", "etag", "content-encoding", "set-cookie"}
    return {k.lower(): v for k, v in dict(answer.items()).items() if k.lower() not in leave}


def addresses_of(magazine: Magazine) -> list[str]:
    lists = ["/", "/section/world/", "/topic/shipping/", "/region/oceans/", "/author/ada-sample/"]
    lists += ["/topics/", "/authors/", "/archive/", "/library/", "/all-access/", "/feed.xml"]
    lists += ["/topic/shipping/feed.atom", "/sitemap.xml", "/sitemap-articles-1.xml", "/robots.txt"]
    lists += ["/opensearch.xml"]
    return [*lists, *(a.get_absolute_url() for a in magazine.articles.values())]


def test_door_and_django_give_the_same_over_the_whole_table() -> None:
    magazine = make_cast()
    door = TestDoor()
    addresses = addresses_of(magazine)
    for reader in magazine.readers:  # hands out passes and warms the store with everybody's pages
        for address in addresses:
            reader.client.get(address)
    answered = 0
    for reader in magazine.readers:
        for address in addresses:
            there = reader.client.get(address)
            here = door.get(address, reader.client)
            if not here.from_door:
                assert there.status_code != 200, (reader.name, address)
                continue
            answered += 1
            assert (here.status, here.body) == (there.status_code, there.content), address
            assert {
                k: v for k, v in here.headers.items() if k not in {"etag", "content-length"}
            } == (strip_of_headers(there)), address
            for number in {int(n) for n, _ in MARKER.findall(here.body.decode())}:
                assert reader.may_read(magazine.articles[number]), (reader.name, address)
    assert answered > 150


@pytest.fixture
def story() -> tuple[Article, TestDoor]:
    make_magazine()
    article = make_article(terms=Terms.METERED)
    Client().get(article.get_absolute_url())
    return article, TestDoor()


def test_encodings_validators_and_head(story: tuple[Article, TestDoor]) -> None:
    article, door = story
    address = article.get_absolute_url()
    plain = door.get(address)
    assert plain.from_door
    assert SECRET.encode() not in plain.body
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, "zstd": zstandard.decompress}
    for name, undo in unpack.items():
        packed = door.get(address, headers={"accept-encoding": f"identity, {name}"})
        assert packed.headers["content-encoding"] == name
        assert undo(packed.body) == plain.body
        again = door.get(address, headers={"if-none-match": packed.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        assert "Accept-Encoding" in again.headers["vary"]
    assert (
        "content-encoding" not in door.get(address, headers={"accept-encoding": "br;q=0"}).headers
    )
    head = door.get(address, method="HEAD")
    assert head.body == b""
    assert int(head.headers["content-length"]) == len(plain.body)
    assert not door.get(address, method="POST").from_door
    assert not door.get(address, headers={"host": "evil.example"}).from_door


def test_of_the_library_only_the_page_without_a_search_is_kept(
    story: tuple[Article, TestDoor],
) -> None:
    _, door = story
    asked = ["/library/", "/library/?q=lamp", "/library/?x=1", "/library/?q=lamp&page=2"]
    asked += ["/library/feed.atom?q=lamp", "/library/feed.atom?page=2", "/library/suggestions/?q=l"]
    for address in asked:
        Client().get(address)
        assert door.get(address).from_door is (address == "/library/"), address
    assert b"lamp" not in door.get("/library/").body


def test_hosts_are_ours_as_django_has_it(story: tuple[Article, TestDoor]) -> None:
    article, _ = story
    address = article.get_absolute_url()
    door = TestDoor(hosts=("magazine.example", ".reader.example"))
    for name in ("magazine.example", "magazine.example:8000", "reader.example", "a.reader.example"):
        for _ in range(2):
            assert door.get(address, headers={"host": name}).from_door, name
    for name in ("www.magazine.example", "areader.example", "reader.example.evil", "evil:.x", ""):
        assert not door.get(address, headers={"host": name}).from_door, name


def kinds_of_change() -> dict[str, Any]:
    def all_access(member: Any) -> Any:
        return subscribe(member)

    def lapse(member: Any) -> Any:
        end_early(member.subscriptions.get(), timezone.now())

    def sign_out(member: Any) -> None:
        Client().get("/")

    return {
        "subscribe": (False, all_access),
        "lapse": (True, lapse),
        "delete": (True, delete_account),
        "staff": (False, lambda m: (setattr(m, "is_staff", True), m.save())),
        "switched off": (True, lambda m: (setattr(m, "is_active", False), m.save())),
        "new password": (True, lambda m: (m.set_password("other-lamp-12"), m.save())),
    }


@pytest.mark.parametrize("name", list(kinds_of_change()))
def test_a_changed_standing_counts_from_the_next_request(
    story: tuple[Article, TestDoor], name: str
) -> None:
    article, door = story
    subscribed, change = kinds_of_change()[name]
    member = make_member()
    if subscribed:
        subscribe(member)
    client, address = signed_in(member), article.get_absolute_url()
    client.get(address)
    before = door.get(address, client)
    assert before.from_door
    assert (SECRET.encode() in before.body) is subscribed
    change(member)
    assert not door.get(address, client).from_door, "the old pass proves nothing any more"
    after = client.get(address)
    now_full = name in {"subscribe", "staff"}
    assert (SECRET.encode() in after.content) is now_full
    client.get(address)
    assert (SECRET.encode() in door.get(address, client).body) is now_full


def test_choosing_counts_at_once_and_an_old_pass_gives_nothing(
    story: tuple[Article, TestDoor],
) -> None:
    article, door = story
    other = make_article(terms=Terms.METERED)
    member = make_member()
    client, address = signed_in(member), article.get_absolute_url()
    client.get(address)
    stale = client.cookies["pass"].value
    assert b"choice" in door.get(address, client).body or door.get(address, client).from_door
    unlock_with_credit(member, article.pk, "x", Terms.METERED, now=timezone.now())
    assert not door.get(address, client).from_door
    assert SECRET in client.get(address).content.decode()
    assert SECRET in door.get(address, client).body.decode()
    client.get(other.get_absolute_url())
    assert SECRET not in door.get(other.get_absolute_url(), client).body.decode()
    client.cookies["pass"] = stale
    assert not door.get(address, client).from_door


def test_a_pass_belongs_to_one_session_and_ends_with_it(story: tuple[Article, TestDoor]) -> None:
    article, door = story
    member = make_member()
    subscribe(member)
    client, address = signed_in(member), article.get_absolute_url()
    client.get(address)
    client.get(address)
    assert SECRET in door.get(address, client).body.decode()
    thief = Client()
    thief.cookies["pass"] = client.cookies["pass"].value
    assert not door.get(address, thief).from_door
    thief.cookies["sessionid"] = "somebody-elses"
    assert not door.get(address, thief).from_door
    taken = Client()
    for name in ("pass", "sessionid"):
        taken.cookies[name] = client.cookies[name].value
    assert door.get(address, taken).from_door
    client.post("/account/logout/")
    assert not client.cookies["pass"].value
    assert not door.get(address, taken).from_door
    assert SECRET not in taken.get(address).content.decode()


def test_many_unlocked_articles_do_not_burst_the_pass(story: tuple[Article, TestDoor]) -> None:
    article, door = story
    member = make_member()
    early = [make_article(terms=Terms.METERED) for _ in range(passes.MOST_UNLOCKED + 5)]
    for one in early:
        unlock_as(UnlockKind.GIFT, member, one.pk, one.title, now=timezone.now())
    client = signed_in(member)
    client.get(early[0].get_absolute_url())
    for one in (early[0], early[-1]):
        client.get(one.get_absolute_url())
        answer = door.get(one.get_absolute_url(), client)
        assert not answer.from_door or SECRET in answer.body.decode()
    assert not door.get(article.get_absolute_url(), client).from_door, "only Django knows them all"


def test_forged_and_junk_cookies_go_to_django(story: tuple[Article, TestDoor]) -> None:
    article, door = story
    address = article.get_absolute_url()
    for cookie in ("pass=x", "pass=a.b; sessionid=x", "sessionid=x", "strip=1", "pass=\xff\xfe"):
        assert not door.get(address, headers={"cookie": cookie}).from_door
    assert door.get(address, headers={"cookie": "theme=dark; other"}).from_door


def test_a_forged_pass_is_taken_away_and_asked_of_nobody(story: tuple[Article, TestDoor]) -> None:
    """Refusing is cheaper than serving, and a reader with a broken cookie is back at once."""
    article, door = story
    address = article.get_absolute_url()
    member = make_member()
    subscribe(member)
    client = signed_in(member)
    client.get(address)
    genuine = client.cookies["pass"].value
    for forged in (f"{genuine[:-1]}{'a' if genuine[-1] != 'a' else 'b'}", f"2:1.{64 * 'a'}"):
        client.cookies["pass"] = forged
        refused = door.get(f"{address}?utm_source=x", client)
        assert refused.status == 307
        assert refused.headers["location"] == f"{address}?utm_source=x"
        assert refused.headers["set-cookie"].startswith("pass=; Max-Age=0; Path=/")
        assert refused.body == b""
    del client.cookies["pass"]
    assert not door.get(address, client).from_door, "Django looks at the session"
    client.get(address)
    assert door.get(address, client).from_door


def test_only_an_edge_of_ours_is_told_whose_bytes_they_are(
    story: tuple[Article, TestDoor],
) -> None:
    article, door = story
    address = article.get_absolute_url()
    ours = TestDoor(proxies=("192.0.2.0/24",))
    member = make_member()
    subscribe(member)
    client = signed_in(member)
    client.get(address)
    asks = {"x-standfirst-edge": "1"}
    for it in (door.get(address, headers=asks), ours.get(address), door.get(address, client, asks)):
        assert it.from_door
        assert not {"surrogate-key", "x-standfirst-variant"} & it.headers.keys()
    told = ours.get(address, headers=asks).headers
    assert told["x-standfirst-variant"] == "wall-join"
    assert told["x-standfirst-member"] == "-"
    assert f"article:{article.pk}" in told["surrogate-key"].split()
    told = ours.get(address, client, asks).headers
    numbers = host.generations()
    assert told["x-standfirst-variant"] == "full"
    slot, generation, epoch = map(int, told["x-standfirst-member"].split(":"))
    assert (slot, epoch) == (member.pk, numbers.epoch)
    assert numbers.holds(slot, epoch, generation)
    assert time.time() < int(told["x-standfirst-until"]) <= time.time() + 600


def test_what_was_rendered_before_a_change_is_not_kept_after_it(
    story: tuple[Article, TestDoor],
) -> None:
    article, _ = story
    numbers = host.generations()
    seen = numbers.pages
    host.tell([f"article:{article.pk}"], None)
    page = some_page(b"old")
    assert not host.writer().keep(page, seen)
    assert host.writer().keep(page, numbers.pages)


def test_a_change_by_a_process_that_died_is_followed(story: tuple[Article, TestDoor]) -> None:
    """The row is committed, the host was never told: as after a kill, or on another machine."""
    article, door = story
    follower = Follower()
    follower.begin()
    Client().get(article.get_absolute_url())
    assert door.get(article.get_absolute_url()).from_door
    Change.objects.create(tags=[f"article:{article.pk}"], member=None)
    assert door.get(article.get_absolute_url()).from_door
    assert follower.step() == 1
    assert not door.get(article.get_absolute_url()).from_door
    assert follower.step() == 0


def test_a_choice_by_a_process_that_died_is_followed(
    story: tuple[Article, TestDoor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger's row is all that is left of it, and all that another host ever sees."""
    article, door = story
    address = article.get_absolute_url()
    member = make_member()
    client = signed_in(member)
    follower = Follower()
    assert follower.begin()
    for _ in range(2):
        client.get(address)
    assert door.get(address, client).from_door
    assert SECRET.encode() not in door.get(address, client).body
    with monkeypatch.context() as killed:
        killed.setattr(host, "tell", lambda tags, member: False)
        unlock_with_credit(member, article.pk, "x", Terms.METERED, now=timezone.now())
        assert follower.step() == 0, "what could not be told comes again"
    assert door.get(address, client).from_door
    assert follower.step() == 1
    assert not door.get(address, client).from_door
    assert follower.step() == 0


def test_a_follower_that_cannot_tell_its_host_at_first_begins_again(
    story: tuple[Article, TestDoor], monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower()
    with monkeypatch.context() as away:
        away.setattr(host, "tell", lambda tags, member: False)
        assert not follower.begin()
    assert follower.begin()


def test_a_row_that_becomes_visible_late_is_followed_and_none_twice(db: None) -> None:
    def add(number: int) -> None:
        Change.objects.create(pk=number, tags=[f"article:{number}"])

    def told() -> list[int]:
        rows = [row[0] for row in changes.unheard()]
        for number in rows:
            changes.hear(number)
        return rows

    for number in (10_000, 10_002):
        add(number)
    changes = Log(Change.objects.values_list("pk", "member", "tags"))
    changes.skip()
    assert told() == []
    add(10_004)
    assert told() == [10_004]
    for number in (10_001, 10_003):  # begun before they were looked for, committed after
        add(number)
    assert told() == [10_001, 10_003]
    for number in range(10_005, 13_005):
        add(number)
    assert len(told()) == 3000
    add(9_999)  # nobody is as late as that
    assert told() == []


@pytest.mark.parametrize("lost", ["store", "generations", "folder", "rubbish"])
def test_a_store_that_is_lost_only_makes_pages_slower(
    story: tuple[Article, TestDoor], settings: Any, lost: str
) -> None:
    article, door = story
    address = article.get_absolute_url()
    assert door.get(address).from_door
    place = settings.PAGE_STORE
    names = {"store": ["pages.sqlite3"], "generations": ["generations"], "rubbish": []}
    for name in names.get(lost, os.listdir(place)):
        (place / name).unlink()
    if lost == "rubbish":
        for file in place.glob("pages.sqlite3*"):
            file.write_bytes(b"rubbish" * 1000)
        host.tell(["article:0"], None)
    article.title = "Changed while the store was away"
    article.save_revision().publish()
    fresh = Client().get(address)
    here = door.get(address)
    assert not here.from_door or here.body == fresh.content
    for _ in range(3):
        fresh = Client().get(address)
    here = door.get(address)
    assert here.from_door
    assert here.body == fresh.content
    assert b"Changed while" in here.body


def test_junk_query_strings_neither_grow_nor_pollute(
    story: tuple[Article, TestDoor], settings: Any
) -> None:
    article, door = story
    address = article.get_absolute_url()
    for n in range(2000):
        assert door.get(f"{address}?utm_source={n}").from_door
    for n in range(20):
        Client().get(f"{address}?page={n}&x={n}")
        Client().get(f"{address}?junk={n}")
    import sqlite3

    db = sqlite3.connect(settings.PAGE_STORE / "pages.sqlite3")
    assert db.execute("SELECT count(*) FROM pages").fetchone() == (1,)


def test_a_thousand_readers_of_a_cold_page_have_it_rendered_once(
    story: tuple[Article, TestDoor], monkeypatch: Any
) -> None:
    """And none of them waits for the first one's slow line."""
    article, door = story
    address = article.get_absolute_url()
    host.tell([f"article:{article.pk}"], None)
    rendered = []
    slow = asyncio.Event()

    async def slowly(path: str, scope: Any, receive: Any, send: Any) -> None:
        rendered.append(scope["path"])
        await asyncio.sleep(0.05)
        fresh = await asyncio.to_thread(Client().get, address)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await slow.wait()
        await send({"type": "http.response.body", "body": fresh.content})

    monkeypatch.setattr("standfirst.reading.door.pass_on", slowly)
    scope = {
        "type": "http",
        "method": "GET",
        "path": address,
        "raw_path": address.encode(),
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "client": ("::1", 1),
    }
    answers: list[bytes] = []

    async def read() -> None:
        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                answers.append(message["body"])

        await door.it(dict(scope), lambda: None, send)  # type: ignore[arg-type, return-value]

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(read()) for _ in range(1000)]
        while len(answers) < 999:
            await asyncio.sleep(0.01)
        slow.set()
        await asyncio.gather(*tasks)

    asyncio.run(asyncio.wait_for(all_of_them(), 20))
    assert len(rendered) == 1
    assert len(answers) == 1000
    assert len(set(answers)) == 1


def test_two_members_who_have_spent_their_choices_get_the_same_kept_page(
    story: tuple[Article, TestDoor],
) -> None:
    article, door = story
    clients = []
    for _ in range(2):
        member = make_member()
        for chosen in [make_article(terms=Terms.METERED) for _ in range(3)]:
            unlock_with_credit(
                member, chosen.pk, chosen.title, chosen.effective_terms, now=timezone.now()
            )
        clients.append(signed_in(member))
        clients[-1].get("/all-access/")  # hands out a pass
    one, other = clients
    address = article.get_absolute_url()
    assert not door.get(address, one).from_door
    rendered = one.get(address)
    assert b"You have made your choices" in rendered.content
    assert door.get(address, other).body == rendered.content == other.get(address).content
    rows = [client.get("/account/chosen/") for client in clients]
    assert rows[0].content.count(b"<li>") == rows[1].content.count(b"<li>") == 3
    assert not set(rows[0].content.split(b"<li>")[1:]) & set(rows[1].content.split(b"<li>")[1:])
    assert "no-store" in rows[0]["Cache-Control"]
    assert Client().get("/account/chosen/").status_code == 302


def test_robots_get_kept_pages_unless_verified_ones_read_more(
    story: tuple[Article, TestDoor],
) -> None:
    article, door = story
    robot = {"user-agent": "Googlebot/2.1"}
    assert door.get(article.get_absolute_url(), headers=robot).from_door
    publication = Publication.objects.get()
    publication.crawlers_read_all = True
    publication.save()
    Client().get(article.get_absolute_url())
    Client().get("/feed.xml")
    assert not door.get(article.get_absolute_url(), headers=robot).from_door
    assert door.get("/feed.xml", headers=robot).from_door
    assert door.get(article.get_absolute_url()).from_door


def test_search_engines_are_left_to_django(story: tuple[Article, TestDoor]) -> None:
    article, door = story
    publication = Publication.objects.get()
    publication.crawlers_read_all = True
    publication.crawler_networks = "198.51.100.0/24 partner"
    publication.save()
    address = article.get_absolute_url()
    Client().get(address)
    assert not door.get(address, headers={"user-agent": "Googlebot/2.1"}).from_door
    assert not door.get(address, peer="198.51.100.9").from_door
    answer = door.get(address, peer="192.0.2.9")
    assert answer.from_door
    assert not any("unless" in name for name in answer.headers)


def test_kept_pages_are_pressed_and_the_same(story: tuple[Article, TestDoor]) -> None:
    article, door = story
    address, br = article.get_absolute_url(), {"accept-encoding": "br"}
    plain, quick = door.get(address), door.get(address, headers=br)
    assert press_all(host.folder()) > 0
    assert press_all(host.folder()) == 0
    pressed = door.get(address, headers=br)
    assert pressed.from_door
    assert len(pressed.body) < len(quick.body)
    assert brotli.decompress(pressed.body) == plain.body == door.get(address).body
    assert pressed.headers["etag"] != quick.headers["etag"]
    again = door.get(address, headers={**br, "if-none-match": pressed.headers["etag"]})
    assert again.status == 304
    # One that takes its place is neither taken for it nor left as it is.
    article.title = "Another headline"
    article.save_revision().publish()
    Client().get(address)
    Client().get(address)  # what the first made, a picture's size for one, dropped it again
    anew = door.get(address, headers=br)
    assert anew.from_door
    assert b"Another headline" in brotli.decompress(anew.body)
    assert press_all(host.folder()) > 0
    assert b"Another headline" in brotli.decompress(door.get(address, headers=br).body)


def test_a_page_replaced_while_it_is_pressed_stays(settings: Any, monkeypatch: Any) -> None:
    writer, numbers = host.writer(), host.generations()
    assert not writer.press()
    writer.keep(some_page(b"old " * 300), numbers.pages)
    packed = store._packed

    def meanwhile(body: bytes, *, best: bool = False) -> Any:
        if best:
            writer.keep(some_page(b"new " * 300), numbers.pages)
        return packed(body, best=best)

    monkeypatch.setattr(store, "_packed", meanwhile)
    assert writer.press()
    for name, undo in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        page = store.Reader(host.folder() / "pages.sqlite3").page("/p/", "full", name)
        assert page is not None
        assert undo(page.body) == b"new " * 300
    # And it is pressed in its turn.
    monkeypatch.setattr(store, "_packed", packed)
    assert writer.press()
    assert not writer.press()


def test_a_store_of_another_shape_is_made_anew(settings: Any) -> None:
    writer, numbers = host.writer(), host.generations()
    host.folder().mkdir(exist_ok=True)
    with closing(sqlite3.connect(host.folder() / "pages.sqlite3")) as db:
        db.executescript(
            "CREATE TABLE pages (id INTEGER PRIMARY KEY, path TEXT); PRAGMA user_version = 1;"
        )
    writer.keep(some_page(b"new"), numbers.pages)
    assert store.Reader(host.folder() / "pages.sqlite3").page("/p/", "full", "")


def some_page(body: bytes) -> store.Kept:
    return store.Kept(
        path="/p/",
        variant="full",
        until=time.time() + 99,
        article=None,
        terms=None,
        headers=[],
        body=body,
        tags=frozenset({"t"}),
    )


def test_the_store_stays_within_its_bound(settings: Any) -> None:
    settings.PAGE_STORE_MAX_BYTES = 2_000_000
    writer, seen = host.writer(), host.generations().pages
    for n in range(400):
        writer.keep(replace(some_page(os.urandom(4000)), path=f"/{n}/"), seen)
    assert (settings.PAGE_STORE / "pages.sqlite3").stat().st_size < 3_000_000


def test_threads_that_keep_and_drop_leave_nothing_stale(settings: Any) -> None:
    writer, numbers = host.writer(), host.generations()
    truth = {"now": 0}
    stop = threading.Event()

    def render() -> None:
        while not stop.is_set():
            seen = numbers.pages
            writer.keep(some_page(str(truth["now"]).encode()), seen)

    writer.keep(some_page(b"0"), numbers.pages)  # the store is there before it is read
    threads = [threading.Thread(target=render) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 150):
            truth["now"] = number
            writer.drop(["t"])
            reader = store.Reader(settings.PAGE_STORE / "pages.sqlite3")
            page = reader.page("/p/", "full", "")
            reader.close()
            assert page is None or int(page.body) >= number
    finally:
        stop.set()
        for thread in threads:
            thread.join()
