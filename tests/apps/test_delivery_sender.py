"""The sender and its ledger, on a road in memory: each exactly one, or named with the reason."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import timezone

from standfirst.access.models import Unlock
from standfirst.members.models import Consent, Member
from standfirst.newsletters.actions.sending import (
    CannotBeSent,
    cancel,
    hear,
    in_doubt,
    pause,
    resume,
    send_again,
)
from standfirst.newsletters.delivery import clerk as clerks
from standfirst.newsletters.delivery import ledger, rules, sender
from standfirst.newsletters.delivery.ending import finish
from standfirst.newsletters.delivery.journal import Journal, journals_in
from standfirst.newsletters.delivery.limits import Limits, periods
from standfirst.newsletters.delivery.recovery import recover, work_waits
from standfirst.newsletters.delivery.resting import Trouble, note
from standfirst.newsletters.delivery.road import Answer, Outcome, Outgoing
from standfirst.newsletters.delivery.sender import Sender
from standfirst.newsletters.figures import progress_of
from standfirst.newsletters.models import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Letter,
    MailSettings,
    ProviderLimit,
    Quota,
    Rest,
    Sending,
    SendingState,
    Suppression,
)
from standfirst.publication.statements import transaction_in_turn
from standfirst.subscriptions.models import Subscription
from tests.letters_sent import assert_exact, begin_daily, left_over, reader, readers, states_of
from tests.lines import MemoryRoad
from tests.making import make_article, make_member, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
ACCEPTED = DeliveryState.ACCEPTED


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that ends soon after its work."""
    monkeypatch.setattr(sender, "IDLE", 0.05)
    monkeypatch.setattr(sender, "LOOKS", 0.02)


def send(road: MemoryRoad, folder: Path, *, lines: int = 3) -> None:
    """Send all that waits."""
    asyncio.run(Sender(road, folder, lines=lines).run())


def later(minutes: int) -> None:
    """As if so many minutes had passed for all that was put off."""
    for batch in Batch.objects.exclude(retry_at=None):
        batch.retry_at -= timedelta(minutes=minutes)
        if batch.not_before:
            batch.not_before -= timedelta(minutes=minutes)
        batch.save()


def refusing(code: int, *addresses: str, everyone: bool = False) -> Callable[..., Answer | None]:
    def says(letter: Outgoing) -> Answer | None:
        if addresses and letter.recipient not in addresses:
            return None
        outcome = Outcome.REFUSED if code >= 500 and not everyone else Outcome.DEFERRED
        return Answer(letter.number, outcome, code, "not here", everyone)

    return says


def waits(sending: Sending) -> str:
    return progress_of(sending, timezone.now()).waits


# -- everybody once --------------------------------------------------------------------------------


def test_everybody_gets_one_letter_and_the_sending_is_done(tmp_path: Path) -> None:
    readers(1203)
    sending, road = begin_daily(), MemoryRoad()
    send(road, tmp_path)
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE
    assert sending.ended_at
    assert len(road.counts) == 1203
    assert not list(journals_in(tmp_path)), "no journal is needed any more"
    assert progress_of(sending, timezone.now()).accepted == 1203


def test_each_letter_says_what_is_true_of_its_reader(tmp_path: Path) -> None:
    ada, paying = reader("ada@example.org", name="Ada\r\nBcc: x"), reader("p@example.org")
    subscribe(paying)
    article = make_article()
    now = timezone.now()
    Unlock.objects.create(
        member=ada, article_id=article.pk, headline="x", kind="credit", month=now.replace(day=1),
        slot=1, allowance=3, unlocked_at=now,
    )  # fmt: skip
    begin_daily()
    road = MemoryRoad()
    send(road, tmp_path)
    said = {letter.recipient: letter.body.decode() for letter in road.taken}
    assert said["ada@example.org"].startswith("member: Good ")
    assert ", Ada Bcc: x | Two of your three choices are left until 1 " in said["ada@example.org"]
    assert "| http://testserver/mail/" in said["ada@example.org"]
    assert said["ada@example.org"].endswith("/off/")
    assert said["p@example.org"].startswith("subscriber: Good ")
    assert "choices" not in said["p@example.org"]


