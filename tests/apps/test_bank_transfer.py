"""Bank transfer: a bill's life from issue to credit note, and what it opens."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from standfirst.members.models import Member
from standfirst.publication.events import BillToMail
from standfirst.subscriptions.actions import (
    bill_member,
    cancel_bill,
    follow_all,
    mark_paid,
    note_refund,
    see_to_bills,
)
from standfirst.subscriptions.models import Bill, Entry, Plan, Subscription
from standfirst.subscriptions.models.billing import BillReminder, IssuedBill
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import Refused, When
from standfirst.subscriptions.providers.invoice import page_of
from standfirst.subscriptions.queries import subscribed_until
from tests.making import make_magazine, make_member, make_staff

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OPEN, PAID, VOID = "open", "paid", "void"


@pytest.fixture
def clock():  # type: ignore[no-untyped-def]
    """The time it is, which a test sets."""

    class Clock:
        now = NOON

        def at(self, day: date, hour: int = 12) -> datetime:
            self.now = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            see_to_bills(self.now)
            return self.now

    clock = Clock()
    make_magazine(
        grace_days=7,
        imprint="The Meridian\nHarbour 1",
        bank_details="IBAN XX00 1234",
        currency="EUR",
    )
    with patch("django.utils.timezone.now", lambda: clock.now):
        yield clock


def agreed(**other: Any) -> dict[str, Any]:
    return {
        "name": "Example School",
        "address": "Quay 4\n1010 Port",
        "email": "office@school.example",
        "tax_number": "",
        "order": "PO 77",
        "wording": "All-Access for the library",
        "net": 120_005,
        "tax_rate": Decimal(20),
        "currency": "EUR",
        "begins_on": date(2026, 3, 2),
        "months": 12,
        "days_to_pay": 14,
        "at_once": True,
        "goes_on": True,
        **other,
    }


def bill(reader: Member, by: Member, clock: Any, **other: Any) -> IssuedBill:
    return bill_member(reader, plan=None, agreed=agreed(**other), by=by, now=clock.now)


def pay(it: IssuedBill, by: Member, clock: Any, **other: Any) -> None:
    told = {"on": clock.now.date(), "amount": it.gross, "all_the_same": False, **other}
    mark_paid(it, by=by, now=clock.now, **told)


def mailed() -> list[tuple[str, str]]:
    """The letters that wait for the worker, with the numbers of their bills."""
    jobs = DBTaskResult.objects.filter(task_path__endswith="mail_bill").order_by("enqueued_at")
    told = [job.args_kwargs for job in jobs]
    return [
        (one["kwargs"]["letter"], IssuedBill.objects.get(pk=one["args"][0]).number) for one in told
    ]


@pytest.fixture
def people(clock: Any) -> tuple[Member, Member]:
    return make_member("reader@school.example"), make_staff("desk@example.org")


def test_a_bill_opens_reading_and_is_told_in_the_books(people: Any, clock: Any) -> None:
    reader, desk = people
    payer = make_member("office@school.example")
    it = bill(reader, desk, clock)
    assert (it.number, it.net, it.tax, it.gross) == ("2026-0001", 120_005, 24_001, 144_006)
    ours = Subscription.objects.get()
    assert (ours.state, ours.payer, ours.member) == ("active", payer, reader)
    assert ours.paid_through == datetime(2026, 3, 17, tzinfo=UTC)
    assert subscribed_until(reader, clock.now) == datetime(2026, 3, 24, tzinfo=UTC)
    assert subscribed_until(payer, clock.now) is None
    told = Bill.objects.get()
    assert (told.number, told.status, told.total, told.provider) == (
        "2026-0001",
        OPEN,
        144_006,
        "invoice",
    )
    pay(it, desk, clock)
    ours.refresh_from_db()
    assert (ours.state, ours.paid_through) == ("active", datetime(2027, 3, 2, tzinfo=UTC))
    assert Bill.objects.get().status == PAID
    entries = list(Entry.objects.values_list("change", "by", "why"))
    assert entries == [
        ("began", "desk@example.org", "Bill 2026-0001 was issued."),
        ("renewed", "desk@example.org", "Bill 2026-0001 was paid."),
    ]
    assert Entry.objects.last().monthly == 12_001  # 1,440.06 a year


def test_reading_may_begin_when_the_bill_is_paid(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock, at_once=False, goes_on=False)
    assert Subscription.objects.get().state == "incomplete"
    assert subscribed_until(reader, clock.now) is None
    clock.at(date(2026, 3, 9))
    pay(it, desk, clock)
    ours = Subscription.objects.get()
    assert (ours.state, ours.starts_at) == ("cancelled", clock.now)
    assert subscribed_until(reader, clock.now) == datetime(2027, 3, 2, tzinfo=UTC)


def test_unpaid_it_is_reminded_of_and_ends_after_the_grace(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    days = {}
    for offset in (0, 14, 15, 21, 22, 35, 36, 42, 43, 59):
        day = date(2026, 3, 2) + timedelta(days=offset)
        clock.at(day, 1)
        see_to_bills(clock.now)  # once more changes nothing
        days[day] = (
            Subscription.objects.get().state,
            sorted(it.reminders.values_list("days", flat=True)),
            subscribed_until(reader, clock.now) is not None,
        )
    assert days[date(2026, 3, 16)] == ("active", [], True)  # the last day to pay
    assert days[date(2026, 3, 17)] == ("past_due", [0], True)
    assert days[date(2026, 3, 24)] == ("past_due", [0, 7], True)
    assert days[date(2026, 4, 7)] == ("past_due", [0, 7, 21], True)
    assert days[date(2026, 4, 13)] == ("past_due", [0, 7, 21], True)
    assert days[date(2026, 4, 14)] == ("ended", [0, 7, 21], False)
    assert days[date(2026, 4, 30)] == ("ended", [0, 7, 21], False)
    # The money comes after all, and everything is open again.
    pay(it, desk, clock)
    assert subscribed_until(reader, clock.now) == datetime(2027, 3, 9, tzinfo=UTC)
    assert [e.change for e in Entry.objects.all()] == [
        "began",
        "payment failed",
        "ended",
        "resumed",
    ]


def test_no_reminder_once_paid_or_cancelled(people: Any, clock: Any) -> None:
    reader, desk = people
    paid, other = bill(reader, desk, clock), bill(make_member(), desk, clock)
    pay(paid, desk, clock)
    cancel_bill(other, why="A mistake", by=desk, now=clock.now)
    clock.at(date(2026, 5, 1))
    assert not BillReminder.objects.exists()


def test_a_worker_that_was_away_sends_only_the_latest_reminder(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    with patch("standfirst.subscriptions.actions.invoices.happened") as said:
        clock.at(date(2026, 5, 1))
        clock.at(date(2026, 5, 2))
    assert [call.args[0] for call in said.call_args_list] == [BillToMail(bill=it.pk, letter="21")]
    assert BillReminder.objects.count() == 3
    with pytest.raises(IntegrityError), transaction.atomic():
        BillReminder.objects.create(bill=it, days=7)


def test_a_reminder_whose_transaction_broke_is_sent_the_next_time(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    broken = patch(
        "standfirst.subscriptions.actions.invoices.happened", side_effect=RuntimeError("killed")
    )
    with broken, pytest.raises(RuntimeError):
        clock.at(date(2026, 3, 18))
    assert not it.reminders.exists()
    clock.at(date(2026, 3, 18))
    assert it.reminders.count() == 1


def test_the_next_bill_is_issued_once_some_weeks_before(people: Any, clock: Any) -> None:
    reader, desk = people
    first = bill(reader, desk, clock)
    pay(first, desk, clock)
    clock.at(date(2027, 2, 1))
    assert IssuedBill.objects.count() == 1
    clock.at(date(2027, 2, 2))
    clock.at(date(2027, 2, 3))
    second = IssuedBill.objects.get(number="2027-0001")
    assert (second.period_from, second.period_until) == (date(2027, 3, 2), date(2028, 3, 2))
    assert second.due_on == date(2027, 3, 2)  # not before what it pays for begins
    assert IssuedBill.objects.count() == 2
    assert Subscription.objects.get().state == "active"
    pay(second, desk, clock)
    assert Subscription.objects.get().paid_through == datetime(2028, 3, 2, tzinfo=UTC)


def test_no_further_bill_comes_for_a_reader_who_is_gone(people: Any, clock: Any) -> None:
    reader, desk = people
    pay(bill(reader, desk, clock), desk, clock)
    reader.delete()
    clock.at(date(2027, 2, 20))
    assert IssuedBill.objects.count() == 1
    assert Subscription.objects.get().state == "cancelled"
    assert "deleted" in Entry.objects.last().why


def test_what_does_not_go_on_ends_with_its_period(people: Any, clock: Any) -> None:
    reader, desk = people
    pay(bill(reader, desk, clock, goes_on=False), desk, clock)
    assert Subscription.objects.get().state == "cancelled"
    clock.at(date(2027, 3, 1))
    assert subscribed_until(reader, clock.now)
    clock.at(date(2027, 3, 2))
    assert IssuedBill.objects.count() == 1
    assert Subscription.objects.get().state == "ended"
    assert not subscribed_until(reader, clock.now)


def test_another_amount_is_said_and_counts_only_if_wanted(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    with pytest.raises(Refused, match=r"asks €1,440\.06, and €1,440\.00 came"):
        pay(it, desk, clock, amount=144_000)
    assert Bill.objects.get().status == OPEN
    pay(it, desk, clock, amount=144_000, all_the_same=True)
    assert (Bill.objects.get().status, Bill.objects.get().paid) == (PAID, 144_000)
    with pytest.raises(Refused):
        pay(it, desk, clock)


def test_a_bill_is_cancelled_by_a_credit_note_with_its_own_number(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    note = cancel_bill(it, why="Wrong address", by=desk, now=clock.now)
    assert (note.number, note.cancels, note.gross) == ("2026-0002", it, it.gross)
    assert Bill.objects.get().status == VOID
    assert not subscribed_until(reader, clock.now)
    assert Entry.objects.last().why == "Wrong address"
    with pytest.raises(Refused):
        cancel_bill(it, why="Again", by=desk, now=clock.now)
    with pytest.raises(TypeError):
        it.delete()
    with pytest.raises(TypeError):
        IssuedBill.objects.filter(pk=it.pk).delete()
    assert bill(reader, desk, clock).number == "2026-0003"


def test_money_given_back_is_noted_once_and_whole_ends_it(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    pay(it, desk, clock)
    for _ in range(2):
        note_refund(it, amount=40_006, why="One class less", key="k1", by=desk, now=clock.now)
    assert Bill.objects.get().refunded == 40_006
    assert subscribed_until(reader, clock.now)
    with pytest.raises(Refused):
        note_refund(it, amount=200_000, why="All", key="k2", by=desk, now=clock.now)
    note_refund(it, amount=None, why="All", key="k3", by=desk, now=clock.now)
    ours = Subscription.objects.get()
    assert (ours.state, Bill.objects.get().refunded) == ("refunded", it.gross)
    assert mailed() == [("bill", "2026-0001"), ("credit", "2026-0002")]
    assert IssuedBill.objects.filter(cancels=it).exists()
    assert not subscribed_until(reader, clock.now)


def test_nobody_is_billed_for_what_runs_on(people: Any, clock: Any) -> None:
    reader, desk = people
    first = bill(reader, desk, clock, goes_on=False)
    with pytest.raises(Refused, match="runs on"):
        bill(reader, desk, clock)
    pay(first, desk, clock)
    bill(reader, desk, clock, begins_on=date(2027, 3, 2))
    assert Subscription.objects.count() == 2


def test_the_adapter_ends_it_as_any_provider_does(people: Any, clock: Any) -> None:
    reader, desk = people
    pay(bill(reader, desk, clock), desk, clock)
    ours = Subscription.objects.get()
    provider = by_name("invoice")
    provider.cancel(ours.provider_id, When.AT_THE_END, "k")
    follow_all(provider, ours.provider_id, by="the reader", why="")
    ours.refresh_from_db()
    assert (ours.state, ours.cancel_at) == ("cancelled", datetime(2027, 3, 2, tzinfo=UTC))
    provider.resume(ours.provider_id, "k2")
    follow_all(provider, ours.provider_id, by="the reader", why="")
    ours.refresh_from_db()
    assert (ours.state, ours.cancel_at) == ("active", None)
    assert [one.id for one in provider.subscriptions()] == [ours.provider_id]
    assert [one.id for one in provider.bills(ours.provider_id)] == ["2026-0001"]
    with pytest.raises(Refused, match="newsroom"):
        provider.portal("x", "y")
    provider.cancel(ours.provider_id, When.NOW, "k3")
    follow_all(provider, ours.provider_id, by="the reader", why="")
    assert not subscribed_until(reader, clock.now)
    assert Bill.objects.get().status == PAID


def test_a_renewal_that_nobody_wants_is_cancelled_with_the_subscription(
    people: Any, clock: Any
) -> None:
    reader, desk = people
    pay(bill(reader, desk, clock), desk, clock)
    clock.at(date(2027, 2, 10))
    ours = Subscription.objects.get()
    by_name("invoice").cancel(ours.provider_id, When.AT_THE_END, "k")
    follow_all(by_name("invoice"), ours.provider_id, by="the reader", why="")
    assert Bill.objects.get(number="2027-0001").status == VOID
    assert subscribed_until(reader, clock.now) == datetime(2027, 3, 2, tzinfo=UTC)
    clock.at(date(2027, 6, 1))
    assert IssuedBill.objects.count() == 3  # two bills, one credit note


# -- pages and letters ------------------------------------------------------------------------


def test_the_letters_go_to_whom_is_billed(people: Any, clock: Any, settings: Any) -> None:
    from standfirst.subscriptions.jobs.bills import mail_bill

    class Context:
        class task_result:  # noqa: N801
            id = "job-1"

    reader, desk = people
    it = bill(reader, desk, clock)
    for _ in range(2):
        mail_bill.func(Context, it.pk, "bill")
    assert len(mail.outbox) == 1
    letter = mail.outbox[0]
    assert letter.to == ["office@school.example"]
    assert letter.subject == "Bill 2026-0001 from The Meridian: €1,440.06"
    assert "16 March 2026" in letter.body
    assert "IBAN XX00 1234" in letter.body
    assert "reader@school.example" in letter.body
    address = page_of(it)
    assert address in letter.body
    page = Client().get(address)
    for said in ("2026-0001", "Example School", "PO 77", "€1,200.05", "€240.01", "€1,440.06"):
        assert said in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert page["X-Robots-Tag"] == "noindex"
    assert Client().get(address[:-3] + "xx/").status_code == 404
    Context.task_result.id = "job-2"
    mail_bill.func(Context, it.pk, "21")
    assert "the last reminder" in mail.outbox[1].body
    pay(it, desk, clock)
    Context.task_result.id = "job-3"
    mail_bill.func(Context, it.pk, "7")
    assert len(mail.outbox) == 2
    note = cancel_bill(it, why="x", by=desk, now=clock.now)
    Context.task_result.id = "job-4"
    mail_bill.func(Context, note.pk, "credit")
    assert "What was paid is sent back" in mail.outbox[2].body


def test_without_a_rate_the_bill_says_nothing_of_tax(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock, tax_rate=Decimal(0))
    assert it.gross == it.net
    page = Client().get(page_of(it)).content.decode()
    assert "Tax" not in page


def typed(**other: Any) -> dict[str, Any]:
    return {
        "reader": "Reader@school.example",
        "plan": "",
        "wording": "All-Access",
        "amount": "1,200.05",
        "currency": "EUR",
        "tax_rate": "20",
        "begins_on": "2026-03-02",
        "months": "12",
        "days_to_pay": "14",
        "at_once": "on",
        "goes_on": "on",
        "name": "Example School",
        "address": "Quay 4",
        "email": "office@school.example",
        "tax_number": "",
        "order": "",
        **other,
    }


def test_a_colleague_bills_and_marks_as_paid(people: Any, clock: Any) -> None:
    _, desk = people
    plan = Plan.objects.create(name="Schools")
    colleague = Client()
    colleague.force_login(desk)
    colleague.defaults["HTTP_SEC_FETCH_SITE"] = "same-origin"
    add = reverse("bank_transfer:add")
    assert colleague.get(add).status_code == 200
    for wrong in ({"amount": "much"}, {"wording": ""}, {"reader": "no@example.org"}):
        said = colleague.post(add, typed(**wrong))
        assert said.status_code == 200
        assert not IssuedBill.objects.exists()
    said = colleague.post(add, typed(wording="", plan=str(plan.pk)), follow=True).content.decode()
    assert "is mailed to office@school.example" in said
    assert 'value="1,440.06"' in said
    it = IssuedBill.objects.get()
    assert (it.wording, it.gross, it.subscription.plan) == ("Schools", 144_006, plan)
    assert "runs on" in colleague.post(add, typed()).content.decode()
    index = colleague.get(reverse("bank_transfer:index"), {"state": "waiting"})
    assert "2026-0001" in index.content.decode()
    inspect = reverse("bank_transfer:inspect", args=[it.pk])
    assert "Mark as paid" in colleague.get(inspect).content.decode()
    act = lambda verb, **told: colleague.post(  # noqa: E731
        reverse("bank_transfer:act", args=[it.pk, verb]), told, follow=True
    ).content.decode()
    assert "asks €1,440.06" in act("paid", on="2026-03-02", amount="1,000")
    assert "is paid" in act("paid", on="2026-03-02", amount="1,440.06")
    assert "refund is noted" in act("refund", amount="40", why="Less", key="k")
    assert "credit note 2026-0002" in act("cancel", why="Wrong")
    assert "To be sent back" in colleague.get(inspect).content.decode()
    one = reverse("subscriptions:inspect", args=[it.subscription_id])
    page = colleague.get(one).content.decode()
    assert "bank transfer" in page
    assert "Wrong" in page
    like = colleague.get(add, {"like": it.number}).content.decode()
    assert "Example School" in like


def test_who_may_not_change_subscriptions_issues_no_bill(people: Any, clock: Any) -> None:
    reader, desk = people
    it = bill(reader, desk, clock)
    for stranger in (reader, make_member(is_staff=True)):
        client = Client()
        client.force_login(stranger)
        client.defaults["HTTP_SEC_FETCH_SITE"] = "same-origin"
        client.post(reverse("bank_transfer:add"), typed())
        client.post(
            reverse("bank_transfer:act", args=[it.pk, "paid"]),
            {"on": "2026-03-02", "amount": "1,440.06"},
        )
        assert client.get(reverse("bank_transfer:inspect", args=[it.pk])).status_code != 200
    assert IssuedBill.objects.count() == 1
    assert IssuedBill.objects.get().paid_on is None
