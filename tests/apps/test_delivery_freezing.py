"""Who stands on the list of a sending, and that there is one list whoever begins it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from standfirst.articles.models import Topic
from standfirst.members.models import Consent, Member
from standfirst.newsletters.actions.sending import begin, cancel, make_lists, pause
from standfirst.newsletters.delivery import freezing, sender
from standfirst.newsletters.delivery.finding import deliveries_to
from standfirst.newsletters.delivery.sender import Sender
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
from tests.letters_sent import (
    LETTERS,
    assert_exact,
    begin_daily,
    reader,
    rows_of,
    states_of,
)
from tests.lines import MemoryRoad
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


@pytest.mark.parametrize("part", [2, 100])
def test_a_list_is_in_the_order_of_its_members_numbers_by_which_their_letters_are_found(
    db: None, monkeypatch: Any, part: int
) -> None:
    monkeypatch.setitem(freezing.PARTS, connection.vendor, part)
    members = [make_member() for _ in range(7)]
    for member in reversed(members):  # who said yes last is not the last on the list
        Consent.objects.create(member=member, letter="daily", given=True)
    subscribe(members[3])
    sending = begin_daily()
    make_lists()
    on_it = Delivery.objects.order_by("pk").values_list("member", flat=True)
    assert list(on_it) == [member.pk for member in members]
    for number, member in enumerate(members, 1):
        assert list(deliveries_to(member.pk)) == [sending.pk << 32 | number]


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


# -- a list that is made in several parts ----------------------------------------------------------


def everybody() -> None:
    """Sixty readers of every kind, in no order."""
    for number in range(60):
        member = reader(f"r{number}@example.org", given=number % 7 != 0, verified=number % 3 != 0)
        if number % 4 == 0:
            subscribe(member)
        if number % 5 == 0:
            Suppression.objects.create(address=member.email, reason="bounced")


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "IDLE", 0.05)
    monkeypatch.setitem(freezing.PARTS, connection.vendor, 8)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("variants", [("subscriber", "member"), ("member",)])
def test_a_list_made_in_parts_is_the_list_made_at_once(
    monkeypatch: pytest.MonkeyPatch, variants: tuple[str, ...]
) -> None:
    everybody()
    letters = {variant: LETTERS[variant] for variant in variants}
    whole = begin_daily("edition:1", letters=letters)
    monkeypatch.setitem(freezing.PARTS, connection.vendor, 8)
    parts = begin_daily("edition:2", letters=letters)
    assert rows_of(whole) == rows_of(parts)
    assert (parts.total, parts.state) == (whole.total, SendingState.SENDING)
    assert parts.frozen_at
    assert_exact(parts, {})


@pytest.mark.django_db(transaction=True)
def test_nothing_leaves_before_the_list_is_whole_and_the_worker_goes_on_with_it(
    in_parts: None, tmp_path: Path
) -> None:
    everybody()
    with transaction.atomic():
        sending = begin_daily()
    assert (sending.state, sending.frozen_at) == (SendingState.FREEZING, None)
    assert 0 < sending.total <= 8
    road = MemoryRoad()
    asyncio.run(Sender(road, tmp_path, lines=2).run())
    assert not road.taken
    assert not pause(sending.pk)
    assert make_lists() == 1
    assert make_lists() == 0
    asyncio.run(Sender(road, tmp_path, lines=2).run())
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE
    assert sending.total == Consent.objects.filter(given=True).count()


@pytest.mark.django_db(transaction=True)
def test_whoever_is_killed_between_two_parts_loses_nothing(
    in_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody()
    real, parts = freezing.freeze, []

    def killed(*given: Any) -> bool:
        parts.append(1)
        whole = real(*given)
        if len(parts) == 3:  # its rows are written, and are taken back with the transaction
            raise KeyboardInterrupt
        return whole

    monkeypatch.setattr("standfirst.newsletters.actions.sending.freeze", killed)
    with pytest.raises(KeyboardInterrupt):
        begin_daily()
    sending = begin_daily()  # begun a second time it is the same
    assert sending.state == SendingState.FREEZING
    assert Delivery.objects.count() == sending.total
    assert make_lists() == 1
    assert_exact(sending, {})
    assert sending.total == Consent.objects.filter(given=True).count()


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_list(in_parts: None) -> None:
    everybody()
    with transaction.atomic():
        sending = begin_daily()
    together = Barrier(2)

    def work(_: int) -> None:
        try:
            together.wait()
            make_lists()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert_exact(sending, {})
    assert sending.state == SendingState.SENDING
    assert sending.total == Consent.objects.filter(given=True).count()


@pytest.mark.django_db(transaction=True)
def test_a_sending_that_is_cancelled_before_its_list_is_whole_stays_cancelled(
    in_parts: None,
) -> None:
    everybody()
    with transaction.atomic():
        sending = begin_daily()
    cancel(sending.pk, why="Not today.")
    assert make_lists() == 0
    assert_exact(sending, {})
    assert sending.state == SendingState.CANCELLED
    assert DeliveryState.QUEUED not in states_of(sending).values()
