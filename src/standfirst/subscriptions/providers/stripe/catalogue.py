"""What is sold, as it stands at Stripe and as it should.

Everything of ours bears our id in its metadata, so that it is found again when a program was
killed between making it and noting its id. What Stripe never changes (an amount, a reduction) is
made anew, and the old one put away; whoever has it keeps it. Looking and doing are one walk.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from standfirst.subscriptions.providers.base import (
    Catalogue,
    CouponWanted,
    Difference,
    PlanWanted,
    PriceWanted,
)
from standfirst.subscriptions.providers.stripe.calls import Calls
from standfirst.subscriptions.providers.stripe.reading import Thing, id_of
from standfirst.subscriptions.rules import Interval

MARK = "standfirst_{}"  # the name in the metadata, by kind


def differences(calls: Calls, catalogue: Catalogue) -> list[Difference]:
    """What `bring_in_line` would do; nothing is changed."""
    walk = _Walk(calls, catalogue, doing=False)
    for _ in walk.all():
        pass
    return walk.found


def bring_in_line(calls: Calls, catalogue: Catalogue) -> Iterator[tuple[str, int, str]]:
    """Do it, giving (kind, our id, Stripe's id) as soon as each stands there. A code's id is that
    of its promotion code."""
    return _Walk(calls, catalogue, doing=True).all()


class _Walk:
    """Once through the catalogue; `found` is what was, or would be, done."""

    def __init__(self, calls: Calls, catalogue: Catalogue, *, doing: bool) -> None:
        self.calls, self.catalogue, self.doing = calls, catalogue, doing
        self.found: list[Difference] = []
        self.now = time.time()

    def all(self) -> Iterator[tuple[str, int, str]]:
        self._read()
        products: dict[int, str | None] = {}
        offered = set()
        for plan in self.catalogue.plans:
            products[plan.ours] = self._plan(plan)
            offered |= {plan.ours} if plan.offered else set()
            yield from _stands("plan", plan.ours, products[plan.ours])
        for price in self.catalogue.prices:
            product, sold = products.get(price.plan), price.offered and price.plan in offered
            yield from _stands("price", price.ours, self._price(price, product, sold))
            yield from _stands("intro", price.ours, self._intro(price, product, sold))
        for coupon in self.catalogue.coupons:
            only = [products.get(plan) for plan in coupon.plans]
            yield from _stands("coupon", coupon.ours, self._coupon(coupon, only))

    def _read(self) -> None:
        each = self.calls.each
        self.products, self.prices = list(each("products")), list(each("prices"))
        self.coupons = list(each("coupons", expand=["data.applies_to"]))
        self.codes = list(each("promotion_codes"))

    def _candidates(self, things: list[Thing], kind: str, ours: int) -> list[Thing]:
        """What may be this: the one we know first, then what bears our id, newest first."""
        known, mark = self.catalogue.known.get((kind, ours)), MARK.format(kind)
        first = [one for one in things if one["id"] == known]
        marked = [one for one in things if (one.get("metadata") or {}).get(mark) == str(ours)]
        return first + [one for one in marked if one["id"] != known]

    # -- plans ----------------------------------------------------------------------------------

    def _plan(self, plan: PlanWanted) -> str | None:
        found = next(iter(self._candidates(self.products, "plan", plan.ours)), None)
        wanted = {"name": plan.name, "description": plan.text, "active": plan.offered}
        if found is None:
            if not plan.offered:
                return None
            given = {name: value for name, value in wanted.items() if value != ""}
            return self._make(
                "plan", plan.ours, f"Plan “{plan.name}” is not at Stripe; make it.",
                self.calls.writes.products.create, given,
            )  # fmt: skip
        changed = {
            name: new for name, new in wanted.items() if (found.get(name) or "") != (new or "")
        }
        if changed:
            self._do(
                "plan", plan.ours, f"Plan “{plan.name}”: change {_words(changed)}.",
                self.calls.writes.products.update, found["id"], params=changed,
            )  # fmt: skip
        return str(found["id"])

    # -- prices ---------------------------------------------------------------------------------

    def _price(self, price: PriceWanted, product: str | None, sold: bool) -> str | None:
        candidates = self._candidates(self.prices, "price", price.ours)
        kept = next((one for one in candidates if _is_price(one, price, product)), None)
        name = self._name_of(price)
        made: str | None = kept["id"] if kept else None
        if kept is None and sold:
            made = self._make(
                "price", price.ours, f"Price {name} is not at Stripe; make it.",
                self.calls.writes.prices.create, {
                    "product": product, "currency": price.currency.lower(),
                    "unit_amount": price.amount, "recurring": {"interval": price.interval.value}},
            )  # fmt: skip
        elif kept is not None and kept["active"] != sold:
            word = "sell it again" if sold else "sell it no more"
            self._do(
                "price", price.ours, f"Price {name}: {word}.",
                self.calls.writes.prices.update, kept["id"], params={"active": sold},
            )  # fmt: skip
        for other in candidates:
            if other is not kept and other["active"]:
                self._do(
                    "price", price.ours, f"Price {name}: sell the old one no more.",
                    self.calls.writes.prices.update, other["id"], params={"active": False},
                )  # fmt: skip
        return made

    def _name_of(self, price: PriceWanted) -> str:
        plans = {plan.ours: plan.name for plan in self.catalogue.plans}
        return f"{plans.get(price.plan, '')} ({price.currency}, {price.interval})".strip()

    def _intro(self, price: PriceWanted, product: str | None, sold: bool) -> str | None:
        """The coupon that makes the first payments cheaper."""
        candidates = self._candidates(self.coupons, "intro", price.ours)
        wanted = None
        if price.reduction:
            months = price.reduced_periods * (12 if price.interval is Interval.YEAR else 1)
            wanted = {
                "amount_off": price.reduction, "currency": price.currency.lower(),
                **_lasting(price.reduced_periods, months), "applies_to": [product],
            }  # fmt: skip
        name = self._name_of(price)
        kept = next((one for one in candidates if _is_coupon(one, wanted)), None)
        made: str | None = kept["id"] if kept else None
        if wanted is not None and kept is None and sold:
            made = self._make(
                "intro", price.ours, f"Introductory price of {name}: make it.",
                self.calls.writes.coupons.create,
                {**_as_asked(wanted), "name": "Introductory price"},
            )  # fmt: skip
        for other in candidates:
            if other is not kept and (wanted is None or sold):
                self._do(
                    "intro", price.ours, f"Introductory price of {name}: give the old one no more.",
                    self.calls.writes.coupons.delete, other["id"],
                )  # fmt: skip
        return made

    # -- codes ----------------------------------------------------------------------------------

    def _coupon(self, coupon: CouponWanted, only: list[str | None]) -> str | None:
        """A coupon says how much, a promotion code what is typed; neither changes."""
        wanted: Thing = _lasting(coupon.periods, coupon.periods) | {"applies_to": only}
        if coupon.percent:
            wanted |= {"percent_off": coupon.percent}
        else:
            wanted |= {"amount_off": coupon.amount, "currency": coupon.currency.lower()}
        until = int(coupon.until.timestamp()) if coupon.until else None
        rules = {"code": coupon.code, "expires_at": until, "max_redemptions": coupon.most}
        coupons = {one["id"]: one for one in self.coupons}
        candidates = self._candidates(self.codes, "coupon", coupon.ours)
        kept = next((
            one for one in candidates if all(one.get(name) == rules[name] for name in rules)
            and _is_coupon(coupons.get(id_of(one["promotion"]["coupon"])), wanted)
        ), None)  # fmt: skip
        for other in candidates:  # first, since one word is one active code
            if other is not kept and other["active"]:
                self._do(
                    "coupon", coupon.ours, f"Code {coupon.code}: take the old one no more.",
                    self.calls.writes.promotion_codes.update, other["id"],
                    params={"active": False},
                )  # fmt: skip
        over = until is not None and until <= self.now
        if kept is None:
            return None if over or not coupon.offered else self._new_code(coupon, wanted, rules)
        used_up = coupon.most is not None and kept["times_redeemed"] >= coupon.most
        if kept["active"] != coupon.offered and not over and not used_up:
            word = "take it again" if coupon.offered else "take it no more"
            self._do(
                "coupon", coupon.ours, f"Code {coupon.code}: {word}.",
                self.calls.writes.promotion_codes.update, kept["id"],
                params={"active": coupon.offered},
            )  # fmt: skip
        return str(kept["id"])

    def _new_code(self, coupon: CouponWanted, wanted: Thing, rules: Thing) -> str | None:
        marked = self._candidates(self.coupons, "coupon", coupon.ours)
        there = next((one["id"] for one in marked if _is_coupon(one, wanted)), None)
        sentence = f"Code {coupon.code} is not at Stripe; make it."
        if not self.doing:
            self.found.append(Difference(kind="coupon", ours=coupon.ours, sentence=sentence))
            return None
        base = there or self._make(
            "coupon", coupon.ours, sentence, self.calls.writes.coupons.create,
            {**_as_asked(wanted), "name": coupon.code},
        )  # fmt: skip
        given = {name: value for name, value in rules.items() if value is not None}
        return self._make(
            "coupon", coupon.ours, sentence, self.calls.writes.promotion_codes.create,
            {**given, "promotion": {"type": "coupon", "coupon": base}},
        )  # fmt: skip

    # -- doing ----------------------------------------------------------------------------------

    def _make(
        self, kind: str, ours: int, sentence: str, call: Callable[..., Any], params: Thing
    ) -> str | None:
        mark = {MARK.format(kind): str(ours)}
        made = self._do(kind, ours, sentence, call, params={**params, "metadata": mark})
        return str(made["id"]) if made else None

    def _do(
        self, kind: str, ours: int, sentence: str, call: Callable[..., Any], *ids: str,
        params: Thing | None = None,
    ) -> Thing | None:  # fmt: skip
        """Note it and, when doing, do it. A fresh key each time: what is there was looked at, and
        an old key would bring back the answer about a thing that was deleted since."""
        self.found.append(Difference(kind=kind, ours=ours, sentence=sentence))
        if not self.doing:
            return None
        return self.calls.write(uuid.uuid4().hex, call, *ids, params=params or {})


def _stands(kind: str, ours: int, theirs: str | None) -> Iterator[tuple[str, int, str]]:
    if theirs is not None:
        yield kind, ours, theirs


def _is_price(thing: Thing, price: PriceWanted, product: str | None) -> bool:
    recurring = thing.get("recurring") or {}
    return (
        id_of(thing["product"]) == product
        and thing["currency"] == price.currency.lower()
        and thing.get("unit_amount") == price.amount
        and recurring.get("interval") == price.interval.value
        and recurring.get("interval_count") == 1
    )


def _lasting(periods: int, months: int) -> Thing:
    if periods == 0:
        return {"duration": "forever"}
    if periods == 1:
        return {"duration": "once"}
    return {"duration": "repeating", "duration_in_months": months}


def _is_coupon(thing: Thing | None, wanted: Thing | None) -> bool:
    """Does this coupon take off what is wanted, from what is wanted, for as long?"""
    if thing is None or wanted is None:
        return False
    names = ("percent_off", "amount_off", "currency", "duration", "duration_in_months")
    products = (thing.get("applies_to") or {}).get("products") or []
    same = set(products) == set(wanted["applies_to"])
    return same and all(thing.get(name) == wanted.get(name) for name in names)


def _as_asked(wanted: Thing) -> Thing:
    products = {"products": wanted["applies_to"]}
    return {**wanted, "applies_to": products} if wanted["applies_to"] else _without(wanted)


def _without(wanted: Thing) -> Thing:
    return {name: value for name, value in wanted.items() if name != "applies_to"}


def _words(changed: Thing) -> str:
    said = {"name": "its name", "description": "its text", "active": "whether it is sold"}
    return " and ".join(said[name] for name in changed)
