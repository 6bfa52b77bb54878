"""The ledger of letters keeps its sums, and forgets people."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.account.actions import delete_account
from standfirst.account.merging import merge
from standfirst.account.queries import everything_about
from standfirst.members.models import Member
from standfirst.newsletters.actions import forgetting
from standfirst.newsletters.delivery import finding
from standfirst.newsletters.models import Batch, Delivery, DeliveryState, Letter, Returned, Sending
from standfirst.project.worker import Worker
from tests.making import make_member, make_staff

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
def test_accounts_that_became_part_of_a_deleted_one_are_forgotten_with_it():
    ada, earlier = make_member(), make_member()
    made = sending(ada, earlier)
    Returned.objects.create(address=earlier.email, what="not_taken", words="full", by="x")
    merge(earlier, ada, by=make_staff(), why="one person", now=timezone.now())
    delete_account(ada)
    Worker([]).step(0)
    assert known(made) == ["", ""]
    assert not Returned.objects.exclude(address="").exists()


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


def test_a_members_data_name_every_letter_to_them_and_what_became_of_it():
    ada, bob, earlier = make_member("ada@example.org"), make_member(), make_member("a@example.org")
    old = sending(earlier, bob, days_ago=3)
    news = sending(ada, bob, days_ago=2)
    waits = sending(ada, earlier)
    forgotten = sending(ada, days_ago=200)
    Letter.objects.create(
        sending=news, variant="member", subject="Ferries, again", html="H", text="T"
    )
    settled = timezone.now() - timedelta(days=2)
    Batch.objects.filter(sending=news).update(settled_at=settled)
    theirs = Delivery.objects.filter(member=ada.pk)
    theirs.filter(pk__range=Delivery.ids_of(waits.pk, 1, 9)).update(state=0, why="")
    theirs.filter(pk__range=Delivery.ids_of(news.pk, 1, 9)).update(state=8, why="550 nobody here")
    forgetting.forget_old_letters(timezone.now())
    assert Sending.objects.get(pk=forgotten.pk).forgotten_at
    merge(earlier, ada, by=make_staff(), why="one person", now=timezone.now())

    told = everything_about(ada)["letters"]["sent_to_you"]

    assert {
        "subject": "Ferries, again", "as": "an edition", "because_you_wanted": "newsletter",
        "to": "ada@example.org", "listed_at": news.begun_at, "settled_at": settled,
        "became": "bounced", "in_words": "550 nobody here",
    } in told  # fmt: skip
    assert [(one["to"], one["became"], one["settled_at"] is None) for one in told if one["to"]] == [
        ("ada@example.org", "bounced", False),
        ("ada@example.org", "queued", True),
        ("a@example.org", "accepted", True),
        ("a@example.org", "accepted", True),
    ]
    assert bob.email not in repr(told)
    assert old.pk < news.pk


def test_a_members_letters_are_read_with_few_questions_and_without_their_text():
    members = [Member(pk=100 + number, email=f"{number}@example.org") for number in range(40)]
    for days in range(1, 31):
        made = sending(*members, days_ago=days)
        Letter.objects.create(sending=made, variant="member", subject="S", html="H" * 9, text="T")
    with CaptureQueriesContext(connection) as captured:
        assert len(list(finding.letters_to(members[7].pk))) == 30
    assert len(captured) <= 10
    assert not any('"html"' in one["sql"] for one in captured)
