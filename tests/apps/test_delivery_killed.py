"""The sender and the mail server killed, stopped, broken: each reader exactly one, or named.

The sink counts by recipient in a file of its own, so nothing here leans on our ledger. The number
of kills is KILLS (12; for a long night: 200).
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.mail.sink import read_record, running

from standfirst.newsletters.models import Batch, Delivery, DeliveryState, Sending, SendingState
from tests.apart import database_url
from tests.letters_sent import assert_exact, begin_daily, readers, states_of
from tests.mailer import Mailer, mailer, moments

pytestmark = [pytest.mark.attack, pytest.mark.django_db(transaction=True)]
KILLS = int(os.environ.get("KILLS", "12"))
LINES = 3


@pytest.fixture(scope="module")
def mailers(django_db_setup: None) -> Iterator[tuple[Mailer, Mailer]]:
    """Two programs that begin senders on the test's database."""
    with mailer(database_url()) as one, mailer(database_url()) as other:
        yield one, other


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def assert_done(sending: Sending, record: Path, *, doubt: int) -> None:
    assert_exact(sending, read_record(record), doubt=doubt)
    assert sending.state == SendingState.DONE
    states = set(states_of(sending).values())
    assert states <= {DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN, DeliveryState.REFUSED}


def test_a_sender_killed_again_and_again_writes_to_everybody_once(
    tmp_path: Path, mailers: tuple[Mailer, Mailer]
) -> None:
    readers(KILLS * 400)
    sending, record, (one, _) = begin_daily(), tmp_path / "record", mailers
    at_work = 0
    with running(record) as sink:
        for moment in moments(KILLS):
            at_work += one.kill_at_work(moment, record, sink.port, tmp_path)
        one.run(sink.port, tmp_path)
    assert at_work >= KILLS * 0.9, "kills must meet it at work"
    assert_done(sending, record, doubt=KILLS * LINES)
    doubtful = Delivery.objects.filter(state=DeliveryState.UNCERTAIN).count()
    print(f"{KILLS} kills, {at_work} at work, {sending.total} letters, {doubtful} in doubt")


def test_two_senders_share_a_list_and_one_of_them_is_killed(
    tmp_path: Path, mailers: tuple[Mailer, Mailer]
) -> None:
    readers(2000)
    sending, record, (one, other) = begin_daily(), tmp_path / "record", mailers
    with running(record) as sink:
        other.begin(sink.port, tmp_path)
        for moment in moments(3):
            one.kill_at_work(moment, record, sink.port, tmp_path)
        one.run(sink.port, tmp_path)
        assert other.wait() == 0
    assert_done(sending, record, doubt=3 * LINES)


def test_the_mail_server_is_killed_and_comes_back(
    tmp_path: Path, mailers: tuple[Mailer, Mailer]
) -> None:
    readers(2000)
    sending, record, (one, _) = begin_daily(), tmp_path / "record", mailers
    kills = 3
    with running(record) as first:
        port = first.port
        one.begin(port, tmp_path)
        until(lambda: len(read_record(record)) > 200)
        first.kill()
    for number in range(1, kills):
        time.sleep(0.3)
        with running(record, port=port) as sink:
            until(lambda n=number: len(read_record(record)) > 200 * (n + 1))  # type: ignore[misc]
            sink.kill()
    with running(record, port=port):
        assert one.wait() == 0
    assert_done(sending, record, doubt=kills * LINES)
    doubtful = Delivery.objects.filter(state=DeliveryState.UNCERTAIN)
    why = set(doubtful.values_list("why", flat=True))
    assert all("clos" in said or "broke" in said for said in why), why


