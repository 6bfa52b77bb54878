"""Random lives of a subscription at Stripe: what the adapter tells of each step is held to what
was in fact paid, and what is said to be taken next to what is then taken."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import stripe

from standfirst.subscriptions.providers.base import Refused, Told, When
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.rules import State
from tests.standin.conftest import DAY, NEW_YEAR, House
from tests.stripes import (
    HERE,
    another_card,
    day,
    house,
    provider,
    read,
    running,
    standin_house,
    subscribed,
)

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = [HERE, pytest.mark.attack]


class Life:
    """One reader, and everything that may happen to her, by chance."""

    def __init__(self, house: House, provider: Stripe, seed: int) -> None:
        self.house, self.provider, self.chance = house, provider, random.Random(seed)
        self.today, self.steps = 0.0, 0
        choice = self.chance.choice
        house.steer("/dunning", after_retries=choice(["cancel", "unpaid", "past_due"]))
        self.prices = [house.monthly, house.yearly, house.price(3100, "month")]
        given: dict[str, Any] = {"price": choice(self.prices[:2])}
        if trial := choice([0, 0, 7, 40]):
            given["trial_period_days"] = trial
        if choice([True, False, False]):
            asked = {"amount_off": 900, "currency": "eur", "duration": "repeating"}
            coupon = house.v.coupons.create({**asked, "duration_in_months": 3})
            given["discounts"] = [{"coupon": coupon.id}]
        self.sub = subscribed(house, **given)

    def step(self) -> None:
        """Something happens, or is refused."""
        self.steps += 1
        id, key, one = self.sub.id, str(self.steps), self.provider
        later = day(self.today + self.chance.choice([3, 40]))
        price = self.chance.choice(self.prices).id
        update = self.house.v.subscriptions.update
        might: list[Callable[[], Any]] = [
            *[self.wait] * 6,
            lambda: another_card(self.house, self.sub),
            lambda: another_card(self.house, self.sub, "pm_card_visa"),
            lambda: one.pause(id, self.chance.choice([None, later]), key),
            lambda: one.resume(id, key),
            lambda: one.cancel(id, self.chance.choice([*[When.AT_THE_END] * 3, When.NOW]), key),
            lambda: one.change_price(id, price, key),
            lambda: one.refund(next(one.bills(id)).id, self.chance.choice([None, 100]), key),
            # On the portal:
            lambda: update(id, {"cancel_at": int(later.timestamp())}),
            lambda: update(id, {"items": [{"id": self.sub.items.data[0].id, "price": price}]}),
        ]
        with suppress(Refused, stripe.InvalidRequestError, stripe.CardError):
            self.chance.choice(might)()

    def wait(self, days: float = 0) -> None:
        self.today += days or self.chance.choice([1 / 24, 1, 5, 20, 31])
        self.house.day(self.today)

    def told(self) -> Told:
        return read(self.provider, self.sub)

    def paid_until(self) -> int:
        """The end of what was paid for or free to try, by the bills' lines."""
        sub = self.house.v.subscriptions.retrieve(self.sub.id)
        asked: Any = {"subscription": sub.id, "status": "paid", "limit": 100}
        lines = [line for one in self.house.v.invoices.list(asked).data for line in one.lines.data]
        ends = [one.period.end for one in lines
                if not one.parent.subscription_item_details.proration]  # fmt: skip
        return max([*ends, sub.trial_end or 0])

    def is_being_paid(self) -> bool:
        sub = self.house.v.subscriptions.retrieve(self.sub.id, {"expand": ["latest_invoice"]})
        return sub.status == "active" and sub.latest_invoice.status in ("draft", "open")

    def taken(self) -> int:
        asked: Any = {"customer": self.sub.customer, "limit": 100}
        return sum(one.amount_captured for one in self.house.v.charges.list(asked).data if one.paid)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_told_is_what_was_paid_and_what_will_be_taken(
    house: House, provider: Stripe, seed: int
) -> None:
    life = Life(house, provider, seed)
    for _ in range(12):
        life.step()
        told = life.told()
        if told.state not in (State.ENDED, State.REFUNDED, State.INCOMPLETE):
            assert told.dates.paid_through is not None
            through = told.dates.paid_through.timestamp()
            assert through <= life.paid_until() or life.is_being_paid()
            now = NEW_YEAR + life.today * DAY
            assert through > now or life.paid_until() <= now or told.state is State.PAST_DUE
        if told.next_at and life.chance.random() < 0.3:
            another_card(house, life.sub, "pm_card_visa")
            said, before = life.told().next_amount, life.taken()
            wait = (told.next_at - day(life.today)) / timedelta(days=1)
            life.wait(max(wait, 0) + 1 / 86400)
            life.wait(1.01 / 24)  # a renewal's bill is a draft for an hour
            assert life.taken() - before == said
