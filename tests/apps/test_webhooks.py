"""What providers tell: kept before it is answered, believed only if signed, handled once whatever
happens, and shown where it cannot be."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from standfirst.project.checks import _subscriptions
from standfirst.project.cli import main
from standfirst.subscriptions import views
from standfirst.subscriptions.actions import follow, hearing
from standfirst.subscriptions.jobs.listening import handle_some
from standfirst.subscriptions.models import (
    Bill,
    Checkout,
    Entry,
    Plan,
    Price,
    Subscription,
    WebhookEvent,
)
from standfirst.subscriptions.providers.base import Heard, Progress, Told, Unreachable
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.standin.events import public, signature
from tests.making import make_magazine, make_member, make_staff
from tests.standin.conftest import WORKS, House
from tests.stripes import HERE, house, order, provider, running, standin_house, subscribed

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = [HERE, pytest.mark.django_db]
SECRET = "whsec_new"
Kind = WebhookEvent.Progress


@pytest.fixture(autouse=True)
def _set_up(settings: Any, house: House) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_any", house.base
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    views._noted = -views.NOTED_EVERY
    make_magazine()


def tell(body: bytes, secret: str = SECRET, ago: int = 0) -> Any:
    header = signature(body, secret, int(time.time()) - ago)
    return Client(enforce_csrf_checks=True).post(
        "/webhooks/stripe/", body, "application/json", headers={"stripe-signature": header}
    )


def told(house: House) -> list[bytes]:
    """Everything that the stand-in has to tell, oldest first."""
    found = [json.loads(str(one)) for one in house.v.events.list({"limit": 100}).data]
    return [json.dumps(public(one)).encode() for one in found[::-1]]


def event(**about: Any) -> bytes:
    given = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {}}, **about}
    return json.dumps(given).encode()


def work(hours: float = 0) -> None:
    """What the worker does, so many hours later."""
    now = datetime.now(UTC) + timedelta(hours=hours)
    while taken := hearing.take(now):
        hearing.handle(taken, views.by_name, now)


# -- at the door --------------------------------------------------------------------------------


def test_an_event_is_kept_before_it_is_answered_and_once() -> None:
    body = event(type="something.new")
    for _ in range(3):
        assert tell(body).status_code == 200
    kept = WebhookEvent.objects.get()
    assert (kept.event_id, kept.kind, kept.progress) == ("evt_1", "something.new", Kind.NEW)
    assert kept.body.encode() == body
    work()
    tell(body)
    kept.refresh_from_db()
    assert kept.progress == Kind.IGNORED  # of a kind that concerns nobody, and not handled again


@pytest.mark.parametrize(
    ("secret", "ago", "said"),
    [("whsec_x", 0, "not signed"), (SECRET, 400, "seconds ago"), (SECRET, -400, "ahead of")],
)
def test_what_is_forged_old_or_from_the_future_is_refused_and_told_of(
    secret: str, ago: int, said: str
) -> None:
    answer = tell(event(), secret, ago)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not answer.cookies
    assert not WebhookEvent.objects.exists()
    (finding,) = _subscriptions()
    assert "Forged events arrive at /webhooks/stripe/" in finding.sentence
    assert "STRIPE_WEBHOOK_SECRET" in finding.sentence


def test_other_ways_of_asking_are_refused(settings: Any) -> None:
    assert Client().get("/webhooks/stripe/").status_code == 405
    assert tell(event(pad="x" * 256 * 1024)).status_code == 413
    answer = Client().post("/webhooks/nobody/", b"{}", "application/json")
    assert (answer.status_code, "STRIPE_KEY" in answer.content.decode()) == (404, True)
    assert not WebhookEvent.objects.exists()
    assert cache.get(views.FORGED_SEEN) is None


def test_an_event_is_taken_while_the_provider_is_away(house: House) -> None:
    """Also one that names a payment alone, for which the provider must be asked."""
    house.steer("/faults", kind="error", when="before", path="/v1/*", times=9)
    refund = event(type="charge.refunded", data={"object": {"payment_intent": "pi_1"}})
    assert tell(refund).status_code == 200


# -- handling -----------------------------------------------------------------------------------


def test_events_in_any_order_lead_to_what_the_provider_says_now(house: House) -> None:
    member = make_member()
    sub = house.subscribe(house.customer(), metadata={"standfirst_member": str(member.pk)})
    house.day(32, 2)
    bodies = told(house)
    for body in [*bodies[::-1], *bodies]:
        assert tell(body).status_code == 200
    work()
    ours = Subscription.objects.get()
    assert (ours.member, ours.provider_id, ours.state) == (member, sub.id, "active")
    assert ours.paid_through is not None
    assert ours.paid_through.month == 3
    assert Bill.objects.count() == 2
    assert [one.change for one in Entry.objects.all()] == ["began"]
    assert not WebhookEvent.objects.filter(progress__in=[Kind.NEW, Kind.PARKED]).exists()


def test_events_that_wait_together_are_settled_by_one_reading(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = subscribed(house)
    for number in range(6):
        about = {"object": {"id": sub.id}}
        tell(event(id=f"evt_{number}", type="customer.subscription.updated", data=about))
    asked: list[str] = []
    read = Stripe.read_subscription

    def counted(self: Stripe, id: str) -> Told | None:
        asked.append(id)
        return read(self, id)

    monkeypatch.setattr(Stripe, "read_subscription", counted)
    assert handle_some() == 6
    assert asked == [sub.id]
    assert handle_some() == 0


def test_money_given_back_changes_bill_and_standing(house: House, provider: Stripe) -> None:
    sub = subscribed(house)
    follow(provider, sub.id, by="a test")
    (bill,) = provider.bills(sub.id)
    house.v.subscriptions.cancel(sub.id)
    provider.refund(bill.id, None, "k")
    for body in told(house):
        if json.loads(body)["type"] == "charge.refunded":
            tell(body)
    work()
    assert Bill.objects.get().refunded == 1000
    assert Subscription.objects.get().state == "refunded"


def test_a_checkout_is_as_far_as_at_the_provider(house: House, provider: Stripe) -> None:
    plan = Plan.objects.create(name="All-Access")
    price = Price.objects.create(plan=plan, currency="EUR", amount=1000)
    rows = []
    for paid in (True, False):
        begun = provider.start_checkout(order(house, house.customer(None).id), f"k{paid}")
        rows.append(
            Checkout.objects.create(
                member=make_member(), price=price, provider="stripe", provider_id=begun.id,
                key=f"00000000-0000-4000-8000-00000000000{int(paid)}", url=begun.url,
            )
        )  # fmt: skip
        if paid:
            house.page(begun.url, card=WORKS)
        else:
            provider.expire_checkout(begun.id)
    elsewhere = provider.start_checkout(order(house, house.customer(None).id), "k3")
    provider.expire_checkout(elsewhere.id)
    for body in told(house):
        tell(body)
    work()
    for row in rows:
        row.refresh_from_db()
    assert [one.progress for one in rows] == [Progress.PAID, Progress.EXPIRED]
    assert rows[0].subscription == Subscription.objects.get()
    foreign = WebhookEvent.objects.get(checkout=elsewhere.id)
    assert foreign.progress == Kind.IGNORED


def test_the_clock_of_the_provider_changes_nothing(house: House) -> None:
    """Events that say they were made tomorrow, or yesterday, lead to the same."""
    sub = subscribed(house)
    for number, moment in enumerate((time.time() + 86400, time.time() - 86400, 1)):
        about = {"object": {"id": sub.id}}
        kind = "customer.subscription.deleted"  # which is not so
        tell(event(id=f"evt_{number}", type=kind, created=int(moment), data=about))
    work()
    assert Subscription.objects.get().state == "active"
    assert set(WebhookEvent.objects.values_list("progress", flat=True)) == {Kind.HANDLED}


# -- what cannot be handled -----------------------------------------------------------------------


def about_nothing() -> WebhookEvent:
    """An event of a subscription that the provider does not know."""
    about = {"object": {"id": "sub_gone"}}
    tell(event(type="customer.subscription.updated", data=about))
    return WebhookEvent.objects.get()


def test_while_the_provider_is_away_events_wait_ever_longer_for_three_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(self: Stripe, id: str) -> Told:
        raise Unreachable("Stripe cannot be reached.")

    monkeypatch.setattr(Stripe, "read_subscription", away)
    one = about_nothing()
    came, pauses = one.received_at, []
    while True:
        now = one.due_at
        hearing.handle(hearing.take(now), views.by_name, now)
        one.refresh_from_db()
        if one.progress == Kind.PARKED:
            break
        pauses.append(one.due_at - now)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=2), timedelta(hours=1))
    assert timedelta(days=3) < now - came < timedelta(days=3, hours=2)
    assert one.trouble == "Stripe cannot be reached."


def test_poison_is_parked_shown_and_tried_again(house: House, capsys: Any) -> None:
    one = about_nothing()
    for hours in range(6):
        work(hours)
    one.refresh_from_db()
    assert (one.progress, one.tries) == (Kind.PARKED, hearing.MOST_TRIES)
    assert "Unknown: sub_gone (following.py, line" in one.trouble
    (finding,) = _subscriptions()
    assert finding.sentence.startswith("1 event of a provider could not be handled.")
    assert main(["subscriptions", "events", "--parked"]) == 1
    assert "evt_1  customer.subscription.updated: parked" in capsys.readouterr().out
    assert main(["subscriptions", "events", "--again", "evt_2"]) == 1
    assert main(["subscriptions", "events", "--again", "evt_1"]) == 0
    one.refresh_from_db()
    assert (one.progress, one.tries) == (Kind.NEW, 0)


def test_an_event_that_ends_its_worker_is_parked_and_holds_up_no_other(house: House) -> None:
    one = about_nothing()
    now = datetime.now(UTC)
    for _ in range(hearing.MOST_TRIES):
        assert hearing.take(now) == [one]  # and the worker is gone
        assert hearing.take(now + hearing.LEASE / 2) == []
        now += hearing.LEASE
    tell(event(id="evt_2"))
    assert [other.event_id for other in hearing.take(now)] == ["evt_2"]
    one.refresh_from_db()
    assert (one.progress, one.trouble) == (Kind.PARKED, "Each worker that handled this was ended.")


def test_a_fault_of_one_subscription_leaves_the_others_alone(house: House) -> None:
    sub = subscribed(house)
    about_nothing()
    about = {"object": {"id": sub.id}}
    tell(event(id="evt_2", type="customer.subscription.updated", data=about))
    work()
    assert WebhookEvent.objects.get(event_id="evt_2").progress == Kind.HANDLED
    assert WebhookEvent.objects.get(event_id="evt_1").progress == Kind.NEW


def test_what_old_events_said_is_forgotten_and_a_repeat_is_still_recognised() -> None:
    body = event(type="something.new")
    tell(body)
    work()
    now = datetime.now(UTC)
    hearing.forget_bodies(now + timedelta(days=91))
    assert WebhookEvent.objects.get().body == ""
    tell(body)
    assert WebhookEvent.objects.get().progress == Kind.IGNORED
    about_nothing_waits = event(id="evt_2")
    tell(about_nothing_waits)
    hearing.forget_bodies(now + timedelta(days=500))
    assert WebhookEvent.objects.get().event_id == "evt_2"  # not settled: kept whole


# -- in the newsroom ------------------------------------------------------------------------------


def test_the_newsroom_lists_events_and_decides_about_parked_ones(client: Client) -> None:
    one = about_nothing()
    WebhookEvent.objects.update(progress=Kind.PARKED, trouble="Unknown: sub_gone")
    client.force_login(make_staff())
    listed = client.get("/newsroom/webhook_events/?progress=parked").content.decode()
    assert "customer.subscription.updated" in listed
    page = client.get(f"/newsroom/webhook_events/inspect/{one.pk}/").content.decode()
    assert "sub_gone" in page
    assert "Try again" in page
    assert client.get(f"/newsroom/webhook_events/again/{one.pk}/").status_code == 405
    assert client.post(f"/newsroom/webhook_events/leave/{one.pk}/").status_code == 302
    one.refresh_from_db()
    assert one.progress == Kind.IGNORED
    assert "Left as it is by" in one.trouble
    WebhookEvent.objects.update(progress=Kind.PARKED)
    client.post(f"/newsroom/webhook_events/again/{one.pk}/")
    one.refresh_from_db()
    assert one.progress == Kind.NEW


def test_who_may_not_decide_is_turned_away(client: Client) -> None:
    one = about_nothing()
    WebhookEvent.objects.update(progress=Kind.PARKED)
    client.force_login(make_member())
    assert client.post(f"/newsroom/webhook_events/again/{one.pk}/").status_code in (302, 403)
    one.refresh_from_db()
    assert one.progress == Kind.PARKED


def test_heard_is_kept_by_its_own_id() -> None:
    now = datetime.now(UTC)
    heard = Heard(id="e", kind="k" * 300, created_at=now)
    hearing.keep("stripe", heard, b"{}", now)
    assert len(WebhookEvent.objects.get().kind) == 100
