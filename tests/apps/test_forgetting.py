"""The ledger of letters keeps its sums, and forgets people."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.account.actions import delete_account
from standfirst.members.models import Member
from standfirst.newsletters.actions import forgetting
from standfirst.newsletters.delivery import finding
from standfirst.newsletters.models import Batch, Delivery, DeliveryState, Returned, Sending
from standfirst.project.worker import Worker
from tests.making import make_member

pytestmark = pytest.mark.django_db


def sending(*members: Member, days_ago: int = 1) -> Sending:
    ended = timezone.now() - timedelta(days=days_ago)
    made = Sending.objects.create(
        key=f"edition:{days_ago}", kind="edition", consent="newsletter", sender="x", state="done",
        total=len(members), ended_at=ended,
    )  # fmt: skip
    if members:
        Batch.objects.create(
            sending=made, first=1, last=len(members), state="settled", accepted=len(members)
        )
    Delivery.objects.bulk_create(
        Delivery(
            id=(made.pk << 32) + number, member=one.pk, address=one.email, name="Ada",
            variant="member", state=DeliveryState.ACCEPTED, why=f"250 taken for {one.email}",
        )
        for number, one in enumerate(sorted(members, key=lambda one: one.pk), 1)
    )  # fmt: skip
    return made


def known(made: Sending) -> list[str]:
    ids = Delivery.ids_of(made.pk, 0, 1000)
    rows = Delivery.objects.filter(pk__range=ids).order_by("pk")
    return [f"{row.address}{row.name}{row.why}" for row in rows]


@pytest.mark.django_db(transaction=True)
def test_whoever_deletes_the_account_is_forgotten_in_every_list():
    ada, bob, eve = (make_member() for _ in range(3))
    lists = [sending(ada, bob, eve), sending(ada, bob, eve, days_ago=2)]
    Returned.objects.create(address=ada.email.upper(), what="not_taken", words="full", by="x")
    email = ada.email
    delete_account(ada)
    Worker([]).step(0)
    for made in lists:
        said = known(made)
        assert len(said) == 3
        assert said.count("") == 1
        assert not any(email in one for one in said)
        assert sum(bob.email in one for one in said) == 1
    assert not Returned.objects.exclude(address="").exists()
    assert not DBTaskResult.objects.failed().exists()


@pytest.mark.django_db(transaction=True)
def test_what_was_under_way_when_the_account_was_deleted_is_forgotten_an_hour_later():
    ada = make_member()
    whose = Member(pk=ada.pk, email=ada.email)
    delete_account(ada)
    Worker([]).step(0)
    late = sending(whose)  # a list that was begun before, and is whole only now
    later = timezone.now() + timedelta(minutes=61)
    assert DBTaskResult.objects.filter(run_after__lte=later).update(run_after=timezone.now())
    Worker([]).step(0)
    assert known(late) == [""]


def test_forgetting_a_member_reads_little_of_long_lists_and_writes_only_what_is_theirs():
    members = [Member(pk=100 + 2 * number, email=f"{number}@example.org") for number in range(300)]
    lists = [sending(*members, days_ago=days) for days in range(1, 9)]
    lists.append(sending(*members[100:], days_ago=9))  # the member is not on it
    with CaptureQueriesContext(connection) as captured:
        assert forgetting.forget_member(members[99].pk, members[99].email) == 8
    about = [one["sql"] for one in captured if "newsletters_delivery" in one["sql"]]
    assert sum(one.startswith("SELECT") for one in about) <= 9  # 2 ** 9 > 300
    assert sum(one.startswith("UPDATE") for one in about) == 8
    assert all(known(made).index("") == 99 for made in lists[:-1])
    assert "" not in known(lists[-1])


def test_a_member_is_found_in_every_list_wherever_they_stand():
    members = [Member(pk=3 * number, email=f"{number}@example.org") for number in range(1, 18)]
    lists = [sending(*members[:size], days_ago=size) for size in range(18)]
    for place, one in enumerate(members):
        theirs = [(made.pk << 32) + place + 1 for made in lists[place + 1 :]]
        assert list(finding.deliveries_to(one.pk)) == theirs
        assert list(finding.deliveries_to(one.pk + 1)) == []
    assert list(finding.deliveries_to(1)) == []


def test_half_a_year_later_no_list_says_to_whom_it_went(monkeypatch: Any):
    monkeypatch.setattr(forgetting, "PIECE", 1)
    ada, bob = make_member(), make_member()
    old, new = sending(ada, bob, days_ago=181), sending(ada, bob, days_ago=179)
    for number, days in ((1, 181), (2, 179)):
        at = timezone.now() - timedelta(days=days)
        Returned.objects.create(
            delivery=number, address=ada.email, what="refused", words=ada.email, by="x", at=at
        )
    assert forgetting.forget_old_letters(timezone.now()) == 1
    assert known(old) == ["", ""]
    assert all(known(new))
    ids = Delivery.ids_of(old.pk, 0, 1000)
    assert set(Delivery.objects.filter(pk__range=ids).values_list("member", flat=True)) == {0}
    returned = Returned.objects.order_by("delivery").values_list("address", "words")
    assert list(returned) == [("", ""), (ada.email, ada.email)]
    assert forgetting.forget_old_letters(timezone.now()) == 0
