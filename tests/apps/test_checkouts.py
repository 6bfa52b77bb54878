"""Nobody pays twice: one member's way to pay under attack by threads, processes and kill -9.

Runs on whatever database the settings name; `make test` runs it on SQLite and on PostgreSQL.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.account.actions import delete_account
from standfirst.members.models import Member
from standfirst.project.worker import Worker
from standfirst.subscriptions.actions import buying, doubles, follow
from standfirst.subscriptions.actions.buying import AlreadyRuns, mirror_checkout
from standfirst.subscriptions.actions.doubles import end_doubles
from standfirst.subscriptions.models import AtProvider, Checkout, Entry, Subscription
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import Progress, Unreachable
from standfirst.subscriptions.rules import State
from tests.making import make_magazine, make_member, subscribe
from tests.shop import Shop, dying, ended, house, in_a_process, running, shop

__all__ = ["house", "running", "shop"]
pytestmark = [pytest.mark.attack, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def member(shop: Shop) -> Member:
    make_magazine()
    return make_member()


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What many threads that start at the same moment got."""
    start = Barrier(count)

    def one(number: int) -> Any:
        start.wait()
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def place(shop: Shop, member: Member, price: Any) -> str:
    """Where one is led to by pressing a button, as often as it says that one should try again."""
    for _ in range(20):
        try:
            return shop.begin(Member.objects.get(pk=member.pk), price).url
        except AlreadyRuns:
            return "account"
        except Unreachable:
            continue
    raise AssertionError("it never opened")


def assert_one(shop: Shop, member: Member) -> None:
    """Pay on every page that is still open: there is one, and one charge."""
    for session in shop.sessions("open"):
        shop.pay(session.url)
    assert (len(shop.sold()), shop.charges()) == (1, [900])
    assert Checkout.objects.exclude(progress=Progress.EXPIRED).count() == 1
    assert place(shop, member, shop.monthly) == "account"
    mine = Subscription.objects.get(member=member)
    assert mine.provider_id == shop.sold()[0].id
    assert Checkout.objects.get(member=member, progress=Progress.PAID).subscription == mine


# -- at once ------------------------------------------------------------------------------------


def test_twenty_checkouts_at_once_by_one_member_are_one(shop: Shop, member: Member) -> None:
    urls = at_once(20, lambda _: place(shop, member, shop.monthly))
    assert len(set(urls)) == 1
    assert len(shop.sessions()) == 1
    assert len(shop.house.v.customers.list({"limit": 100}).data) == 1
    assert Checkout.objects.count() == 1
    assert_one(shop, member)


def test_several_processes_with_threads_are_one(shop: Shop, member: Member) -> None:
    def act() -> None:
        urls = at_once(5, lambda _: place(shop, member, shop.monthly))
        assert len(set(urls)) == 1

    processes = [in_a_process(act) for _ in range(4)]
    assert [ended(one) for one in processes] == [0, 0, 0, 0]
    assert len(shop.sessions()) == 1
    assert_one(shop, member)


def test_windows_that_want_different_prices_leave_one_page_to_pay_at(
    shop: Shop, member: Member
) -> None:
    prices = [shop.monthly, shop.yearly]
    at_once(8, lambda number: place(shop, member, prices[number % 2]))
    assert len(shop.sessions("open")) == 1
    held = Checkout.objects.get(progress=Progress.OPEN)
    assert held.provider_id == shop.sessions("open")[0].id
    place(shop, member, shop.monthly)
    assert_one(shop, member)


def test_paying_while_other_windows_press_the_button_charges_once(
    shop: Shop, member: Member
) -> None:
    first = place(shop, member, shop.monthly)

    def act(number: int) -> str:
        if number == 0:
            return str(shop.pay(first)[0])
        return place(shop, member, shop.monthly)

    led = Counter(at_once(8, act))
    assert led.pop("303") == 1
    assert set(led) <= {first, "account"}
    assert len(shop.sessions()) == 1
    assert_one(shop, member)