def test_letters_are_fixed_when_the_sending_begins(tmp_path: Path) -> None:
    readers(3)
    sending = begin_daily()
    before = list(Letter.objects.filter(sending=sending).values_list("variant", "html"))
    begin_daily(letters={"member": ("Other", "Other", "Other")})  # the same occasion, edited
    assert list(Letter.objects.filter(sending=sending).values_list("variant", "html")) == before


def test_a_small_sending_does_not_wait_for_a_large_one(tmp_path: Path) -> None:
    readers(800)
    large = begin_daily("edition:1")
    Consent.objects.create(member=make_member("alerted@example.org"), letter="alerts", given=True)
    small = Sending.objects.get(pk=begin_daily("edition:2").pk)  # equal in size, later
    Delivery.objects.filter(pk__gt=small.pk << 32).exclude(pk=small.pk << 32 | 1).delete()
    Batch.objects.filter(sending=small).exclude(first=1).delete()
    Batch.objects.filter(sending=small).update(last=1, queued=1)
    Sending.objects.filter(pk=small.pk).update(total=1)
    road = MemoryRoad()
    send(road, tmp_path, lines=1)
    assert road.taken[0].number >> 32 == small.pk
    assert road.taken[1].number >> 32 == large.pk


# -- what happens meanwhile ------------------------------------------------------------------------


def test_who_unsubscribes_is_deleted_moves_or_bounces_in_mid_send_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = readers(600)
    sending, road = begin_daily(), MemoryRoad()
    off, deleted, closed, bounced, moved = addresses[-5:]

    def before(letter: Outgoing) -> None:
        if letter.recipient != addresses[10]:
            return
        asyncio.get_running_loop().run_in_executor(None, change).add_done_callback(
            lambda done: done.result()
        )

    def change() -> None:
        from django.db import connection

        Consent.objects.filter(member__email=off).update(given=False)
        Member.objects.get(email=deleted).delete()
        Member.objects.filter(email=closed).update(is_active=False)
        Suppression.objects.create(address=bounced.upper(), reason="bounced")
        Member.objects.filter(email=moved).update(email="new@reader.example")
        connection.close()

    road.before, road.slow = before, 0.002
    monkeypatch.setattr("standfirst.newsletters.delivery.rules.BATCH", 100)
    send(road, tmp_path, lines=1)
    states = states_of(sending)
    assert states[off] == DeliveryState.UNSUBSCRIBED
    assert states[deleted] == states[closed] == DeliveryState.GONE
    assert moved not in states
    assert states["new@reader.example"] == ACCEPTED
    assert states[bounced] == DeliveryState.SUPPRESSED
    assert_exact(sending, road.counts, doubt=0)
    assert sum(road.counts.values()) == 596


def test_whose_subscription_ends_in_mid_send_gets_the_members_letter(tmp_path: Path) -> None:
    subscribe(reader("paying@example.org"))
    reader("other@example.org")
    sending = begin_daily()
    Subscription.objects.update(ends_at=timezone.now() - timedelta(minutes=1))
    subscribe(Member.objects.get(email="other@example.org"))
    road = MemoryRoad()
    send(road, tmp_path)
    said = {letter.recipient: letter.body.decode().partition(":")[0] for letter in road.taken}
    assert said == {"paying@example.org": "member", "other@example.org": "subscriber"}
    variants = dict(Delivery.objects.values_list("address", "variant"))
    assert variants == said
    assert_exact(sending, road.counts)


def test_a_letter_for_subscribers_alone_goes_to_nobody_whose_subscription_ended(
    tmp_path: Path,
) -> None:
    subscribe(reader("paying@example.org"))
    sending = begin_daily(audience="subscribers")
    Subscription.objects.all().delete()
    road = MemoryRoad()
    send(road, tmp_path)
    assert left_over(sending, DeliveryState.OUTSIDE) == {"paying@example.org"}
    assert_exact(sending, road.counts)


# -- refusals --------------------------------------------------------------------------------------


def test_a_refusal_for_good_ends_it_for_that_address_with_the_servers_words(tmp_path: Path) -> None:
    addresses = readers(40)
    sending, road = begin_daily(), MemoryRoad(says=refusing(550, "r3@example.org"))
    send(road, tmp_path)
    assert len(road.counts) == len(addresses) - 1
    assert Delivery.objects.get(address="r3@example.org").why == "550 not here"
    assert left_over(sending, DeliveryState.REFUSED) == {"r3@example.org"}
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE


