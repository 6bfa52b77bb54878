"""No page, and none of the newsroom's daily lists, works the harder the larger the archive is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from standfirst.articles import newsroom
from standfirst.articles.load_rows import NewArticle, Slugs, add_articles
from standfirst.articles.models import Article, Author, Region, Section, Topic
from tests.making import make_magazine, make_section, make_staff
from tests.work import counted

pytestmark = [pytest.mark.django_db, pytest.mark.attack]

SMALL, LARGE = 300, 3_000
SPAN = 24 * 300  # hours; however many articles there are, the months are the same


def grow(start: int, end: int) -> None:
    """Articles from `start` to `end`, over the same months."""
    section, topic = make_section(), Topic.objects.get_or_create(name="Ports", slug="ports")[0]
    author = Author.objects.get_or_create(name="Ada Sample", slug="ada-sample")[0]
    region = Region.objects.get_or_create(name="Oceans", slug="oceans")[0]
    text = [{"type": "paragraph", "value": "<p>One.</p><p>Two.</p>", "id": "p"}]
    slugs, latest = Slugs(), datetime(2026, 11, 1, tzinfo=UTC)
    for first in range(start, end, 300):
        add_articles(
            [
                NewArticle(
                    source_id=str(n),
                    source_hash="1",
                    title=f"Piece {n}",
                    section=section,
                    format="analysis",
                    published_at=latest - timedelta(hours=n * 7919 % SPAN),
                    body=text,
                    words=2,
                    authors=[author],
                    topics=[topic],
                    regions=[region],
                )
                for n in range(first, min(first + 300, end))
            ],
            slugs,
        )


def addresses() -> list[str]:
    article = Article.objects.get(source_id="150")
    last = -(-Article.objects.count() // 24)
    lists = ["section/world", "topic/ports", "region/oceans", "author/ada-sample"]
    staff = ["edit", "history", "delete", "unpublish", "copy", "move"]
    return [
        "/",
        *(f"/{one}/" for one in lists),
        *(f"/{one}/?page=7" for one in lists),
        f"/section/world/?page={last}",
        *(f"/{one}/feed.xml" for one in lists),
        *("/feed.xml", "/topics/", "/regions/", "/authors/", "/archive/", "/library/"),
        *("/2026/05/", "/sitemap.xml", "/sitemap-lists.xml", "/sitemap-news.xml", "/robots.txt"),
        *(article.get_absolute_url(), "/all-access/", "/2020/01/nothing/"),
        *("/newsroom/", "/newsroom/articles/", "/newsroom/articles/?p=3"),
        *("/newsroom/articles/?ordering=edited_at", "/newsroom/articles/?live=false"),
        f"/newsroom/articles/?section={Section.objects.get().pk}",
        "/newsroom/articles/?terms=open&q=nothing",
        reverse("wagtailadmin_explore", args=[article.get_parent().pk]) + "?ordering=ord",
        *(reverse(f"wagtailadmin_pages:{name}", args=[article.pk]) for name in staff),
        *("/newsroom/choose-page/?page_type=articles.article", "/newsroom/images/"),
    ]


def steps(client: Client) -> dict[str, int]:
    """The work of each address once everything that is remembered between requests is."""
    found = {}
    for address in addresses():
        client.get(address)
        with counted() as work:
            client.get(address)
        name = "the last page" if address.startswith("/section/world/?page=") else address
        found[name] = max(work.steps, found.get(name, 0))
    return found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite counts its steps.")
def test_ten_times_the_articles_are_no_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # Bounds that the small archive reaches as well.
    monkeypatch.setattr(newsroom, "MOST_PAGES", 3)
    monkeypatch.setattr(newsroom, "LOOKED_THROUGH", 100)
    monkeypatch.setattr(newsroom, "IN_THE_CHOOSER", 100)
    make_magazine()
    client = Client()
    client.force_login(make_staff(), backend="django.contrib.auth.backends.ModelBackend")
    grow(0, SMALL)
    small = steps(client)
    grow(SMALL, LARGE)
    large = steps(client)
    grown = {
        address: (small[address], work)
        for address, work in large.items()
        if work > 1.5 * small[address] + 500
    }
    assert not grown


def test_lists_are_as_right_as_if_they_were_counted(client: Client) -> None:
    make_magazine()
    grow(0, 100)
    Article.objects.get(source_id="50").unpublish()
    Article.objects.get(source_id="51").delete()
    seen = [
        article.source_id
        for page in range(1, 6)
        for article in client.get(f"/section/world/?page={page}").context["list"].object_list
    ]
    newest = sorted(range(100), key=lambda n: n * 7919 % SPAN)
    assert seen == [str(n) for n in newest if n not in {50, 51}]
    assert client.get("/section/world/?page=6").status_code == 404
    months = client.get("/library/").context["years"]
    assert sum(count for _, year in months for _, count in year) == 98
    sitemaps = "".join(client.get(f"/sitemap-articles-{n}.xml").content.decode() for n in (1, 2))
    assert sitemaps.count("<url>") == 98
