"""What goes wrong on the way to pay and back, over HTTP and against the stand-in for Stripe."""

import signal
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from standfirst.access.rules import Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.subscriptions.models import (
    AtProvider,
    Checkout,
    Entry,
    Plan,
    Subscription,
)
from standfirst.subscriptions.providers.base import Progress
from standfirst.subscriptions.rules import State
from tests.conftest import Browser
from tests.letters import Postbox
from tests.making import SECRET, make_article, make_magazine, make_member
from tests.shop import (
    Shop,
    buy,
    dying,
    ended,
    house,
    in_a_process,
    running,
    shop,
    signed_in,
)  # fmt: skip

__all__ = ["house", "running", "shop"]
pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
PLANS = "/all-access/"
THEIRS = "/account/all-access/"


@pytest.fixture
def article(shop: Shop) -> Article:
    return make_article(terms=Terms.SUBSCRIBERS)


def path_of(url: str) -> str:
    return urlsplit(url).path


# -- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["error", "rate_limit", "drop"])
def test_a_provider_in_trouble_charges_nothing_and_can_be_tried_again(
    shop: Shop, article: Article, kind: str
) -> None:
    reader = Browser()
    shop.house.steer("/faults", kind=kind, when="after", times=9, method="POST")
    answer = buy(reader, shop.monthly, article, email="reader@example.org")
    assert answer.status_code == 503
    text = answer.content.decode()
    assert "Nothing was charged" in text
    assert f'action="/all-access/buy/{shop.monthly.pk}/"' in text
    assert f'name="next" value="{article.get_absolute_url()}"' in text
    shop.house.steer("/faults", "DELETE")
    to_pay = buy(reader, shop.monthly, article)
    assert reader.get(shop.pay(to_pay.url)[1]).url == f"{article.get_absolute_url()}#rest"
    assert (Member.objects.count(), Checkout.objects.count()) == (1, 1)
    assert shop.charges() == [900]
    assert len(shop.sessions("open")) == 0


def test_an_answer_lost_on_the_way_begins_no_second_checkout(shop: Shop) -> None:
    reader = signed_in(make_member())
    shop.house.steer("/faults", kind="drop", when="after", path="/v1/checkout", times=9)
    assert buy(reader, shop.monthly).status_code == 503
    shop.house.steer("/faults", "DELETE")
    assert buy(reader, shop.monthly).status_code == 302
    assert len(shop.sessions()) == 1