def test_what_is_put_off_is_tried_again_with_growing_pauses_and_given_up_at_last(
    tmp_path: Path,
) -> None:
    readers(20)
    sending, road = begin_daily(), MemoryRoad(says=refusing(451, "r3@example.org"))
    for pause_, tries in ((1, 1), (5, 2), (25, 3), (120, 4), (600, 5)):
        send(road, tmp_path)
        row = Delivery.objects.get(address="r3@example.org")
        assert (row.state, row.tries, row.why) == (DeliveryState.QUEUED, tries, "451 not here")
        batch = Batch.objects.get()
        assert batch.state == BatchState.QUEUED
        wait = (batch.not_before - ledger.database_now()).total_seconds() / 60
        assert pause_ - 0.5 < wait <= pause_
        send(road, tmp_path)
        assert Delivery.objects.get(address="r3@example.org").tries == tries, "not before its time"
        later(pause_)
    send(road, tmp_path)
    row = Delivery.objects.get(address="r3@example.org")
    assert row.state == DeliveryState.REFUSED
    assert row.why == "given up after 6 tries: 451 not here"
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE


def test_who_is_taken_at_the_second_try_gets_one_letter(tmp_path: Path) -> None:
    readers(200)
    sending, road = begin_daily(), MemoryRoad()
    road.says = lambda letter: (
        Answer(letter.number, Outcome.DEFERRED, 451, "busy") if letter.number % 10 == 0 else None
    )
    send(road, tmp_path)
    assert len(road.counts) == 180
    road.says = lambda letter: None
    later(1)
    send(road, tmp_path)
    assert_exact(sending, road.counts, doubt=0)
    assert len(road.counts) == 200


def test_words_about_us_rest_the_road_and_count_for_no_address_but_the_first(
    tmp_path: Path,
) -> None:
    readers(30)
    sending = begin_daily()
    road = MemoryRoad(says=refusing(451, everyone=True))
    send(road, tmp_path)
    assert not road.taken
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.QUEUED}
    assert sum(Delivery.objects.values_list("tries", flat=True)) == 1
    rest = Rest.objects.get()
    assert 50 < (rest.until - ledger.database_now()).total_seconds() <= 60
    assert "451 not here" in waits(sending)
    road.says = lambda letter: None
    send(road, tmp_path)
    assert not road.taken, "it rests"
    Rest.objects.update(until=timezone.now())
    send(road, tmp_path)
    later(1)
    send(road, tmp_path)
    assert_exact(sending, road.counts, doubt=0)
    assert len(road.counts) == 30
    assert sending.state == SendingState.DONE
    assert not Rest.objects.exists()


def test_one_address_that_is_answered_as_if_it_were_about_us_keeps_nobody_from_theirs(
    tmp_path: Path,
) -> None:
    readers(30)
    sending = begin_daily()
    road = MemoryRoad(says=refusing(554, "r0@example.org", everyone=True))
    send(road, tmp_path)
    assert not road.taken
    for minutes in (0, *rules.PAUSES):
        later(minutes)
        Rest.objects.update(until=timezone.now())
        send(road, tmp_path)
        assert len(road.counts) == 29
    assert_exact(sending, road.counts, doubt=0)
    assert left_over(sending, DeliveryState.REFUSED) == {"r0@example.org"}
    assert "given up after 6 tries: 554" in Delivery.objects.get(address="r0@example.org").why
    assert sending.state == SendingState.DONE


def test_a_server_that_is_away_loses_nothing_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standfirst.newsletters.delivery.rules.REACHING", (0.2,))
    readers(30)
    sending, road = begin_daily(), MemoryRoad(closed=True)

    async def story() -> None:
        running = asyncio.create_task(Sender(road, tmp_path, lines=2).run())
        await asyncio.sleep(0.5)
        found = await asyncio.to_thread(_closing, lambda: waits(sending))
        assert "The road is closed." in found
        road.closed = False
        await running

    asyncio.run(story())
    assert_exact(sending, road.counts, doubt=0)
    assert len(road.counts) == 30
    assert not waits(sending)


