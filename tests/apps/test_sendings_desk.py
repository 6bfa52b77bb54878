"""What the newsroom sees of a sending: how far it is, what became of it, and what can be done."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from standfirst.members.models import ConsentEntry, Member
from standfirst.newsletters.actions.sending import Written, begin
from standfirst.newsletters.figures import progress_of, unsubscribed_by
from standfirst.newsletters.models import (
    Batch,
    Delivery,
    DeliveryState,
    Rest,
    Sending,
    SendingKind,
    SendingState,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sending(db: Any) -> Sending:
    """To ten readers: six accepted (one bounced since), one refused, one in doubt, two to go."""
    now = timezone.now()
    made = Sending.objects.create(
        key="edition:1", kind="edition", consent="newsletter", sender="x", total=10,
        begun_at=now - timedelta(seconds=10),
    )  # fmt: skip
    Batch.objects.create(
        sending=made, first=1, last=8, state="settled", settled_at=now, accepted=5, bounced=1,
        refused=1, uncertain=1,
    )  # fmt: skip
    Batch.objects.create(sending=made, first=9, last=10, queued=2)
    states = [1] * 5 + [8, 2, 3, 0, 0]
    Delivery.objects.bulk_create(
        Delivery(
            id=(made.pk << 32) + number,
            member=number,
            address=f"reader{number}@mail.example",
            name="",
            variant="member",
            state=state,
            why="550 No such user <b>" if state == 2 else "",
        )
        for number, state in enumerate(states, 1)
    )
    return made


@pytest.fixture
def editor(client: Client) -> Client:
    client.force_login(Member.objects.create_superuser("editor@mag.example"))
    return client


def page(client: Client, sending: Sending, query: str = "") -> str:
    answer = client.get(f"/newsroom/newsletters/sent/{sending.pk}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def do(client: Client, sending: Sending, **data: Any) -> str:
    url = f"/newsroom/newsletters/sent/{sending.pk}/do/"
    answer = client.post(url, data, follow=True)
    sending.refresh_from_db()
    return answer.content.decode()


def test_the_figures_add_up_to_the_list(sending: Sending):
    progress = progress_of(sending, timezone.now())
    assert (progress.accepted, progress.refused, progress.uncertain) == (6, 1, 1)
    assert (progress.queued, progress.left_out, progress.bounced) == (2, 0, 1)
    assert sum(progress.counts.values()) == progress.total == 10
    assert progress.share == 0.8


def test_pace_and_end_come_from_what_was_settled_lately(sending: Sending):
    progress = progress_of(sending, sending.begun_at + timedelta(seconds=10))
    assert progress.rate == pytest.approx(0.5)
    assert progress.ends_at == sending.begun_at + timedelta(seconds=14)
    assert progress_of(sending, timezone.now() + timedelta(minutes=5)).rate is None


def test_a_look_costs_the_same_however_long_the_list(
    sending: Sending, django_assert_num_queries: Any
):
    with django_assert_num_queries(4):
        progress_of(sending, timezone.now())


def test_the_page_says_what_is_going_on(editor: Client, sending: Sending):
    said = page(editor, sending)
    assert "letters a minute; at this pace it ends" in said
    assert 'data-live="/newsroom/newsletters/sent/' in said
    live = editor.get(f"/newsroom/newsletters/sent/{sending.pk}/?live").json()
    assert live["runs"] is True
    assert live["figures"]["accepted"] == "6"


def test_a_server_that_makes_us_wait_is_quoted(editor: Client, sending: Sending):
    until = timezone.now() + timedelta(minutes=3)
    Rest.objects.create(road="smtp", until=until, words="421 Too fast, try again later")
    assert "Waiting: 421 Too fast" in page(editor, sending)


def test_pausing_resuming_and_cancelling(editor: Client, sending: Sending):
    assert "Paused: what is under way" in do(editor, sending, verb="pause")
    assert sending.state == SendingState.PAUSED
    assert "Paused by editor@mag.example" in page(editor, sending)
    do(editor, sending, verb="resume")
    assert sending.state == SendingState.SENDING
    do(editor, sending, verb="cancel")
    assert sending.state == SendingState.CANCELLED
    progress = progress_of(sending, timezone.now())
    assert (progress.queued, progress.counts[DeliveryState.CANCELLED]) == (0, 2)
    assert "It stands otherwise by now" in do(editor, sending, verb="resume")


def test_what_was_sent_meanwhile_is_not_said_to_be_cancelled(editor: Client, sending: Sending):
    Sending.objects.update(state=SendingState.DONE)
    assert "It stands otherwise by now" in do(editor, sending, verb="cancel")
    assert sending.state == SendingState.DONE


def test_who_was_refused_is_shown_with_the_servers_words(editor: Client, sending: Sending):
    said = page(editor, sending, "?show=refused")
    assert "reader7@mail.example" in said
    assert "550 No such user &lt;b&gt;" in said
    assert "reader1@mail.example" not in said


def test_what_is_in_doubt_is_sent_again_only_when_asked(editor: Client, sending: Sending):
    said = page(editor, sending, "?show=uncertain")
    assert "Nothing is sent a second time by itself" in said
    doubtful = (sending.pk << 32) + 8
    assert f'value="{doubtful}"' in said
    others = [doubtful - 1, (sending.pk + 1 << 32) + 8, "²"]
    do(editor, sending, verb="again", delivery=others)
    assert Delivery.objects.get(pk=doubtful).state == DeliveryState.UNCERTAIN
    assert "Sent again: 1" in do(editor, sending, verb="again", delivery=[doubtful])
    assert Delivery.objects.get(pk=doubtful).state == DeliveryState.QUEUED


def test_unsubscribes_are_counted_by_the_letter_they_came_from(sending: Sending):
    low = (sending.pk << 32) + 1
    for member, delivery in ((1, low), (1, low), (2, low + 1), (3, low + (1 << 32)), (4, None)):
        ConsentEntry.objects.create(
            member=member, letter="newsletter", given=False, by="one_click", delivery=delivery
        )
    ConsentEntry.objects.create(
        member=5, letter="newsletter", given=False, by="complained", delivery=low + 4
    )
    assert unsubscribed_by(sending) == 2


def test_counting_unsubscribes_does_not_read_all_that_was_ever_said(sending: Sending):
    with CaptureQueriesContext(connection) as queries:
        unsubscribed_by(sending)
    asked = queries.captured_queries[-1]["sql"]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a small table is read whole, whatever there is
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {asked}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
        assert "consent_by_delivery" in str(cursor.fetchall())


def test_the_list_shows_every_sending_with_its_figures(editor: Client, sending: Sending):
    said = editor.get("/newsroom/newsletters/sent/").content.decode()
    assert f"/newsroom/newsletters/sent/{sending.pk}/" in said
    assert "<td>10</td><td>6</td><td>1</td><td>1</td><td>0</td><td>0</td><td>1</td>" in said


def test_nobody_on_the_list_is_said(editor: Client):
    made = begin(
        SendingKind.EDITION, "edition:9", {"member": Written("a", "b", "c")},
        consent="newsletter", sender="x", now=timezone.now(),
    )  # fmt: skip
    assert "There was nobody to send it to." in page(editor, made)


@pytest.mark.parametrize("verb", ["pause", "cancel", "again"])
def test_a_writer_may_not_steer(client: Client, sending: Sending, verb: str):
    writer = Member.objects.create_user("writer@mag.example", is_staff=True)
    writer.groups.add(Group.objects.get_or_create(name="Writers")[0])
    client.force_login(writer)
    answer = client.post(f"/newsroom/newsletters/sent/{sending.pk}/do/", {"verb": verb})
    assert answer.status_code in {302, 403}
    sending.refresh_from_db()
    assert sending.state == SendingState.SENDING


@pytest.mark.parametrize("verb", ["pause", "cancel", "again"])
def test_a_look_at_the_address_changes_nothing(editor: Client, sending: Sending, verb: str):
    assert editor.get(f"/newsroom/newsletters/sent/{sending.pk}/do/?verb={verb}").status_code == 405
    sending.refresh_from_db()
    assert sending.state == SendingState.SENDING
