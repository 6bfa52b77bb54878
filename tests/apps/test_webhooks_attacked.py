"""Events under attack: doubled, shuffled, late, handled by threads and by processes that are
killed, beside a provider that fails. Whatever happens, ours ends as the provider's.

Runs on whatever database the settings name; `make test` runs it on SQLite and on PostgreSQL.
"""

import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import stripe
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from standfirst.subscriptions.actions import follow, follow_bill, hearing
from standfirst.subscriptions.actions.following import bill_differs, differs, grace
from standfirst.subscriptions.models import Bill, Entry, Reading, Subscription, WebhookEvent
from standfirst.subscriptions.providers.base import BillTold, Provider, Refused, Told, When
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.rules import State, Window, window
from standfirst.subscriptions.standin.events import public, signature
from tests.apart import Apart, begin
from tests.hearer import hear, work
from tests.making import make_magazine, make_member
from tests.standin.conftest import House
from tests.stripes import (
    HERE,
    another_card,
    house,
    provider,
    running,
    standin_house,
    subscribed,
)

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = [HERE, pytest.mark.attack]
SECRET = "whsec_new"
Kind = WebhookEvent.Progress


@pytest.fixture(autouse=True)
def _set_up(transactional_db: None, settings: Any, house: House) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_any", house.base
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    make_magazine()


def told(house: House, customer: str = "") -> list[bytes]:
    """Everything that the stand-in has to tell, oldest first."""
    found, more = [], {}
    while True:
        page = house.v.events.list({"limit": 100, **more})  # type: ignore[typeddict-item]
        found += [public(json.loads(str(one))) for one in page.data]
        if not page.has_more:
            break
        more = {"starting_after": page.data[-1].id}
    return [json.dumps(one).encode() for one in found[::-1]]


def tell(body: bytes) -> int:
    header = signature(body, SECRET, int(time.time()))
    named = {"stripe-signature": header}
    answer = Client().post("/webhooks/stripe/", body, "application/json", headers=named)
    return answer.status_code


def in_threads(count: int, do: Any, things: list[Any]) -> list[Any]:
    """Do it to all the things, in so many threads."""

    def one(thing: Any) -> Any:
        try:
            return do(thing)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, things))


def all_is_settled(provider: Provider, subs: list[Any]) -> None:
    """Nothing waits, and ours is what the provider says: rows, bills, window, ledger."""
    left = WebhookEvent.objects.exclude(progress__in=[Kind.HANDLED, Kind.IGNORED])
    assert [(one.kind, one.progress, one.trouble) for one in left] == []
    for sub in subs:
        ours = Subscription.objects.get(provider_id=sub.id)
        fresh = provider.read_subscription(sub.id)
        assert fresh is not None
        assert differs(provider, ours, fresh) == []
        ours.refresh_from_db()
        open_for = window(State(ours.state), ours.dates, grace())
        assert Window(ours.starts_at, ours.ends_at) == open_for
        last = Entry.objects.filter(subscription=ours).last()
        if last is None:  # it has not begun
            assert ours.state == State.INCOMPLETE
        else:
            for name in ("state", "paid_through", "cancel_at", "starts_at", "ends_at", "member"):
                held = ours.member_id if name == "member" else getattr(ours, name)
                assert getattr(last, name) == held, name
        for bill in provider.bills(sub.id):
            mine = Bill.objects.get(provider_id=bill.id)
            assert bill_differs(mine, bill) == []


# -- random lives -------------------------------------------------------------------------------


