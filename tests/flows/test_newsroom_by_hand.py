"""What came to light when the magazine was used by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from standfirst.articles.load_text import blocks, stretches
from standfirst.articles.models import Topic
from standfirst.articles.rules import filed_as, letter_of
from tests.making import make_article, make_magazine, make_member, make_staff, subscribe

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


def test_lists_in_the_newsroom_say_the_day_of_what_lies_ahead() -> None:
    make_magazine(time_zone="UTC")
    subscription = subscribe(make_member("ada@example.org"), days=90)
    page = client_of(make_staff()).get("/newsroom/subscriptions/").content.decode()
    assert f"{subscription.ends_at:%b %Y}" in page


@pytest.mark.parametrize(("allowance", "said"), [(0, "nothing to choose"), (1, "your choice for")])
def test_the_spent_wall_makes_sense_with_hardly_any_choices(allowance: int, said: str) -> None:
    make_magazine(allowance=allowance)
    article, other = make_article(), make_article()
    client = client_of(make_member())
    if allowance:
        client.post(f"/choose/{other.pk}/", headers={"Origin": "http://testserver"})
    page = client.get(article.get_absolute_url()).content.decode()
    assert said in page
    assert "0 new" not in page


def test_a_long_index_is_divided_by_letters() -> None:
    make_magazine()
    article = make_article()
    for number in range(90):
        topic = Topic.objects.create(
            name=f"{chr(65 + number % 26)} topic {number}", slug=f"t{number}"
        )
        article.topics.add(topic)
    article.save()
    page = Client().get("/topics/").content.decode()
    assert '<a href="#letter-26">Z</a>' in page
    assert page.count("1 article") == 90


def test_names_are_sorted_without_accents_and_case() -> None:
    names = ["Zoë", "élan", "Ada", "’s-Hertogenbosch", "1914"]
    assert sorted(names, key=filed_as) == ["1914", "Ada", "élan", "’s-Hertogenbosch", "Zoë"]
    assert [letter_of(name) for name in names] == ["Z", "E", "A", "S", "#"]


def test_emphasis_in_loaded_text_becomes_italic_and_names_with_underscores_stay() -> None:
    text = stretches("The _broad consent_ & the file_name_of it.", headings=False)
    assert blocks("s", text)[0]["value"] == (
        "<p>The <i>broad consent</i> &amp; the file_name_of it.</p>"
    )


def test_what_a_loaded_article_was_before_its_first_edit_can_be_gone_back_to() -> None:
    make_magazine()
    article = make_article("As loaded")
    article.title = "As edited"
    article.save_revision().publish()
    page = client_of(make_staff()).get(f"/newsroom/pages/{article.pk}/history/").content.decode()
    first = article.revisions.order_by("pk").first()
    assert first.as_object().title == "As loaded"
    assert reverse("wagtailadmin_pages:revisions_revert", args=[article.pk, first.pk]) in page
