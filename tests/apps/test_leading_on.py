"""Lists lead into each other: months to the months beside them, topics to topics and authors."""

import re

import pytest
from django.test import Client

from standfirst.articles.models import Article, Region, Topic
from standfirst.reading.models import Change
from tests.making import at, make_article, make_magazine

pytestmark = pytest.mark.django_db


def beside(place: str) -> list[str]:
    html = Client().get(place).content.decode()
    nav = re.search(r'<nav class="pager ui months".*?</nav>', html, re.DOTALL)
    return re.findall(r'href="([^"]+)"', nav[0]) if nav else []


def told(last: int) -> set[str]:
    rows = Change.objects.filter(pk__gt=last)
    return {tag for row in rows for tag in row.tags if tag.startswith("month:")}


def test_the_archive_goes_back_to_the_first_article_month_by_month() -> None:
    make_magazine()
    for moment in ("1998-05-01", "1998-05-30", "2003-12-31", "2020-01-02"):
        make_article(published_at=at(moment))
    for place in ("/archive/", "/library/"):
        html = Client().get(place).content.decode()
        found = re.findall(r'href="(/\d{4}/\d{2}/)">\w+</a> <span>(\d+)', html)
        assert found == [("/2020/01/", "1"), ("/2003/12/", "1"), ("/1998/05/", "2")], place
    assert beside("/2020/01/") == ["/2003/12/"]
    assert beside("/2003/12/") == ["/1998/05/", "/2020/01/"]
    assert beside("/1998/05/") == ["/2003/12/"]
    assert beside("/2010/01/") == []  # nothing came out then, and nobody is led there


def test_a_month_tells_those_beside_it_of_its_first_and_its_last_article() -> None:
    make_magazine()
    for moment in ("1998-05-01", "2020-01-02"):
        make_article(published_at=at(moment))
    last = Change.objects.latest("pk").pk
    new = make_article(published_at=at("2003-12-31"))
    assert told(last) == {"month:1998-05", "month:2003-12", "month:2020-01"}
    last = Change.objects.latest("pk").pk
    second = make_article(published_at=at("2003-12-30"))
    assert told(last) == {"month:2003-12"}
    last = Change.objects.latest("pk").pk
    Article.objects.get(pk=second.pk).delete()
    assert told(last) == {"month:2003-12"}
    Article.objects.get(pk=new.pk).unpublish()
    assert told(last) == {"month:1998-05", "month:2003-12", "month:2020-01"}


def test_topics_regions_and_authors_lead_to_what_they_are_often_seen_with() -> None:
    make_magazine()
    ports, grain, once = (Topic.objects.create(name=n, slug=n) for n in ("ports", "grain", "once"))
    oceans = Region.objects.create(name="oceans", slug="oceans")
    make_article(topics=[ports, grain], regions=[oceans])
    make_article(topics=[ports, grain, once], regions=[oceans])
    make_article(topics=[ports])

    def company(place: str) -> list[str]:
        html = Client().get(place).content.decode()
        line = re.search(r"(?:See also|Often on) (.*?)</p>", html)
        return re.findall(r'href="([^"]+)"', line[1]) if line else []

    assert company("/topic/ports/") == ["/topic/grain/", "/region/oceans/", "/author/ada-sample/"]
    assert company("/region/oceans/") == ["/topic/grain/", "/topic/ports/", "/author/ada-sample/"]
    assert company("/author/ada-sample/") == ["/topic/ports/", "/topic/grain/", "/region/oceans/"]
    assert company("/topic/once/") == []  # one article says nothing of what is often
    assert company("/section/world/") == []
