"""Everything compared with the provider: what differs is told in words, mended where wanted, and
what was bought elsewhere gets its member without a payment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.members.models import Member
from standfirst.project.checks import _subscriptions
from standfirst.project.cli import main
from standfirst.subscriptions.actions import follow_all
from standfirst.subscriptions.actions.reconciling import Reconciler, Wanted
from standfirst.subscriptions.jobs import listening as jobs
from standfirst.subscriptions.models import Bill, Entry, Reconciliation, Subscription
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.troubles import troubles
from tests.making import at, make_magazine, make_member
from tests.standin.conftest import House
from tests.stripes import HERE, house, provider, running, standin_house

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = [HERE, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _set_up(settings: Any, house: House) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_any", house.base
    make_magazine()


def reconcile(provider: Stripe, **wanted: Any) -> tuple[Reconciler, list[str]]:
    said: list[str] = []
    work = Reconciler(provider, Wanted(**wanted), tell=said.append)
    work.run()
    return work, said


def bought(house: House, member: Member | None = None, **customer: Any) -> Any:
    more = {"metadata": {"standfirst_member": str(member.pk)}} if member else {}
    return house.subscribe(house.customer(**customer), **more)


def now_there(house: House, *subs: Any) -> int:
    """How often money was taken there."""
    return sum(
        len(house.v.charges.list({"customer": sub.customer, "limit": 100}).data) for sub in subs
    )


def mails() -> list[str]:
    """Letters that wait to be sent."""
    jobs = DBTaskResult.objects.filter(task_path__startswith="standfirst.members.jobs.")
    return [one.task_path.rpartition(".")[2] for one in jobs]


def test_a_lost_event_is_found_told_and_mended(house: House, provider: Stripe) -> None:
    member = make_member("ada@example.org")
    sub = bought(house, member)
    follow_all(provider, sub.id, by="a test")
    work, said = reconcile(provider)
    assert (said, work.found.left, work.found.subscriptions, work.found.bills) == ([], 0, 1, 1)
    house.v.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    house.v.invoices.retrieve(house.again(sub).latest_invoice)
    work, said = reconcile(provider)
    assert len(said) == work.found.left == 1
    assert said[0].startswith(f"ada@example.org ({sub.id}): state is active here and cancelled")
    assert "next payment is €10.00 here and nothing there" in said[0]
    assert Subscription.objects.get().state == "active"
    work, said = reconcile(provider, mend=True)
    assert (work.found.mended, work.found.left, said[0][-7:]) == (1, 0, "Mended.")
    assert Subscription.objects.get().state == "cancelled"
    assert Entry.objects.last().by == "reconciling"  # type: ignore[union-attr]
    assert reconcile(provider)[1] == []


def test_what_was_never_heard_of_is_told_and_mended_with_its_bills(
    house: House, provider: Stripe, capsys: Any
) -> None:
    member = make_member("ada@example.org")
    sub = bought(house, member)
    house.day(32, 2)
    assert main(["subscriptions", "reconcile"]) == 1
    assert f"({sub.id}): active until" in capsys.readouterr().out
    assert not Subscription.objects.exists()
    assert main(["subscriptions", "reconcile", "--mend"]) == 0
    assert Subscription.objects.get().member == member
    assert Bill.objects.count() == 2
    bill = Bill.objects.first()
    assert bill
    Bill.objects.filter(pk=bill.pk).update(paid=0, status="open")
    assert main(["subscriptions", "reconcile"]) == 1
    out = capsys.readouterr().out
    assert f"Bill {bill.number} of ada@example.org: status is open here and paid there" in out
    assert main(["subscriptions", "show", "ADA@example.org"]) == 0
    out = capsys.readouterr().out
    for word in ("active; everything is open from", "€10.00 each month", bill.number, "began"):
        assert word in out
    assert main(["subscriptions", "show", "nobody@example.org"]) == 1


def test_a_publisher_moves_in_and_nobody_is_charged_again(house: House, provider: Stripe) -> None:
    confirmed = make_member("ada@example.org")
    make_member("mallory@example.org", verified=False)
    ada = bought(house, email="Ada@example.org")
    new = bought(house, email="new@example.org")
    house.v.subscriptions.update(new.id, {"cancel_at_period_end": True})
    mallory = bought(house, email="mallory@example.org")
    over = bought(house, email="over@example.org")
    house.v.subscriptions.cancel(over.id)
    taken = now_there(house, ada, new, mallory, over)
    work, said = reconcile(provider, mend=True)
    assert (work.elsewhere, work.over, work.found.left) == (3, 1, 3)
    assert not Subscription.objects.exists()
    work, said = reconcile(provider, mend=True, adopt=True)
    assert (work.elsewhere, work.adopted, work.found.left) == (3, 2, 1)
    (refused,) = [one for one in said if "mallory" in one]
    assert "has not confirmed it" in refused
    ours = {one.provider_id: one for one in Subscription.objects.select_related("member")}
    assert ours[ada.id].member == confirmed
    stranger = ours[new.id].member
    assert stranger
    assert (stranger.email, stranger.has_usable_password()) == ("new@example.org", False)
    assert ours[new.id].state == "cancelled"  # paid until a date
    assert not stranger.emailaddress_set.get().verified  # type: ignore[attr-defined]
    for id in (ada.id, new.id):
        changes = Entry.objects.filter(subscription=ours[id]).values_list("change", flat=True)
        assert list(changes) == ["moved in"]
    assert Bill.objects.count() == 2
    assert mails() == []
    assert not DBTaskResult.objects.filter(task_path__endswith=".send_news").exists()
    assert now_there(house, ada, new, mallory, over) == taken
    again, _ = reconcile(provider, mend=True, adopt=True)
    assert (again.adopted, again.found.mended) == (0, 0)


def test_new_accounts_are_asked_to_confirm_where_that_is_wanted(
    house: House, provider: Stripe
) -> None:
    bought(house, email="new@example.org")
    reconcile(provider, adopt=True, mail=True)
    assert mails() == ["send_confirmation"]


def test_what_the_provider_does_not_know_is_told_and_left_alone_unless_said(
    house: House, provider: Stripe
) -> None:
    member = make_member()
    follow_all(provider, bought(house, make_member()).id, by="a test")
    sub = bought(house, member)
    follow_all(provider, sub.id, by="a test")
    mine = Subscription.objects.filter(member=member)
    before = mine.values().get()
    _, said = reconcile(provider, mend=True, since=datetime(2030, 1, 1, tzinfo=UTC))
    assert said == []
    house.steer("/forget", id=sub.id)
    work, said = reconcile(provider, mend=True)
    assert "not known there. Is it the right key?" in said[0]
    assert work.found.left == 1
    assert mine.values().get() == before
    work, _ = reconcile(provider, lost=True, by="ada at the keyboard")
    assert work.found.left == 0
    ours = mine.get()
    assert (ours.state, ours.ends_at) == ("ended", ours.paid_through)
    assert not ours.is_running  # so that the member may buy another
    entry = Entry.objects.order_by("pk").last()
    assert entry
    assert (entry.change, entry.ends_at, entry.by) == (
        "ended", ours.ends_at, "ada at the keyboard",  # paid until February
    )  # fmt: skip
    entries = Entry.objects.count()
    assert reconcile(provider, lost=True)[1] == []
    assert Entry.objects.count() == entries


def test_with_the_key_of_another_account_nothing_is_touched(house: House, provider: Stripe) -> None:
    mine = bought(house, make_member())
    follow_all(provider, mine.id, by="a test")
    house.steer("/forget", id=mine.id)
    # The other account has a member of the same number, and readers who could be taken in.
    bought(house, make_member("other@example.org"))
    bought(house, email="elsewhere@example.org")
    rows = list(Subscription.objects.values())
    entries, members = Entry.objects.count(), Member.objects.count()
    work, said = reconcile(provider, mend=True, adopt=True, lost=True)
    assert said[0].startswith("Stripe knows none of the newest subscriptions here")
    assert (work.found.mended, work.found.left) == (0, 4)
    assert list(Subscription.objects.values()) == rows
    assert (Entry.objects.count(), Member.objects.count()) == (entries, members)


def test_a_row_changed_by_hand_is_put_right(house: House, provider: Stripe) -> None:
    sub = bought(house, make_member("ada@example.org"))
    follow_all(provider, sub.id, by="a test")
    held = Subscription.objects.values().get()
    Subscription.objects.update(ends_at=held["starts_at"], card="", state="ended", amount=1)
    _, said = reconcile(provider)
    for words in ("state is ended here and active there", "€0.01 here and €10.00 there"):
        assert words in said[0]
    reconcile(provider, mend=True)
    assert Subscription.objects.values().get() == held


def test_broken_off_in_the_middle_it_is_finished_by_the_next_run(
    house: House, provider: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [make_member() for _ in range(3)]
    for member in members:
        bought(house, member)
    old = bought(house, email="moving@example.org")
    monkeypatch.setattr("standfirst.subscriptions.actions.reconciling.BATCH", 1)

    def stop(found: Reconciliation) -> None:
        if found.subscriptions == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Reconciler(provider, Wanted(mend=True, adopt=True), progress=stop).run()
    assert Subscription.objects.count() == 2
    assert "KeyboardInterrupt" in Reconciliation.objects.get().trouble
    reconcile(provider, mend=True, adopt=True)
    assert Subscription.objects.exclude(member=None).count() == 4
    adopted = Entry.objects.filter(subscription__provider_id=old.id)
    assert [one.change for one in adopted] == ["moved in"]
    counts = (Entry.objects.count(), Bill.objects.count(), Member.objects.count())
    assert reconcile(provider, mend=True, adopt=True)[1] == []
    assert (Entry.objects.count(), Bill.objects.count(), Member.objects.count()) == counts


def test_the_check_says_when_nothing_was_compared_for_three_days(
    house: House, provider: Stripe
) -> None:
    follow_all(provider, bought(house, make_member()).id, by="a test")
    now = timezone.now()
    assert list(troubles(now)) == []
    (late,) = troubles(now + timedelta(days=4))
    assert "not compared with the provider for three days" in late.sentence
    Reconciliation.objects.create(provider="stripe", began_at=now + timedelta(days=3))
    assert len(list(troubles(now + timedelta(days=4)))) == 1  # one that was killed is none
    Reconciliation.objects.update(ended_at=now + timedelta(days=3))
    assert list(troubles(now + timedelta(days=4))) == []


def test_members_with_two_that_run_are_listed(house: House, provider: Stripe) -> None:
    member = make_member("twice@example.org")
    for _ in range(2):
        follow_all(provider, bought(house, member).id, by="a test")
    _, said = reconcile(provider)
    assert said == [
        "twice@example.org: has 2 subscriptions that run. Cancel all but one, and give back."
    ]


def test_once_a_night_it_is_mended_by_itself_and_the_outcome_is_left_for_the_check(
    house: House, provider: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_magazine(time_zone="Europe/Vienna")
    bought(house, make_member())
    bought(house, email="elsewhere@example.org")
    assert jobs.reconcile_by_night(at("2026-11-20T03:30Z")) is not None  # 4:30 in Vienna
    assert jobs.reconcile_by_night(at("2026-11-20T03:40Z")) is None  # done
    assert jobs.reconcile_by_night(at("2026-11-21T12:00Z")) is None  # no night
    found = Reconciliation.objects.get()
    assert (found.mended, found.left, Subscription.objects.count()) == (2, 1, 1)  # and its bill
    (finding,) = _subscriptions()
    assert "1 difference from stripe remained" in finding.sentence
    monkeypatch.setattr(jobs, "LONGEST_NIGHT", timedelta(0))
    jobs.reconcile_by_night(at("2026-11-21T02:30Z"))
    (finding,) = _subscriptions()
    assert "not wholly compared with stripe: The time for it was over" in finding.sentence