def _closing(ask):  # type: ignore[no-untyped-def]
    from django.db import connection

    try:
        return ask()
    finally:
        connection.close()


def test_a_line_that_breaks_leaves_one_in_doubt_and_the_rest_is_sent(tmp_path: Path) -> None:
    readers(100)
    broken: list[str] = []

    def says(letter: Outgoing) -> None:
        if letter.recipient == "r40@example.org":
            broken.append(letter.recipient)
            raise ConnectionError("The connection broke.")

    sending, road = begin_daily(), MemoryRoad(says=says)
    send(road, tmp_path)
    assert left_over(sending, DeliveryState.UNCERTAIN) == {"r40@example.org"}
    assert broken == ["r40@example.org"], "never sent again by itself"
    assert_exact(sending, road.counts, doubt=1)
    assert sending.state == SendingState.DONE


# -- a colleague's hands ---------------------------------------------------------------------------


def test_pause_and_resume(tmp_path: Path) -> None:
    readers(50)
    sending, road = begin_daily(), MemoryRoad()
    assert pause(sending.pk, why="a misprint")
    assert not pause(sending.pk)
    send(road, tmp_path)
    assert not road.taken
    assert not work_waits(tmp_path)
    assert resume(sending.pk)
    send(road, tmp_path)
    assert_exact(sending, road.counts)
    assert sending.state == SendingState.DONE


def test_cancelling_in_mid_send_lets_what_is_under_way_finish_and_names_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standfirst.newsletters.delivery.rules.BATCH", 100)
    readers(900)
    sending, road = begin_daily(), MemoryRoad(slow=0.001)
    left: list[int] = []

    def before(letter: Outgoing) -> None:
        if len(road.taken) >= 120 and not left:
            left.append(0)
            _in_a_thread(lambda: left.append(cancel(sending.pk, why="The wrong edition.")))

    road.before = before
    send(road, tmp_path, lines=2)
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.CANCELLED
    assert sending.ended_at
    assert left[1] > 0
    assert 120 <= len(road.counts) < 600
    cancelled = Delivery.objects.filter(state=DeliveryState.CANCELLED)
    assert set(cancelled.values_list("why", flat=True)) == {"The wrong edition."}
    assert not Batch.objects.exclude(state=BatchState.SETTLED).exists()
    assert cancel(sending.pk, why="again") == 0


def test_a_broken_line_of_a_cancelled_sending_sends_nothing_more(tmp_path: Path) -> None:
    readers(60)
    sending = begin_daily()

    def says(letter: Outgoing) -> None:
        if letter.recipient == "r20@example.org":
            _in_a_thread(lambda: cancel(sending.pk, why="stopped"))
            raise ConnectionError("broke")

    road = MemoryRoad(says=says)
    send(road, tmp_path, lines=1)
    assert_exact(sending, road.counts, doubt=1)
    assert len(road.counts) == 20
    assert len(left_over(sending, DeliveryState.CANCELLED)) == 39
    assert sending.ended_at


def _in_a_thread(call: Callable[[], object]) -> None:
    import threading

    thread = threading.Thread(target=_closing, args=(call,))
    thread.start()
    thread.join()


def test_letters_in_doubt_are_sent_again_only_when_a_colleague_chooses_them(tmp_path: Path) -> None:
    readers(30)
    sending, road = begin_daily(), MemoryRoad()
    broken = ConnectionError("broke")

    def says(letter: Outgoing) -> None:
        if letter.recipient in {"r4@example.org", "r5@example.org"}:
            raise broken

    road.says = says
    send(road, tmp_path, lines=1)
    doubtful = in_doubt(sending.pk)
    assert len(doubtful) == 2
    road.says = lambda letter: None
    assert send_again([doubtful[0], 12, doubtful[0] + 7]) == 1
    send(road, tmp_path)
    assert in_doubt(sending.pk) == doubtful[1:]
    assert hear(doubtful[1], DeliveryState.REFUSED, "said its log")
    assert not hear(doubtful[1], ACCEPTED)
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE


def test_a_road_that_is_closed_for_months_still_rests_and_says_so() -> None:
    now = timezone.now()
    Rest.objects.create(road="smtp", until=now, words="", times=32_767)  # the most it can hold
    assert note("smtp", [Trouble("550 no", shared=True)], now, well=False)
    assert Rest.objects.get().times <= 32_767


