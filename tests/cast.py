"""One of every kind of reader, and a magazine whose gated text carries markers."""

import re
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from django.core.files.images import ImageFile
from django.test import Client
from django.utils import timezone
from PIL import Image as Picture
from wagtail.images.models import Image

from standfirst.access.actions import unlock_with_credit
from standfirst.access.queries import standing_of
from standfirst.access.rules import FullText, Terms, decide
from standfirst.articles.models import Article, FrontPage, FrontPagePick, Region, Topic
from standfirst.members.models import Member
from standfirst.newsletters.links import token_for
from standfirst.newsletters.models import Edition
from tests.making import (
    make_article,
    make_edition,
    make_magazine,
    make_member,
    make_newsletter,
    make_newsletters,
    make_section,
    make_staff,
    subscribe,
)
from tests.walker import Props

MARKER = re.compile(r"LEAK-(\d+)-([a-z]+)")
PLACES = [
    "paragraph",
    "heading",
    "alt",
    "caption",
    "credit",
    "quote",
    "by",
    "list",
    "cell",
    "note",
    "second",
]


@dataclass
class Reader:
    """A kind of reader: a browser, and who is signed in at it."""

    name: str
    client: Client
    member: Member | None

    def may_read(self, article: Article | Edition) -> bool:
        from django.contrib.auth.models import AnonymousUser

        now = timezone.now()
        standing = standing_of(self.member or AnonymousUser(), now)
        decision = decide(article.effective_terms, standing, article.pk, now)
        return isinstance(decision, FullText)


def make_picture() -> Image:
    content = BytesIO()
    Picture.new("RGB", (1200, 675), "#8c1c13").save(content, "PNG")
    content.seek(0)
    return Image.objects.create(title="A picture", file=ImageFile(content, "picture.png"))


def marked_article(number: int, picture: Image, **fields: Any) -> Article:
    """An article with a marker in everything after the cut; the marker names the article."""

    def m(place: str) -> str:
        return f"LEAK-{number}-{place}"

    body: list[tuple[str, Any]] = [
        ("paragraph", "<p>The preview begins.</p><p>The preview ends with a note.[^1]</p>"),
        ("cut", None),
        ("paragraph", f"<p>{m('paragraph')} begins the rest.</p><p>{m('second')}</p>"),
        ("heading", m("heading")),
        (
            "image",
            {"image": picture, "alt": m("alt"), "caption": m("caption"), "credit": m("credit")},
        ),
        ("quote", {"text": m("quote"), "attribution": m("by")}),
        ("list", f"<ul><li>{m('list')}</li></ul>"),
        ("table", {"data": [["a", "b"], [m("cell"), "1"]], "first_row_is_table_header": True}),
        ("footnotes", [{"mark": "1", "text": f"<p>{m('note')}</p>"}]),
    ]
    return make_article(body=body, hero=picture, hero_alt="Red", **fields)


FIRST_EDITION = 101  # the numbers below are articles'


def marked_edition(number: int, article: Article, terms: str, **fields: Any) -> Edition:
    """An edition with a marker in everything that its editors wrote, besides headlines."""

    def m(place: str) -> str:
        return f"<p>LEAK-{number}-{place}</p>"

    item = {"headline": "A strait is closed", "text": m("take"), "source_name": "The pilots"}
    newsletter = make_newsletter(f"Letter {number}", terms=terms)
    return make_edition(
        newsletter,
        "2026-11-26",
        article,
        take=[("item", {**item, "source_url": f"https://example.org/LEAK-{number}-source"})],
        radar=[("item", {"day": date(2026, 12, 4), "text": m("radar")})],
        more=m("more"),
        **fields,
    )


def make_editions(article: Article) -> dict[int, Edition]:
    """Editions of all terms that newsletters have, also one that was not sent."""
    plan: list[tuple[str, bool]] = [("open", True), ("members", True), ("subscribers", True)]
    plan.append(("open", False))
    return {
        number: marked_edition(number, article, terms, live=live)
        for number, (terms, live) in enumerate(plan, start=FIRST_EDITION)
    }


