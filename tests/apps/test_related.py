"""What articles lead on to: kept as rows, true after every change, and worked out once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from standfirst.articles.models import Article, PinnedArticle, Related, Topic
from standfirst.articles.queries import related_to
from standfirst.articles.related import KEPT, SHOWN, keep, kept_for
from standfirst.library import house, related
from standfirst.library.indexer import Indexer
from standfirst.library.models import Due
from standfirst.reading.models import Change
from tests.making import make_article, make_magazine, make_section

pytestmark = pytest.mark.django_db

STRAITS = "Insurers of straits and tankers weigh the strait, the tanker and the insurer's premium."
RAIN = "Monsoon farmers await rain upon rain, since farmers, without monsoon clouds, await dust."


@pytest.fixture
def indexer(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Indexer]:
    settings.LIBRARY = tmp_path / "library"
    monkeypatch.setattr(related, "SETTLE", timedelta(0))
    make_magazine()
    indexer = Indexer()
    yield indexer
    indexer.close()


def catch_up(indexer: Indexer) -> None:
    while indexer.step():
        pass
    assert not Due.objects.exists()


def written(title: str, text: str, **fields: Any) -> Article:
    body = [("paragraph", f"<p>{text}</p>"), ("paragraph", f"<p>{text}</p>")]
    return make_article(title, standfirst=text, body=body, **fields)


def near(article: Article) -> list[int]:
    return kept_for([article.pk])[article.pk]


def shown(article: Article) -> list[int]:
    found = Article.objects.get(pk=article.pk)
    return [a.pk for a in related_to(found, list(found.topics.all()))]


def told() -> list[str]:
    tags = (tag for row in Change.objects.order_by("pk") for tag in row.tags)
    return [tag for tag in tags if tag.startswith("related:")]


# -- what is shown ----------------------------------------------------------------------------


def test_an_article_leads_on_to_what_is_about_the_same(indexer: Indexer) -> None:
    straits = [written(f"Strait {n}", STRAITS) for n in range(3)]
    rains = [written(f"Rain {n}", RAIN) for n in range(3)]
    catch_up(indexer)
    for some in (straits, rains):
        for article in some:
            assert set(near(article)[:2]) == {a.pk for a in some} - {article.pk}
            assert shown(article)[:2] == near(article)[:2]


def test_what_the_editor_pinned_comes_first_and_shelves_fill_what_is_missing(
    indexer: Indexer,
) -> None:
    one, other = written("Strait 1", STRAITS), written("Strait 2", STRAITS)
    draft = written("Strait 3", STRAITS, live=False)
    rain = written("Rain", RAIN)
    assert shown(one) == [other.pk, rain.pk]  # nothing was found yet: the newest of the section
    catch_up(indexer)
    assert near(one) == [other.pk]
    PinnedArticle.objects.create(article=one, related=one, sort_order=0)
    PinnedArticle.objects.create(article=one, related=draft, sort_order=1)
    PinnedArticle.objects.create(article=one, related=rain, sort_order=2)
    assert shown(one) == [rain.pk, other.pk]
    assert draft.pk not in {pk for a in (one, other, rain) for pk in near(a)}


def test_the_page_asks_for_them_in_one_statement(indexer: Indexer) -> None:
    articles = [written(f"Strait {n}", STRAITS) for n in range(5)]
    PinnedArticle.objects.create(article=articles[0], related=articles[4])
    catch_up(indexer)
    found = Article.objects.select_related("section").get(pk=articles[0].pk)
    topics: list[Topic] = []
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert len(related_to(found, topics)) == SHOWN
    statements = [row["sql"] for row in asked]
    assert len([s for s in statements if "articles_related" in s]) == 1
    assert not [s for s in statements if "articles_shelf" in s]
    # what is pinned, what is near, the cards, and their authors (none has a photo)
    assert len(statements) == 4, statements


def test_shared_topics_count_more_than_some_words(indexer: Indexer) -> None:
    topic = Topic.objects.create(name="Premiums", slug="premiums")
    one = written("A", STRAITS, topics=[topic])
    plain = [written(f"Plain {n}", f"{STRAITS} {n}") for n in range(3)]
    filed = written("Filed", f"{STRAITS} But also ships and ports.", topics=[topic])
    catch_up(indexer)
    assert near(one)[0] == filed.pk
    assert set(near(one)) == {filed.pk, *(a.pk for a in plain)}


# -- what changes -----------------------------------------------------------------------------


def test_older_articles_lead_on_to_a_new_one(indexer: Indexer) -> None:
    old = [written(f"Strait {n}", STRAITS) for n in range(2)]
    rain = [written(f"Rain {n}", RAIN) for n in range(2)]
    catch_up(indexer)
    new = written("Strait again", STRAITS, published_at=timezone.now())
    catch_up(indexer)
    assert all(new.pk in near(article) for article in old)
    assert not any(new.pk in near(article) for article in rain)


def test_what_is_withdrawn_is_gone_at_once_and_its_place_is_filled(indexer: Indexer) -> None:
    articles = [written(f"Strait {n}", STRAITS) for n in range(KEPT + 3)]
    catch_up(indexer)
    gone = Article.objects.get(pk=near(articles[0])[0])
    gone.unpublish()
    assert gone.pk not in shown(articles[0])  # before the worker has looked
    assert len(shown(articles[0])) == SHOWN
    catch_up(indexer)
    assert not Related.objects.filter(other=gone).exists()
    assert not Related.objects.filter(article=gone).exists()
    assert len(near(articles[0])) == KEPT
    Article.objects.get(pk=gone.pk).save_revision().publish()
    catch_up(indexer)
    assert len(near(gone)) == KEPT


def test_the_place_of_one_that_is_deleted_is_filled_too(indexer: Indexer) -> None:
    articles = [written(f"Strait {n}", STRAITS) for n in range(KEPT + 3)]
    catch_up(indexer)
    gone = near(articles[0])[0]
    Article.objects.get(pk=gone).delete()
    assert len(near(articles[0])) == KEPT - 1
    catch_up(indexer)
    assert len(near(articles[0])) == KEPT


def test_a_text_that_becomes_another_moves(indexer: Indexer) -> None:
    straits = [written(f"Strait {n}", STRAITS) for n in range(3)]
    rains = [written(f"Rain {n}", RAIN) for n in range(3)]
    catch_up(indexer)
    moved = straits[0]
    moved.title, moved.standfirst, moved.body = "Rain", RAIN, [("paragraph", f"<p>{RAIN}</p>")]
    moved.save()
    catch_up(indexer)
    assert moved.pk in near(rains[0])
    assert moved.pk not in near(straits[1])


# -- what is told -----------------------------------------------------------------------------


def test_nothing_is_written_or_told_where_nothing_is_other(indexer: Indexer) -> None:
    articles = [written(f"Strait {n}", STRAITS) for n in range(4)]
    catch_up(indexer)
    rows, before = list(Related.objects.values_list("pk", flat=True)), len(told())
    assert rows
    related.all_due()
    catch_up(indexer)
    articles[0].standfirst = "A comma, put in."
    articles[0].save()
    catch_up(indexer)
    assert list(Related.objects.values_list("pk", flat=True)) == rows
    assert len(told()) == before


def test_only_pages_that_show_others_now_are_told_of() -> None:
    make_magazine()
    one, *others = [make_article() for _ in range(8)]
    ids = [a.pk for a in others]
    keep({one.pk: ids[:6]})
    assert told() == [f"related:{one.pk}"]
    keep({one.pk: [*ids[:3], ids[6], ids[4]]})  # below what is shown
    assert told() == [f"related:{one.pk}"]
    others[0].unpublish()
    keep({one.pk: [ids[1], ids[2], ids[6]]})  # that it is gone was told with its own row
    assert told() == [f"related:{one.pk}"]
    keep({one.pk: [ids[2], ids[1], ids[3]]})
    assert told() == [f"related:{one.pk}"] * 2
    keep({one.pk: []})
    assert told() == [f"related:{one.pk}"] * 3


def test_what_is_kept_is_held_by_the_database() -> None:
    make_magazine()
    one, two, three = (make_article() for _ in range(3))
    keep({one.pk: [one.pk, two.pk, 987654321]})
    assert near(one) == [two.pk]  # neither itself nor what is not there
    for other, place in ((two, 1), (three, 0), (one, 2)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Related.objects.create(article=one, other=other, place=place)


# -- who works --------------------------------------------------------------------------------


def test_each_article_is_worked_on_by_one_host_and_again_if_that_was_killed() -> None:
    now = timezone.now()
    related.due([1, 2, 3], Due.Why.ALL)
    one = related.take(now, 2)
    other = related.take(now)
    assert set(one.articles) == {1, 2}
    assert set(other.articles) == {3}
    assert not related.take(now)
    other.give_back()
    assert set(related.take(now).articles) == {3}
    late = related.take(now + related.LEASE + timedelta(seconds=1))  # the first one was killed
    assert set(late.articles) == {1, 2, 3}
    assert one.mine() == set()  # or was it only slow? then it keeps nothing any more


def test_what_changes_while_it_is_worked_on_is_worked_on_again(indexer: Indexer) -> None:
    one, other = written("Strait 1", STRAITS), written("Strait 2", STRAITS)
    catch_up(indexer)
    Related.objects.all().delete()
    related.due([one.pk, other.pk])
    taken = related.take(timezone.now() + timedelta(seconds=1))
    related.due([one.pk], Due.Why.NEAR)  # by another host, meanwhile
    assert related.renew(house.live(), taken) == 2
    assert near(other) == [one.pk]
    assert near(one) == []
    assert list(Due.objects.values_list("article", "why")) == [(one.pk, Due.Why.CHANGED)]
    catch_up(indexer)
    assert near(one) == [other.pk]


def test_a_change_settles_before_it_is_looked_at_and_comes_before_the_whole() -> None:
    related.all_due()
    related.due([7], Due.Why.ALL)
    related.due([8])
    now = timezone.now()
    taken = related.take(now)
    assert set(taken.articles) == {7}
    taken.give_back()
    assert next(iter(related.take(now + related.SETTLE, 1).articles)) == 8


def test_who_waits_for_the_index_alone_waits_for_nothing_else(indexer: Indexer) -> None:
    written("Strait 1", STRAITS)
    while indexer.step(relating=False):
        pass
    assert house.live().count() == 1
    assert Due.objects.count() == 1


def test_an_older_magazine_is_worked_through_and_goes_on_where_it_was_stopped(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    articles = [written(f"Strait {n}", STRAITS) for n in range(7)]
    catch_up(indexer)
    Related.objects.all().delete()
    monkeypatch.setattr(related, "take", lambda now, take=related.take: take(now, 2))
    seen = []

    def stop(done: int, of: int) -> None:
        seen.append((done, of))
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        related.renew_all(house.live(), stop)
    assert Due.objects.count() == 3
    assert related.renew_all(house.live(), lambda done, of: seen.append((done, of))) == 3
    assert seen == [(0, 7), (2, 7), (4, 7), (0, 3), (2, 3), (3, 3)]
    assert all(len(near(a)) == KEPT for a in articles)


def test_an_index_that_is_behind_is_brought_on_first(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host has noted and indexed what this one's index does not hold yet."""
    one = written("Strait 1", STRAITS)
    catch_up(indexer)
    taking = related.take

    def take(now: Any) -> Any:
        if not Article.objects.filter(title="Strait 2").exists():
            related.due([written("Strait 2", STRAITS).pk, one.pk])
        return taking(timezone.now())

    monkeypatch.setattr(related, "take", take)
    catch_up(indexer)
    other = Article.objects.get(title="Strait 2")
    assert near(one) == [other.pk]
    assert near(other) == [one.pk]
    assert make_section("World").articles.count() == 2
