"""From the wall to an open article by paying, over HTTP and against the stand-in for Stripe."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as ours
from django.test import Client
from django.utils import timezone

from standfirst.access.rules import Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.reading import passes
from standfirst.subscriptions.models import (
    Checkout,
    Entry,
    OfferedTo,
    Plan,
    Subscription,
)
from standfirst.subscriptions.providers.base import Progress
from standfirst.subscriptions.rules import State
from tests.conftest import Browser
from tests.letters import Postbox
from tests.making import SECRET, make_article, make_member, subscribe
from tests.shop import (
    ASKS,
    DECLINED,
    WORKS,
    Shop,
    buy,
    house,
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


# -- the whole way ------------------------------------------------------------------------------


@committed
def test_a_visitor_pays_and_reads(shop: Shop, browser: Browser, article: Article) -> None:
    assert SECRET not in browser.get(article.get_absolute_url()).content.decode()
    to_pay = buy(browser, shop.monthly, article, email="New.Reader@example.org")
    assert to_pay.status_code == 302
    assert to_pay.url.startswith(f"{shop.house.base}/pay/cs_")
    member = Member.objects.get(email="new.reader@example.org")
    assert browser.session["_auth_user_id"] == str(member.pk)

    status, back = shop.pay(to_pay.url)
    assert status == 303
    read_on = browser.get(back)
    assert (read_on.status_code, read_on.url) == (302, f"{article.get_absolute_url()}#rest")
    # The pass in this very answer opens everything at the door.
    held = passes.read(read_on.cookies[passes.COOKIE].value, [passes.key_of(ours.SECRET_KEY)], 0.0)
    assert held
    assert held.standing.subscribed_until
    assert held.standing.subscribed_until > timezone.now() + timedelta(days=27)
    assert read_on.cookies["thanks"].value == "1"
    assert SECRET in browser.get(article.get_absolute_url()).content.decode()

    mine = Checkout.objects.get()
    assert (mine.progress, mine.member) == (Progress.PAID, member)
    assert mine.subscription == Subscription.objects.get(member=member)
    assert mine.subscription.bills.get().paid == 900
    assert [e.change for e in Entry.objects.all()] == ["began"]
    assert shop.charges() == [900]


def test_a_declined_card_leaves_the_page_open_for_another(
    shop: Shop, browser: Browser, article: Article
) -> None:
    to_pay = buy(browser, shop.monthly, article, email="reader@example.org")
    assert shop.pay(to_pay.url, DECLINED)[0] == 402
    back = f"/all-access/bought/{Checkout.objects.get().provider_id}/"
    assert browser.get(back).status_code == 202
    assert SECRET not in browser.get(article.get_absolute_url()).content.decode()
    assert shop.pay(to_pay.url, WORKS) == (303, back)
    assert browser.get(back).status_code == 302
    assert shop.charges() == [900]


def test_a_bank_that_asks_is_answered_once(shop: Shop, browser: Browser, article: Article) -> None:
    to_pay = buy(browser, shop.yearly, article, email="reader@example.org")
    status, page = shop.pay(to_pay.url, ASKS)
    assert status == 200
    assert "Do you agree" in page
    assert shop.pay(to_pay.url, ASKS, bank="no")[0] == 402
    assert shop.charges() == []
    status, back = shop.pay(to_pay.url, ASKS, bank="yes")
    assert browser.get(back).url.startswith(article.get_absolute_url())
    assert shop.charges() == [9000]


def test_without_anywhere_to_read_on_the_account_page_says_thanks(
    shop: Shop, browser: Browser
) -> None:
    to_pay = buy(browser, shop.monthly, email="reader@example.org")
    back = browser.get(shop.pay(to_pay.url)[1])
    assert back.url == THEIRS
    assert "Thank you" in str([m.message for m in back.wsgi_request._messages])


def test_back_from_the_payment_page_the_plans_know_where_one_was(
    shop: Shop, browser: Browser, article: Article
) -> None:
    buy(browser, shop.monthly, article, email="reader@example.org")
    there = urlsplit(shop.sessions()[0].cancel_url)
    assert there.path == PLANS
    assert parse_qs(there.query)["next"] == [article.get_absolute_url()]


# -- who buys -----------------------------------------------------------------------------------


def test_a_known_address_signs_nobody_in_and_gets_a_link_back_to_the_plan(
    shop: Shop, browser: Browser, article: Article, postbox: Postbox
) -> None:
    known = make_member("known@example.org")
    answer = buy(browser, shop.monthly, article, email="Known@example.org")
    assert answer.status_code == 202
    assert "known@example.org" in answer.content.decode()
    assert "_auth_user_id" not in browser.session
    assert not Checkout.objects.exists()
    assert shop.sessions() == []
    mailed = browser.post(postbox.link())
    wanted = {"price": [str(shop.monthly.pk)], "next": [article.get_absolute_url()]}
    assert path_of(mailed.url) == PLANS
    assert parse_qs(urlsplit(mailed.url).query) == wanted
    assert browser.session["_auth_user_id"] == str(known.pk)
    assert buy(browser, shop.monthly, article).url.startswith(shop.house.base)


@pytest.mark.parametrize(("typed", "status"), [("", 422), ("reader@", 422), ("a\0b@c.org", 422)])
def test_an_address_that_is_none_is_asked_for_again(
    shop: Shop, browser: Browser, article: Article, typed: str, status: int
) -> None:
    answer = buy(browser, shop.monthly, article, email=typed)
    assert answer.status_code == status
    assert f'value="{article.get_absolute_url()}"' in answer.content.decode()
    assert not Member.objects.exists()


def test_addresses_are_counted_as_in_joining(shop: Shop) -> None:
    make_member("known@example.org")
    said = {buy(Browser(), shop.monthly, email="known@example.org").status_code for _ in range(7)}
    assert said == {202, 429}


def test_a_plan_for_students_wants_a_word(shop: Shop, browser: Browser) -> None:
    plan = Plan.objects.create(name="Students", offered_to=OfferedTo.STUDENTS)
    price = shop.price(400, plan=plan)
    shop.bring_in_line()
    asked = buy(browser, price, email="reader@example.org")
    assert asked.status_code == 422
    assert "I am a student" in asked.content.decode()
    assert not Member.objects.exists()
    assert buy(browser, price, email="reader@example.org", confirmed="1").status_code == 302


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "/\\evil.example",
        "\0",
        "/a\0b",
        "/a\nSet-Cookie: x=1",
        "/" + "a" * 500,
        "http://testserver//evil.example/",
    ],
)
def test_nobody_is_sent_to_another_magazine(shop: Shop, browser: Browser, elsewhere: str) -> None:
    to_pay = buy(browser, shop.monthly, email="reader@example.org", next=elsewhere)
    assert "evil" not in shop.sessions()[0].cancel_url
    assert browser.get(shop.pay(to_pay.url)[1]).url == THEIRS
    page = browser.get(PLANS, {"next": elsewhere}).content.decode()
    assert not re.search(r'(href|value|action)="[^"?]*evil', page)


def test_a_post_from_elsewhere_begins_nothing(shop: Shop) -> None:
    foreign = Client(headers={"sec-fetch-site": "cross-site"})
    assert buy(foreign, shop.monthly, email="reader@example.org").status_code == 403
    assert foreign.get(f"/all-access/buy/{shop.monthly.pk}/").status_code == 405
    assert not Member.objects.exists()


# -- nobody pays twice --------------------------------------------------------------------------


def test_two_tabs_lead_to_one_page_and_the_back_button_to_the_account(
    shop: Shop, article: Article
) -> None:
    member = make_member()
    one, other = signed_in(member), signed_in(member)  # two devices
    first = buy(one, shop.monthly, article)
    assert buy(other, shop.monthly).url == buy(one, shop.monthly, article).url == first.url
    assert len(shop.sessions()) == 1
    back = shop.pay(first.url)[1]
    # The other window presses its button before the first has come back from paying.
    again = buy(other, shop.monthly, article)
    assert again.url == THEIRS
    assert "already" in str([m.message for m in again.wsgi_request._messages])
    assert one.get(back).url == f"{article.get_absolute_url()}#rest"
    assert shop.pay(first.url)[0] == 303  # the payment page from the browser's memory
    assert one.get(back).status_code == 302
    assert buy(one, shop.yearly).url == THEIRS
    assert (len(shop.sessions()), len(shop.sold()), shop.charges()) == (1, 1, [900])


def test_another_price_closes_the_page_of_the_first(shop: Shop) -> None:
    reader = signed_in(make_member())
    first = buy(reader, shop.monthly).url
    second = buy(reader, shop.yearly).url
    assert first != second
    assert shop.house.page(first)[0] == 410
    assert [one.status for one in shop.sessions()] == ["open", "expired"]
    assert Checkout.objects.get(progress=Progress.OPEN).price == shop.yearly


def test_a_page_that_was_paid_meanwhile_is_not_replaced_by_another_price(shop: Shop) -> None:
    reader = signed_in(make_member())
    shop.pay(buy(reader, shop.monthly).url)
    assert buy(reader, shop.yearly).url == THEIRS
    assert Checkout.objects.get().progress == Progress.PAID
    assert shop.charges() == [900]


def test_a_page_near_its_end_is_replaced(shop: Shop) -> None:
    reader = signed_in(make_member())
    first = buy(reader, shop.monthly).url
    shop.house.steer("/clock", advance_seconds=86400 - 60)
    try:
        # The magazine's clock is the host's; so the provider's word is made to be near.
        found = Checkout.objects.get()
        from standfirst.subscriptions.actions import buying

        second = buying.begin_checkout(
            shop.provider, found.member, shop.monthly, "",
            now=timezone.now() + timedelta(seconds=86400 - 60),
        ).url  # fmt: skip
    finally:
        shop.house.steer("/clock", advance_seconds=0)
    assert first != second
    assert shop.house.page(first)[0] == 410


@pytest.mark.parametrize("state", [State.PAST_DUE, State.PAUSED, State.CANCELLED, State.DISPUTED])
def test_whoever_has_a_subscription_of_any_provider_is_led_to_it(shop: Shop, state: State) -> None:
    member = make_member()
    mine = subscribe(member)
    Subscription.objects.filter(pk=mine.pk).update(provider="invoice", state=state)
    answer = buy(signed_in(member), shop.monthly)
    assert answer.url == THEIRS
    assert shop.sessions() == []


def test_what_was_given_by_a_colleague_does_not_stop_one_from_paying(shop: Shop) -> None:
    member = make_member()
    subscribe(member)
    assert buy(signed_in(member), shop.monthly).url.startswith(shop.house.base)


def test_a_subscription_we_have_not_heard_of_is_found_at_the_provider(shop: Shop) -> None:
    member = make_member()
    reader = signed_in(member)
    shop.pay(buy(reader, shop.monthly).url)
    Checkout.objects.all().delete()  # as if our books were older than the provider's
    assert buy(reader, shop.monthly).url == THEIRS
    assert Subscription.objects.get(member=member).is_running
    assert len(shop.sessions()) == 1


def test_who_ended_one_may_buy_again_without_another_trial(shop: Shop) -> None:
    Plan.objects.update(trial_days=14)
    reader = signed_in(make_member())
    back = shop.pay(buy(reader, shop.monthly).url)[1]
    reader.get(back)
    first = Subscription.objects.get()
    assert (first.state, shop.charges()) == (State.TRIALING, [])
    shop.house.v.subscriptions.cancel(first.provider_id)
    from standfirst.subscriptions.actions import follow

    follow(shop.provider, first.provider_id, by="a test")
    back = shop.pay(buy(reader, shop.monthly).url)[1]
    assert reader.get(back).status_code == 302
    assert shop.charges() == [900]


def test_an_introductory_price_is_what_is_paid_first(shop: Shop) -> None:
    plan = Plan.objects.create(name="Slowly")
    price = shop.price(900, plan=plan, introductory_amount=100, introductory_periods=3)
    shop.bring_in_line()
    shop.pay(buy(signed_in(make_member()), price).url)
    assert shop.charges() == [100]
