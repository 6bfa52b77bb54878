"""From the wall to an open article by paying, over HTTP and against the stand-in for Stripe."""

import re
import signal
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as ours
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from standfirst.access.rules import Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.reading import passes
from standfirst.subscriptions.models import (
    AtProvider,
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
from tests.making import SECRET, make_article, make_magazine, make_member, subscribe
from tests.shop import (
    ASKS,
    DECLINED,
    WORKS,
    Shop,
    dying,
    ended,
    house,
    in_a_process,
    running,
    shop,
)  # fmt: skip

__all__ = ["house", "running", "shop"]
pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
PLANS = "/all-access/"
THEIRS = "/account/all-access/"


@pytest.fixture
def article(shop: Shop) -> Article:
    return make_article(terms=Terms.SUBSCRIBERS)


def buy(browser: Client, price: Any, article: Article | None = None, **form: str) -> Any:
    """Press the button of the plans page."""
    if article:
        form["next"] = article.get_absolute_url()
    answer = browser.post(f"/all-access/buy/{price.pk}/", form)
    if answer.status_code == 307:  # one has an account now, and the browser posts the same again
        assert answer.url == f"/all-access/buy/{price.pk}/"
        answer = browser.post(answer.url, form)
    return answer


def signed_in(member: Member) -> Browser:
    browser = Browser()
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return browser


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
