"""What the library asks the database by hand, on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from standfirst.articles.models import Article, Region, Topic
from standfirst.library import limits, queries, reading_list
from standfirst.library.asked import Asked
from standfirst.library.models import Saved, SearchCount
from standfirst.library.reading_list import Saving, save_for_later
from standfirst.library.results import Place
from tests.making import make_article, make_member


@pytest.mark.django_db
def test_places_begin_with_what_was_typed_whatever_that_is() -> None:
    Topic.objects.create(name="100% salt_!", slug="all-salt")
    Topic.objects.create(name="1000 years", slug="years")
    Region.objects.create(name="1000 islands", slug="islands")
    for typed in ("100%", "100% salt_", "100% salt_!"):
        assert queries._places(typed) == [Place("topic", "100% salt_!", "all-salt")]
    assert {place.slug for place in queries._places("1000")} == {"years", "islands"}
    for typed in ("___", "%%%", "'';", "\\\\\\"):
        assert queries._places(typed) == []


@pytest.mark.django_db
def test_names_of_several_kinds_come_in_one_answer() -> None:
    topic, region = (kind.objects.create(name="A", slug="a") for kind in (Topic, Region))
    named = queries._names({"topic": [topic.pk, topic.pk + 1], "region": [region.pk], "author": []})
    assert named["topic"] == {topic.pk: ("a", "A")}
    assert named["region"] == {region.pk: ("a", "A")}
    assert named["author"] == {}


@pytest.mark.django_db
def test_counts_are_added_to_and_forgotten_when_their_time_is_over() -> None:
    later = 2**33
    assert dict(limits._add([("b", later, 2), ("a", 7, 1)])) == {"a": 1, "b": 2}
    assert dict(limits._add([("a", 7, 3), ("b", later, 1)])) == {"a": 4, "b": 3}
    assert limits._add([]) == []
    assert limits.forget_counts() == 1
    assert list(SearchCount.objects.values_list("key", "count")) == [("b", 3)]


def test_no_facet_holds_what_postgresql_refuses() -> None:
    asked = Asked.of(QueryDict("q=a%00b&topic=a%00&topic=ports&year=%00"))
    assert asked.text == "a b"
    assert asked.chosen == {"topic": ["ports"]}


@pytest.mark.django_db(transaction=True)
def test_many_that_are_saved_at_once_do_not_go_beyond_the_bound(monkeypatch: Any) -> None:
    monkeypatch.setattr(reading_list, "MOST_SAVED", 3)
    member, articles = make_member(), [make_article(f"Number {n}") for n in range(8)]
    start = Barrier(len(articles))

    def save(article: Article) -> Saving:
        try:
            start.wait()
            return save_for_later(member, article, timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(len(articles)) as pool:
        outcomes = list(pool.map(save, articles))
    assert outcomes.count(Saving.SAVED) == Saved.objects.count() == 3
    assert outcomes.count(Saving.FULL) == 5
