"""Stripe, by its official SDK. Decision 0019 says why it is made so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from standfirst.subscriptions.providers.base import (
    BillTold,
    Catalogue,
    CheckoutTold,
    Difference,
    Heard,
    Order,
    Refused,
    Told,
    When,
)
from standfirst.subscriptions.providers.stripe import catalogue as selling
from standfirst.subscriptions.providers.stripe import hearing, reading, returns
from standfirst.subscriptions.providers.stripe.calls import Calls
from standfirst.subscriptions.providers.stripe.reading import Thing

__all__ = ["Stripe"]

# At most four levels may be expanded, so payments are named here and read apart; and nothing below
# a customer, who may be deleted.
WITH = ("customer", "default_payment_method", "latest_invoice.payments")
LOCALES = frozenset(
    "bg cs da de el en es et fi fil fr hr hu id it ja ko lt lv ms mt nb nl pl pt ro ru sk sl sv"  # noqa: SIM905
    " th tr vi zh".split()
)
RECENT = 12  # bills looked through for the last that was paid


class Stripe:
    """The verbs of `Provider`. Safe under threads; made once for a process."""

    name = "stripe"

    def __init__(
        self, key: str, secrets: Sequence[str] = (), address: str = "", **patience: Any
    ) -> None:
        """`secrets` are the webhook endpoint's, `address` the stand-in's or "" for Stripe itself;
        `patience` see `Calls`."""
        live = key.startswith(("sk_live_", "rk_live_"))
        self.realm = "stand-in" if address else "live" if live else "test"
        self._secrets = tuple(secrets)
        self._calls = Calls(key, address, **patience)

    # -- buying ---------------------------------------------------------------------------------

    def put_customer(self, member: int, email: str, name: str, key: str) -> str:
        params = {"email": email, "name": name, "metadata": {"standfirst_member": str(member)}}
        given = {field: value for field, value in params.items() if value}
        return str(self._write(key, "customers.create", params=given)["id"])

    def start_checkout(self, order: Order, key: str) -> CheckoutTold:
        session = self._write(key, "checkout.sessions.create", params=_session(order))
        if session.replayed:  # as it was then; it may be paid meanwhile
            session = self._calls.read("checkout/sessions/{}", session["id"])
        return reading.checkout(session)

    def read_checkout(self, id: str) -> CheckoutTold | None:
        found = self._calls.find("checkout/sessions/{}", id)
        return reading.checkout(found) if found else None

    def expire_checkout(self, id: str) -> CheckoutTold:
        try:
            ended = self._calls.do(self._calls.writes.checkout.sessions.expire, id)
        except Refused:  # not open any more, or not known
            ended = self._calls.read("checkout/sessions/{}", id)
        return reading.checkout(ended)

    def portal(self, customer: str, return_url: str) -> str:
        params = {"customer": customer, "return_url": return_url}
        made = self._calls.do(self._calls.writes.billing_portal.sessions.create, params)
        return str(made["url"])

    # -- reading --------------------------------------------------------------------------------

    def read_subscription(self, id: str) -> Told | None:
        found = self._subscription(id)
        return self._told(found) if found else None

    def subscriptions(self, customer: str = "") -> Iterator[Told]:
        asked: dict[str, Any] = {"status": "all", "expand": [f"data.{one}" for one in WITH]}
        if customer:
            asked["customer"] = customer
        known = None if customer else returns.of_everybody(self._calls)
        for found in self._calls.each("subscriptions", **asked):
            yield self._told(found, known)

    def read_bill(self, id: str) -> BillTold | None:
        found = self._calls.find("invoices/{}", id, expand=["payments"])
        return self._bill(found) if found else None

    def bills(self, subscription: str = "") -> Iterator[BillTold]:
        asked: dict[str, Any] = {"expand": ["data.payments"]}
        if subscription:
            asked["subscription"] = subscription
        known = None if subscription else returns.of_everybody(self._calls)
        for found in self._calls.each("invoices", **asked):
            if not reading.subscription_of(found):
                continue  # somebody else's business
            if known is None:
                known = returns.of_customer(self._calls, reading.id_of(found["customer"]))
            yield self._bill(found, known)

    # -- changing -------------------------------------------------------------------------------
    # Each looks first: what is so already is not asked for. Beside keeping the promise of "stays
    # so", this lets a key be left behind for which Stripe kept an error (see Calls.write).

    def cancel(self, id: str, when: When, key: str) -> None:
        sub = self._need(id)
        if sub["status"] in reading.OVER:
            return
        # Nothing is paid for in these, so that the end of it is now; and no payment is tried again.
        unpaid = sub["status"] in ("incomplete", "past_due", "unpaid", "paused")
        if when is When.NOW or unpaid:
            self._end(id)
        elif not self._ends_by_itself(sub):
            self._write(key, "subscriptions.update", id, params={"cancel_at_period_end": True})

    def _ends_by_itself(self, sub: Thing) -> bool:
        ends = reading.ends_at(sub)
        return ends is not None and ends <= reading.item_of(sub)["current_period_end"]

    def _end(self, id: str) -> None:
        try:
            self._calls.do(self._calls.writes.subscriptions.cancel, id)
        except Refused:
            if self._need(id)["status"] not in reading.OVER:
                raise

    def resume(self, id: str, key: str) -> None:
        sub = self._need(id, *WITH)
        if sub["status"] in reading.OVER:
            raise Refused("This subscription has ended, and can't be taken up again.", "ended")
        params: dict[str, Any] = {}
        if sub["cancel_at_period_end"]:
            params["cancel_at_period_end"] = False
        elif sub.get("cancel_at") is not None:
            params["cancel_at"] = ""
        if sub.get("pause_collection"):
            params["pause_collection"] = ""
        if params:
            self._write(key, "subscriptions.update", id, params=params)
        if sub["status"] == "paused":
            params = {"billing_cycle_anchor": {"type": "now"}}
            self._write(f"{key}.resume", "subscriptions.resume", id, params=params)
        elif sub["status"] == "active" and self._is_unpaid(sub | {"pause_collection": None}):
            # A pause went over the end of a period, which therefore nobody paid for. So that what
            # is taken up again is open again, and not for nothing, a period begins now.
            params = {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none",
                      "payment_behavior": "error_if_incomplete"}  # fmt: skip
            self._write(
                f"{key}.anew", "subscriptions.update", id, params=params,
                unless=lambda: not self._is_unpaid(self._need(id, *WITH)),
            )  # fmt: skip

    def _is_unpaid(self, sub: Thing) -> bool:
        """Was nothing paid for the period that a subscription is in?"""
        return (self._paid_through(sub) or 0) <= reading.item_of(sub)["current_period_start"]

    def pause(self, id: str, until: datetime | None, key: str) -> None:
        sub = self._need(id)
        wanted: dict[str, Any] = {"behavior": "void"}
        if until is not None:
            wanted["resumes_at"] = int(until.timestamp())
        now = sub.get("pause_collection") or {}
        if {name: value for name, value in now.items() if value is not None} != wanted:
            params = {"pause_collection": wanted}
            self._write(key, "subscriptions.update", id, params=params)

    def change_price(self, id: str, price: str, key: str) -> None:
        item = reading.item_of(self._need(id))
        if item["price"]["id"] == price:
            return
        # The difference is settled at once; a card that is declined changes nothing.
        params = {
            "items": [{"id": item["id"], "price": price}],
            "proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete",
        }  # fmt: skip
        self._write(key, "subscriptions.update", id, params=params)

    def refund(self, bill: str, amount: int | None, key: str) -> None:
        paid = [
            one for one in self._calls.each("invoice_payments", invoice=bill, status="paid")
            if one["payment"]["type"] == "payment_intent"
        ]  # fmt: skip
        if not paid:
            raise Refused("Nothing was paid for this bill by card.", "nothing_paid")
        if amount is not None and not 0 < amount <= sum(one["amount_paid"] for one in paid):
            raise Refused("This is not between nought and what was paid.", "amount_wrong")
        left = amount
        for number, one in enumerate(paid):
            part = one["amount_paid"] if left is None else min(left, one["amount_paid"])
            if part:
                whole = None if left is None else part
                sub_key = f"{key}.{number}" if number else key
                self._refund_payment(one["payment"]["payment_intent"], whole, sub_key)
            left = None if left is None else left - part

    def _refund_payment(self, intent: str, amount: int | None, key: str) -> None:
        """Give back one payment, or a part. The refund bears the key: Stripe forgets keys after
        some days, and money must not be given back again then."""

        def is_done() -> bool:
            made = self._calls.each("refunds", payment_intent=intent)
            return any((one.get("metadata") or {}).get("key") == key for one in made)

        params: dict[str, Any] = {"payment_intent": intent, "metadata": {"key": key}}
        if amount is not None:
            params["amount"] = amount
        if not is_done():
            self._write(key, "refunds.create", params=params, unless=is_done)

    # -- events and the catalogue ---------------------------------------------------------------

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
        return hearing.heard(self._secrets, headers, body, now)

    def bill_of(self, payment: str) -> str:
        return hearing.bill_of(self._calls, payment)

    def differences(self, catalogue: Catalogue) -> list[Difference]:
        return selling.differences(self._calls, catalogue)

    def bring_in_line(self, catalogue: Catalogue) -> Iterator[tuple[str, int, str]]:
        return selling.bring_in_line(self._calls, catalogue)

    # -- inside ---------------------------------------------------------------------------------

    def _write(self, key: str, verb: str, *ids: str, params: Mapping[str, Any], **more: Any) -> Any:
        service = self._calls.writes
        for part in verb.split("."):
            service = getattr(service, part)
        return self._calls.write(key, service, *ids, params=params, **more)

    def _subscription(self, id: str) -> Thing | None:
        return self._calls.find("subscriptions/{}", id, expand=[*WITH])

    def _need(self, id: str, *expand: str) -> Thing:
        return self._calls.read("subscriptions/{}", id, **({"expand": [*expand]} if expand else {}))

    def _told(self, sub: Thing, known: returns.Returns | None = None) -> Told:
        """A subscription in our words, with what else has to be read for that. `known` is what was
        given back or taken back of everything, where that was read already."""
        through, came = self._paid_through(sub), self._returns(sub, known)
        amount = self._amount(sub)
        when, due = reading.next_payment(sub)
        if when is not None and due is None:
            due = self._preview(sub, amount) if reading.needs_a_preview(sub) else amount
        moments = [one.disputed_at for one in came if one.disputed_at is not None]
        return reading.told(
            sub, amount=amount, paid_through=through, next_amount=due,
            refunded=bool(came) and all(one.whole for one in came),
            disputed_at=min(moments, default=None), card=reading.card_of(self._method(sub)),
        )  # fmt: skip

    def _method(self, sub: Thing) -> Thing | None:
        """What is charged: the subscription's own, or else its customer's."""
        if sub.get("default_payment_method"):
            own: Thing = sub["default_payment_method"]
            return own
        settings = sub["customer"].get("invoice_settings") or {}
        key = reading.id_of(settings.get("default_payment_method"))
        return self._calls.find("payment_methods/{}", key) if key else None

    def _paid_through(self, sub: Thing) -> int | None:
        status, item = sub["status"], reading.item_of(sub)
        if status in ("incomplete", "incomplete_expired"):
            return None
        if status in ("trialing", "paused"):
            return int(sub.get("trial_end") or item["current_period_start"])
        if reading.is_being_paid(sub):
            return int(item["current_period_end"])
        if (until := reading.latest_paid_until(sub)) is not None:
            return until
        if status == "canceled":
            return int(item["current_period_start"])
        # Periods go on while nothing is paid; so what was paid says until when.
        ends = [period[1] for one in self._paid(sub) if (period := reading.period_of(one))]
        return int(ends[0] if ends else sub["start_date"])

    def _returns(self, sub: Thing, known: returns.Returns | None) -> list[returns.Return]:
        """What became of the latest payment."""
        if sub["status"] in ("incomplete", "incomplete_expired", "trialing"):
            return []
        if known is not None and reading.id_of(sub["customer"]) not in known.customers:
            return []
        last = reading.latest_bill(sub)
        if last is None or last["status"] != "paid" or not last["amount_paid"]:
            last = next((one for one in self._paid(sub) if one["amount_paid"]), None)
        return self._returns_of(last, known) if last else []

    def _returns_of(self, bill: Thing, known: returns.Returns | None) -> list[returns.Return]:
        intents = reading.intents_of(bill["payments"]["data"])
        if known is None:
            return returns.of_payments(self._calls, intents)
        return [known.by_intent.get(one, returns.Return()) for one in intents]

    def _paid(self, sub: Thing) -> list[Thing]:
        """The last bills that were paid, newest first."""
        if "_paid" not in sub:
            sub["_paid"] = self._calls.read(
                "invoices", subscription=sub["id"], status="paid", limit=RECENT,
                expand=["data.payments"],
            )["data"]  # fmt: skip
        found: list[Thing] = sub["_paid"]
        return found

    def _amount(self, sub: Thing) -> int:
        """What is asked each time. A subscription in another currency than its price's still shows
        the price in its own; then the price is read."""
        item = reading.item_of(sub)
        price, currency = item["price"], sub["currency"]
        if price["currency"] != currency:
            price = self._calls.read("prices/{}", price["id"], expand=["currency_options"])
            price = (price.get("currency_options") or {}).get(currency) or price
        return int(price.get("unit_amount") or 0) * int(item.get("quantity") or 1)

    def _preview(self, sub: Thing, amount: int) -> int:
        try:
            said = self._calls.work_out("invoices/create_preview", subscription=sub["id"])
        except Refused:  # nothing to preview: it has just changed, and is read again
            return amount
        return int(said["amount_due"])

    def _bill(self, thing: Thing, known: returns.Returns | None = None) -> BillTold:
        paid = thing["status"] == "paid" and thing["amount_paid"]
        came = self._returns_of(thing, known) if paid else []
        return reading.bill(
            thing, sum(one.amount for one in came),
            any(one.disputed_at is not None for one in came),
        )  # fmt: skip


def _session(order: Order) -> dict[str, Any]:
    member, language = str(order.member), order.language.partition("-")[0].lower()
    data: dict[str, Any] = {"metadata": {"standfirst_member": member}}
    if order.trial_days:
        data["trial_period_days"] = order.trial_days
    params: dict[str, Any] = {
        "mode": "subscription", "customer": order.customer, "client_reference_id": member,
        "line_items": [{"price": order.price, "quantity": 1}],
        "currency": order.currency.lower(), "subscription_data": data,
        "success_url": order.success_url.replace("{CHECKOUT}", "{CHECKOUT_SESSION_ID}"),
        "cancel_url": order.cancel_url, "locale": language if language in LOCALES else "auto",
    }  # fmt: skip
    if order.coupon:  # Stripe takes one or the other
        kind = "promotion_code" if order.coupon.startswith("promo_") else "coupon"
        params["discounts"] = [{kind: order.coupon}]
    elif order.codes:
        params["allow_promotion_codes"] = True
    return params
