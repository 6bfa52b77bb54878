"""Following a topic or an author, from pages that are the same for all readers."""

import pytest
from django.utils import timezone

from standfirst.account.queries import everything_about
from standfirst.articles.models import Author, Topic
from standfirst.members.consent import ALERTS, By, give, take_back, wanted_by
from standfirst.members.models import Member
from standfirst.newsletters.actions import following
from standfirst.newsletters.actions.following import Following, follow, move_follows
from standfirst.newsletters.models import Follow
from tests.conftest import Browser
from tests.letters import Postbox
from tests.making import make_article, make_magazine, make_member

pytestmark = pytest.mark.django_db

JSON = {"accept": "application/json"}


@pytest.fixture
def topic() -> Topic:
    make_magazine()
    found = Topic.objects.create(name="Ports & ships", slug="ports")
    make_article(topics=[found])
    return found


@pytest.fixture
def ada(topic: Topic) -> Member:
    return make_member("ada@example.org")


@pytest.fixture
def adas(ada: Member, browser: Browser) -> Browser:
    browser.force_login(ada)
    return browser


def test_the_page_of_a_topic_is_the_same_whoever_follows_it(
    topic: Topic, ada: Member, adas: Browser
) -> None:
    before = Browser().get("/topic/ports/").content
    assert f'action="/account/following/topic/{topic.pk}/"' in before.decode()
    follow(ada, topic, timezone.now())
    assert adas.get("/topic/ports/").content == before
    author = Author.objects.get()
    text = adas.get("/author/ada-sample/").content.decode()
    assert f'action="/account/following/author/{author.pk}/"' in text
    assert "/account/following/" not in adas.get("/section/world/").content.decode()


def test_a_button_follows_and_the_account_lists_it(
    topic: Topic, ada: Member, adas: Browser
) -> None:
    answer = adas.post(f"/account/following/topic/{topic.pk}/", follow=True)
    text = answer.content.decode()
    assert "You follow Ports &amp; ships. A mail tells you of each new article." in text
    assert "Do not follow Ports &amp; ships any more" in text
    assert wanted_by(ada) == {ALERTS}
    assert adas.get("/account/following/ids/").json() == {"followed": [f"topic-{topic.pk}"]}
    adas.post(f"/account/following/topic/{topic.pk}/")
    assert Follow.objects.count() == 1
    told = everything_about(ada)["letters"]["followed"]
    assert [one["name"] for one in told] == ["Ports & ships"]


def test_a_script_follows_without_leaving_the_page(topic: Topic, adas: Browser) -> None:
    answer = adas.post(f"/account/following/topic/{topic.pk}/", headers=JSON)
    assert answer.json()["sentence"].startswith("You follow Ports & ships.")


def test_a_visitor_is_led_to_join_and_comes_back_to_the_question(
    topic: Topic, postbox: Postbox
) -> None:
    visitor = Browser()
    address = f"/account/following/topic/{topic.pk}/"
    answer = visitor.post(address)
    assert answer["Location"] == f"/join/?next={address.replace('/', '%2F')}"
    answer = visitor.post("/join/now/", {"email": "new@example.org", "next": address})
    assert answer["Location"] == address
    text = visitor.get(address).content.decode()
    assert "Follow Ports &amp; ships?" in text
    assert not Follow.objects.exists()
    visitor.post(address)
    assert Follow.objects.get().member.email == "new@example.org"
    assert "You follow Ports &amp; ships" in visitor.get(address).content.decode()


def test_looking_follows_nothing(topic: Topic, adas: Browser) -> None:
    address = f"/account/following/topic/{topic.pk}/"
    for ask in (adas.get, adas.head):
        assert ask(address).status_code == 200
    assert not Follow.objects.exists()


def test_what_does_not_exist_cannot_be_followed(topic: Topic, adas: Browser) -> None:
    for wrong in ("topic/99999", "region/1", "author/0", f"topic/{1 << 70}"):
        for ask in (adas.get, adas.post):
            assert ask(f"/account/following/{wrong}/").status_code == 404


def test_a_foreign_page_follows_nothing(topic: Topic, ada: Member) -> None:
    evil = Browser()
    evil.force_login(ada)
    address = f"/account/following/topic/{topic.pk}/"
    answer = evil.post(address, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert not Follow.objects.exists()


def test_to_follow_does_not_override_that_alerts_were_switched_off(
    topic: Topic, ada: Member, adas: Browser
) -> None:
    give(ada, [ALERTS], By.ACCOUNT, now=timezone.now())
    take_back(ada, [ALERTS], By.ONE_CLICK, now=timezone.now())
    text = adas.post(f"/account/following/topic/{topic.pk}/", follow=True).content.decode()
    assert "you have switched alerts off" in text
    assert wanted_by(ada) == set()


def test_nobody_follows_without_end(
    topic: Topic, ada: Member, adas: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST_FOLLOWED", 1)
    now = timezone.now()
    other = Topic.objects.create(name="Grain", slug="grain")
    assert follow(ada, topic, now) is Following.FOLLOWED
    assert follow(ada, topic, now) is Following.ALREADY
    assert follow(ada, other, now) is Following.FULL
    answer = adas.post(f"/account/following/topic/{other.pk}/", headers=JSON)
    assert answer.status_code == 409
    left = make_member()
    Follow.objects.create(member=left, topic=other)
    assert move_follows(left, ada) == 0


def test_a_topic_that_is_deleted_is_followed_no_more(topic: Topic, ada: Member) -> None:
    other = Topic.objects.create(name="Grain", slug="grain")
    follow(ada, other, timezone.now())
    other.delete()
    assert not Follow.objects.exists()
