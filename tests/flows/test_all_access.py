"""The subscriber's own pages: what they say in every state, and leaving as easily as joining."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.formats import date_format

from standfirst.members.models import Member
from standfirst.subscriptions.actions import leaving
from standfirst.subscriptions.models import Bill, Entry, Subscription
from standfirst.subscriptions.rules import Change, State
from tests.bought import Counter, counter, day, house, running
from tests.conftest import Browser
from tests.letters import Postbox
from tests.making import make_magazine, make_member

__all__ = ["counter", "house", "running"]

pytestmark = pytest.mark.django_db

PAGE = "/account/all-access/"


@pytest.fixture
def ada(postbox: Postbox) -> Member:
    make_magazine(time_zone="UTC", contact="desk@example.org")
    return make_member("ada@example.org")


@pytest.fixture
def adas(ada: Member) -> Browser:
    browser = Browser()
    browser.force_login(ada)
    return browser


def shown(browser: Browser, path: str = PAGE, language: str = "") -> str:
    headers = {"accept-language": language} if language else {}
    answer = browser.get(path, headers=headers)
    assert answer.status_code == 200, answer.get("Location")
    return answer.content.decode().replace("\xa0", " ").replace("\u202f", " ")


def row(member: Member, state: State, **fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "provider": "stripe", "provider_id": "sub_1", "customer": "cus_1", "begun_at": day(-40),
        "starts_at": day(-40), "ends_at": day(20), "paid_through": day(13), "amount": 900,
        "currency": "EUR", "interval": "month", "card": "Visa ending in 4242", **fields,
    }  # fmt: skip
    return Subscription.objects.create(member=member, state=state, **given)


def date(number: float) -> str:
    return date_format(day(number), "j F Y")


STATES = [
    (State.TRIALING, {"trial_ends_at": 13, "next_at": 13, "next_amount": 900},
     [f"free until {date(13)}", "Then €9.00 is taken, unless you cancel", "Cancel…"], ["Go on"]),
    (State.ACTIVE, {"next_at": 13, "next_amount": 900},
     [f"€9.00 on {date(13)}", "€9.00 a month", "Visa ending in 4242", "Cancel…"],
     ["Go on", "No further"]),
    (State.PAST_DUE, {"paid_through": -1, "ends_at": 6},
     ["did not go through", f"reading everything until {date(6)}", "Use another card", "Cancel…"],
     ["Card and billing"]),
    (State.PAST_DUE, {"paid_through": -9, "ends_at": -2},
     ["All-Access is closed until it is paid"], []),
    (State.CANCELLED, {"cancel_at": 13, "ends_at": 13},
     [f"stays open to you until {date(13)}", "Go on with All-Access", "No further payment"],
     ["Cancel…"]),
    (State.PAUSED, {"paid_through": -2, "ends_at": -2},
     ["Nothing is taken while", "€9.00 a month is due"], []),
    (State.ENDED, {"ended_at": -2, "ends_at": -2},
     ["has ended", "See the plans"], ["Cancel…", "Card and"]),
    (State.REFUNDED, {"ended_at": -2, "ends_at": -2}, ["given back", "See the plans"], ["Cancel…"]),
    (State.DISPUTED, {"ends_at": -2}, ["Your bank took a payment back", "desk@example.org"], []),
    (State.INCOMPLETE, {"ends_at": -39}, ["first payment is not through"], ["Cancel…"]),
    (State.CANCELLED, {"provider": "complimentary", "provider_id": "", "ends_at": 20},
     ["compliments", f"until {date(20)}"], ["Cancel…", "Next payment", "Card and"]),
    (State.CANCELLED, {"provider": "complimentary", "provider_id": "", "ends_at": -2},
     ["has ended", "See the plans"], ["compliments"]),
    (State.ACTIVE, {"provider": "invoice", "provider_id": "F-1"},
     ["paid by bank transfer", "desk@example.org"], ["Cancel…", "Card and billing"]),
]  # fmt: skip


@pytest.mark.parametrize(("state", "fields", "there", "not_there"), STATES)
def test_every_state_is_told_in_plain_words(
    adas: Browser, ada: Member, state: State, fields: dict[str, Any], there: list[str],
    not_there: list[str],
) -> None:  # fmt: skip
    moments = {name: day(value) if name.endswith(("_at", "_through")) else value
               for name, value in fields.items()}  # fmt: skip
    row(ada, state, **moments)
    text = shown(adas)
    for words in there:
        assert words in text
    for words in not_there:
        assert words not in text
    assert 'aria-current="page">All-Access' in text


def test_without_a_subscription_it_leads_to_the_plans(adas: Browser) -> None:
    text = shown(adas)
    assert "You have no subscription" in text
    assert 'href="/all-access/"' in text


@pytest.mark.parametrize(
    ("language", "amount", "currency", "written"),
    [
        ("de-AT,de;q=0.8", 123450, "EUR", "€ 1.234,50 a month"),
        ("de", 123450, "EUR", "1.234,50 € a month"),
        ("fr-FR,en;q=0.5", 123450, "EUR", "1 234,50 € a month"),
        ("en", 1500, "JPY", "¥1,500 a month"),
        ("ja", 1500, "JPY", "¥1,500 a month"),
        ("xx-yy,de;q=0.5", 900, "USD", "9,00 $ a month"),
        ("*;q=x, \x7f", 900, "EUR", "€9.00 a month"),
        ("", 900, "EUR", "€9.00 a month"),
    ],
)
def test_money_is_written_as_the_reader_reads_it(
    adas: Browser, ada: Member, language: str, amount: int, currency: str, written: str
) -> None:
    row(ada, State.ACTIVE, amount=amount, currency=currency)
    assert written in shown(adas, language=language).replace("￥", "¥")


def test_bills_are_a_table(adas: Browser, ada: Member) -> None:
    mine = row(ada, State.ACTIVE)
    for number, (status, back) in enumerate(
        [("paid", 0), ("paid", 400), ("paid", 900), ("open", 0)]
    ):
        Bill.objects.create(
            subscription=mine, provider="stripe", provider_id=f"in_{number}", number=f"B-{number}",
            status=status, currency="EUR", total=900, paid=900 if status == "paid" else 0,
            refunded=back, issued_at=day(-number), period_from=day(-number),
            period_until=day(30 - number), page=f"https://pay.example/{number}",
            pdf=f"https://pay.example/{number}.pdf",
        )  # fmt: skip
    Bill.objects.create(
        subscription=mine, provider="stripe", provider_id="in_9", number="DRAFT", status="draft",
        currency="EUR", total=900, issued_at=day(0), period_from=day(0), period_until=day(30),
    )  # fmt: skip
    text = shown(adas, language="de")
    assert "DRAFT" not in text
    assert text.count("9,00 €") >= 4
    for words in ('href="https://pay.example/0.pdf">B-0', "4,00 € given back", ">given back<",
                  'href="https://pay.example/3">open: pay it'):  # fmt: skip
        assert words in text


def test_the_overview_says_when_is_paid_next_and_not_an_end(adas: Browser, ada: Member) -> None:
    mine = row(ada, State.ACTIVE, next_at=day(13), next_amount=900)
    text = shown(adas, "/account/")
    assert f"Next payment on {date(13)}, €9.00." in text
    assert f"Until {date(20)}" not in text
    Subscription.objects.filter(pk=mine.pk).update(
        state="cancelled", next_at=None, cancel_at=day(20)
    )
    assert f"Until {date(20)}" in shown(adas, "/account/")


# -- leaving, at the provider -----------------------------------------------------------------


def changes(mine: Subscription) -> list[str]:
    return [one.change for one in mine.entries.order_by("pk")]


def test_cancelling_takes_two_clicks_and_keeps_the_reason(
    adas: Browser, ada: Member, counter: Counter, postbox: Postbox
) -> None:
    mine = counter.sell(ada)
    assert "/account/all-access/cancel/" in shown(adas)
    page = shown(adas, f"{PAGE}cancel/")
    assert "Everything stays open to you until" in page
    assert counter.theirs().cancel_at_period_end is False
    form = {"reason": "It costs too much.", "words": " Too\x00 many\nbills "}
    text = adas.post(f"{PAGE}cancel/", form, follow=True).content.decode()
    assert "Your subscription is cancelled. Nothing more is taken." in text
    assert "Go on with All-Access" in text
    assert counter.theirs().cancel_at_period_end is True
    asked, told = mine.entries.filter(by="the reader").order_by("pk")
    assert (asked.change, told.change) == (Change.ASKED, Change.CANCELLED)
    assert told.why == asked.why == "To cancel. It costs too much. Too many bills"
    assert postbox.newest.subject == "Your subscription is cancelled"
    sent = len(postbox)
    adas.post(f"{PAGE}cancel/", form)  # a second click
    assert changes(mine).count(Change.CANCELLED) == 1
    adas.post(f"{PAGE}resume/", follow=True)
    adas.post(f"{PAGE}resume/", follow=True)
    assert counter.theirs().cancel_at_period_end is False
    assert changes(mine)[-1] == Change.RESUMED
    assert [letter.subject for letter in mail.outbox[sent:]] == ["Your subscription goes on"]
    assert counter.taken() == [1000]


def test_a_reason_is_never_needed_and_only_ours_are_kept(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    adas.post(f"{PAGE}cancel/", {"reason": "made up"})
    assert mine.entries.latest("pk").why == "To cancel."


def test_a_trial_is_cancelled_before_it_costs(adas: Browser, ada: Member, counter: Counter) -> None:
    counter.sell(ada, trial_period_days=10)
    assert "Nothing will be taken" in shown(adas, f"{PAGE}cancel/")
    adas.post(f"{PAGE}cancel/")
    mine = counter.go_on(11)
    assert mine.state == State.ENDED
    assert counter.taken() == []


def test_whoever_owes_can_cancel_and_is_asked_for_nothing_more(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    method = counter.house.v.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": mine.customer}
    )
    counter.house.v.subscriptions.update(mine.provider_id, {"default_payment_method": method.id})
    assert counter.go_on(32).state == State.PAST_DUE
    assert "ends at once" in shown(adas, f"{PAGE}cancel/")
    text = adas.post(f"{PAGE}cancel/", follow=True).content.decode()
    assert "Nothing more is taken" in text
    mine.refresh_from_db()
    assert mine.state == State.ENDED
    assert counter.go_on(30).state == State.ENDED
    assert counter.taken() == [1000]


def test_a_change_of_plan_says_what_it_costs_and_is_charged_once(
    adas: Browser, ada: Member, counter: Counter, postbox: Postbox
) -> None:
    mine = counter.sell(ada)
    page = shown(adas, f"{PAGE}change/", language="de")
    assert "100,00 € a year" in page
    assert "not used is taken off" in page
    form = {"price": str(counter.yearly.pk)}
    for _ in range(2):
        text = adas.post(f"{PAGE}change/", form, follow=True).content.decode()
    mine.refresh_from_db()
    assert (mine.price, mine.interval) == (counter.yearly, "year")
    assert "€100.00 a year" in text
    assert sorted(counter.taken()) == [1000, 9000]
    assert postbox.newest.subject == "Your plan is changed"
    assert adas.post(f"{PAGE}change/", {"price": "999"}).status_code == 422


def test_a_card_that_is_declined_changes_nothing_and_does_not_bar_the_next_try(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    v = counter.house.v
    method = v.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": mine.customer})
    v.subscriptions.update(mine.provider_id, {"default_payment_method": method.id})
    form = {"price": str(counter.yearly.pk)}
    text = adas.post(f"{PAGE}change/", form, follow=True).content.decode()
    assert "Nothing was changed: your bank declined" in text
    method = v.payment_methods.attach("pm_card_visa", {"customer": mine.customer})
    v.subscriptions.update(mine.provider_id, {"default_payment_method": method.id})
    adas.post(f"{PAGE}change/", form)
    mine.refresh_from_db()
    assert mine.price == counter.yearly


def test_the_card_is_changed_at_the_provider_and_no_get_makes_a_session(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    counter.sell(ada)
    assert adas.get(f"{PAGE}card/")["Location"] == PAGE
    answer = adas.post(f"{PAGE}card/")
    assert answer["Location"].startswith(f"{counter.house.base}/portal/")


def test_a_get_cancels_resumes_and_changes_nothing(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    before = changes(mine)
    for path in ("cancel/", "resume/", "change/", "card/", "withdraw/"):
        adas.get(PAGE + path)
        adas.post(PAGE + path, headers={"sec-fetch-site": "cross-site"})
    assert changes(mine) == before


def test_while_the_provider_is_away_the_page_shows_and_nothing_is_lost(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    counter.fail()
    assert "Next payment" in shown(adas)
    for path, form in (
        ("cancel/", {}),
        ("change/", {"price": str(counter.yearly.pk)}),
        ("card/", {}),
    ):
        text = adas.post(PAGE + path, form, follow=True).content.decode()
        assert "Nothing was changed, as far as we know" in text
    counter.mend()
    adas.post(f"{PAGE}cancel/")
    mine.refresh_from_db()
    assert mine.state == State.CANCELLED


def test_an_answer_that_was_lost_is_made_good_by_the_next_click(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    counter.fail("/v1/subscriptions", kind="drop", when="after", method="POST")
    adas.post(f"{PAGE}cancel/")
    assert counter.theirs().cancel_at_period_end is True  # it was done there
    mine.refresh_from_db()
    assert mine.state == State.ACTIVE
    counter.mend()
    adas.post(f"{PAGE}cancel/")
    mine.refresh_from_db()
    assert mine.state == State.CANCELLED
    assert changes(mine)[-2:] == [Change.ASKED, Change.CANCELLED]


def test_without_a_key_the_page_shows_and_says_that_nothing_was_changed(
    adas: Browser, ada: Member
) -> None:
    row(ada, State.ACTIVE)
    assert "Cancel…" in shown(adas)
    text = adas.post(f"{PAGE}cancel/", follow=True).content.decode()
    assert "Nothing was changed" in text


@pytest.mark.parametrize("verb", ["cancel", "change"])
def test_killed_after_the_provider_did_it_the_second_click_does_no_harm(
    adas: Browser, ada: Member, counter: Counter, monkeypatch: Any, verb: str
) -> None:
    mine = counter.sell(ada)
    form = {"price": str(counter.yearly.pk), "reason": "It costs too much."}

    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "follow", killed)
        with pytest.raises(Killed):
            adas.post(f"{PAGE}{verb}/", form)
    mine.refresh_from_db()
    assert mine.state == State.ACTIVE
    adas.post(f"{PAGE}{verb}/", form)
    mine.refresh_from_db()
    if verb == "cancel":
        assert mine.state == State.CANCELLED
        assert changes(mine).count(Change.ASKED) == 1
    else:
        assert mine.price == counter.yearly
        assert sorted(counter.taken()) == [1000, 9000]


def test_an_event_that_is_quicker_loses_no_reason(
    adas: Browser, ada: Member, counter: Counter, postbox: Postbox, monkeypatch: Any
) -> None:
    mine = counter.sell(ada)
    real, sent = counter.provider.cancel, len(postbox)

    def cancel(*given: Any) -> None:
        real(*given)
        counter.read()

    monkeypatch.setattr(counter.provider, "cancel", cancel)
    adas.post(f"{PAGE}cancel/", {"words": "Farewell."})
    told = [(one.change, one.by, one.why) for one in mine.entries.order_by("pk")][-2:]
    assert told == [
        (Change.ASKED, "the reader", "To cancel. Farewell."),
        (Change.CANCELLED, "stripe: an event", ""),
    ]
    assert len(postbox) == sent + 1


def test_what_may_still_take_money_is_shown_before_what_was_given(
    adas: Browser, ada: Member
) -> None:
    row(ada, State.PAST_DUE, paid_through=day(-20), ends_at=day(-13))
    row(ada, State.CANCELLED, provider="complimentary", provider_id="", starts_at=day(-1))
    assert "did not go through" in shown(adas)


def test_the_overview_of_whoever_owes_offers_no_second_subscription(
    adas: Browser, ada: Member
) -> None:
    row(ada, State.PAST_DUE, paid_through=day(-20), ends_at=day(-13))
    text = shown(adas, "/account/")
    assert "closed until the last payment is through" in text
    assert "All-Access opens everything" not in text


def test_the_ledger_says_what_stood_when_it_was_asked(
    adas: Browser, ada: Member, counter: Counter, monkeypatch: Any
) -> None:
    """Not what the page showed: an event may have come in between."""
    mine = counter.sell(ada)
    old = Subscription.objects.get(pk=mine.pk)
    mine = counter.go_on(32)  # renewed
    leaving.cancel(counter.provider, old, why="", now=timezone.now())
    asked = mine.entries.get(change=Change.ASKED)
    assert asked.paid_through == mine.paid_through


def test_what_was_cancelled_and_taken_back_elsewhere_can_be_cancelled_again(
    adas: Browser, ada: Member, counter: Counter, monkeypatch: Any
) -> None:
    """The key of the first try stands for its answer; what is true is looked at."""
    mine = counter.sell(ada)
    entry = leaving._write_down(mine, "To cancel.", timezone.now(), anew=False)
    key = f"asked-{mine.provider_id}-{entry.pk}"
    counter.provider.cancel(mine.provider_id, leaving.When.AT_THE_END, key)
    counter.house.v.subscriptions.update(mine.provider_id, {"cancel_at_period_end": False})
    adas.post(f"{PAGE}cancel/")
    assert counter.theirs().cancel_at_period_end is True


@pytest.mark.django_db(transaction=True)
def test_twenty_clicks_at_once_cancel_once(ada: Member, counter: Counter) -> None:
    from django.db import connections

    mine = counter.sell(ada)
    start = threading.Barrier(8)

    def click() -> None:
        try:
            start.wait()
            one = Browser()
            one.force_login(ada)
            one.post(f"{PAGE}cancel/")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    mine.refresh_from_db()
    assert mine.state == State.CANCELLED
    assert Entry.objects.filter(subscription=mine, change=Change.CANCELLED).count() == 1
    assert timezone.now() + timedelta(days=20) < mine.ends_at
