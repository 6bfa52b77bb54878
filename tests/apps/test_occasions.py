"""Letters that no editor writes: the welcome, a month's new choices, alerts; each once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from standfirst.articles.models import Article, Author, Topic
from standfirst.members.actions import ask_to_change_address, confirm_address, join
from standfirst.members.consent import ALERTS, CHOICES, By, take_back
from standfirst.members.models import Member
from standfirst.newsletters.actions import occasions
from standfirst.newsletters.actions.following import follow
from standfirst.newsletters.actions.occasions import (
    alerts_due,
    choices_due,
    do_not_alert,
)
from standfirst.newsletters.delivery.roads import compiled
from standfirst.newsletters.delivery.values import Recipient
from standfirst.newsletters.models import Alerted, Delivery, Sending, Suppression
from standfirst.newsletters.occasions import send_welcome
from standfirst.newsletters.slots import SLOTS, WORD
from standfirst.publication.events import ArticlesLoaded, happened
from tests.letters import postbox  # noqa: F401  a fixture
from tests.making import (
    at,
    make_article,
    make_magazine,
    make_member,
    make_newsletters,
    make_staff,
    subscribe,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def magazine() -> None:
    make_magazine(time_zone="Pacific/Auckland", name="The Harbour", allowance=3)
    make_newsletters()


def addressees(sending: Sending) -> set[str]:
    first = sending.pk << Delivery.NUMBERS
    rows = Delivery.objects.filter(pk__gt=first, pk__lt=first + (1 << Delivery.NUMBERS))
    return set(rows.values_list("address", flat=True))


# -- when a month begins ------------------------------------------------------------------------


def test_the_first_morning_of_a_month_brings_the_choices_to_those_who_wish_and_pay_nothing() -> (
    None
):
    make_member("wishes@example.org", wants=[CHOICES])
    make_member("not@example.org", wants=["newsletter"])
    subscribe(make_member("pays@example.org", wants=[CHOICES]))
    make_staff("staff@example.org")
    # In Auckland December begins at 11:00 UTC on the day before, and its morning at 20:00.
    assert choices_due(at("2026-11-30T19:59")) is None
    sending = choices_due(at("2026-11-30T20:00"))
    assert sending
    assert sending.key == "choices:2026-12"
    assert addressees(sending) == {"wishes@example.org"}
    assert "hree new choices" in sending.letters.get().subject
    assert choices_due(at("2026-11-30T20:05")) is None
    assert choices_due(at("2026-12-02T20:05")) is None
    assert Sending.objects.count() == 1


def test_a_worker_that_was_away_tells_late_but_not_in_the_middle_of_the_month() -> None:
    make_member(wants=[CHOICES])
    assert choices_due(at("2026-12-03T12:00")) is None
    assert choices_due(at("2026-12-02T12:00"))


def test_letters_that_no_person_began_say_so_and_editions_do_not() -> None:
    def said_of(sending: Sending) -> bytes:
        who = Recipient(1, 1, "ada@example.org", "Ada", "member", 0, 0)
        values = dict.fromkeys(SLOTS, "https://harbour.example/x/")
        return compiled(sending.pk, "member")(who, values).body

    make_member(wants=[CHOICES])
    sending = choices_due(at("2026-12-02T12:00"))
    assert sending
    assert b"\r\nAuto-Submitted: auto-generated\r\n" in said_of(sending)
    Sending.objects.update(kind="edition")
    assert b"Auto-Submitted" not in said_of(sending)


def test_a_magazine_without_choices_tells_of_none() -> None:
    make_magazine(allowance=0)
    make_member(wants=[CHOICES])
    assert choices_due(at("2026-12-01T12:00")) is None


# -- what readers follow ------------------------------------------------------------------------


@pytest.fixture
def topic() -> Topic:
    return Topic.objects.create(name="Ports", slug="ports")


def new_article(topic: Topic, minutes: int = 10, **fields: object) -> Article:
    moment = timezone.now() - timedelta(minutes=minutes)
    return make_article("A strait is closed", topics=[topic], published_at=moment, **fields)


def test_an_alert_goes_once_to_everybody_who_follows_its_topic_or_author(topic: Topic) -> None:
    article, now = new_article(topic), timezone.now()
    author = Author.objects.get()
    on_topic, by_author, both, no_more, _ = (make_member(f"m{n}@example.org") for n in range(5))
    subscribe(both)
    for member in (on_topic, both, no_more):
        follow(member, topic, now)
    for member in (by_author, both):
        follow(member, author, now)
    take_back(no_more, [ALERTS], By.ONE_CLICK, now=now)
    assert alerts_due(now) == 1
    sending = Sending.objects.get()
    assert (sending.key, sending.consent) == (f"alert:{article.pk}", ALERTS)
    assert addressees(sending) == {"m0@example.org", "m1@example.org", "m2@example.org"}
    assert sending.total == 3
    letters = sending.letters.all()
    assert {letter.subject for letter in letters} == {"New: A strait is closed"}
    for letter in letters:
        for said in ("by Ada Sample", "on Ports", "because you follow Ada Sample or Ports"):
            assert said in " ".join(letter.text.split())
        assert "MARKER" not in letter.html + letter.text
    assert alerts_due(now + timedelta(hours=1)) == 0


def test_what_one_thing_is_followed_is_named_in_the_subject(topic: Topic) -> None:
    new_article(topic)
    follow(make_member(), topic, timezone.now())
    alerts_due(timezone.now())
    assert Sending.objects.get().letters.first().subject == "New on Ports: A strait is closed"


def test_a_correction_or_publishing_again_alerts_nobody_again(topic: Topic) -> None:
    article, now = new_article(topic), timezone.now()
    follow(make_member(), topic, now)
    assert alerts_due(now) == 1
    article.title = "A strait is open again"
    article.save_revision().publish()
    article.unpublish()
    article.published_at = now
    article.save_revision().publish()
    assert alerts_due(now + timedelta(minutes=10)) == 0
    assert Sending.objects.count() == 1


def test_an_article_tells_of_itself_only_once_it_is_public(topic: Topic) -> None:
    follow(make_member(), topic, timezone.now())
    now = timezone.now()
    article = new_article(topic, minutes=-60, live=False)  # embargoed for an hour
    assert alerts_due(now) == 0
    article.live = True
    article.save()
    assert alerts_due(now) == 0
    assert alerts_due(now + timedelta(minutes=64)) == 0  # a slip can still be taken back
    assert alerts_due(now + timedelta(minutes=66)) == 1


def test_an_article_that_is_taken_back_at_the_last_moment_is_told_of_when_it_comes_again(
    topic: Topic,
) -> None:
    follow(make_member(), topic, timezone.now())
    article = new_article(topic)
    real = Article.objects.filter

    def taken_back(*args: object, **more: object) -> object:
        if "pk" in more:  # between the look for what is new and its own transaction
            article.unpublish()
        return real(*args, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Article.objects, "filter", taken_back)
        assert alerts_due(timezone.now()) == 0
    article.save_revision().publish()
    assert alerts_due(timezone.now()) == 1


def test_what_nobody_follows_yet_or_what_is_old_is_never_told(topic: Topic) -> None:
    new_article(topic)
    now = timezone.now()
    assert alerts_due(now) == 0
    follow(make_member(), topic, now)  # who follows now is told of what comes next
    new_article(topic, minutes=60 * 24 * 3)
    assert alerts_due(now) == 0
    assert not Sending.objects.exists()


def test_an_import_of_articles_alerts_nobody_also_not_when_they_become_public(topic: Topic) -> None:
    follow(make_member(), topic, timezone.now())
    old = new_article(topic, minutes=60 * 24 * 30)
    fresh = new_article(topic)
    later = new_article(topic, minutes=-60, live=False)
    happened(ArticlesLoaded(articles=(old.pk, fresh.pk, later.pk)))
    Article.objects.filter(pk=later.pk).update(live=True)
    assert alerts_due(timezone.now() + timedelta(hours=2)) == 0
    assert set(Alerted.objects.values_list("article", flat=True)) == {fresh.pk, later.pk}
    do_not_alert([fresh.pk], timezone.now())  # again, without harm


def test_one_that_cannot_be_told_holds_up_no_other_and_is_tried_again(
    topic: Topic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = new_article(topic, minutes=20), new_article(topic)
    follow(make_member(), topic, timezone.now())
    real = occasions.compose_alert

    def composed(article: Article, *followed: Topic | Author) -> object:
        if article.pk == bad.pk:
            raise ValueError("a picture is broken")
        return real(article, *followed)

    monkeypatch.setattr(occasions, "compose_alert", composed)
    assert alerts_due(timezone.now()) == 1
    assert f"article {bad.pk}" in caplog.text
    assert list(Alerted.objects.values_list("article", flat=True)) == [good.pk]
    monkeypatch.setattr(occasions, "compose_alert", real)
    assert alerts_due(timezone.now()) == 1


@pytest.mark.attack
@pytest.mark.django_db(transaction=True)
def test_several_workers_tell_once(topic: Topic) -> None:
    for _ in range(3):
        new_article(topic)
    follow(make_member(), topic, timezone.now())
    now = timezone.now()
    start = Barrier(4)

    def work(_: int) -> int:
        start.wait()
        try:
            return alerts_due(now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 3
    assert Sending.objects.count() == 3
    assert Delivery.objects.count() == 3


# -- after joining ------------------------------------------------------------------------------


def newcomer(email: str = "ada@example.org") -> Member:
    member = join(email)
    assert member
    return member


def confirm(member: Member, address: str = "") -> None:
    member.refresh_from_db()
    confirm_address(member.pk, address or member.email, member.email)


def welcomes() -> list[mail.EmailMultiAlternatives]:
    return [one for one in mail.outbox if one.subject == "Welcome to The Harbour"]


@pytest.mark.usefixtures("postbox")
def test_who_joins_is_welcomed_once_when_the_address_is_confirmed() -> None:
    ada = newcomer()
    assert not welcomes()
    confirm(ada)
    (letter,) = welcomes()
    assert letter.to == ["ada@example.org"]
    assert "/off/" in letter.extra_headers["List-Unsubscribe"]
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "a…@" not in letter.body
    assert not WORD.search(letter.body + str(letter.alternatives[0][0]))
    confirm(ada)
    confirm(ada, "countess@example.org")  # a new address is no new reader
    ask_to_change_address(ada, "lady@example.org")
    assert len(welcomes()) == 1


@pytest.mark.usefixtures("postbox")
def test_an_unsubscribe_link_of_the_welcome_works(client: object) -> None:
    confirm(newcomer())
    link = welcomes()[0].extra_headers["List-Unsubscribe"].strip("<>")
    path = "/mail/" + link.partition("/mail/")[2]
    answer = client.post(path, {"List-Unsubscribe": "One-Click"})  # type: ignore[attr-defined]
    assert answer.status_code == 200
    assert not Member.objects.get().consents.filter(given=True).exists()


@pytest.mark.usefixtures("postbox")
def test_who_did_not_join_by_their_own_hand_or_long_ago_is_not_welcomed() -> None:
    taken_in = join("taken.in@example.org", quiet=True)
    assert taken_in
    confirm(taken_in)
    old = newcomer("old@example.org")
    Member.objects.filter(pk=old.pk).update(joined_at=timezone.now() - timedelta(days=90))
    confirm(old)
    assert not welcomes()


@pytest.mark.usefixtures("postbox")
def test_no_welcome_goes_to_an_address_that_gets_no_mail() -> None:
    ada = newcomer()
    Suppression.objects.create(address=ada.email, reason="bounced")
    confirm(ada)
    gone = newcomer("gone@example.org")
    number = gone.pk
    gone.delete()
    send_welcome.enqueue(number)
    assert not welcomes()