def one_in_doubt() -> tuple[Sending, Delivery]:
    reader("ada@x.example")
    sending = begin_daily()
    Delivery.objects.update(state=DeliveryState.UNCERTAIN)
    Batch.objects.update(state="settled", queued=0, uncertain=1)
    return sending, Delivery.objects.get()


@pytest.mark.attack
def test_a_letter_that_is_sent_again_while_the_sending_ends_is_not_left_behind() -> None:
    sending, delivery = one_in_doubt()

    def ends() -> None:
        try:
            with transaction_in_turn():
                finish(timezone.now())
        finally:
            connection.close()

    other = Thread(target=ends)
    with transaction_in_turn():
        assert send_again([delivery.pk]) == 1
        other.start()
        other.join(1.0)  # it waits for us, on either database
    other.join()
    sending.refresh_from_db()
    assert (sending.state, sending.ended_at) == ("sending", None)
    assert ledger.anything_due(timezone.now())


@pytest.mark.attack
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_who_sends_a_letter_again_and_a_sender_do_not_wait_for_each_other_for_ever() -> None:
    sending, delivery = one_in_doubt()
    counts: list[int] = []
    other = Thread(target=_closing, args=(lambda: counts.append(send_again([delivery.pk])),))
    with transaction_in_turn():  # what settling does
        Batch.objects.select_for_update().get()
        other.start()
        with connection.cursor() as cursor:
            waiting = None
            while not waiting:  # who began to wait first is undone
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                (waiting,) = cursor.fetchone()
        other.join(0.5)
        Sending.objects.select_for_update(no_key=True).get(pk=sending.pk)
    other.join()
    assert counts == [1]


def test_nothing_of_a_cancelled_sending_is_sent_again(tmp_path: Path) -> None:
    readers(5)
    sending = begin_daily()

    def says(letter: Outgoing) -> None:
        raise ConnectionError("broke")

    send(MemoryRoad(says=says), tmp_path)
    Sending.objects.update(state=SendingState.CANCELLED)
    with pytest.raises(CannotBeSent):
        send_again(in_doubt(sending.pk))


def test_what_is_heard_of_a_letter_is_counted(tmp_path: Path) -> None:
    readers(5)
    sending, road = begin_daily(), MemoryRoad()
    send(road, tmp_path)
    first, second = sorted(Delivery.objects.values_list("pk", flat=True))[:2]
    assert hear(first, DeliveryState.BOUNCED, "550 no such mailbox")
    assert not hear(first, DeliveryState.BOUNCED, "once more")
    assert not hear(first, DeliveryState.ACCEPTED), "what bounced did not arrive"
    assert hear(second, DeliveryState.COMPLAINED)
    assert not hear(999 << 32, DeliveryState.BOUNCED)
    assert_exact(sending, road.counts)
    found = progress_of(sending, timezone.now())
    assert (found.bounced, found.complained, found.accepted) == (1, 1, 5)


# -- who has another address by now ------------------------------------------------------------


def moves(old: str, new: str) -> None:
    member = Member.objects.get(email=old)
    Member.objects.filter(pk=member.pk).update(email=new)
    EmailAddress.objects.filter(user=member).delete()
    EmailAddress.objects.create(user=member, email=new, primary=True, verified=True)


def test_who_changes_the_address_after_the_freeze_gets_the_letter_at_the_new_one(
    tmp_path: Path,
) -> None:
    for name in ("ada", "bob", "eve"):
        reader(f"{name}@old.example")
    sending, road = begin_daily(), MemoryRoad()
    Suppression.objects.create(address="Bob@new.example", reason="complained")
    Suppression.objects.create(address="eve@old.example", reason="bounced")
    for name in ("ada", "bob", "eve"):
        moves(f"{name}@old.example", f"{name}@new.example")
    MailSettings(double_opt_in=True).save()
    send(road, tmp_path)
    assert road.counts == {"ada@new.example": 1, "eve@new.example": 1}
    assert_exact(sending, road.counts, doubt=0)
    assert states_of(sending)["bob@old.example"] is DeliveryState.SUPPRESSED


