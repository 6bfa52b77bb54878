"""What is scheduled goes live, and what expires is gone, from everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from standfirst.articles.actions import Due, publish_due
from standfirst.articles.models import Article
from standfirst.articles.shelves import IN_A_SITEMAP
from tests.making import make_article, make_magazine

pytestmark = pytest.mark.django_db

EVERYWHERE = [
    "/",
    "/section/world/",
    "/author/ada-sample/",
    "/feed.xml",
    "/feed.atom",
    "/section/world/feed.xml",
    "/sitemap-articles-1.xml",
    "/sitemap-news.xml",
]


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with mock.patch("django.utils.timezone.now", return_value=moment):
        yield


def scheduled(hours: int = 1, **fields: object) -> Article:
    article = make_article("To come", live=False, published_at=None, **fields)
    article.go_live_at = timezone.now() + timedelta(hours=hours)
    article.save_revision(approved_go_live_at=article.go_live_at).publish()
    return Article.objects.get(pk=article.pk)


def seen(client: Client, article: Article) -> list[str]:
    """The pages, feeds and sitemaps that tell of the article."""
    # Its own page of the sitemap: other tests may have used up the numbers of the first.
    page = f"/sitemap-articles-{article.pk // IN_A_SITEMAP + 1}.xml"
    answers = [client.get(page if "articles" in path else path) for path in EVERYWHERE]
    found = zip(EVERYWHERE, answers, strict=True)
    return [path for path, answer in found if f"/{article.slug}/" in answer.content.decode()]


def test_a_scheduled_article_is_404_before_its_time_and_there_after_it(client: Client) -> None:
    make_article("Always there")
    article = scheduled()
    assert publish_due(timezone.now()) == Due()
    assert client.get(article.get_absolute_url()).status_code == 404
    assert seen(client, article) == []
    later = timezone.now() + timedelta(hours=1, minutes=1)
    with at(later):
        assert publish_due(later) == Due(published=1)
        article.refresh_from_db()
        assert client.get(article.get_absolute_url()).status_code == 200
        assert seen(client, article) == EVERYWHERE
        assert publish_due(later) == Due()
    assert article.published_at == later


def test_an_expired_article_is_gone_from_everywhere(client: Client) -> None:
    make_article("Always there")
    article = make_article("To go", published_at=timezone.now() - timedelta(minutes=5))
    article.expire_at = timezone.now() + timedelta(hours=1)
    article.save_revision().publish()
    assert seen(client, article) == EVERYWHERE
    later = timezone.now() + timedelta(hours=1, minutes=1)
    with at(later):
        assert publish_due(later) == Due(withdrawn=1)
        assert publish_due(later) == Due()
        assert client.get(article.get_absolute_url()).status_code == 404
        assert seen(client, article) == []
    article.refresh_from_db()
    assert article.expired


def test_a_scheduled_change_of_a_published_article_waits_too(client: Client) -> None:
    article = make_article("The first headline")
    article.title = "The second headline"
    article.go_live_at = timezone.now() + timedelta(hours=1)
    article.save_revision(approved_go_live_at=article.go_live_at).publish()
    assert "The first headline" in client.get(article.get_absolute_url()).content.decode()
    later = timezone.now() + timedelta(hours=2)
    with at(later):
        publish_due(later)
    assert "The second headline" in client.get(article.get_absolute_url()).content.decode()


def test_one_that_cannot_be_published_holds_up_no_other() -> None:
    make_magazine()
    broken, sound = scheduled(1), scheduled(2)
    later = timezone.now() + timedelta(hours=3)
    publish = "wagtail.models.Revision.publish"
    original = __import__("wagtail.models", fromlist=["Revision"]).Revision.publish

    def fails(revision: object, *args: object, **kwargs: object) -> None:
        if str(getattr(revision, "object_id", "")) == str(broken.pk):
            raise RuntimeError("disk full")
        original(revision, *args, **kwargs)

    with at(later), mock.patch(publish, fails):
        assert publish_due(later) == Due(published=1, failed=1)
    sound.refresh_from_db()
    assert sound.live


def test_the_time_of_publication_stays_through_corrections() -> None:
    article = make_article("Headline", published_at=None)
    first = article.published_at
    assert first is not None
    draft = Article.objects.get(pk=article.pk)
    draft.title = "Corrected"
    draft.save_revision().publish()
    draft.refresh_from_db()
    assert draft.published_at == first
