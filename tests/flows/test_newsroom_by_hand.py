"""What came to light when the newsroom was used by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.making import make_article, make_magazine, make_member, make_staff

pytestmark = pytest.mark.django_db


def client_of(member: object) -> Client:
    client = Client()
    client.force_login(member)  # type: ignore[arg-type]
    return client


def test_the_newsroom_shows_and_reads_times_as_they_are_where_the_magazine_is() -> None:
    make_magazine(time_zone="Asia/Kolkata")
    article = make_article(published_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    client = client_of(make_staff())
    page = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).content.decode()
    assert 'value="2026-03-01 17:30"' in page
    listed = client.get(reverse("articles:index")).content.decode()
    assert "17:30" in listed


def test_a_colleagues_own_time_zone_wins() -> None:
    from wagtail.users.models import UserProfile

    make_magazine(time_zone="Asia/Kolkata")
    article = make_article(published_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    staff = make_staff()
    UserProfile.objects.create(user=staff, current_time_zone="Asia/Tokyo")
    page = client_of(staff).get(reverse("wagtailadmin_pages:edit", args=[article.pk]))
    assert 'value="2026-03-01 21:00"' in page.content.decode()


@pytest.mark.parametrize("path", ["/newsroom/", "/newsroom/articles/"])
def test_a_member_who_tries_the_newsroom_is_refused_in_a_sentence_not_in_a_circle(
    path: str,
) -> None:
    make_magazine()
    client = client_of(make_member())
    answer = client.get(path, follow=True)
    assert answer.status_code == 403
    assert "This page is not open to you" in answer.content.decode()
    account = client.get(reverse("account")).content.decode()
    assert "permission" not in account, "and hears nothing more of it elsewhere"


def test_a_preview_seen_as_a_visitor_keeps_what_is_said_to_visitors() -> None:
    from standfirst.articles.previews import preview_context

    make_magazine()
    article = make_article(published_at=timezone.now() - timedelta(hours=1))
    assert preview_context(article, "visitor", timezone.now())["seen_as"] == "visitor"