def test_what_the_old_addresss_server_put_off_goes_to_the_new_one_too(tmp_path: Path) -> None:
    reader("ada@old.example")
    sending = begin_daily()
    send(MemoryRoad(says=refusing(451)), tmp_path)
    moves("ada@old.example", "ada@new.example")
    later(5)
    road = MemoryRoad()
    send(road, tmp_path)
    assert_exact(sending, road.counts, doubt=0)
    assert road.counts == {"ada@new.example": 1}


def test_two_who_exchange_their_addresses_get_one_each(tmp_path: Path) -> None:
    reader("ada@example.org")
    reader("bob@example.org")
    sending = begin_daily()
    moves("ada@example.org", "for.a.moment@example.org")
    moves("bob@example.org", "ada@example.org")
    moves("for.a.moment@example.org", "bob@example.org")
    road = MemoryRoad()
    send(road, tmp_path)
    assert_exact(sending, road.counts, doubt=0)
    assert road.counts == {"ada@example.org": 1, "bob@example.org": 1}


# -- limits ----------------------------------------------------------------------------------------


def limit(provider: str = "locmem", **fields: object) -> None:
    """Set a limit of a provider; letters of tests leave by `locmem`."""
    settings = MailSettings.load()
    settings.save()
    ProviderLimit.objects.update_or_create(
        provider=provider, defaults={"settings": settings, **fields}
    )


def test_an_hourly_limit_is_exact_however_many_lines_there_are(tmp_path: Path) -> None:
    readers(300)
    limit(an_hour=137)
    sending, road = begin_daily(), MemoryRoad(says=refusing(550, "r3@example.org"))
    send(road, tmp_path, lines=5)
    assert len(road.taken) == 136  # and one that was refused
    assert Quota.objects.get().letters == 137
    assert "137 letters an hour by locmem" in waits(sending)
    Quota.objects.update(letters=0)  # another hour
    send(road, tmp_path, lines=5)
    assert len(road.taken) == 136 + 137
    Quota.objects.update(letters=0)
    send(road, tmp_path, lines=5)
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE


def test_letters_that_did_not_leave_are_given_back_to_the_hour(tmp_path: Path) -> None:
    readers(50)
    limit(an_hour=40)
    begin_daily()
    Consent.objects.filter(member__email__in=["r1@example.org", "r2@example.org"]).update(
        given=False
    )
    road = MemoryRoad()
    send(road, tmp_path, lines=1)
    assert len(road.taken) == 40
    assert Quota.objects.get().letters == 40


@pytest.mark.parametrize(("said", "first"), [({}, 200), ({"first_day": 35}, 35)])
def test_a_warm_up_begins_with_two_hundred_a_day_or_as_its_provider_says(
    tmp_path: Path, said: dict[str, int], first: int
) -> None:
    readers(2 * first + 10)
    limit(warm_up_from=timezone.now().date(), **said)
    begin_daily()
    road = MemoryRoad()
    send(road, tmp_path)
    assert len(road.taken) == first
    limit(warm_up_from=timezone.now().date() - timedelta(days=1), **said)
    send(road, tmp_path)
    assert len(road.taken) == 2 * first


def test_each_provider_has_its_own_limits_and_counts_by_itself(tmp_path: Path) -> None:
    readers(200)
    limit("mail.example.org", an_hour=1)
    limit("locmem", an_hour=60)
    limit("mailgun", an_hour=50)
    sending, ours = begin_daily(), MemoryRoad()
    send(ours, tmp_path)
    assert len(ours.taken) == 60
    # The publisher changes to another in the same hour: what left by the first counts for nothing.
    other = MemoryRoad(name="mailgun")
    send(other, tmp_path)
    assert len(other.taken) == 50
    assert sorted(Quota.objects.values_list("letters", flat=True)) == [50, 60]
    unknown = MemoryRoad(name="brevo")  # without a row it has no limit
    send(unknown, tmp_path)
    assert len(unknown.taken) == 90
    assert_exact(sending, ours.counts + other.counts + unknown.counts, doubt=0)


# -- leases, and who comes back late ---------------------------------------------------------------


def claimed(folder: Path, size: int = 100) -> tuple[Journal, ledger.Held]:
    """A batch that a sender of ours has just claimed."""
    journal = Journal(folder)
    with transaction_in_turn():
        now = ledger.database_now()
        (held,) = ledger.claim([(journal.name, size)], now, Limits(periods(now, "locmem")))
    assert held
    return journal, held