@dataclass
class Magazine:
    """Articles by their number in the markers, every kind of reader, and what fills routes."""

    articles: dict[int, Article]
    readers: list[Reader]
    props: Props
    editions: dict[int, Edition]  # also by a number in the markers

    def gated(self, number: int) -> Article | Edition:
        """What a marker's number names."""
        return self.editions.get(number) or self.articles[number]


def make_cast() -> Magazine:
    """Articles of all terms, also a draft and a withdrawn one, and one of every kind of reader."""
    make_magazine()
    picture = make_picture()
    topic = Topic.objects.create(name="Shipping", slug="shipping")
    region = Region.objects.create(name="Oceans", slug="oceans")
    sections = [make_section("World"), make_section("Security", Terms.SUBSCRIBERS)]
    plan: list[dict[str, Any]] = [{"terms": terms} for terms in Terms]
    plan += [{"section": sections[1]}, {}, {}, {}, {}]
    plan += [{"live": False}, {"live": False, "expired": True}]
    articles = {}
    for number, fields in enumerate(plan, start=1):
        article = marked_article(number, picture, topics=[topic], regions=[region], **fields)
        article.save_revision()
        articles[number] = article
    front = FrontPage.objects.get()
    front.picks = [FrontPagePick(article=articles[n]) for n in (3, 4)]
    front.save()

    now = timezone.now()

    def choose(member: Member, *numbers: int) -> Member:
        for number in numbers:
            a = articles[number]
            unlock_with_credit(member, a.pk, a.title, a.effective_terms, now=now)
        return member

    lapsed = make_member()
    subscribe(lapsed, days=-3)
    subscriber = make_member()
    subscribe(subscriber)
    people = {
        "visitor": None,
        "unconfirmed member": make_member(verified=False),
        "member with credits": choose(make_member(), 6),
        "member with none left": choose(make_member(), 6, 7, 8),
        "lapsed subscriber": lapsed,
        "subscriber": subscriber,
        "staff": make_staff(),
    }
    readers = []
    for name, member in people.items():
        client = Client(headers={"sec-fetch-site": "same-origin"}, raise_request_exception=True)
        if member:
            client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
        readers.append(Reader(name, client, member))
    editions = make_editions(articles[1])
    props = _props(articles, topic, region, picture, now)
    props.by_name["day"] = ["2026-11-26", "2026-11-27"]
    props.by_name["letter"] = [one.newsletter.slug for one in editions.values()]
    return Magazine(articles, readers, props, editions)


def _props(
    articles: dict[int, Article], topic: Topic, region: Region, picture: Image, now: Any
) -> Props:
    # The most telling first, for each route is walked with the first few that fit: something of
    # every kind, articles of strict terms, the draft and the withdrawn one.
    strict = [articles[n] for n in (3, 4, 10, 11)]
    slugs = [a.slug for a in strict]
    filed = ["world", topic.slug, region.slug, "ada-sample", "security"]
    ids = [str(a.pk) for a in strict]
    years = sorted({f"{a.published_at:%Y}" for a in articles.values()} | {f"{now:%Y}"})
    months = sorted({f"{a.published_at:%m}" for a in articles.values() if a.published_at})
    media = [picture.file.name]
    values = [*filed[:4], *slugs[:2], *ids[:2], *slugs[2:], *ids[2:], *filed[4:], *years, *months]
    trails = ["", "articles/", "front/", *(f"articles/{slug}/" for slug in slugs)]
    by_name = {"year": years, "month": months, "path": [*media, *trails], "_0": trails}
    wanting = make_member(wants=[free.slug for free in make_newsletters()])
    by_name["token"] = [token_for(wanting.pk), "nothing-here"]
    return Props(values, by_name)
