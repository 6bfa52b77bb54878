"""What search engines are told of."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from standfirst.articles import sitemaps
from tests.making import make_article, make_magazine, make_section

pytestmark = pytest.mark.django_db

MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"


def addresses(client: Client, path: str) -> list[str]:
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("application/xml")
    return [e.text or "" for e in ElementTree.fromstring(response.content).iter(f"{MAP}loc")]


def walked(client: Client) -> list[str]:
    """Every address in every sitemap that the index names."""
    found: list[str] = []
    for address in addresses(client, "/sitemap.xml"):
        found += addresses(client, address.removeprefix("http://testserver"))
    return found


def test_every_published_article_stands_in_one_page_of_the_sitemap(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemaps, "PER_PAGE", 2)
    articles = [make_article() for _ in range(5)]
    draft = make_article(live=False)
    found = walked(client)
    for article in articles:
        assert found.count(f"http://testserver{article.get_absolute_url()}") == 1
    assert not any(draft.slug in address for address in found)
    assert client.get("/sitemap-articles-4.xml").status_code == 404
    assert client.get("/sitemap-articles-0.xml").status_code == 404


def test_every_address_named_can_be_opened(client: Client) -> None:
    make_article()
    for address in walked(client):
        assert client.get(address.removeprefix("http://testserver")).status_code == 200, address


def test_lists_without_articles_are_not_named(client: Client) -> None:
    make_article(section=make_section("Economy"))
    make_section("Empty")
    found = addresses(client, "/sitemap-lists.xml")
    assert "http://testserver/section/economy/" in found
    assert "http://testserver/section/empty/" not in found


def test_a_page_of_the_sitemap_costs_as_many_queries_however_long_it_is(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        make_article()
    with django_assert_max_num_queries(4):
        client.get("/sitemap-articles-1.xml")


def test_the_news_sitemap_holds_two_days(client: Client) -> None:
    make_magazine(name="The Meridian & Co", language="en-GB")
    now = timezone.now()
    new = make_article("Fresh & new", published_at=now - timedelta(hours=47))
    make_article("Old", published_at=now - timedelta(hours=49))
    root = ElementTree.fromstring(client.get("/sitemap-news.xml").content)
    assert [e.text for e in root.iter(f"{NEWS}title")] == ["Fresh & new"]
    assert [e.text for e in root.iter(f"{MAP}loc")] == [
        f"http://testserver{new.get_absolute_url()}"
    ]
    assert [e.text for e in root.iter(f"{NEWS}language")] == ["en"]
    assert [e.text for e in root.iter(f"{NEWS}name")] == ["The Meridian & Co"]


def test_robots_names_the_sitemaps_and_what_is_closed(client: Client) -> None:
    text = client.get("/robots.txt").content.decode()
    for line in (
        "Disallow: /account/",
        "Disallow: /newsroom/",
        "Disallow: /join/",
        "Sitemap: http://testserver/sitemap.xml",
        "Sitemap: http://testserver/sitemap-news.xml",
    ):
        assert line in text.splitlines()
