"""What is sold, brought in line at Stripe: made, changed, found again, made anew."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from standfirst.subscriptions.providers.base import (
    Catalogue,
    CouponWanted,
    PlanWanted,
    PriceWanted,
    Refused,
    Unreachable,
)
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.rules import Interval
from tests.standin.conftest import WORKS, House
from tests.stripes import HERE, house, order, provider, running, standin_house

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = HERE

PLANS = (
    PlanWanted(ours=1, name="All-Access", text="Everything.", offered=True),
    PlanWanted(ours=2, name="Students", text="", offered=True),
)
PRICES = (
    PriceWanted(ours=1, plan=1, currency="EUR", amount=1000, interval=Interval.MONTH, offered=True,
                reduction=900, reduced_periods=3),
    PriceWanted(ours=2, plan=1, currency="JPY", amount=15000, interval=Interval.YEAR, offered=True),
    PriceWanted(ours=3, plan=2, currency="EUR", amount=500, interval=Interval.MONTH, offered=True),
)  # fmt: skip
COUPONS = (CouponWanted(ours=1, code="SPRING", percent=20, periods=1, plans=(1,)),)
WHOLE = Catalogue(plans=PLANS, prices=PRICES, coupons=COUPONS)


def brought(provider: Stripe, catalogue: Catalogue) -> Catalogue:
    """Bring it in line; the catalogue with the ids that are known then."""
    stands = {(kind, ours): theirs for kind, ours, theirs in provider.bring_in_line(catalogue)}
    done = dataclasses.replace(catalogue, known={**catalogue.known, **stands})
    assert not provider.differences(done)
    return done


def changed(catalogue: Catalogue, field: str, at: int, **more: Any) -> Catalogue:
    things = list(getattr(catalogue, field))
    things[at] = dataclasses.replace(things[at], **more)
    return dataclasses.replace(catalogue, **{field: tuple(things)})


def kinds(provider: Stripe, catalogue: Catalogue) -> list[str]:
    return [one.kind for one in provider.differences(catalogue)]


def test_the_catalogue_is_made_and_can_be_bought(house: House, provider: Stripe) -> None:
    assert kinds(provider, WHOLE) == ["plan", "plan", "price", "intro", "price", "price", "coupon"]
    assert len(house.v.products.list().data) == 1  # of the house: nothing was made yet
    known = brought(provider, WHOLE).known
    assert set(known) == {("plan", 1), ("plan", 2), ("price", 1), ("intro", 1), ("price", 2),
                          ("price", 3), ("coupon", 1)}  # fmt: skip
    assert brought(provider, WHOLE).known == known  # found again, also by what they bear
    someone = house.customer(None)
    begun = provider.start_checkout(
        order(house, someone.id, price=known["price", 1], coupon=known["intro", 1]), "k1"
    )
    house.page(begun.url, card=WORKS)
    house.day(92)
    (told,) = provider.subscriptions()
    assert (told.price, told.amount, told.next_amount) == (known["price", 1], 1000, 1000)
    assert [one.total for one in provider.bills(told.id)] == [1000, 100, 100, 100]
    other = house.customer(None).id
    begun = provider.start_checkout(
        order(house, other, price=known["price", 3], codes=True, trial_days=7), "k2"
    )
    assert "nothing in this order" in house.page(begun.url, code="SPRING")[2]
    with pytest.raises(Refused):
        provider.start_checkout(
            order(house, other, price=known["price", 3], coupon=known["intro", 1]), "k3"
        )


def test_it_is_finished_by_whoever_comes_next(house: House) -> None:
    """The connection is lost after each single thing that was made, before its id was heard."""
    hasty, times = Stripe("sk_test_any", address=house.base, pauses=()), 0
    while hasty.differences(WHOLE):
        house.steer("/faults", method="POST", kind="drop", when="after")
        with pytest.raises(Unreachable):
            list(hasty.bring_in_line(WHOLE))
        times += 1
    assert times == 2 + 3 + 1 + 2
    assert len(house.v.products.list().data) == 2 + 1
    assert len(house.v.prices.list().data) == 3 + 2
    assert len(house.v.coupons.list().data) == 2
    assert len(house.v.promotion_codes.list().data) == 1


def test_what_changed_is_changed_or_made_anew(house: House, provider: Stripe) -> None:
    done = brought(provider, WHOLE)
    old = done.known
    done = brought(provider, changed(done, "plans", 0, name="Everything", text=""))
    assert house.v.products.retrieve(old["plan", 1]).name == "Everything"
    dearer = changed(done, "prices", 0, amount=1200, reduction=1000)
    assert kinds(provider, dearer) == ["price", "price", "intro", "intro"]
    done = brought(provider, dearer)
    assert done.known["price", 1] != old["price", 1]
    assert not house.v.prices.retrieve(old["price", 1]).active  # who pays it goes on
    done = brought(provider, changed(done, "coupons", 0, percent=30))
    assert [one.active for one in house.v.promotion_codes.list().data] == [True, False]
    for offered in (False, True):
        done = brought(provider, changed(done, "plans", 1, offered=offered))
        done = brought(provider, changed(done, "coupons", 0, offered=offered))
        assert house.v.products.retrieve(done.known["plan", 2]).active is offered
        assert house.v.prices.retrieve(done.known["price", 3]).active is offered
        assert house.v.promotion_codes.retrieve(done.known["coupon", 1]).active is offered
    done = brought(provider, changed(done, "prices", 0, reduction=0, reduced_periods=0))
    assert len(house.v.coupons.list().data) == 2  # both of the code


def test_what_was_deleted_at_stripe_is_made_anew(house: House, provider: Stripe) -> None:
    done = brought(provider, WHOLE)
    house.steer("/forget", id=done.known["plan", 1])
    assert "plan" in kinds(provider, done)
    again = brought(provider, done)
    assert again.known["plan", 1] != done.known["plan", 1]
    assert again.known["price", 1] != done.known["price", 1]
    assert again.known["price", 3] == done.known["price", 3]
    house.steer("/forget", id=again.known["price", 2])
    assert kinds(provider, again) == ["price"]
    brought(provider, again)


def test_a_plan_that_is_not_offered_is_not_made(house: House, provider: Stripe) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    asleep = changed(changed(WHOLE, "plans", 1, offered=False), "coupons", 0, until=past)
    known = brought(provider, asleep).known
    assert not {("plan", 2), ("price", 3), ("coupon", 1)} & set(known)
