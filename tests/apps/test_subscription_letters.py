"""Letters to subscribers: the right one, once, with the right money and days."""

import re
from collections import Counter as Tally
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.template.loader import render_to_string
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.members.models import Member
from standfirst.project.worker import Worker
from standfirst.publication.events import SubscriptionChanged, happened
from standfirst.subscriptions.jobs import letters as jobs
from standfirst.subscriptions.models import Entry, Reminder, Subscription
from standfirst.subscriptions.providers.base import When
from standfirst.subscriptions.rules import Change, Interval, Notice, State, notice_due
from tests.bought import Counter, at, counter, day, house, running
from tests.letters import Postbox, postbox
from tests.making import make_magazine, make_member, subscribe

__all__ = ["counter", "house", "postbox", "running"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(postbox: Postbox) -> Member:
    make_magazine(time_zone="UTC", contact="desk@example.org")
    return make_member("ada@example.org")


def subjects() -> list[str]:
    return [one.subject for one in mail.outbox]


def other_card(counter: Counter, mine: Subscription, card: str) -> None:
    v = counter.house.v
    method = v.payment_methods.attach(card, {"customer": mine.customer})
    v.subscriptions.update(mine.provider_id, {"default_payment_method": method.id})


# -- the life of a subscription ---------------------------------------------------------------


def test_a_life_in_letters(ada: Member, counter: Counter) -> None:
    mine = counter.sell(ada)
    assert subjects() == ["Welcome: everything in The Meridian is open to you"]
    welcome = mail.outbox[0]
    for words in ("All-Access, €10.00 a month", "Next payment: €10.00 on ", "Visa ending in 4242",
                  "/withdraw/", "cancel with two clicks"):  # fmt: skip
        assert words in welcome.body
    other_card(counter, mine, "pm_card_chargeCustomerFail")
    mine = counter.go_on(32)
    assert subjects()[1:] == ["Your payment did not go through"]
    assert f"You go on reading everything until {mine.ends_at:%-d %B %Y}." in mail.outbox[1].body
    other_card(counter, mine, "pm_card_visa")
    (open_bill,) = counter.house.v.invoices.list({"status": "open"}).data
    counter.house.v.invoices.pay(open_bill.id)
    assert counter.read().state == State.ACTIVE
    counter.house.v.subscriptions.update(mine.provider_id, {"cancel_at_period_end": True})
    mine = counter.read()
    assert subjects()[2:] == ["Your subscription is cancelled"]  # and none that it was paid
    assert f"until {mine.ends_at:%-d %B %Y}" in mail.outbox[2].body
    counter.go_on(40)
    assert subjects()[3:] == ["Your subscription has ended"]


def test_what_is_given_back_and_what_a_bank_takes_back(ada: Member, counter: Counter) -> None:
    mine = counter.sell(ada)
    (charge,) = counter.house.v.charges.list().data
    counter.house.steer("/disputes", charge=charge.id)
    counter.read()
    assert mail.outbox[-1].to == ["desk@example.org"]
    assert mail.outbox[-1].subject == "A bank took back a payment of ada@example.org"
    counter.provider.cancel(mine.provider_id, When.NOW, "k")
    ending = len(mail.outbox)
    bob = make_member("bob@example.org")
    counter.sell(bob)
    charge = counter.house.v.charges.list().data[0]
    counter.house.v.refunds.create({"charge": charge.id})
    counter.house.v.subscriptions.cancel(counter.told.id)
    counter.read()
    assert subjects()[ending + 1 :] == ["Your payment is given back"]


def test_a_trial_is_told_of_when_it_begins_and_before_it_costs(
    ada: Member, counter: Counter
) -> None:
    mine = counter.sell(ada, trial_period_days=14)
    assert subjects() == ["Your free trial of The Meridian has begun"]
    assert "Then €10.00 is taken, unless you cancel before" in mail.outbox[0].body
    now = mine.begun_at
    assert jobs.remind(now + timedelta(days=6)) == 0
    assert mine.trial_ends_at
    assert jobs.remind(mine.trial_ends_at - timedelta(days=7)) == 1
    assert jobs.remind(mine.trial_ends_at - timedelta(days=6)) == 0
    assert Reminder.objects.get().notice == Notice.TRIAL_ENDS


@pytest.mark.parametrize(
    "member",
    ["gone", "switched off", "given", "long ago"],
)
def test_no_letter_where_none_is_due(ada: Member, member: str) -> None:
    mine = Subscription.objects.create(
        member=ada, provider="stripe", provider_id="sub_1", state="active", begun_at=day(0),
        ends_at=day(20), currency="EUR", interval="month", amount=900,
    )  # fmt: skip
    entry = Entry.objects.create(
        subscription=mine, change=Change.BEGAN, by="stripe", state="active",
        starts_at=day(0), ends_at=day(20),
    )  # fmt: skip
    if member == "gone":
        ada.delete()
    elif member == "switched off":
        Member.objects.update(is_active=False)
    elif member == "given":
        entry.subscription = given = subscribe(ada)
        Entry.objects.create(
            subscription=given, change=Change.BEGAN, by="x", state="active",
            starts_at=day(0), ends_at=day(20),
        )  # fmt: skip
        entry = Entry.objects.latest("pk")
    else:
        Subscription.objects.update(begun_at=day(-300))
    happened(SubscriptionChanged(subscription=mine.pk, member=None, change="began", entry=entry.pk))
    assert subjects() == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_run_twice_mails_once(ada: Member, counter: Counter, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    counter.sell(ada)
    worker = Worker([])
    for _ in range(2):
        DBTaskResult.objects.update(status="READY")
        worker.step(0)
    assert subjects() == ["Welcome: everything in The Meridian is open to you"]


# -- reminders --------------------------------------------------------------------------------

NOW = at(2026, 6, 1)
BEGUN = at(2026, 1, 1)
REMIND = [
    (State.TRIALING, "month", {"trial_ends_at": at(2026, 6, 8)}, Notice.TRIAL_ENDS),
    (State.TRIALING, "month", {"trial_ends_at": at(2026, 6, 9)}, None),
    (State.TRIALING, "month", {"trial_ends_at": at(2026, 6, 4), "begun_at": at(2026, 5, 28)},
     Notice.TRIAL_ENDS),
    (State.TRIALING, "month", {"trial_ends_at": at(2026, 6, 6), "begun_at": at(2026, 5, 30)}, None),
    (State.TRIALING, "month", {"trial_ends_at": at(2026, 6, 2), "next_at": None}, None),
    (State.ACTIVE, "year", {"next_at": at(2026, 7, 6)}, Notice.RENEWS),
    (State.ACTIVE, "year", {"next_at": at(2026, 7, 7)}, None),
    (State.ACTIVE, "year", {"next_at": at(2026, 5, 31)}, None),
    (State.ACTIVE, "year", {"next_at": None}, None),
    (State.ACTIVE, "month", {"next_at": at(2026, 6, 10)}, None),
    (State.CANCELLED, "year", {"next_at": at(2026, 6, 10)}, None),
    (State.PAST_DUE, "month", {"ends_at": at(2026, 6, 3)}, Notice.GRACE_ENDS),
    (State.PAST_DUE, "month", {"ends_at": at(2026, 6, 4)}, None),
    (State.PAST_DUE, "month", {"ends_at": at(2026, 5, 31)}, None),
    (State.PAST_DUE, "month", {"ends_at": at(2026, 6, 2), "paid_through": at(2026, 5, 31)},
     Notice.GRACE_ENDS),
    (State.PAST_DUE, "month", {"ends_at": at(2026, 6, 3), "paid_through": at(2026, 6, 1)}, None),
]  # fmt: skip


@pytest.mark.parametrize(("state", "interval", "dates", "notice"), REMIND)
def test_who_is_reminded_of_what(
    state: State, interval: str, dates: dict[str, Any], notice: Notice | None
) -> None:
    given: dict[str, Any] = {
        "begun_at": BEGUN, "trial_ends_at": None, "next_at": at(2026, 6, 9),
        "paid_through": at(2026, 5, 20),
        "ends_at": at(2026, 8, 1), **dates,
    }  # fmt: skip
    assert notice_due(state, Interval(interval), now=NOW, **given) is notice


def yearly(member: Member, **fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "provider": "stripe", "provider_id": f"sub_{member.pk}", "state": "active",
        "begun_at": BEGUN, "starts_at": BEGUN, "ends_at": day(37), "paid_through": day(30),
        "next_at": day(30), "next_amount": 9000, "amount": 9000, "currency": "EUR",
        "interval": "year", **fields,
    }  # fmt: skip
    return Subscription.objects.create(member=member, **given)


def test_each_is_reminded_once_a_period_and_again_in_the_next(ada: Member) -> None:
    mine = yearly(ada)
    assert [jobs.remind(), jobs.remind()] == [1, 0]
    assert subjects() == [f"Your subscription is renewed on {mine.next_at:%-d %B %Y}"]
    assert "for another year, for €90.00" in mail.outbox[0].body
    later = day(365 + 5)
    Subscription.objects.update(next_at=day(395), ends_at=day(402))
    assert [jobs.remind(later), jobs.remind(later)] == [1, 0]


def test_a_reminder_and_its_letter_are_kept_or_lost_together(
    ada: Member, settings: Any, monkeypatch: Any
) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    yearly(ada)

    class Killed(BaseException):
        pass

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(jobs.send_reminder), "enqueue", dies)
        with pytest.raises(Killed):
            jobs.remind()
    assert not Reminder.objects.exists()
    assert jobs.remind() == 1
    assert DBTaskResult.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_not_true_any_more_is_not_sent(ada: Member, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    yearly(ada)
    jobs.remind()
    Subscription.objects.update(state="cancelled")
    Worker([]).step(0)
    assert subjects() == []


def test_the_second_reminder_comes_before_the_grace_ends(ada: Member) -> None:
    mine = yearly(
        ada, state="past_due", interval="month", ends_at=day(1.5), paid_through=day(-5),
        next_at=None, next_amount=None,
    )  # fmt: skip
    assert [jobs.remind(), jobs.remind()] == [1, 0]
    assert subjects() == [f"Only until {mine.ends_at:%-d %B}: your payment is still open"]


def test_looking_for_whom_to_remind_takes_a_statement_where_nobody_is(
    ada: Member, django_assert_num_queries: Any
) -> None:
    yearly(ada)
    jobs.remind()
    with django_assert_num_queries(1):
        jobs.remind()


# -- how they are written ---------------------------------------------------------------------


def test_money_and_days_are_written_in_the_publications_language(
    ada: Member, counter: Counter
) -> None:
    make_magazine(language="de", time_zone="Europe/Vienna")
    counter.sell(ada)
    body = mail.outbox[0].body.replace("\xa0", " ")
    assert "10,00 € a month" in body
    page = mail.outbox[0].alternatives[0][0].replace("\xa0", " ")
    assert "10,00 € a month" in page


def test_both_parts_of_every_letter_say_the_same() -> None:
    """The words of the plain text and of its HTML twin, but for what only one of them needs."""
    from standfirst.subscriptions.letters import LETTERS

    kinds = {*LETTERS.values(), "trial_ends", "renews", "grace_ends", "withdrawn", "withdraw"}
    make_magazine()
    for kind in kinds:
        mine = {
            "kind": "active", "plan": "PLAN", "cost": "COST", "next_at": timezone.now(),
            "next_amount": "NEXT", "until": timezone.now(), "card": "CARD",
            "begun_at": timezone.now(), "trial_ends_at": timezone.now(),
        }  # fmt: skip
        told = {
            "mine": mine, "links": {"account": "A", "plans": "P", "withdraw": "W"}, "number": 7,
            "ending": {"number": "W2026-1", "declared_at": timezone.now()}, "reader": "R",
            "at": timezone.now(), "back": "BACK", "withdraw_until": timezone.now(),
            "publication": {"name": "NAME", "time_zone": "UTC", "language": "en"},
        }  # fmt: skip
        text = render_to_string(f"subscriptions/mail/{kind}.txt", told)
        page = render_to_string(f"subscriptions/mail/{kind}.html", {**told, "subject": "S"})
        text = text.partition("\n")[2].partition("-- ")[0]
        words = Tally(re.findall(r"\w+", text))
        on_page = Tally(re.findall(r"\w+", re.sub(r"<[^>]+>", " ", page)))
        missing = words - on_page
        assert sum(missing.values()) <= 8, (kind, missing)
        assert "None" not in text
        assert "{" not in text + page.partition("<body")[2]
