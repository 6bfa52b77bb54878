"""What colleagues do to subscriptions that are paid for, at the stand-in for Stripe, and to those
that were given."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from standfirst.members.models import Member
from standfirst.subscriptions.actions import (
    cancel_for,
    change_end,
    follow_all,
    give_all_access,
    give_back_for,
    pause_for,
    resume_for,
)
from standfirst.subscriptions.models import Subscription
from standfirst.subscriptions.providers.base import Refused, Unreachable, When
from standfirst.subscriptions.providers.stripe import Stripe
from tests.making import make_magazine, make_member, make_staff
from tests.standin.conftest import House
from tests.stripes import house, provider, running, standin_house  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Member:
    make_magazine()
    return make_staff("desk@example.org")


@pytest.fixture
def paid(house: House, provider: Stripe, desk: Member) -> Iterator[Subscription]:  # noqa: F811
    """A subscription that its member pays for at Stripe."""
    member = make_member("ada@example.org")
    sub = house.subscribe(
        house.customer("pm_card_visa"), metadata={"standfirst_member": str(member.pk)}
    )
    with patch("standfirst.subscriptions.actions.staff.by_name", lambda name: provider):
        yield follow_all(provider, sub.id, by="a test")


def last(it: Subscription) -> tuple[str, str, str]:
    entry = it.entries.last()
    assert entry
    return entry.change, entry.by, entry.why


def test_a_colleague_ends_and_resumes_with_a_reason(paid: Subscription, desk: Member) -> None:
    it = cancel_for(paid, When.AT_THE_END, why="Asked by phone", key="a", by=desk)
    assert (it.state, last(it)) == ("cancelled", ("cancelled", desk.email, "Asked by phone"))
    it = resume_for(it, why="Stays", key="b", by=desk)
    assert (it.state, last(it)) == ("active", ("resumed", desk.email, "Stays"))
    it = cancel_for(it, When.NOW, why="Moved away", key="c", by=desk)
    assert it.state in {"ended", "refunded"}
    assert last(it)[1:] == (desk.email, "Moved away")


def test_a_colleague_pauses_and_takes_up_again(paid: Subscription, desk: Member) -> None:
    it = pause_for(paid, None, why="Parental leave", key="a", by=desk)
    assert (it.state, last(it)) == ("paused", ("paused", desk.email, "Parental leave"))
    it = resume_for(it, why="Back", key="b", by=desk)
    assert (it.state, last(it)[0]) == ("active", "pause ended")


def test_money_is_given_back_once_for_a_key_with_its_reason(
    paid: Subscription, desk: Member
) -> None:
    bill = paid.bills.get()
    for _ in range(2):
        give_back_for(bill, 100, why="A page was down", key="one-wish", by=desk)
        bill.refresh_from_db()
    assert bill.refunded == 100
    change, by, why = last(paid)
    assert (change, by) == ("money given back", desk.email)
    assert why.endswith("A page was down")
    assert "1.00" in why
    assert paid.entries.filter(change="money given back").count() == 1
    give_back_for(bill, None, why="All of it", key="another", by=desk)
    bill.refresh_from_db()
    assert bill.refunded == bill.paid


def act(client: Client, it: Subscription, verb: str, **told: object) -> str:
    address = reverse("subscription_act", args=[it.pk, verb])
    return client.post(address, {"key": "k", **told}, follow=True).content.decode()


@pytest.fixture
def newsroom(desk: Member) -> Client:
    client = Client(headers={"sec-fetch-site": "same-origin"})
    client.force_login(desk)
    return client


def test_the_page_of_what_is_paid_for(paid: Subscription, newsroom: Client) -> None:
    edit = newsroom.get(reverse("subscriptions:edit", args=[paid.pk]))
    assert edit.status_code == 302  # its end is not typed
    page = newsroom.get(edit["Location"]).content.decode()
    for said in ("Stripe", "ada@example.org", "Do not renew", "Give back", "Pause", "began"):
        assert said in page
    assert "Change end" not in page
    assert "Say why" in act(newsroom, paid, "cancel")
    bill = paid.bills.get()
    assert "left to give back" in act(
        newsroom, paid, "refund", bill=bill.pk, amount="1,000,000", why="x"
    )
    assert "It ends at the end" in act(newsroom, paid, "cancel", why="Wish")
    assert "It goes on" in act(newsroom, paid, "resume", why="Wish", key="k2")
    listed = newsroom.get(reverse("subscriptions:index")).content.decode()
    assert "Stripe" in listed


def test_after_silence_the_same_wish_is_sent_again(
    paid: Subscription,
    newsroom: Client,
    provider: Stripe,  # noqa: F811
) -> None:
    with patch.object(type(provider), "cancel", side_effect=Unreachable("No answer.")):
        said = act(newsroom, paid, "cancel", why="Wish", key="k77-cancel")
    assert "send the same again" in said
    assert 'value="k77-cancel"' in said


def test_what_is_not_set_up_says_so(desk: Member) -> None:
    now = timezone.now()
    it = Subscription.objects.create(
        member=make_member(), provider="stripe", provider_id="sub_1", starts_at=now, ends_at=now
    )
    with pytest.raises(Refused, match="STRIPE_KEY"):
        cancel_for(it, When.NOW, why="x", key="k", by=desk)


def test_what_is_given_changes_through_the_ledger(desk: Member, newsroom: Client) -> None:
    now = datetime.now(UTC)
    it = give_all_access(
        make_member(),
        starts_at=now,
        ends_at=now + timedelta(days=9),
        note="A friend",
        by=desk,
        now=now,
    )
    later = {"ends_at": now + timedelta(days=20), "by": desk, "now": now}
    change_end(it, note="A good friend", **later)
    assert last(it) == ("dates changed", desk.email, "A good friend")
    change_end(it, note="The best", **later)
    assert last(it) == ("note changed", desk.email, "The best")
    entries = it.entries.count()
    change_end(it, note="The best", **later)
    assert it.entries.count() == entries
    page = newsroom.get(reverse("subscriptions:inspect", args=[it.pk])).content.decode()
    assert "Change end or note" in page
    assert "Do not renew" not in page
    assert "Say why" in act(newsroom, it, "end")
    assert "has ended" in act(newsroom, it, "end", why="Unfriendly")
    assert last(it) == ("ended", desk.email, "Unfriendly")


def test_no_end_is_typed_for_what_is_paid_for(paid: Subscription, desk: Member) -> None:
    now = timezone.now()
    with pytest.raises(Refused):
        change_end(paid, ends_at=now, note="", by=desk, now=now)
