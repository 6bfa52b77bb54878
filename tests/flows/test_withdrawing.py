"""Withdrawing within fourteen days, and deleting an account that pays, whatever breaks."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.members.models import Member
from standfirst.project.checks import _endings
from standfirst.project.worker import chores
from standfirst.subscriptions.actions import leaving
from standfirst.subscriptions.jobs import letters as jobs
from standfirst.subscriptions.links import withdrawal_token
from standfirst.subscriptions.models import INVOICE, Ending, Subscription
from standfirst.subscriptions.queries import subscribed_until
from standfirst.subscriptions.rules import Change, State, withdrawal_ends
from tests.bought import Counter, counter, day, house, running
from tests.conftest import Browser
from tests.letters import Postbox
from tests.making import make_magazine, make_member

__all__ = ["counter", "house", "running"]

pytestmark = pytest.mark.django_db

CONFIRM = {"step": "confirm"}


@pytest.fixture
def ada(postbox: Postbox) -> Member:
    make_magazine(time_zone="Pacific/Auckland", contact="desk@example.org")
    return make_member("ada@example.org")


@pytest.fixture
def adas(ada: Member) -> Browser:
    browser = Browser()
    browser.force_login(ada)
    return browser


def page_of(mine: Subscription) -> str:
    return f"/withdraw/{withdrawal_token(mine)}/"


def receipts() -> list[Any]:
    return [one for one in mail.outbox if "Receipt of your withdrawal" in one.subject]


def test_two_steps_from_the_account_end_it_and_give_everything_back(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    mail.outbox.clear()
    page = "/account/all-access/withdraw/"
    assert page in adas.get("/account/all-access/").content.decode()
    text = adas.get(page).content.decode()
    assert "€10.00, all you paid" in text
    text = adas.post(page, {"step": "state"}).content.decode()
    assert "Confirm withdrawal" in text
    assert not Ending.objects.exists()
    text = adas.post(page, CONFIRM, follow=True).content.decode()
    ending = Ending.objects.get()
    assert ending.number in text
    assert ending.done_at
    mine.refresh_from_db()
    assert mine.state == State.REFUNDED
    assert subscribed_until(ada, timezone.now()) is None
    assert counter.taken() == [0]
    assert counter.theirs().status == "canceled"
    (receipt,) = mail.outbox  # and no letter more about the end or the money
    assert receipt.subject == f"Receipt of your withdrawal, no. {ending.number}"
    local = ending.declared_at.astimezone(ZoneInfo("Pacific/Auckland"))
    assert f"at {local:%H:%M} (Pacific/Auckland)" in receipt.body
    assert "You get back €10.00, all you paid," in receipt.body
    (entry,) = mine.entries.filter(change=Change.WITHDRAWN)
    assert entry.by == "the reader"
    assert ending.number in entry.why


def test_twice_is_once(adas: Browser, ada: Member, counter: Counter) -> None:
    mine = counter.sell(ada)
    for browser, page in ((adas, "/account/all-access/withdraw/"), (Browser(), page_of(mine))) * 2:
        browser.post(page, CONFIRM)
    assert Ending.objects.count() == 1
    assert len(receipts()) == 1
    assert len(counter.house.v.refunds.list().data) == 1
    assert "You have withdrawn" in Browser().get(page_of(mine)).content.decode()


def test_the_link_of_the_welcome_works_without_signing_in_and_a_get_does_nothing(
    ada: Member, counter: Counter, postbox: Postbox
) -> None:
    mine = counter.sell(ada)
    assert page_of(mine) in postbox.newest.body
    stranger = Browser()
    text = stranger.get(page_of(mine)).content.decode()
    assert "€10.00, all you paid" in text
    assert "ada@" not in text
    stranger.post(page_of(mine), CONFIRM, headers={"sec-fetch-site": "cross-site"})
    assert not Ending.objects.exists()
    stranger.post(page_of(mine), CONFIRM)
    assert counter.theirs().status == "canceled"
    assert "_auth_user_id" not in stranger.session
    assert stranger.get("/withdraw/made-up/").status_code == 410
    assert stranger.get(page_of(mine)[:-3] + "/").status_code == 410


def test_a_change_of_plan_in_between_is_given_back_too(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    adas.post("/account/all-access/change/", {"price": str(counter.yearly.pk)})
    assert sorted(counter.taken()) == [1000, 9000]
    Browser().post(page_of(mine), CONFIRM)
    assert counter.taken() == [0, 0]
    assert "You get back €100.00" in receipts()[0].body


def test_after_the_last_day_it_says_so_and_does_nothing(ada: Member, counter: Counter) -> None:
    mine = counter.sell(ada)
    mine.begun_at = day(-17)
    mine.save()
    assert "is over" in Browser().get(page_of(mine)).content.decode()
    assert Browser().post(page_of(mine), CONFIRM).status_code == 410
    assert counter.taken() == [1000]
    assert not Ending.objects.exists()


def test_the_last_day_counts_to_its_end_where_the_magazine_is(
    ada: Member, counter: Counter, monkeypatch: Any
) -> None:
    mine = counter.sell(ada)
    ends = withdrawal_ends(mine.begun_at, ZoneInfo("Pacific/Auckland"))
    assert leaving.may_withdraw(mine, ends - timedelta(seconds=1)) == ends
    assert leaving.may_withdraw(mine, ends) is None


@pytest.mark.parametrize(
    ("bought", "last"),
    [
        ("2026-06-01T00:00", "2026-06-15"),  # a Monday
        ("2026-06-01T23:59", "2026-06-15"),
        ("2026-06-06T12:00", "2026-06-22"),  # the fourteenth day is a Saturday
        ("2026-06-07T12:00", "2026-06-22"),  # a Sunday
        ("2026-10-14T12:00", "2026-10-28"),  # over a change of the clocks
    ],
)
def test_fourteen_days_are_counted_from_the_day_after(bought: str, last: str) -> None:
    zone = ZoneInfo("Europe/Vienna")
    ends = withdrawal_ends(datetime.fromisoformat(bought).replace(tzinfo=zone), zone)
    assert ends - timedelta(seconds=1) == datetime.fromisoformat(f"{last}T23:59:59").replace(
        tzinfo=zone
    )


def test_a_trial_counts_from_its_purchase_and_costs_nothing(ada: Member, counter: Counter) -> None:
    mine = counter.sell(ada, trial_period_days=7)
    begun = mine.begun_at
    mine = counter.go_on(8)
    assert (mine.state, mine.begun_at, counter.taken()) == (State.ACTIVE, begun, [1000])
    Browser().post(page_of(mine), CONFIRM)
    assert counter.taken() == [0]


# -- what breaks in between -------------------------------------------------------------------


def test_while_the_provider_is_away_it_stands_and_the_worker_finishes_it(
    ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    counter.fail()
    text = Browser().post(page_of(mine), CONFIRM, follow=True).content.decode()
    assert "You have withdrawn" in text
    assert "within the hour" in text
    assert len(receipts()) == 1
    now = timezone.now()
    assert jobs.finish_endings(now) == 0
    ending = Ending.objects.get()
    assert ending.trouble
    assert ending.due_at > now
    assert jobs.finish_endings(now) == 0  # not before its pause is over
    assert not list(_endings())
    Ending.objects.update(declared_at=day(-1))
    (told,) = _endings()
    assert ending.number[-5:] in told.sentence
    assert "no reason" not in told.sentence
    counter.mend()
    assert jobs.finish_endings(now + timedelta(minutes=2)) == 1
    assert jobs.finish_endings(now + timedelta(days=2)) == 0
    assert counter.taken() == [0]
    assert len(receipts()) == 1
    assert "finish_endings" in {chore.do.__name__ for chore in chores()}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["cancel", "bills", "refund", "read_subscription"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_any_two_steps_the_worker_finishes_it_once(
    ada: Member, counter: Counter, monkeypatch: Any, step: str, when: str
) -> None:
    mine = counter.sell(ada)
    real = getattr(counter.provider, step)

    def dies(*given: Any, **more: Any) -> Any:
        if when == "after":
            real(*given, **more)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(counter.provider, step, dies)
        with pytest.raises(Killed):
            Browser().post(page_of(mine), CONFIRM)
    assert jobs.finish_endings(timezone.now()) == 1
    mine.refresh_from_db()
    assert mine.state == State.REFUNDED
    assert counter.taken() == [0]
    assert len(counter.house.v.refunds.list().data) == 1
    assert len(receipts()) == 1
    assert [one.change for one in mine.entries.all()].count(Change.WITHDRAWN) == 1


# -- by naming --------------------------------------------------------------------------------


def ask(browser: Browser, email: str, named: str) -> str:
    answer = browser.post("/withdraw/", {"email": email, "named": named})
    assert answer.status_code == 200, answer.content
    return answer.content.decode().replace(email, "EMAIL")


def test_an_address_with_a_bill_or_a_day_gets_the_link_and_all_get_the_same_answer(
    ada: Member, counter: Counter, postbox: Postbox
) -> None:
    mine = counter.sell(ada)
    number = mine.bills.get().number
    bought = mine.begun_at.astimezone(ZoneInfo("Pacific/Auckland"))
    sent = len(postbox)
    nobody = ask(Browser(), "nobody@example.org", number)
    assert ask(Browser(), "ada@example.org", "2020-01-01") == nobody
    assert ask(Browser(), "ada@example.org", "2020-13-41") == nobody
    assert len(postbox) == sent
    for named in (number.lower(), f"{bought:%Y-%m-%d}"):
        assert ask(Browser(), "ada@example.org", named) == nobody
        assert page_of(mine) in postbox.newest.body
        assert postbox.newest.to == ["ada@example.org"]
    assert len(postbox) == sent + 2
    assert [
        Browser().post("/withdraw/", {"email": "ada@example.org", "named": "x"}).status_code
        for _ in range(2)
    ] == [200, 429]  # five in an hour for one address


@pytest.mark.parametrize("form", [{"email": "x", "named": "1"}, {"email": "a@example.org"}, {}])
def test_what_cannot_be_gets_a_sentence(ada: Member, form: dict[str, str]) -> None:
    assert Browser().post("/withdraw/", form).status_code == 422
    assert Browser().get("/withdraw/").status_code == 200


def test_the_plans_page_leads_to_it(ada: Member, counter: Counter) -> None:
    assert 'href="/withdraw/"' in Browser().get("/all-access/").content.decode()


# -- deleting the account ---------------------------------------------------------------------


def test_deleting_the_account_ends_what_it_pays_for_also_when_the_provider_is_away(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    page = adas.get("/account/delete/").content.decode()
    assert "Your All-Access ends with the account, at once." in page
    assert "withdraw from the purchase" in page
    counter.fail()
    assert adas.post("/account/delete/", {"word": "delete"}).status_code == 200
    assert not Member.objects.filter(email="ada@example.org").exists()
    sent = len(mail.outbox)
    assert jobs.finish_endings() == 0
    counter.mend()
    assert jobs.finish_endings(timezone.now() + timedelta(minutes=2)) == 1
    mine.refresh_from_db()
    assert (mine.member, mine.state) == (None, State.ENDED)
    assert counter.theirs().status == "canceled"
    assert counter.taken() == [1000]
    assert len(mail.outbox) == sent  # nobody is there to be written to
    assert mine.bills.count() == 1


def test_deleting_ends_a_cancelled_one_and_a_billed_one_and_spares_others(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada)
    adas.post("/account/all-access/cancel/")
    billed = Subscription.objects.create(
        member=ada, provider=INVOICE, provider_id="F-1", state="active", ends_at=day(200)
    )
    bobs = Subscription.objects.create(
        member=make_member("bob@example.org"), provider="stripe", provider_id="sub_bob",
        state="active", ends_at=day(20),
    )  # fmt: skip
    adas.post("/account/delete/", {"word": "delete"})
    assert jobs.finish_endings() == 1
    mine.refresh_from_db()
    billed.refresh_from_db()
    assert (mine.state, billed.state) == (State.ENDED, State.ENDED)
    assert not bobs.endings.exists()


def test_what_is_held_of_subscriptions_can_be_taken_away(
    adas: Browser, ada: Member, counter: Counter
) -> None:
    counter.sell(ada)
    adas.post("/account/all-access/cancel/", {"words": "Farewell."})
    told = json.loads(adas.get("/account/data/download/").content)["subscriptions"][0]
    assert told["plan"] == "All-Access"
    assert [bill["total"] for bill in told["bills"]] == [1000]
    assert [entry["change"] for entry in told["ledger"]] == [
        "began", "asked by the reader", "cancelled",
    ]  # fmt: skip
    assert told["ledger"][1]["why"] == "To cancel. Farewell."


def test_the_receipt_is_queued_with_the_withdrawal_or_not_at_all(
    ada: Member, counter: Counter, monkeypatch: Any, settings: Any
) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    mine = counter.sell(ada)
    DBTaskResult.objects.all().delete()

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "write", fails)
        with pytest.raises(RuntimeError):
            leaving.withdraw(mine, now=timezone.now())
    assert not Ending.objects.exists()
    assert not DBTaskResult.objects.exists()
    leaving.withdraw(mine, now=timezone.now())
    assert DBTaskResult.objects.get().task_path.endswith("send_withdrawn")