def test_in_whatever_way_events_come_ours_ends_as_the_providers(
    house: House, provider: Stripe
) -> None:
    cards = st.sampled_from(["pm_card_visa", "pm_card_chargeCustomerFail"])

    class Lives(RuleBasedStateMachine):
        """A few subscriptions, and all that may happen to them and to what is told of them."""

        @initialize(seed=st.integers(0, 10**6))
        def begin(self, seed: int) -> None:
            self.chance, self.subs = random.Random(seed), []
            self.heard, self.day = len(told(house)), 0.0
            self.late: list[bytes] = []
            self.now = datetime.now(UTC)
            self.buy("pm_card_visa", 0)

        @rule(card=cards, trial=st.sampled_from([0, 0, 14]))
        def buy(self, card: str, trial: int) -> None:
            if len(self.subs) < 3:
                more = {"trial_period_days": trial} if trial else {}
                member = make_member().pk
                asked = {"metadata": {"standfirst_member": str(member)}, **more}
                with suppress(stripe.CardError):
                    sub = house.subscribe(house.customer(card), **asked)
                    self.subs.append((sub, house.clock, 0.0))

        @rule(which=st.integers(0, 2), what=st.integers(0, 8))
        def something_happens(self, which: int, what: int) -> None:
            (sub, clock, _), key = self.subs[which % len(self.subs)], uuid4().hex
            house.clock = clock
            with suppress(Refused, stripe.InvalidRequestError, stripe.CardError):
                match what:
                    case 0:
                        provider.cancel(sub.id, When.AT_THE_END, key)
                    case 1:
                        provider.resume(sub.id, key)
                    case 2:
                        provider.cancel(sub.id, When.NOW, key)
                    case 3:
                        provider.pause(sub.id, None, key)
                    case 4:
                        provider.refund(next(provider.bills(sub.id)).id, None, key)
                    case 5:
                        provider.change_price(sub.id, house.yearly.id, key)
                    case 6:
                        another_card(house, sub)
                    case 7:
                        another_card(house, sub, "pm_card_visa")
                    case 8:
                        charges = house.v.charges.list({"customer": sub.customer}).data
                        for one in charges[:1]:
                            if one.paid and not one.disputed and not one.refunded:
                                house.steer("/disputes", charge=one.id)

        @rule(which=st.integers(0, 2), days=st.sampled_from([1 / 24, 1, 7, 31]))
        def time_passes(self, which: int, days: float) -> None:
            which %= len(self.subs)
            sub, clock, day = self.subs[which]
            house.clock = clock
            house.day(day + days)
            self.subs[which] = (sub, clock, day + days)

        @rule()
        def events_come(self) -> None:
            """Each one to five times, in any order; some much later."""
            fresh = told(house)[self.heard :]
            self.heard += len(fresh)
            waiting = [*self.late, *fresh]
            self.late = [one for one in waiting if self.chance.random() < 0.3]
            now = [one for one in waiting if one not in self.late or self.chance.random() < 0.3]
            self.come(now)

        def come(self, bodies: list[bytes]) -> None:
            many = [one for one in bodies for _ in range(self.chance.randint(1, 5))]
            self.chance.shuffle(many)
            assert set(in_threads(4, tell, many)) <= {200}

        @rule(fault=st.sampled_from(["", "", "error", "drop", "rate_limit"]))
        def threads_handle(self, fault: str) -> None:
            if fault:
                house.steer("/faults", kind=fault, when="before", path="/v1/*", times=6)
            self.handle()

        def handle(self) -> None:
            self.now = max(self.now, datetime.now(UTC)) + timedelta(seconds=3)

            def some(_: int) -> None:
                while taken := hearing.take(self.now, 3):
                    hearing.handle(taken, lambda name: provider, self.now)

            in_threads(3, some, [0, 1, 2])

        def teardown(self) -> None:
            house.steer("/faults", "DELETE")
            if not hasattr(self, "late"):
                return
            self.come([*self.late, *told(house)[self.heard :]])
            for _ in range(8):
                if not WebhookEvent.objects.filter(progress=Kind.NEW).exists():
                    break
                self.now += timedelta(hours=2)
                self.handle()
            all_is_settled(provider, [sub for sub, _, _ in self.subs])

    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=int(os.environ.get("LIVES", "4")),
            stateful_step_count=14,
            phases=[Phase.generate],  # shrinking would take minutes; the steps are shown anyway
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# -- the numbers of readings ----------------------------------------------------------------------