def settled(told: ledger.Told) -> bool:
    with transaction_in_turn():
        return ledger.settle(told, ledger.database_now())


def test_a_provider_that_is_quicker_than_the_senders_word_makes_nobody_forgotten(
    tmp_path: Path,
) -> None:
    readers(20)
    sending = begin_daily()
    journal, held = claimed(tmp_path)
    ids = [(sending.pk << 32) + number for number in range(1, 21)]
    for one in ids[:10]:
        assert hear(one, ACCEPTED, "The provider says so.")
    assert settled(ledger.Told(held.batch, held.claim, accepted=ids[:10], untouched=ids[10:]))
    journal.close()
    road = MemoryRoad()
    send(road, tmp_path)
    assert len(road.counts) == 10
    assert_exact(sending, {**road.counts, **{f"r{n}@example.org": 1 for n in range(10)}}, doubt=0)


def test_who_is_named_twice_or_stands_elsewhere_makes_nobody_between_accepted(
    tmp_path: Path,
) -> None:
    readers(6)
    sending = begin_daily()
    _, held = claimed(tmp_path, 3)
    _, other = claimed(tmp_path, 3)
    ids = [(sending.pk << 32) + number for number in range(1, 7)]
    told = [ids[0], ids[0], ids[2], ids[4]]
    assert settled(ledger.Told(held.batch, held.claim, accepted=told))
    states = Delivery.objects.order_by("pk").values_list("state", flat=True)
    yes, no = DeliveryState.ACCEPTED, DeliveryState.QUEUED
    assert list(states) == [yes, no, yes, no, no, no]
    assert Batch.objects.get(pk=other.batch).queued == 3


def test_two_senders_never_hold_the_same_batch(tmp_path: Path) -> None:
    readers(170)
    begin_daily()
    _, one = claimed(tmp_path, 50)
    _, other = claimed(tmp_path, 50)
    assert (one.first, one.last, other.first, other.last) == (1, 50, 51, 100)


def test_a_small_rest_of_a_batch_goes_along_and_is_no_batch_of_its_own(tmp_path: Path) -> None:
    readers(75)
    begin_daily()
    _, one = claimed(tmp_path, 50)
    assert (one.first, one.last, one.queued) == (1, 75, 75)


def test_a_rest_that_a_limit_forbids_stays(tmp_path: Path) -> None:
    readers(75)
    limit(an_hour=60)
    begin_daily()
    _, one = claimed(tmp_path, 50)
    assert (one.first, one.last) == (1, 50)


def test_a_living_senders_batch_is_left_alone_also_when_its_lease_ran_out_by_a_jumping_clock(
    tmp_path: Path,
) -> None:
    readers(20)
    begin_daily()
    journal, held = claimed(tmp_path)
    Batch.objects.update(leased_until=timezone.now() - timedelta(hours=1))
    assert recover(tmp_path) == 0
    assert not work_waits(tmp_path)
    assert settled(ledger.Told(held.batch, held.claim))
    journal.close()


def test_a_batch_of_a_lost_machine_is_in_doubt_once_its_lease_has_run_out(tmp_path: Path) -> None:
    readers(20)
    sending = begin_daily()
    journal, held = claimed(tmp_path)
    Batch.objects.update(worker="other-1@another-boot")
    assert recover(tmp_path) == 0, "it may live"
    Batch.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert recover(tmp_path) == 1
    assert len(in_doubt(sending.pk)) == 20
    assert_exact(sending, {}, doubt=20)
    road = MemoryRoad()
    send(road, tmp_path)
    assert not road.taken, "never sent again by itself"
    # It comes back, late: it tells what it knows, and sends nothing.
    ids = in_doubt(sending.pk)
    late = ledger.Told(held.batch, held.claim, accepted=ids[:5], untouched=ids[6:])
    assert not settled(late)
    assert states_of(sending)["r0@example.org"] == ACCEPTED
    assert in_doubt(sending.pk) == [ids[5]]
    send(road, tmp_path)
    assert len(road.counts) == 14
    assert not settled(late), "a claim that is over tells nothing"
    journal.close()


