"""Who stands on the list of a sending, and that there is one list whoever begins it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from standfirst.articles.models import Topic
from standfirst.members.models import Consent, Member
from standfirst.newsletters.actions.sending import begin
from standfirst.newsletters.models import (
    Audience,
    Batch,
    Delivery,
    DeliveryState,
    Follow,
    MailSettings,
    Sending,
    SendingKind,
    SendingState,
    Suppression,
)
from tests.letters_sent import LETTERS, begin_daily, reader, rows_of
from tests.making import make_member, subscribe


def test_the_list_is_those_with_consent_each_with_the_letter_that_is_theirs(db: None) -> None:
    member, paying, staff = (
        reader("m@example.org"),
        reader("s@example.org"),
        reader("e@example.org"),
    )
    Member.objects.filter(pk=staff.pk).update(is_staff=True)
    subscribe(paying)
    lapsed = reader("l@example.org")
    subscribe(lapsed, days=-3)
    reader("no@example.org", given=False)
    make_member("silent@example.org")
    Member.objects.filter(pk=reader("closed@example.org").pk).update(is_active=False)
    Consent.objects.create(member=make_member("other@example.org"), letter="weekly", given=True)

    sending = begin_daily()

    assert rows_of(sending) == {
        "m@example.org": ("member", DeliveryState.QUEUED),
        "l@example.org": ("member", DeliveryState.QUEUED),
        "s@example.org": ("subscriber", DeliveryState.QUEUED),
        "e@example.org": ("subscriber", DeliveryState.QUEUED),
    }
    assert (sending.total, sending.state) == (4, SendingState.SENDING)
    assert member.pk in set(Delivery.objects.values_list("member", flat=True))


def test_suppressed_addresses_stand_on_the_list_with_the_reason(db: None) -> None:
    reader("Bounced@Example.org")
    reader("fine@example.org")
    Suppression.objects.create(address="bounced@example.ORG", reason="bounced")
    sending = begin_daily()
    states = {address: state for address, (_, state) in rows_of(sending).items()}
    assert states == {
        "bounced@example.org": DeliveryState.SUPPRESSED,
        "fine@example.org": DeliveryState.QUEUED,
    }
    assert Delivery.objects.get(state=DeliveryState.SUPPRESSED).why
    batch = Batch.objects.get()
    assert (batch.queued, batch.suppressed) == (1, 1)


def test_with_double_opt_in_only_confirmed_addresses_are_written_to(db: None) -> None:
    reader("yes@example.org")
    reader("not-yet@example.org", verified=False)
    settings = MailSettings.load()
    settings.double_opt_in = True
    settings.save()
    sending = begin_daily()
    assert rows_of(sending)["yes@example.org"][1] == DeliveryState.QUEUED
    assert rows_of(sending)["not-yet@example.org"][1] == DeliveryState.UNCONFIRMED


def test_a_list_of_subscribers_or_of_those_who_follow_something_has_these_alone(db: None) -> None:
    for name in ("plain", "paying", "follows"):
        reader(f"{name}@example.org")
    subscribe(Member.objects.get(email="paying@example.org"))
    topic = Topic.objects.create(name="Grain", slug="grain")
    Follow.objects.create(member=Member.objects.get(email="follows@example.org"), topic=topic)
    of_topic = begin_daily("topic", audience=Audience.TOPIC, topics=[topic.pk])
    assert set(rows_of(of_topic)) == {"follows@example.org"}
    assert set(rows_of(begin_daily("subscribers", audience=Audience.SUBSCRIBERS))) == {
        "paying@example.org"
    }
    nothing = begin_daily("nothing", audience=Audience.TOPIC)
    assert (nothing.total, nothing.state) == (0, SendingState.DONE)


def test_who_has_no_letter_is_not_on_the_list(db: None) -> None:
    """The mail on new choices goes to members alone: its letters say so."""
    reader("member@example.org")
    subscribe(reader("paying@example.org"))
    sending = begin_daily(letters={"member": LETTERS["member"]})
    assert set(rows_of(sending)) == {"member@example.org"}


def test_begun_twice_it_is_one_sending(db: None) -> None:
    reader("a@example.org")
    first = begin_daily("once")
    reader("b@example.org")
    assert begin_daily("once") == first
    assert len(rows_of(first)) == 1


@pytest.mark.attack
def test_begun_by_twenty_at_once_it_is_one_sending(transactional_db: None) -> None:
    for n in range(30):
        reader(f"r{n}@example.org")
    start = Barrier(20)

    def one(_: int) -> int:
        start.wait()
        try:
            return begin_daily("once").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(one, range(20)))) == 1
    assert Delivery.objects.count() == 30
    assert Sending.objects.get().total == 30


def test_the_database_refuses_a_batch_whose_sum_is_not_its_whole_range(db: None) -> None:
    reader("a@example.org")
    batch = Batch.objects.get(sending=begin_daily())
    for change in ({"queued": 2}, {"queued": 0}, {"accepted": 1}, {"queued": 0, "accepted": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Batch.objects.filter(pk=batch.pk).update(**change)


def test_an_empty_list_is_done_at_once(db: None) -> None:
    sending = begin(
        SendingKind.ALERT, "alert:1", LETTERS, consent="alerts", sender="a@b.c", now=timezone.now()
    )
    assert (sending.total, sending.state) == (0, SendingState.DONE)
