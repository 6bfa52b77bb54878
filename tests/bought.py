"""A magazine whose readers bought All-Access at a stand-in for Stripe, in this process."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from standfirst.members.models import Member
from standfirst.subscriptions.actions.following import follow_all
from standfirst.subscriptions.models import AtProvider, Plan, Price, Subscription
from standfirst.subscriptions.providers import for_readers
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.rules import Interval
from tests.standin.conftest import House, house, running

__all__ = ["Counter", "counter", "house", "running"]


class Counter:
    """Where things are bought; time is the stand-in's own, which begins now."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.plan = Plan.objects.create(name="All-Access")
        self.monthly = self._price(1000, Interval.MONTH, house.monthly.id)
        self.yearly = self._price(10000, Interval.YEAR, house.yearly.id)

    def _price(self, amount: int, interval: Interval, theirs: str) -> Price:
        made = Price.objects.create(
            plan=self.plan, currency="EUR", interval=interval, amount=amount
        )
        AtProvider.objects.create(
            provider="stripe", realm="stand-in", kind="price", ours=made.pk, theirs=theirs
        )
        return made

    @property
    def provider(self) -> Stripe:
        found = for_readers()
        assert isinstance(found, Stripe)
        return found

    def sell(
        self, member: Member, price: Any = None, card: str = "pm_card_visa", **more: Any
    ) -> Subscription:
        v = self.house.v
        someone = v.customers.create({"email": member.email})
        method = v.payment_methods.attach(card, {"customer": someone.id})
        v.customers.update(someone.id, {"invoice_settings": {"default_payment_method": method.id}})
        self.told = self.house.subscribe(
            someone, price, metadata={"standfirst_member": str(member.pk)}, **more
        )
        return self.read()

    def read(self, by: str = "stripe: an event") -> Subscription:
        """Let ours follow, as an event would make it."""
        found = follow_all(self.provider, self.told.id, by=by)
        return Subscription.objects.get(pk=found.pk)

    def go_on(self, days: float) -> Subscription:
        self.house.steer("/clock", advance_days=days)
        return self.read()

    def fail(self, path: str = "/v1/", **fault: Any) -> None:
        given = {"path": path, "kind": "error", "times": 50, **fault}
        self.house.steer("/faults", **given)

    def mend(self) -> None:
        self.house.steer("/faults", "DELETE")

    def theirs(self) -> Any:
        return self.house.v.subscriptions.retrieve(self.told.id)

    def taken(self) -> list[int]:
        """What was taken from cards, less what was given back."""
        found = self.house.v.charges.list({"limit": 100}).data
        return [one.amount - one.amount_refunded for one in found if one.status == "succeeded"]


@pytest.fixture
def counter(house: House, db: None, settings: Any) -> Counter:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_any", house.base
    provider = for_readers()
    assert isinstance(provider, Stripe)
    provider._calls._pauses = (0.01,)
    return Counter(house)


def day(number: float) -> datetime:
    return timezone.now() + timedelta(days=number)


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