def test_a_price_deleted_at_the_provider_is_a_clear_page_and_a_note_for_the_operator(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    reader = signed_in(make_member())
    AtProvider.objects.filter(kind="price", ours=shop.monthly.pk).update(theirs="price_gone")
    answer = buy(reader, shop.monthly)
    assert answer.status_code == 410
    assert "nothing charged" in answer.content.decode()
    assert "Bring the catalogue in line" in caplog.text
    assert not Checkout.objects.filter(progress=Progress.OPEN).exists()
    assert buy(reader, shop.yearly).status_code == 302


def test_a_withdrawn_price_and_one_that_never_was_are_not_sold(shop: Shop) -> None:
    reader = signed_in(make_member())
    shop.plan.is_offered = False
    shop.plan.save()
    assert buy(reader, shop.monthly).status_code == 410
    for number in (999999, 10**30):
        assert reader.post(f"/all-access/buy/{number}/").status_code == 404
    assert shop.sessions() == []


def test_a_customer_deleted_at_the_provider_is_made_anew(shop: Shop) -> None:
    member = make_member()
    reader = signed_in(member)
    AtProvider.objects.create(
        provider="stripe", realm=shop.provider.realm, kind="customer", ours=member.pk,
        theirs="cus_gone",
    )  # fmt: skip
    to_pay = buy(reader, shop.monthly)
    assert shop.pay(to_pay.url)[0] == 303
    assert AtProvider.objects.get(kind="customer").theirs != "cus_gone"


def test_a_plan_changed_between_two_tries_is_ordered_as_it_is_now(shop: Shop) -> None:
    from standfirst.subscriptions.actions import buying

    member = make_member()
    mine = buying._take_place(shop.provider, member, shop.monthly, "", timezone.now())
    customer = buying._customer_of(shop.provider, member)
    # Begun, and killed before it was noted.
    shop.provider.start_checkout(buying._order(shop.provider, mine, customer), str(mine.key))
    Plan.objects.update(trial_days=7)
    to_pay = buy(signed_in(member), shop.monthly)
    assert to_pay.status_code == 302
    shop.pay(to_pay.url)
    assert shop.sold()[0].trial_end
    # Nobody was ever given the address of the first.
    assert Checkout.objects.exclude(provider_id="").count() == 1


def test_an_address_that_cannot_be_written_to_is_mended_first(shop: Shop) -> None:
    member = make_member()
    Member.objects.filter(pk=member.pk).update(email="no-address")
    answer = buy(signed_in(member), shop.monthly)
    assert answer.status_code == 409
    assert reverse("account_email") in answer.content.decode()
    assert shop.sessions() == []


def test_without_a_provider_nothing_is_sold(shop: Shop, settings: Any) -> None:
    settings.STRIPE_KEY = ""
    assert buy(signed_in(make_member()), shop.monthly).status_code == 404


@committed
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["join", "sign_in", "redirect", "begin_checkout"])
def test_killed_while_joining_one_account_reads_in_the_end(
    shop: Shop, article: Article, postbox: Postbox, step: str, after: bool
) -> None:
    from standfirst.reading import buying

    def killed() -> None:
        dying(buying, step, after=after)
        buy(Browser(), shop.monthly, article, email="reader@example.org")

    assert ended(in_a_process(killed)) == -signal.SIGKILL
    reader = Browser()  # nothing came back, not even a cookie
    answer = buy(reader, shop.monthly, article, email="reader@example.org")
    if answer.status_code == 202:
        assert path_of(reader.post(postbox.link()).url) == PLANS
        answer = buy(reader, shop.monthly, article)
    assert reader.get(shop.pay(answer.url)[1]).url == f"{article.get_absolute_url()}#rest"
    assert SECRET in reader.get(article.get_absolute_url()).content.decode()
    assert (Member.objects.count(), Subscription.objects.count()) == (1, 1)
    assert (len(shop.sessions()), shop.charges()) == (1, [900])


# -- back from paying ---------------------------------------------------------------------------


@committed
def test_the_page_that_waits_turns_into_the_article_and_gives_up_at_last(
    shop: Shop, article: Article
) -> None:
    reader = signed_in(make_member())
    to_pay = buy(reader, shop.monthly, article)
    back = shop.pay(to_pay.url)[1]
    shop.house.steer("/faults", kind="error", method="GET", times=99)
    waits = reader.get(back)
    assert waits.status_code == 503
    text = waits.content.decode()
    assert f'content="1;url={back}?n=1"' in text
    assert "need not pay again" in text
    assert 'content="30;' in reader.get(f"{back}?n=7").content.decode()
    last = reader.get(f"{back}?n=13").content.decode()
    assert "http-equiv" not in last
    assert "Do not pay a second time" in last
    assert reader.get(f"{back}?n=-1").status_code == 503
    assert SECRET not in reader.get(article.get_absolute_url()).content.decode()
    shop.house.steer("/faults", "DELETE")
    assert reader.head(back).url == f"{article.get_absolute_url()}#rest"
    assert SECRET in reader.get(article.get_absolute_url()).content.decode()


