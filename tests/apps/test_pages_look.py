"""What a page is made of: mark-up for search engines, its weight, and whom its bytes depend on."""

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.project.settings import PACKAGE
from tests.conftest import Browser
from tests.making import SECRET, make_article, make_magazine, make_member, make_staff, subscribe

pytestmark = pytest.mark.django_db
STATIC = Path(PACKAGE) / "static" / "standfirst"
NOTED = [
    ("paragraph", "<p>Before the cut.[^1]</p>"),
    ("cut", None),
    ("paragraph", f"<p>{SECRET} of it.[^1] Again.[^1] And nowhere.[^9]</p>"),
    ("footnotes", [{"mark": "1", "text": "<p>The note itself.</p>"}]),
]


@pytest.fixture(autouse=True)
def _magazine() -> None:
    make_magazine(name="The Meridian", contact="post@example.org")


def spend_all(member: Member) -> None:
    for _ in range(3):
        other = make_article()
        unlock_with_credit(member, other.pk, other.title, Terms.METERED, now=timezone.now())


def reader(kind: str) -> Member | None:
    if kind == "visitor":
        return None
    if kind == "staff":
        return make_staff()
    member = make_member(verified=kind != "unverified")
    if kind == "spent":
        spend_all(member)
    if kind == "subscriber":
        subscribe(member)
    return member


def page_for(kind: str, article: Article) -> str:
    browser = Browser()
    member = reader(kind)
    if member:
        browser.force_login(member)
    response = browser.get(article.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


def told_to_engines(page: str) -> dict[str, object]:
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


WALLS = [
    ("visitor", Terms.METERED, "Keep reading for free"),
    ("visitor", Terms.MEMBERS, "Keep reading for free"),
    ("visitor", Terms.SUBSCRIBERS, "For subscribers"),
    ("unverified", Terms.METERED, "confirm your address"),
    ("member", Terms.METERED, "one of your 3 left"),
    ("spent", Terms.METERED, "You have made your choices"),
    ("member", Terms.SUBSCRIBERS, "For subscribers"),
]


@pytest.mark.parametrize(("kind", "terms", "words"), WALLS)
def test_every_wall_stands_in_the_page_and_nothing_of_the_rest_does(
    kind: str, terms: Terms, words: str
) -> None:
    page = page_for(kind, make_article(terms=terms))
    assert words in page
    assert 'id="wall"' in page
    assert 'id="rest"' not in page
    assert SECRET not in page


@pytest.mark.parametrize(("kind", "terms", "words"), WALLS)
def test_a_gated_page_says_so_to_search_engines_as_google_documents_it(
    kind: str, terms: Terms, words: str
) -> None:
    told = told_to_engines(page_for(kind, make_article(terms=terms)))
    assert told["@type"] == "NewsArticle"
    assert told["isAccessibleForFree"] is False
    assert told["hasPart"] == {
        "@type": "WebPageElement",
        "isAccessibleForFree": False,
        "cssSelector": ".rest",
    }


def test_the_full_text_is_described_like_its_preview_and_holds_the_named_element() -> None:
    article = make_article()
    full = page_for("subscriber", article)
    assert told_to_engines(full) == told_to_engines(page_for("visitor", article))
    assert 'class="text rest" id="rest"' in full
    assert SECRET in full


def test_an_open_article_is_told_to_be_free() -> None:
    told = told_to_engines(page_for("visitor", make_article(terms=Terms.OPEN)))
    assert told["isAccessibleForFree"] is True
    assert "hasPart" not in told


def test_a_headline_cannot_end_the_script_element() -> None:
    headline = "</script><script>alert(1)</script> & so on"
    page = page_for("visitor", make_article(headline))
    assert told_to_engines(page)["headline"] == headline
    assert "<script>alert" not in page


@pytest.mark.parametrize("kind", ["unverified", "member", "subscriber"])
def test_two_members_with_the_same_decision_get_the_same_bytes(kind: str) -> None:
    article = make_article()
    assert page_for(kind, article) == page_for(kind, article)


def test_staff_and_subscribers_get_the_same_full_text() -> None:
    article = make_article()
    assert page_for("staff", article) == page_for("subscriber", article)


def test_footnote_marks_are_links_where_the_note_is_on_the_page() -> None:
    page = page_for("subscriber", make_article(body=NOTED))
    assert page.count('id="fnref-1"') == 1
    assert page.count('href="#fn-1"') == 3
    assert 'id="fn-1"' in page
    assert "The note itself." in page
    assert "[^" not in page


def test_footnote_marks_vanish_from_a_preview_whose_notes_are_in_the_rest() -> None:
    page = page_for("visitor", make_article(body=NOTED))
    assert "Before the cut.</p>" in page
    assert "#fn-1" not in page
    assert "The note itself." not in page


def test_what_was_typed_at_the_wall_stays_and_the_error_is_tied_to_its_field(
    browser: Browser,
) -> None:
    article = make_article()
    response = browser.post("/join/now/", {"article": article.pk, "email": "nobody@"})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="nobody@"' in page
    assert 'aria-describedby="email-error"' in page
    assert 'id="email-error"' in page
    assert 'role="alert"' in page
    assert "no-store" in response["Cache-Control"]


def test_an_article_page_weighs_less_than_100_kb_before_its_photo() -> None:
    long = "<p>" + " ".join(f"word{i} of some length" for i in range(300)) + "</p>"
    page = page_for("subscriber", make_article(body=[("paragraph", long)] * 4))
    sheet = (STATIC / "site.css").read_bytes()
    script = (STATIC / "strip.js").read_bytes()
    fonts = [STATIC / "fonts" / f"newsreader-{n}.woff2" for n in ("text", "display", "italic")]
    weight = sum(len(gzip.compress(part)) for part in (page.encode(), sheet, script))
    weight += sum(font.stat().st_size for font in fonts)
    assert weight < 100_000
    assert len(sheet.splitlines()) < 700


class _Tags(HTMLParser):
    """Open elements, to find one that is never closed."""

    EMPTY = {"meta", "link", "img", "input", "br", "hr", "source", "wbr", "path"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/section/world/",
        "/author/ada-sample/",
        "/topics/",
        "/regions/",
        "/authors/",
        "/archive/",
        "/library/",
        "/newsletters/",
        "/join/",
        "/all-access/",
        "/outbox/",
        "/there-is-no-such-page/",
    ],
)
def test_every_page_is_well_formed_and_gives_each_id_once(browser: Browser, address: str) -> None:
    for _ in range(14):
        make_article()
    page = browser.get(address).content.decode()
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert page.count("<h1") == 1


def test_the_page_for_a_broken_server_asks_nothing(
    django_db_blocker: DjangoDbBlocker,
) -> None:
    with django_db_blocker.block():
        assert "on our side" in get_template("errors/server_error.html").render()