def test_coming_back_while_an_event_arrives_and_another_window_buys(
    shop: Shop, member: Member
) -> None:
    shop.pay(place(shop, member, shop.monthly))
    mine, sold = Checkout.objects.get(), shop.sold()[0].id

    def act(number: int) -> Any:
        match number % 3:
            case 0:
                return mirror_checkout(shop.provider, Checkout.objects.get(pk=mine.pk)).progress
            case 1:
                return follow(shop.provider, sold, by="an event").state
        return place(shop, member, shop.yearly)

    assert set(at_once(9, act)) == {Progress.PAID, State.ACTIVE, "account"}
    assert Entry.objects.count() == 1
    assert_one(shop, member)


def test_the_database_holds_one_open_checkout_a_member(shop: Shop, member: Member) -> None:
    place(shop, member, shop.monthly)
    first = Checkout.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Checkout.objects.create(
            member=member, price=shop.yearly, provider="stripe", key=os.urandom(16).hex()
        )
    assert Checkout.objects.get() == first


# -- killed between two steps -------------------------------------------------------------------

STEPS = [
    *("_take_place", "_start", "_customer_of", "_note", "_go_on"),
    *("put_customer", "start_checkout", "read_checkout"),
    *("settle", "_mark_paid", "follow", "follow_bill"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_reader_tries_again_and_pays_once(
    shop: Shop, member: Member, step: str, after: bool
) -> None:
    def walk() -> None:
        """Press the button twice, pay at the page one is led to, and come back."""
        for _ in range(2):
            url = place(shop, member, shop.monthly)
        if url != "account":
            shop.pay(url)
            mirror_checkout(shop.provider, Checkout.objects.get(member=member, url=url))

    def killed() -> None:
        dying(buying if hasattr(buying, step) else shop.provider.__class__, step, after=after)
        walk()

    assert ended(in_a_process(killed)) == -signal.SIGKILL
    walk()
    assert len(shop.sessions()) == 1
    assert_one(shop, member)
    assert [e.change for e in Entry.objects.all()] == ["began"]
    assert AtProvider.objects.filter(kind="customer").count() == 1


# -- two that run all the same ------------------------------------------------------------------


def by_hand(shop: Shop, member: Member, **more: Any) -> Subscription:
    """Bought past us: by hand in the provider's dashboard."""
    customer = shop.house.v.customers.create({"email": member.email})
    method = shop.house.v.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    settings = {"default_payment_method": method.id}
    shop.house.v.customers.update(customer.id, {"invoice_settings": settings})
    price = AtProvider.objects.get(kind="price", ours=shop.monthly.pk).theirs
    made = shop.house.v.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price}],
         "metadata": {"standfirst_member": str(member.pk)}, **more}
    )  # fmt: skip
    return follow(shop.provider, made.id, by="an event")


def work() -> None:
    """Let the worker do what is queued."""
    for job in DBTaskResult.objects.all():
        assert job.status != "FAILED", job.traceback
    Worker([]).step(0.0)


def test_of_two_the_newer_is_ended_and_paid_back_and_the_reader_is_told(
    shop: Shop, member: Member
) -> None:
    shop.pay(place(shop, member, shop.monthly))
    place(shop, member, shop.monthly)
    second = by_hand(shop, member)
    assert sorted(shop.charges()) == [900, 900]
    mail.outbox = []
    work()
    assert len(shop.sold()) == 1
    assert sorted(shop.charges()) == [0, 900]
    second.refresh_from_db()
    assert second.state == State.REFUNDED
    assert second.ends_at <= timezone.now()
    assert second.bills.get().refunded == 900
    first = Subscription.objects.exclude(pk=second.pk).get()
    assert (first.state, first.ends_at > timezone.now()) == (State.ACTIVE, True)
    doubled = second.entries.get(change="bought a second time")
    assert doubled.why == doubles.WHY
    letters = [one for one in mail.outbox if "once" in one.subject]
    assert [one.to for one in letters] == [[member.email]]
    work()
    assert end_doubles(member.pk, by_name, now=timezone.now()) == [second]
    assert sorted(shop.charges()) == [0, 900]
    assert second.entries.filter(change="bought a second time").count() == 1