def test_a_provider_that_keeps_us_waiting_is_left_alone_for_a_while(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from standfirst.reading import buying

    monkeypatch.setattr(buying, "PATIENCE", 0.0)
    reader = signed_in(make_member())
    back = shop.pay(buy(reader, shop.monthly).url)[1]
    shop.house.steer("/faults", kind="error", method="GET", times=99)
    assert reader.get(back).status_code == 503
    shop.house.steer("/faults", "DELETE")
    assert reader.get(back).status_code == 503
    cache.delete(buying.SLOW)
    assert reader.get(back).status_code == 302


@pytest.mark.parametrize("ahead", [240, 40 * 86400])
def test_whoever_paid_reads_at_once_though_the_providers_clock_is_ahead(
    shop: Shop, article: Article, ahead: int
) -> None:
    from standfirst.subscriptions.actions import follow

    shop.house.steer("/clock", advance_seconds=ahead)
    reader = signed_in(make_member())
    back = shop.pay(buy(reader, shop.monthly, article).url)[1]
    assert reader.get(back).url == f"{article.get_absolute_url()}#rest"
    assert SECRET in reader.get(article.get_absolute_url()).content.decode()
    mine = Subscription.objects.get()
    assert mine.begun_at
    assert mine.begun_at <= timezone.now() < mine.ends_at
    assert follow(shop.provider, mine.provider_id, by="an event").begun_at == mine.begun_at
    assert Entry.objects.count() == 1


def test_an_event_that_comes_meanwhile_counts(shop: Shop, article: Article) -> None:
    from standfirst.subscriptions.actions import follow

    reader = signed_in(make_member())
    back = shop.pay(buy(reader, shop.monthly, article).url)[1]
    follow(shop.provider, shop.sold()[0].id, by="an event")
    shop.house.steer("/faults", kind="error", method="GET", times=99)
    assert reader.get(back).url == f"{article.get_absolute_url()}#rest"
    assert [e.change for e in Entry.objects.all()] == ["began"]


def test_coming_back_twice_changes_nothing_more(shop: Shop) -> None:
    reader = signed_in(make_member())
    back = shop.pay(buy(reader, shop.monthly).url)[1]
    for _ in range(3):
        assert reader.get(back).url == THEIRS
    assert Entry.objects.count() == 1


def test_only_the_member_whose_checkout_it_is_is_led_on(shop: Shop, article: Article) -> None:
    member = make_member("secret.name@example.org")
    back = shop.pay(buy(signed_in(member), shop.monthly, article).url)[1]
    for stranger in (Browser(), signed_in(make_member())):
        answer = stranger.get(back)
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "This is paid" in text
        assert "secret.name" not in text
        assert article.get_absolute_url() not in text
        assert SECRET not in stranger.get(article.get_absolute_url()).content.decode()
    # The payment counted all the same, for whoever paid.
    assert Subscription.objects.get().member == member


@pytest.mark.parametrize("id", ["cs_unknown", "x", "%00", "a" * 300])
def test_an_unknown_checkout_is_unknown(shop: Shop, browser: Browser, id: str) -> None:
    assert browser.get(f"/all-access/bought/{id}/").status_code == 404
    assert not Checkout.objects.exists()


def test_looking_pays_nothing_and_changes_nothing(shop: Shop, article: Article) -> None:
    member = make_member()
    reader = signed_in(member)
    buy(reader, shop.monthly, article)
    before = list(Checkout.objects.values()), shop.sessions()[0].to_dict()
    back = reverse("bought", args=[Checkout.objects.get().provider_id])
    for looker in (reader, Browser(), signed_in(make_member())):
        for look in (looker.get, looker.head):
            assert look(back).status_code in {200, 202}
    assert (list(Checkout.objects.values()), shop.sessions()[0].to_dict()) == before
    assert (Subscription.objects.count(), Entry.objects.count(), shop.charges()) == (0, 0, [])


def test_an_ended_page_says_that_nothing_was_charged(shop: Shop) -> None:
    reader = signed_in(make_member())
    buy(reader, shop.monthly)
    mine = Checkout.objects.get()
    shop.provider.expire_checkout(mine.provider_id)
    answer = reader.get(reverse("bought", args=[mine.provider_id]))
    assert answer.status_code == 410
    assert "Nothing was charged" in answer.content.decode()
    assert buy(reader, shop.monthly).status_code == 302


# -- the demo -----------------------------------------------------------------------------------


def test_the_demos_subscriber_bought_as_all_do_and_once(shop: Shop) -> None:
    from standfirst.project.demo import cast, paying

    make_magazine()
    email = next(person.email for person in cast.PEOPLE if person.key == "subscriber")
    member = make_member(email)
    for _ in range(2):
        paying.sell(timezone.now())
    mine = Subscription.objects.get(member=member)
    assert (mine.provider, mine.state, mine.bills.count()) == ("stripe", State.ACTIVE, 1)
    assert len(shop.sessions()) == 1