@pytest.mark.parametrize(
    ("trouble", "doubt"),
    [
        ({"refuse": 10}, 0),
        ({"refuse": 10, "refuse_at": "end"}, 0),
        ({"refuse": 10, "refuse_code": 550}, 0),
        ({"close": 60, "close_at": "body"}, 20),
        ({"hang": 300, "hang_at": "end"}, 6),
        ({"goodbye": 50}, 0),
    ],
    ids=["refuses", "refuses bodies", "refuses for good", "closes", "hangs", "farewells"],
)
def test_a_mail_server_that_misbehaves_for_a_while(
    tmp_path: Path,
    mailers: tuple[Mailer, Mailer],
    trouble: dict[str, int | str],
    doubt: int,
) -> None:
    readers(700)
    sending, record, (one, _) = begin_daily(), tmp_path / "record", mailers
    with running(record, **trouble) as sink:
        one.begin(sink.port, tmp_path, patience=0.001)
        until(lambda: len(read_record(record)) > 500)
        sink.tell(refuse=0, close=0, hang=0, goodbye=0)
        assert one.wait() == 0
        for _ in range(20):
            if not Batch.objects.exclude(state="settled").exists():
                break
            time.sleep(0.7)  # what was put off
            one.run(sink.port, tmp_path)
    assert_done(sending, record, doubt=doubt)
    if trouble.get("refuse_code") == 550:
        refused = Delivery.objects.filter(state=DeliveryState.REFUSED)
        assert refused.exists()
        assert set(refused.values_list("why", flat=True)) == {"550 5.1.1 no such user"}


def test_a_sender_of_another_machine_that_comes_back_late_tells_what_it_knows(
    tmp_path: Path, mailers: tuple[Mailer, Mailer]
) -> None:
    """It is stopped in the middle for longer than its lease; meanwhile the other gives its batches
    up, as in doubt, and finishes the list."""
    readers(700)
    sending, record, (slow, quick) = begin_daily(), tmp_path / "record", mailers
    here, there = tmp_path / "here", tmp_path / "there"
    with running(record, delay=2) as sink:
        slow.begin(sink.port, there, lines=2, lease=1.0, boot="other")
        until(lambda: len(read_record(record)) > 60)
        os.kill(slow.pid, signal.SIGSTOP)
        quick.run(sink.port, here, lines=2)
        time.sleep(1.0)
        quick.run(sink.port, here, lines=2)
        assert not Batch.objects.exclude(state="settled").exists()
        given_up = Delivery.objects.filter(state=DeliveryState.UNCERTAIN).count()
        assert given_up > 2
        os.kill(slow.pid, signal.SIGCONT)
        assert slow.wait() == 0  # what it knows did not leave is queued again
        quick.run(sink.port, here)
    assert_done(sending, record, doubt=2)
    assert Delivery.objects.filter(state=DeliveryState.UNCERTAIN).count() < given_up


def test_a_sender_of_this_machine_that_is_stopped_is_not_given_up(
    tmp_path: Path, mailers: tuple[Mailer, Mailer]
) -> None:
    readers(700)
    sending, record, (slow, quick) = begin_daily(), tmp_path / "record", mailers
    with running(record, delay=2) as sink:
        slow.begin(sink.port, tmp_path, lines=2, lease=1.0, patience=1)
        until(lambda: len(read_record(record)) > 60)
        os.kill(slow.pid, signal.SIGSTOP)
        time.sleep(1.1)
        quick.run(sink.port, tmp_path, lines=2)
        assert Batch.objects.filter(state="claimed").exists()
        os.kill(slow.pid, signal.SIGCONT)
        assert slow.wait() == 0
        quick.run(sink.port, tmp_path)
    assert_done(sending, record, doubt=0)


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_is_set_by_an_hour_changes_nothing(
    tmp_path: Path, mailers: tuple[Mailer, Mailer], jump: int
) -> None:
    readers(1500)
    sending, record, (wrong, right) = begin_daily(), tmp_path / "record", mailers
    with running(record) as sink:
        right.begin(sink.port, tmp_path, lines=2)
        wrong.kill_after(0.4, sink.port, tmp_path, lines=2, jump=jump)
        wrong.begin(sink.port, tmp_path, lines=2, jump=jump)
        assert right.wait() == 0
        assert wrong.wait() == 0
        right.run(sink.port, tmp_path)
    assert_done(sending, record, doubt=2)


def test_told_to_stop_it_finishes_what_is_leaving_and_leaves_no_doubt(
    tmp_path: Path, mailers: tuple[Mailer, Mailer]
) -> None:
    readers(1000)
    sending, record, (one, _) = begin_daily(), tmp_path / "record", mailers
    with running(record, delay=2) as sink:
        for _ in range(2):
            one.begin(sink.port, tmp_path)
            time.sleep(0.3)
            os.kill(one.pid, signal.SIGTERM)
            assert one.wait() == 0
            assert not Batch.objects.filter(state="claimed").exists()
        sink.tell(delay=0)
        one.run(sink.port, tmp_path)
    assert_done(sending, record, doubt=0)