@pytest.mark.parametrize("step", ["_write_down", "cancel", "refund", "follow", "follow_all"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_ending_the_second_goes_on_after_a_kill(
    shop: Shop, member: Member, step: str, after: bool
) -> None:
    shop.pay(place(shop, member, shop.monthly))
    place(shop, member, shop.monthly)
    by_hand(shop, member)

    def act() -> None:
        dying(doubles if hasattr(doubles, step) else shop.provider.__class__, step, after=after)
        end_doubles(member.pk, by_name, now=timezone.now())

    assert ended(in_a_process(act)) == -signal.SIGKILL
    end_doubles(member.pk, by_name, now=timezone.now())
    assert len(shop.sold()) == 1
    assert sorted(shop.charges()) == [0, 900]
    assert Entry.objects.filter(change="bought a second time").count() == 1


def test_a_provider_that_is_away_is_asked_again_by_the_worker(shop: Shop, member: Member) -> None:
    from standfirst.project.worker import try_mail_again

    shop.pay(place(shop, member, shop.monthly))
    place(shop, member, shop.monthly)
    by_hand(shop, member)
    shop.house.steer("/faults", kind="error", times=99)
    Worker([]).step(0.0)
    assert sorted(shop.charges_without_asking()) == [900, 900]
    shop.house.steer("/faults", "DELETE")
    assert try_mail_again() >= 1
    DBTaskResult.objects.update(run_after=timezone.now() - timedelta(seconds=1))
    Worker([]).step(0.0)
    assert sorted(shop.charges()) == [0, 900]


@pytest.mark.parametrize("paid", [False, True], ids=["open", "paid meanwhile"])
def test_the_page_of_someone_who_left_is_closed_and_pays_back(
    shop: Shop, member: Member, paid: bool
) -> None:
    url = place(shop, member, shop.monthly)
    delete_account(member)
    assert not Checkout.objects.exists()
    if paid:
        shop.pay(url)
    work()
    assert shop.house.page(url)[0] == (200 if paid else 410)
    assert shop.sold() == []
    assert shop.charges() == ([0] if paid else [])
    if paid:
        assert Subscription.objects.get().state == State.REFUNDED


def test_one_who_leaves_while_the_page_is_begun_leaves_none_to_pay_at(
    shop: Shop, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shop.provider.start_checkout

    def meanwhile(*args: Any) -> Any:
        told = real(*args)
        delete_account(Member.objects.get(pk=member.pk))
        return told

    monkeypatch.setattr(shop.provider, "start_checkout", meanwhile)
    with pytest.raises((Unreachable, IntegrityError)):
        shop.begin(member)
    assert [one.status for one in shop.sessions()] == ["expired"]


def test_what_is_old_or_no_provider_can_end_is_left_to_a_colleague(
    shop: Shop, member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    shop.pay(place(shop, member, shop.monthly))
    place(shop, member, shop.monthly)
    transfer = subscribe(member)
    Subscription.objects.filter(pk=transfer.pk).update(
        provider="invoice", state=State.ACTIVE, begun_at=timezone.now()
    )
    assert end_doubles(member.pk, by_name, now=timezone.now()) == []
    assert "for a colleague to decide" in caplog.text
    assert shop.charges() == [900]


def test_the_one_that_goes_on_is_the_oldest_that_opens_everything(
    shop: Shop, member: Member
) -> None:
    now = timezone.now()

    def made(days: int, until: int) -> Subscription:
        begun = now - timedelta(days=days)
        return Subscription(
            pk=days, provider="stripe", begun_at=begun, starts_at=begun,
            ends_at=now + timedelta(days=until),
        )  # fmt: skip

    old, new, unpaid = made(20, 10), made(2, 28), made(60, -3)
    assert doubles.to_keep([new, old, unpaid], now) == old
    assert doubles.to_keep([unpaid, made(50, -1)], now) == unpaid
