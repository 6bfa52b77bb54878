"""The numbers of bills under attack: many colleagues at once, some of whose bills come to nothing.

Runs on whatever database the settings name; `make test` runs it on SQLite and on PostgreSQL.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection, transaction

from standfirst.members.models import Member
from standfirst.subscriptions.actions import bill_member, cancel_bill, mark_paid, see_to_bills
from standfirst.subscriptions.models import Bill, Entry, Subscription
from standfirst.subscriptions.models.billing import BillReminder, IssuedBill
from standfirst.subscriptions.providers.base import Refused
from tests.making import make_magazine, make_member, make_staff

pytestmark = [pytest.mark.attack, pytest.mark.django_db(transaction=True)]
THREADS = 12


def agreed(**other: object) -> dict[str, object]:
    return {
        "name": "School",
        "address": "Quay 4",
        "email": "office@school.example",
        "tax_number": "",
        "order": "",
        "wording": "All-Access",
        "net": 1_000,
        "tax_rate": Decimal(0),
        "currency": "EUR",
        "begins_on": date(2026, 11, 1),
        "months": 12,
        "days_to_pay": 14,
        "at_once": True,
        "goes_on": True,
        **other,
    }


def at_once(calls: list) -> list:  # type: ignore[type-arg]
    """What each of the calls gave, all begun at the same moment; Refused where it was."""
    start = Barrier(len(calls))

    def one(call):  # type: ignore[no-untyped-def]
        start.wait()
        try:
            return call()
        except Refused:
            return Refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def numbers() -> list[int]:
    return list(IssuedBill.objects.order_by("serial").values_list("serial", flat=True))


def test_no_number_is_given_twice_or_left_out(transactional_db: None) -> None:
    make_magazine()
    desk, readers = make_staff(), [make_member() for _ in range(THREADS)]

    class BrokenOffError(Exception):
        pass

    def issue(which: int, reader: Member) -> None:
        now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        try:
            with transaction.atomic():
                bill = bill_member(reader, plan=None, agreed=agreed(), by=desk, now=now)
                if which % 3 == 0:
                    raise BrokenOffError  # after its number was taken
        except BrokenOffError:
            return
        if which % 3 == 1:
            cancel_bill(bill, why="x", by=desk, now=now)

    at_once([lambda n=n, r=r: issue(n, r) for n, r in enumerate(readers)])
    kept = THREADS - len(range(0, THREADS, 3))
    assert numbers() == list(range(1, kept + len(range(1, THREADS, 3)) + 1))
    assert Subscription.objects.count() == Bill.objects.count() == kept


def test_two_colleagues_at_one_reader_or_bill_do_it_once(transactional_db: None) -> None:
    make_magazine()
    desk, reader = make_staff(), make_member()
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def issue() -> IssuedBill:
        return bill_member(reader, plan=None, agreed=agreed(), by=desk, now=now)

    done = at_once([issue] * 6)
    assert done.count(Refused) == 5
    bill = IssuedBill.objects.get()

    def pay() -> None:
        mark_paid(bill, on=date(2026, 11, 20), amount=1_000, all_the_same=False, by=desk, now=now)

    assert at_once([pay] * 6).count(Refused) == 5
    assert Entry.objects.filter(change="renewed").count() == 1
    cancelled = at_once([lambda: cancel_bill(bill, why="x", by=desk, now=now)] * 6)
    assert cancelled.count(Refused) == 5
    assert numbers() == [1, 2]


def test_the_calendar_of_several_hosts_bills_and_reminds_once(transactional_db: None) -> None:
    make_magazine()
    desk = make_staff()
    begun = datetime(2025, 11, 20, 12, tzinfo=UTC)
    last_year = agreed(begins_on=date(2025, 11, 20))
    paid = bill_member(make_member(), plan=None, agreed=last_year, by=desk, now=begun)
    mark_paid(paid, on=date(2025, 11, 20), amount=1_000, all_the_same=False, by=desk, now=begun)
    bill_member(make_member(), plan=None, agreed=last_year, by=desk, now=begun)
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    at_once([lambda: see_to_bills(now)] * 6)
    assert IssuedBill.objects.filter(year=2026).count() == 1
    assert BillReminder.objects.count() == 3
