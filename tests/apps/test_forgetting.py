"""The ledger of letters keeps its sums, and forgets people."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.account.actions import delete_account
from standfirst.members.models import Member
from standfirst.newsletters.actions import forgetting
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
    Batch.objects.create(
        sending=made, first=1, last=len(members), state="settled", accepted=len(members)
    )
    Delivery.objects.bulk_create(
        Delivery(
            id=(made.pk << 32) + number, member=one.pk, address=one.email, name="Ada",
            variant="member", state=DeliveryState.ACCEPTED, why=f"250 taken for {one.email}",
        )
        for number, one in enumerate(members, 1)
    )  # fmt: skip
    return made


def known(made: Sending) -> list[str]:
    ids = Delivery.ids_of(made.pk, 0, 1000)
    rows = Delivery.objects.filter(pk__range=ids).order_by("pk")
    return [f"{row.address}{row.name}{row.why}" for row in rows]


@pytest.mark.django_db(transaction=True)
def test_whoever_deletes_the_account_is_forgotten_in_every_list(monkeypatch: Any):
    monkeypatch.setattr(forgetting, "PIECE", 2)
    ada, bob, eve = (make_member() for _ in range(3))
    lists = [sending(bob, ada, eve), sending(eve, bob, ada, days_ago=2)]
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


def test_half_a_year_later_no_list_says_to_whom_it_went():
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
    returned = Returned.objects.order_by("delivery").values_list("address", "words")
    assert list(returned) == [("", ""), (ada.email, ada.email)]
    assert forgetting.forget_old_letters(timezone.now()) == 0