def test_who_comes_back_late_may_send_nothing(tmp_path: Path) -> None:
    """Its lease is measured by the machine's uptime, which no clock that is set changes."""
    readers(20)
    begin_daily()
    journal, held = claimed(tmp_path)
    from standfirst.newsletters.delivery.values import Around, read

    now = timezone.now()
    around = Around(now, "locmem")
    turn = clerks.Turn(read(held, now, around), around.values, clerks.uptime() + 60)
    makes = {"member": MemoryRoad().letter(held.sending, "member")}
    carried = sender.Carried(turn, journal, makes)
    assert carried.body_leaves(turn.batch.recipients[0].delivery)
    turn.until = clerks.uptime() - 0.001
    assert not carried.body_leaves(turn.batch.recipients[1].delivery)
    assert not list(carried.letters())
    told = carried.told()
    assert [one.state for one in told.fates] == [DeliveryState.UNCERTAIN]
    assert len(told.untouched) == 19
    journal.close()


def test_a_lease_is_renewed_as_long_as_a_line_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LEASE", 7.0)
    monkeypatch.setattr(clerks, "RENEWED_EVERY", 0.2)
    readers(30)
    sending, road = begin_daily(), MemoryRoad(slow=0.12)
    send(road, tmp_path, lines=1)  # takes longer than a lease less its margin
    assert_exact(sending, road.counts, doubt=0)
    assert sending.state == SendingState.DONE


# -- rules of the journal --------------------------------------------------------------------------


def test_what_was_claimed_and_never_noted_is_queued_again(tmp_path: Path) -> None:
    readers(20)
    sending = begin_daily()
    journal, _ = claimed(tmp_path)
    _abandon(journal)
    assert work_waits(tmp_path)
    assert recover(tmp_path) == 1
    assert set(states_of(sending).values()) == {DeliveryState.QUEUED}
    assert not list(journals_in(tmp_path))


def test_of_what_was_noted_the_last_alone_is_in_doubt(tmp_path: Path) -> None:
    readers(20)
    sending = begin_daily()
    journal, held = claimed(tmp_path)
    ids = list(range(*Delivery.ids_of(held.sending, held.first, held.last)))
    journal.begin(held.batch, held.claim)
    answers = [
        (Outcome.ACCEPTED, 250), (Outcome.REFUSED, 550), (Outcome.DEFERRED, 451),
        (Outcome.ACCEPTED, 250),
    ]  # fmt: skip
    for number, (outcome, code) in zip(ids, answers, strict=False):
        journal.leaves(number)
        journal.answered(Answer(number, outcome, code))
    journal.leaves(ids[4])
    _abandon(journal)
    assert recover(tmp_path) == 1
    states = dict(Delivery.objects.order_by("pk").values_list("pk", "state"))
    assert [states[n] for n in ids[:6]] == [ACCEPTED, 2, 0, ACCEPTED, DeliveryState.UNCERTAIN, 0]
    assert Delivery.objects.get(pk=ids[1]).why.endswith("its answer was 550")
    assert Delivery.objects.get(pk=ids[2]).tries == 1
    road = MemoryRoad()
    send(road, tmp_path)
    later(1)
    send(road, tmp_path)
    states = states_of(sending)
    assert sorted(states.values()).count(DeliveryState.UNCERTAIN) == 1
    assert len(road.counts) == 16
    assert_counted_once(road)


@pytest.mark.parametrize("damage", [b"batch one two\n7\n", b"batch 1 1\nX9 \xff\n"])
def test_a_journal_that_cannot_be_read_leaves_its_batch_in_doubt_and_holds_up_no_other(
    damage: bytes, tmp_path: Path
) -> None:
    readers(20)
    sending = begin_daily()
    journal, _ = claimed(tmp_path)
    (path,) = tmp_path.glob("*.journal")
    path.write_bytes(damage)
    _abandon(journal)
    assert recover(tmp_path) == 1
    assert len(in_doubt(sending.pk)) == 20
    assert "cannot be read" in Delivery.objects.first().why  # type: ignore[union-attr]
    assert not list(journals_in(tmp_path))


def assert_counted_once(road: MemoryRoad) -> None:
    assert set(road.counts.values()) == {1}


def _abandon(journal: Journal) -> None:
    """As if its process had been killed."""
    import os

    os.close(journal._file)