class Slow(Stripe):
    """The first answer travels so long that another is asked for, and written, meanwhile."""

    def __init__(self, quick: Stripe, meanwhile: Any) -> None:
        self.__dict__ = dict(quick.__dict__)
        self.meanwhile, self.asked = meanwhile, 0

    def read_subscription(self, id: str) -> Told | None:
        return self._late(super().read_subscription(id))

    def read_bill(self, id: str) -> BillTold | None:
        return self._late(super().read_bill(id))

    def _late(self, answer: Any) -> Any:
        self.asked += 1
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return answer


def test_an_answer_that_was_overtaken_is_asked_for_again(house: House, provider: Stripe) -> None:
    sub = subscribed(house)

    def meanwhile() -> None:
        house.v.subscriptions.update(sub.id, {"cancel_at_period_end": True})
        follow(provider, sub.id, by="the quick one")

    slow = Slow(provider, meanwhile)
    ours = follow(slow, sub.id, by="the slow one")
    assert (ours.state, slow.asked) == ("cancelled", 2)
    assert [(one.change, one.by) for one in Entry.objects.all()] == [
        ("began", "the quick one"),
        ("cancelled", "the quick one"),
    ]
    reading = Reading.objects.get(provider_id=sub.id)
    assert (reading.taken, reading.counted) == (3, 3)


def test_an_answer_asked_for_earlier_may_not_come_back_after_a_later_one(
    house: House, provider: Stripe
) -> None:
    """Also a bill's."""
    sub = subscribed(house)
    (bill,) = provider.bills(sub.id)
    follow(provider, sub.id, by="a test")

    def meanwhile() -> None:
        provider.refund(bill.id, 100, "k")
        follow_bill(provider, bill.id, by="the quick one")

    slow = Slow(provider, None)
    slow_told = provider.read_bill(bill.id)
    assert slow_told
    assert replace(slow_told, refunded=100) != slow_told
    answers = iter([None, meanwhile])  # the first look says whose it is

    def late(id: str) -> Any:
        slow.meanwhile = next(answers, None)
        return Slow.read_bill(slow, id)

    slow.read_bill = late  # type: ignore[method-assign]
    mine = follow_bill(slow, bill.id, by="the slow one")
    assert mine
    assert (mine.refunded, slow.asked) == (100, 3)


# -- processes ------------------------------------------------------------------------------------


def _apart(house: House, act: Any, *arguments: object) -> Apart:
    given = {"STRIPE_KEY": "sk_test_any", "STRIPE_API": house.base}
    return begin(act, *arguments, **given, STRIPE_WEBHOOK_SECRETS=[SECRET])


def test_two_processes_that_hear_the_same_events_at_once_keep_each_once(
    house: House, tmp_path: Path
) -> None:
    now, file = int(time.time()), tmp_path / "events"
    bodies = [
        json.dumps({"id": f"evt_{n}", "type": "x", "created": 1, "data": {"object": {}}}).encode()
        for n in range(60)
    ]
    file.write_text("".join(f"{signature(b, SECRET, now)}\t{b.decode()}\n" for b in bodies))
    both = [_apart(house, hear, file) for _ in range(2)]
    for one in both:
        assert one.line() == "ready\n"
    for one in both:
        one.tell("go")
    for one in both:
        assert one.rest().split() == ["200"] * 60
    assert WebhookEvent.objects.count() == 60


def test_a_worker_that_is_killed_again_and_again_loses_nothing(
    house: House, provider: Stripe
) -> None:
    subs = []
    for number in range(8):
        subs.append(subscribed(house))
        house.day(32, 2)
        if number % 2:
            provider.cancel(subs[-1].id, When.AT_THE_END, f"k{number}")
    bodies = told(house)
    random.Random(5).shuffle(bodies)
    assert set(in_threads(4, tell, bodies)) == {200}
    count, kills = WebhookEvent.objects.count(), 0
    for wait in (0.0, 0.03, 0.09):
        worker = _apart(house, work)
        worker.line()  # it has begun
        time.sleep(wait)
        kills += "done" not in worker.kill()
    assert kills >= 2, "the workers were too quick to be killed"
    assert "done" in _apart(house, work).rest()
    assert WebhookEvent.objects.count() == count
    all_is_settled(provider, subs)
