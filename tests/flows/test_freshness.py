"""Every kind of change drops exactly the kept pages that it makes untrue.

One small magazine, with lists of several pages, is kept whole and changed again and again. After
each change every page is compared with what it is now: a page still kept that differs is stale, and
a page dropped that is the same was dropped for nothing, which each change must own up to.

A page is rendered anew where it was dropped, or where the database answers any of its queries
otherwise than when it was rendered. That no other page differs is seen at the end, when all are.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import resolve
from django.utils import timezone
from django.utils.text import slugify
from wagtail.embeds.embeds import get_embed_hash
from wagtail.embeds.models import Embed
from wagtail.models import Page, Revision

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.articles import feeds, queries, shelves, sitemaps, tags, views
from standfirst.articles.actions import publish_due
from standfirst.articles.models import (
    Article,
    ArticleIndex,
    Author,
    Byline,
    FrontPage,
    FrontPagePick,
    PinnedArticle,
    Region,
    Section,
    Topic,
)
from standfirst.articles.related import keep
from standfirst.articles.sitemaps import write_sitemaps
from standfirst.publication.models import Publication
from standfirst.reading import host, store
from standfirst.reading.freshness import MOST_TAGS
from standfirst.reading.middleware import INDEXES, LISTS, SAME_FOR_ALL
from standfirst.reading.models import Change
from standfirst.reading.store import DROP
from tests.cast import make_picture
from tests.making import at, make_article, make_magazine, make_member, make_section, subscribe

# Always the same ids, since by them articles stand in pages of the sitemap.
pytestmark = [pytest.mark.django_db(transaction=True, reset_sequences=True), pytest.mark.attack]

Kept = dict[tuple[str, str], bytes]  # by address and variant
FILM = "https://video.example/film"


@pytest.fixture(autouse=True)
def small(settings: Any, tmp_path: Any, monkeypatch: Any) -> None:
    """A store of its own, and short pages: so that few articles fill many."""
    settings.PAGE_STORE = tmp_path / "pages"
    settings.MEDIA_ROOT = tmp_path / "media"
    # Nothing is remembered between pages, so that each page's queries are all it is made of.
    nothing = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    settings.CACHES = dict.fromkeys(settings.CACHES, nothing)
    for module, name, number in [
        (queries, "PER_PAGE", 4),
        (queries, "FRONT_PICKS", 2),
        (queries, "LATEST", 2),
        (feeds, "LENGTH", 4),
        (views, "INDEX_PAGE", 2),
        (tags, "IN_NEWEST", 8),
        (shelves, "IN_A_SITEMAP", 8),  # the first new article begins another one
        (sitemaps, "IN_A_SITEMAP", 8),
        (sitemaps, "PER_PAGE", 6),
    ]:
        monkeypatch.setattr(module, name, number)


Query = tuple[str, Any]  # SQL and its parameters


@dataclass
class Answered:
    """What a reader was given, the page that was kept of it, and what the database had said."""

    status: int
    content: bytes
    page: tuple[str, str]
    queries: list[tuple[Query, list[Any]]]


@dataclass
class Magazine:
    """What changes are made to. `a` holds articles by name, as they were made."""

    a: dict[str, Article] = field(default_factory=dict)
    readers: list[Client] = field(default_factory=list)
    answers: dict[tuple[int, str], Answered] = field(default_factory=dict)

    def now(self, name: str) -> Article:
        """The article as it stands in the database."""
        return Article.objects.get(pk=self.a[name].pk)

    def publish(self, name: str, **fields: Any) -> None:
        """Change an article as the newsroom does."""
        article = self.now(name)
        for column, value in fields.items():
            setattr(article, column, value)
        article.save_revision().publish()

    def at(self, name: str) -> str:
        return self.now(name).get_absolute_url()


def text(words: str) -> list[tuple[str, Any]]:
    return [("paragraph", f"<p>{words}</p>"), ("cut", None), ("paragraph", "<p>The rest.</p>")]


@pytest.fixture
def magazine() -> Magazine:
    make_magazine()
    it = Magazine()
    picture = make_picture()
    world, security, culture = (make_section(n) for n in ("World", "Security", "Culture"))
    make_section("Empty")
    shipping, grain, ports, coal, _ = (
        Topic.objects.create(name=n, slug=n.lower())
        for n in ("Shipping", "Grain", "Ports", "Coal", "Unused")
    )
    oceans, alps, desert = (
        Region.objects.create(name=n, slug=n.lower()) for n in ("Oceans", "Alps", "Desert")
    )
    ben, _ = (Author.objects.create(name=n, slug=n.lower()) for n in ("Ben", "Nobody"))
    now = timezone.now()

    def make(name: str, when: Any, section: Section, **fields: Any) -> Article:
        fields.setdefault("body", text(f"What {name} says."))
        it.a[name] = make_article(
            f"The {name} of it", slug=name, published_at=when, section=section, **fields
        )
        return it.a[name]

    for n in range(6):
        old = {"topics": [grain], "regions": [alps]} if n < 3 else {"topics": [shipping, coal]}
        make(f"old{n}", at(f"2011-03-0{n + 1}T12:00"), world, **old)
    for n in range(5):
        make(f"mid{n}", at(f"2019-06-0{n + 1}T12:00"), security, topics=[grain], regions=[oceans])
    for n in range(5):
        make(
            f"new{n}",
            now - timedelta(days=40, hours=-n),
            world,
            topics=[shipping],
            regions=[oceans],
            hero=picture,
        )
    make("opera", now - timedelta(days=41), culture, regions=[desert])
    make("lamp", now - timedelta(days=2), world, topics=[shipping, ports], regions=[oceans])
    make("lead", now - timedelta(days=1), world, topics=[shipping, grain], hero=picture)
    for name in ("mid0", "new0", "opera"):
        it.publish(name, bylines=[Byline(author=ben)])
    link = f'<a linktype="page" id="{it.a["mid1"].pk}">before</a>'
    it.publish("mid2", body=[("paragraph", f"<p>As we said {link}.</p>"), ("embed", FILM)])
    make("draft", now - timedelta(hours=2), world, live=False)
    it.publish("mid3", pinned=[PinnedArticle(related=it.a["draft"])])
    for article in Article.objects.filter(live=True):
        article.save_revision().publish()
    front = FrontPage.objects.get()
    front.picks = [FrontPagePick(article=it.a["new1"])]
    front.save()

    lead_on(it, "old4", "mid0", "opera", "new1", "mid2")
    lead_on(it, "old5", "old4", "mid0", "new1", "mid2")

    spent, choosing, subscriber = make_member(), make_member(), make_member()
    for name in ("old0", "old1", "old2"):
        unlock_with_credit(spent, it.a[name].pk, "x", Terms.METERED, now=now)
    subscribe(subscriber)
    for member in (None, subscriber, make_member(verified=False), choosing, spent):
        client = Client()
        if member:
            client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
        it.readers.append(client)
    write_sitemaps(now)
    return it


def lead_on(magazine: Magazine, name: str, *others: str) -> None:
    """Keep what the library found to be near to an article."""
    keep({magazine.a[name].pk: [magazine.a[other].pk for other in others]})


def addresses() -> set[str]:
    """Every address of a public page, and one number more of what has numbers."""
    found = {"/", "/topics/", "/regions/", "/authors/", "/archive/", "/library/", "/all-access/"}
    found |= {"/opensearch.xml"}
    found |= {"/feed.xml", "/feed.atom", "/sitemap.xml", "/robots.txt", "/sitemap-lists.xml"}
    for kind in (Section, Topic, Region, Author):
        for row in kind.objects.all():
            place = row.get_absolute_url()
            found |= {place, f"{place}feed.xml", f"{place}feed.atom"}
    for row in Article.objects.filter(published_at__isnull=False):
        place = row.get_absolute_url()
        found |= {place, place[: len("/2026/11/")]}
        found.add(f"/sitemap-articles-{shelves.sitemap_of(row.pk)}.xml")
    return found | {"/sitemap-lists-1.xml"}


class Walk:
    """Asks for pages, so that they are kept. `still` are those that are kept already."""

    def __init__(self, magazine: Magazine, still: Kept) -> None:
        self.magazine, self.still = magazine, still
        self.seen: set[tuple[str, str]] = set()  # the pages that belong to what was asked
        self._said: dict[tuple[str, str], list[Any]] = {}

    def get(self, reader: int, place: str) -> Answered:
        before = self.magazine.answers.get((reader, place))
        if before and (before.status != 200 or before.page in self.still) and self._holds(before):
            answered = before
        else:
            answered = self._ask(reader, place)
            self.magazine.answers[reader, place] = answered
        if answered.status == 200:
            self.seen.add(answered.page)
        return answered

    def _ask(self, reader: int, place: str) -> Answered:
        queries: dict[tuple[str, str], Query] = {}

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("SELECT"):
                queries[sql, repr(params)] = (sql, params)
            else:
                self._said.clear()  # a picture's size was made
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            answer = self.magazine.readers[reader].get(place)
        variant = getattr(answer, "kept_as", ("full",))[0]
        said = [(query, self._say(query)) for query in queries.values()]
        return Answered(answer.status_code, answer.content, (place, variant), said)

    def _holds(self, before: Answered) -> bool:
        return all(self._say(query) == rows for query, rows in before.queries)

    def _say(self, query: Query) -> list[Any]:
        key = query[0], repr(query[1])
        if key not in self._said:
            with connection.cursor() as cursor:
                cursor.execute(*query)
                self._said[key] = cursor.fetchall()
        return self._said[key]


def render(magazine: Magazine, places: set[str], still: Kept) -> Kept:
    """All pages as they are now: for an article as a visitor, as a subscriber, and as one other
    kind of reader, another one for each. Those `still` kept are asked for where they may differ."""
    walk = Walk(magazine, still)
    for place in sorted(places):
        name = resolve(place).url_name
        answer = walk.get(0, place)
        found = answer.status == 200
        number = 2
        if found and name in LISTS | INDEXES:
            while b'rel="next"' in answer.content:
                answer = walk.get(0, f"{place}?page={number}")
                number += 1
        elif found and name == "sitemap_lists" and "-1.xml" in place:
            while walk.get(0, place.replace("1.xml", f"{number}.xml")).status == 200:
                number += 1
        elif found and name == "article":
            walk.get(1, place)
            walk.get(2 + sum(map(ord, place)) % (len(magazine.readers) - 2), place)
    return {page: body for page, body in kept().items() if page in walk.seen}


def kept() -> Kept:
    with closing(sqlite3.connect(host.folder() / "pages.sqlite3")) as db:
        rows = db.execute("SELECT path, variant, plain FROM pages").fetchall()
    return {(path, variant): body for path, variant, body in rows}


@dataclass
class Outcome:
    """Addresses by what a change did to their pages."""

    stale: dict[str, str]  # and how it differs
    dropped: set[str]
    needless: set[str]


def change(magazine: Magazine, what: Callable[[], object], before: Kept) -> tuple[Outcome, Kept]:
    """Make a change; what became of the pages kept before it, and all pages rendered anew."""
    places = addresses()
    what()
    left = kept()
    fresh = render(magazine, places | addresses(), left)
    gone = before.keys() - left.keys()
    return Outcome(
        stale={
            place: difference(body, fresh.get((place, variant)), variant)
            for (place, variant), body in left.items()
            if fresh.get((place, variant)) != body
        },
        dropped={place for place, _ in gone},
        needless={page[0] for page in gone if fresh.get(page) == before[page]},
    ), fresh


def difference(one: bytes, other: bytes | None, variant: str) -> str:
    """The first lines that differ."""
    if other is None:
        return f"{variant} is not there anew"
    lines = zip(one.decode().splitlines(), other.decode().splitlines(), strict=False)
    return next((f"{variant}: {a} | {b}" for a, b in lines if a != b), f"{variant}: its end")


# -- the changes ------------------------------------------------------------------------------


def edit(model: Any, which: str, **fields: Any) -> None:
    row = model.objects.get(name=which)
    for column, value in fields.items():
        setattr(row, column, value)
    row.save()


def topics(*names: str) -> list[Topic]:
    return list(Topic.objects.filter(name__in=names))


def section(name: str) -> Section:
    return Section.objects.get(name=name)


def add(title: str, **fields: Any) -> None:
    """A new article by Ben, put in and published as the newsroom does."""
    article = Article(title=title, slug=slugify(title), body=text("It is new."), live=False)
    article.section = section("World")
    article.bylines = [Byline(author=Author.objects.get(name="Ben"))]
    for column, value in fields.items():
        setattr(article, column, value)
    ArticleIndex.objects.get().add_child(instance=article).save_revision().publish()


def name_picture(magazine: Magazine) -> None:
    picture = magazine.now("new0").hero
    assert picture is not None
    picture.title = "Another name"
    picture.save()


def replace_picture(magazine: Magazine) -> None:
    with transaction.atomic():  # as Wagtail's form does
        picture = magazine.now("new0").hero
        assert picture is not None
        picture.file = make_picture().file
        picture.save()
        picture.renditions.all().delete()


def on_the_front(magazine: Magazine, *names: str) -> None:
    front = FrontPage.objects.get()
    front.picks = [FrontPagePick(article=magazine.a[name]) for name in names]
    front.save_revision().publish()


def schedule(magazine: Magazine) -> None:
    """Approve a change of a headline for a moment to come."""
    article = magazine.now("mid4")
    article.title = "In its own time"
    article.go_live_at = timezone.now() + timedelta(seconds=5)
    article.save_revision().publish()


def wait_and_publish(magazine: Magazine) -> None:
    due = Revision.objects.get(approved_go_live_at__isnull=False).approved_go_live_at
    time.sleep(max(0, (due - timezone.now()).total_seconds()))
    publish_due(timezone.now())


@dataclass
class Step:
    """A change. `drops`: all addresses whose pages it drops. `needless`: beginnings of addresses,
    or words on a page: pages that it may drop though they stay the same."""

    what: Callable[[], object]
    drops: set[str] | None = None
    needless: tuple[str, ...] = ()


SITEMAPS = ("/sitemap.xml", "/sitemap-lists")
INDEXES_OF_IT = ("/topics/", "/regions/", "/authors/")


def feeds_of(*places: str) -> set[str]:
    return {f"{place}feed.{form}" for place in places for form in ("xml", "atom")}


def near_anew(magazine: Magazine) -> None:
    lead_on(magazine, "old4", "mid0", "opera", "new1", "lamp")  # the last is not shown
    lead_on(magazine, "old5", "old4", "mid0", "mid2", "lamp")


def steps(m: Magazine) -> Iterator[tuple[str, Step]]:
    shelves_of_lead = ["/", "/section/world/", "/topic/shipping/", "/topic/grain/"]
    in_feeds = feeds_of(*shelves_of_lead, "/author/ada-sample/")
    sitemap_of_lead = {
        "/sitemap.xml",
        f"/sitemap-articles-{shelves.sitemap_of(m.a['lead'].pk)}.xml",
    }
    yield (
        "a comma",
        Step(
            lambda: m.publish("lead", body=text("What, lead says.")),
            drops={m.at("lead"), *in_feeds, *sitemap_of_lead},
        ),
    )
    own = {m.at("lead"), *in_feeds, *sitemap_of_lead} - {"/sitemap.xml"}  # already being written
    yield "terms", Step(lambda: m.publish("lead", terms="open"), drops=own)
    yield (
        "a headline",
        Step(
            lambda: m.publish("lead", title="Another headline"),
            drops={
                *own,
                *shelves_of_lead,
                *("/author/ada-sample/", m.at("lead")[: len("/2026/11/")]),
                # below which it is the next to read, being the newest; other articles are known
                # to be nearer to old4 and old5:
                *(m.at(name) for name in ("old0", "old1", "old2", "old3")),
                *(m.at(f"mid{n}") for n in range(5)),
                *(m.at(f"new{n}") for n in range(5)),
                m.at("lamp"),
            },
        ),
    )
    yield (
        "what is near",
        Step(lambda: near_anew(m), drops={m.at("old5")}),
    )
    yield "an old comma", Step(lambda: m.publish("old4", body=text("What, old4 says.")))
    yield "an old headline", Step(lambda: m.publish("old4", title="Another of old"))
    yield (
        "a note",
        Step(lambda: m.publish("new2", note_kind="correction", note_text="It was not so.")),
    )
    yield "a draft", Step(lambda: m.now("lead").save_revision(), drops=set())
    yield "a change to come", Step(lambda: schedule(m), drops=set())
    yield "its time has come", Step(lambda: wait_and_publish(m))
    yield "a section", Step(lambda: m.publish("lead", section=section("Security")))
    yield (
        "a month",
        Step(
            lambda: m.publish("lamp", published_at=at("2019-06-03T13:00")),
            # Lists end with the same pages; the newest of a topic may be another.
            needless=(
                *("/author/ada-sample/?", "/section/world/?", "/topic/shipping/?"),
                *("/region/oceans/?", *INDEXES_OF_IT),
            ),
        ),
    )
    yield "an address", Step(lambda: m.publish("mid1", slug="mid-one"))
    yield (
        "topics",
        Step(
            lambda: m.publish("lead", topics=topics("Coal", "Grain")),
            needless=(
                "/2011/03/",  # found it by another of their topics before
                *("/topic/grain/", "/author/ada-sample/"),  # are seen with the same as before
            ),
        ),
    )
    ben = Author.objects.get(name="Ben")
    yield "an author", Step(lambda: m.publish("new1", bylines=[Byline(author=ben)]))
    yield "another picture", Step(lambda: m.publish("new1", hero=make_picture()))
    yield "a picture's name", Step(lambda: name_picture(m), drops=set())
    yield "a picture replaced", Step(lambda: replace_picture(m))
    yield "a picture deleted", Step(lambda: m.now("new1").hero.delete())  # type: ignore[union-attr]
    yield "withdrawn", Step(lambda: m.now("lead").unpublish(), needless=INDEXES_OF_IT)
    yield (
        "an old one withdrawn, saved as a plain page",
        Step(
            lambda: Page.objects.get(pk=m.a["old0"].pk).unpublish(),
            # It was among the 8 newest on grain, though below no page.
            needless=("/2011/03/", "/2019/06/", *INDEXES_OF_IT),
        ),
    )
    yield "published again", Step(lambda: m.publish("lead"), needless=INDEXES_OF_IT)
    yield "deleted", Step(lambda: m.now("lead").delete(), needless=INDEXES_OF_IT)
    yield (
        "a new one",
        Step(lambda: add("Fresh", topics=topics("Shipping")), needless=INDEXES_OF_IT),
    )
    yield (
        "a new one of long ago, the first of its month",
        Step(
            lambda: add("Found", topics=topics("Coal"), published_at=at("2011-02-15T13:00")),
            needless=("/2011/03/", *INDEXES_OF_IT),  # as above
        ),
    )
    yield (
        "the first of a topic",
        Step(
            lambda: m.publish("new3", topics=topics("Unused", "Shipping")),
            needless=(*SITEMAPS, "/region/oceans/", "/topic/shipping/", "/author/ada-sample/"),
        ),
    )
    yield (
        "the first of a section",
        Step(lambda: m.publish("new3", section=section("Empty")), needless=SITEMAPS),
    )
    yield (
        "the last of a section",
        Step(lambda: m.now("opera").unpublish(), needless=(*SITEMAPS, *INDEXES_OF_IT)),
    )
    yield "a draft that another article names", Step(lambda: m.publish("draft"))
    yield (
        "a biography",
        Step(
            lambda: edit(Author, "Ben", biography="<p>Walks.</p>"),
            needless=("/author/ben/feed",),
        ),
    )
    yield "a role", Step(lambda: edit(Author, "Ben", role="on trade"), needless=("Ben",))
    yield "a name", Step(lambda: edit(Author, "Ben", name="Zoe"), needless=SITEMAPS)
    yield (
        "a section's terms",
        Step(
            lambda: edit(Section, "Security", terms=Terms.SUBSCRIBERS.value),
            needless=("/section/security/", *(m.at(f"mid{n}") for n in range(5))),
        ),
    )
    yield (
        "a section's description",
        Step(
            lambda: edit(Section, "Security", description="Of peace."),
            needless=("/section/security/", *(m.at(f"mid{n}") for n in range(5))),
        ),
    )
    yield (
        "a section's name",
        Step(lambda: edit(Section, "Security", name="Safety"), needless=SITEMAPS),
    )
    yield (
        "the menu's order",
        Step(lambda: edit(Section, "Empty", position=9), needless=SITEMAPS),
    )
    yield (
        "a topic's description",
        Step(
            lambda: edit(Topic, "Grain", description="Of bread."),
            drops={"/topic/grain/", "/topic/grain/?page=2", *feeds_of("/topic/grain/")},
            needless=("/topic/grain/feed.atom",),
        ),
    )
    yield (
        "a topic's name",
        Step(lambda: edit(Topic, "Grain", name="Corn"), needless=(*SITEMAPS, "/topics/")),
    )
    yield (
        "a region's description",
        Step(
            lambda: edit(Region, "Oceans", description="All of them."),
            needless=("/region/oceans/feed.atom",),
        ),
    )
    yield "a topic made", Step(lambda: Topic.objects.create(name="Zero", slug="zero"), drops=set())
    yield (
        "a topic deleted",
        Step(lambda: Topic.objects.get(name="Coal").delete(), needless=SITEMAPS),
    )
    yield "the front page", Step(lambda: on_the_front(m, "old5"), drops={"/"})
    film = {"url": FILM, "hash": get_embed_hash(FILM), "type": "video", "html": "<b>Film</b>"}
    yield "a film", Step(lambda: Embed.objects.create(**film), drops={m.at("mid2")})
    yield (
        "sitemaps written",
        Step(lambda: write_sitemaps(timezone.now()), drops={"/sitemap.xml"}),
    )
    magazine = Publication.objects.get()
    magazine.name = "The New Name"
    yield "the magazine's name", Step(magazine.save, needless=("/robots", "/sitemap"))


def test_a_change_drops_exactly_what_it_makes_untrue(magazine: Magazine) -> None:
    now = render(magazine, addresses(), render(magazine, addresses(), {}))
    walked = {resolve(place.partition("?")[0]).url_name for place, _ in now}
    assert walked == {name for name in SAME_FOR_ALL if "month_feed" not in name} | {
        "article",
        "all_access",
    }
    assert {v for _, v in now} >= {
        "full",
        "wall-join",
        "wall-confirm",
        "wall-choose-3",
        "wall-spent",
    }
    wrong = []
    for name, step in steps(magazine):
        before = now
        outcome, now = change(magazine, step.what, before)
        words = [word for word in step.needless if not word.startswith("/")]
        allowed = {
            place
            for (place, _), body in before.items()
            if place.startswith(tuple(w for w in step.needless if w.startswith("/")))
            or any(word.encode() in body for word in words)
        }
        if outcome.stale:
            wrong.append(f"{name}: stale: {outcome.stale}")
        if needless := outcome.needless - allowed:
            wrong.append(f"{name}: dropped for nothing: {sorted(needless)}")
        if step.drops is not None and outcome.dropped != step.drops:
            wrong.append(f"{name}: dropped {sorted(outcome.dropped ^ step.drops)} or not")
        if step.drops is None and not outcome.dropped:
            wrong.append(f"{name}: dropped nothing")
    assert not wrong, "\n".join(wrong)
    host.writer().drop_all()
    magazine.answers.clear()
    assert render(magazine, addresses(), {}) == now, "queries do not say all of a page"


def test_an_article_of_many_topics_tells_one_tag_a_shelf(magazine: Magazine) -> None:
    names = [f"Topic {n}" for n in range(150)]
    Topic.objects.bulk_create(Topic(name=n, slug=slugify(n)) for n in names)
    last = Change.objects.latest("pk").pk
    add("Of many things", topics=topics(*names))
    rows = Change.objects.filter(pk__gt=last)
    told = {tag for row in rows for tag in row.tags}
    assert {f"newest:topic:{topic.pk}" for topic in topics(*names)} <= told
    assert len(told) < 150 + 20
    assert all(len(row.tags) <= MOST_TAGS for row in rows)

    more = [f"More {n}" for n in range(100)]
    Topic.objects.bulk_create(Topic(name=n, slug=slugify(n)) for n in more)
    last = Change.objects.latest("pk").pk
    add("Of too many things", topics=topics(*names, *more))
    rows = Change.objects.filter(pk__gt=last)
    assert ["*"] in [row.tags for row in rows]
    assert all(len(row.tags) <= MOST_TAGS for row in rows)


def test_dropping_by_tag_touches_only_what_has_the_tag() -> None:
    """However much is kept: the store finds pages by an index, and reads no other."""
    writer = host.writer()
    for n in range(3):
        assert writer.keep(page(n), host.generations().pages)
    with closing(sqlite3.connect(host.folder() / "pages.sqlite3")) as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {DROP}", ('["article:1"]',)).fetchall()
    assert not [row for row in plan if row[3].startswith(("SCAN pages", "SCAN tags"))], plan
    assert writer.drop(["article:1", "article:77"]) == 1


def page(number: int) -> store.Kept:
    return store.Kept(
        path=f"/{number}/",
        variant="full",
        until=timezone.now().timestamp() + 99,
        article=None,
        terms=None,
        headers=[],
        body=b"x",
        tags=frozenset({f"article:{number}", "names:section"}),
    )
