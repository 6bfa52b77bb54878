"""The life of a subscription: begun, changed, paused, cancelled, carried on by the clock."""

from typing import Any

from standfirst.subscriptions.standin import invoices, rules, shapes
from standfirst.subscriptions.standin.errors import beyond, invalid
from standfirst.subscriptions.standin.events import save
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id

UPDATED = "customer.subscription.updated"


def redeem(store: Store, given: list[Thing], customer: str | None, **where: Any) -> list[str]:
    """Coupons and promotion codes as discounts: their ids. A spent or unknown one is refused."""
    if len(given) > 1:
        raise beyond("more than one coupon on a subscription.", "discounts")
    made = []
    for one in given:
        code = None
        if "promotion_code" in one:
            code = store.need("promotion_code", one["promotion_code"], "discounts")
            usable(store, code, customer)
            coupon = store.need("coupon", code["promotion"]["coupon"])
        else:
            coupon = store.need("coupon", one.get("coupon", ""), "discounts")
        now = store.now(customer)
        if not usable_coupon(coupon, now):
            raise invalid(f"Coupon {coupon['id']} is expired or used up.", "discounts",
                          "coupon_expired")  # fmt: skip
        coupon["times_redeemed"] += 1
        coupon["valid"] = usable_coupon(coupon, now)
        store.put(coupon)
        if code:
            code["times_redeemed"] += 1
            store.put(code)
        months = coupon["duration_in_months"]
        discount = shapes.discount(
            new_id("di"), now, coupon["id"], customer=customer, _coupon=coupon,
            promotion_code=code["id"] if code else None,
            end=rules.later(now, "month", months) if months else None, **where,
        )  # fmt: skip
        made.append(save(store, discount, "customer.discount.created")["id"])
    return made


def usable_coupon(coupon: Thing, now: int) -> bool:
    most, until = coupon["max_redemptions"], coupon["redeem_by"]
    return (most is None or coupon["times_redeemed"] < most) and (until is None or now < until)


def usable(store: Store, code: Thing, customer: str | None) -> None:
    """Raises if this promotion code may not be used by this customer now."""
    most, until = code["max_redemptions"], code["expires_at"]
    now = store.now(customer)
    over = (most is not None and code["times_redeemed"] >= most) or (until and until <= now)
    if not code["active"] or over or code["customer"] not in (None, customer):
        raise invalid("This promotion code can't be redeemed.", "discounts",
                      "promotion_code_expired")  # fmt: skip
    first = code["restrictions"]["first_time_transaction"]
    if first and customer and store.page("invoice", customer=customer, limit=1):
        raise invalid("This promotion code is for a customer's first purchase.", "discounts",
                      "promotion_code_customer_not_first_time")  # fmt: skip


def begin(
    store: Store, customer: Thing, price: Thing, *, quantity: int = 1, currency: str | None = None,
    trial_end: int | None = None, discounts: list[str] | None = None, method: str | None = None,
    behavior: str = "allow_incomplete", present: bool = False, confirmed: bool = False, **more: Any,
) -> Thing:  # fmt: skip
    """A subscription, its first invoice and, unless it is a trial, the first payment."""
    now = store.now(customer["id"])
    currency = currency or price["currency"]
    if not price["active"] or price["type"] != "recurring":
        raise invalid(
            f"The price {price['id']} is not active, or not recurring.", "items[0][price]"
        )
    invoices.amount_in(price, currency)
    running = [one for one in store.find("subscription", customer=customer["id"])
               if one["status"] not in ("canceled", "incomplete_expired")]  # fmt: skip
    if any(one["currency"] != currency for one in running):
        raise invalid("You cannot combine currencies on a single customer. This customer has a"
                      f" subscription in {running[0]['currency']}.", "currency")  # fmt: skip
    if trial_end is not None and trial_end <= now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end"
        )
    key = new_id("sub")
    end = trial_end or rules.boundary(now, price["recurring"], now)
    item = shapes.item(
        new_id("si"), now, key, price, quantity=quantity, current_period_start=now,
        current_period_end=end,
    )  # fmt: skip
    sub = shapes.subscription(
        key, now, customer=customer["id"], currency=currency, default_payment_method=method,
        items=shapes.listed([item], f"/v1/subscription_items?subscription={key}"),
        status="trialing" if trial_end else "incomplete", discounts=discounts or [],
        billing_cycle_anchor=trial_end or now, trial_start=now if trial_end else None,
        trial_end=trial_end, test_clock=customer["test_clock"], **more,
    )  # fmt: skip
    store.put(sub)
    for one in sub["discounts"]:
        store.put({**store.need("discount", one), "subscription": key})
    invoice = invoices.make(
        store, sub, "subscription_create", [invoices.period_line(store, sub, now)]
    )
    save(store, sub, "customer.subscription.created")
    invoices.finalize(store, invoice)
    if invoice["status"] == "open" and behavior != "default_incomplete":
        card = invoices.method_of(store, invoice)
        if card is None and not present:
            raise invalid("This customer has no attached payment source or default payment method.",
                          code="resource_missing")  # fmt: skip
        error = invoices.attempt(store, invoice, card, present=present, confirmed=confirmed)
        if error and behavior == "error_if_incomplete":
            error.keep = False
            raise error
    return store.need("subscription", key)


def change_price(
    store: Store, sub: Thing, price: Thing, quantity: int, behavior: str, *, strict: bool = False
) -> Thing:
    """Another price or number from now on. What was paid and not used is credited, what is left of
    the period charged: on the next invoice, or at once (`always_invoice`), or not (`none`). Another
    interval begins a new period now and is always charged at once."""
    now = store.now(sub["customer"])
    item = sub["items"]["data"][0]
    old, charged = item["price"], sub["_charged"]
    if not price["active"] or price["type"] != "recurring":
        raise invalid(
            f"The price {price['id']} is not active, or not recurring.", "items[0][price]"
        )
    invoices.amount_in(price, sub["currency"], "items[0][price]")
    names = ("interval", "interval_count")
    same = all(price["recurring"][name] == old["recurring"][name] for name in names)
    start, end = item["current_period_start"], item["current_period_end"]
    credit, lines = 0, []
    if behavior != "none" and charged and charged["amount"] and now < charged["end"]:
        whole = charged["end"] - charged["start"]
        credit = rules.share(charged["amount"], charged["end"] - max(now, charged["start"]), whole)
        lines.append(invoices.proration(store, sub, old, -credit, "Unused time on", (now, end)))
    item |= {"price": price, "plan": shapes.plan(price), "quantity": quantity}
    if sub["status"] == "trialing" or sub["status"] not in ("active", "past_due"):
        return save(store, sub, UPDATED)
    if not same:
        item |= {"current_period_start": now}
        item["current_period_end"] = rules.boundary(now, price["recurring"], now)
        sub["billing_cycle_anchor"] = now
        if sub["cancel_at_period_end"]:
            sub["cancel_at"] = item["current_period_end"]
        lines.append(invoices.period_line(store, sub, now))
    elif behavior != "none":
        amount = invoices.amount_in(price, sub["currency"]) * quantity
        amount -= sum(one["amount"] for one in invoices.take_off(store, sub, amount, now))
        rest = rules.share(amount, end - now, end - start)
        lines.append(invoices.proration(store, sub, price, rest, "Remaining time on", (now, end)))
        sub["_charged"] = {"amount": rest, "start": now, "end": end}
    if not same or (behavior == "always_invoice" and lines):
        invoice = invoices.make(store, sub, "subscription_update", lines)
        save(store, sub, UPDATED)
        if invoice["status"] == "draft" and invoice["auto_advance"]:
            invoices.finalize(store, invoice)
        if invoice["status"] == "open":
            error = invoices.attempt(store, invoice, invoices.method_of(store, invoice))
            if error and strict:
                error.keep = False
                raise error
    else:
        sub["_pending"] = [*sub.get("_pending", []), *lines]
        save(store, sub, UPDATED)
    return store.need("subscription", sub["id"])


def next_period(store: Store, sub: Thing, now: int) -> Thing:
    """A period is over (or a trial, or a pause): the next one, with its invoice in draft."""
    item = sub["items"]["data"][0]
    if sub["status"] == "trialing":
        customer = store.need("customer", sub["customer"])
        card = (
            sub["default_payment_method"]
            or (customer["invoice_settings"]["default_payment_method"])
        )
        wanted = sub["trial_settings"]["end_behavior"]["missing_payment_method"]
        if not card and wanted == "cancel":
            return end(store, sub, None)
        if not card and wanted == "pause":
            sub["status"] = "paused"
            return save(store, sub, "customer.subscription.paused", UPDATED)
        sub["status"] = "active"
    past = (item["current_period_start"], now)
    item["current_period_start"] = now
    item["current_period_end"] = rules.boundary(
        sub["billing_cycle_anchor"], item["price"]["recurring"], now
    )
    lines = [invoices.period_line(store, sub, now)]
    invoices.make(store, sub, "subscription_cycle", lines, past=past)
    return save(store, sub, UPDATED)


def end_trial(store: Store, sub: Thing) -> Thing:
    """The trial is over now; the first payment is asked for at once."""
    sub["trial_end"] = store.now(sub["customer"])
    return begin_anew(store, sub)


def begin_anew(store: Store, sub: Thing, *, strict: bool = False) -> Thing:
    """A period begins now, and is paid at once."""
    now = sub["billing_cycle_anchor"] = store.now(sub["customer"])
    next_period(store, sub, now)
    if sub["status"] == "active" and sub["latest_invoice"]:
        invoice = store.need("invoice", sub["latest_invoice"])
        if invoice["status"] == "draft" and invoice["auto_advance"]:
            invoices.finalize(store, invoice)
        if invoice["status"] == "open":
            error = invoices.attempt(store, invoice, invoices.method_of(store, invoice))
            if error and strict:
                error.keep = False
                raise error
    return store.need("subscription", sub["id"])


def cancel_later(store: Store, sub: Thing, at: int | None, *, flag: bool) -> Thing:
    """To end at this moment, or (None) not to end after all. `flag` is the field
    cancel_at_period_end; the portal sets cancel_at alone, so look at both."""
    sub["cancel_at_period_end"] = flag and at is not None
    sub["cancel_at"] = at
    sub["canceled_at"] = store.now(sub["customer"]) if at is not None else None
    reason = "cancellation_requested" if at is not None else None
    sub["cancellation_details"]["reason"] = reason
    if at is None:
        sub["cancellation_details"] |= {"comment": None, "feedback": None}
    return save(store, sub, UPDATED)


def end(store: Store, sub: Thing, reason: str | None) -> Thing:
    """Over, from now on. What is not paid is not asked for any more."""
    now = store.now(sub["customer"])
    sub |= {"status": "canceled", "ended_at": now, "canceled_at": sub["canceled_at"] or now}
    if reason:
        sub["cancellation_details"]["reason"] = reason
    for invoice in store.find("invoice", customer=sub["customer"], status=["draft", "open"]):
        owner = invoices.subscription_of(store, invoice)
        if owner and owner["id"] == sub["id"]:
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
            save(store, invoice, "invoice.updated")
    return save(store, sub, "customer.subscription.deleted")


def expire(store: Store, sub: Thing) -> Thing:
    """The first payment never came."""
    sub |= {"status": "incomplete_expired", "ended_at": store.now(sub["customer"])}
    invoice = store.get(sub["latest_invoice"] or "", "invoice")
    if invoice and invoice["status"] == "open":
        invoices.close(store, invoice, "void")
    return save(store, sub, UPDATED)


# -- by the clock -------------------------------------------------------------------------------


def advance(store: Store, clock: str, until: int) -> None:
    """Everything that happens by itself up to a moment, in its order, each at its own moment."""
    try:
        while found := store.next_due(clock, until):
            store.at, thing = found
            {"subscription": _subscription_due, "invoice": _invoice_due}.get(
                thing["object"], _session_due
            )(store, thing, store.at)
    finally:
        store.at = None


def _subscription_due(store: Store, sub: Thing, now: int) -> None:
    pause = sub["pause_collection"]
    if sub["status"] == "incomplete":
        expire(store, sub)
    elif sub["cancel_at"] is not None and sub["cancel_at"] <= now:
        end(store, sub, None)
    elif pause and pause["resumes_at"] is not None and pause["resumes_at"] <= now:
        sub["pause_collection"] = None
        save(store, sub, UPDATED)
    elif sub["status"] == "trialing" and not sub["_trial_told"] and now < sub["trial_end"]:
        sub["_trial_told"] = True
        save(store, sub, "customer.subscription.trial_will_end")
    else:
        sub["_trial_told"] = True
        next_period(store, sub, now)


def _invoice_due(store: Store, invoice: Thing, now: int) -> None:
    if invoice["status"] == "draft":
        invoices.finalize(store, invoice)
        if invoice["status"] != "open":
            return
    sub = invoices.subscription_of(store, invoice)
    error = invoices.attempt(store, invoice, invoices.method_of(store, invoice))
    if error and sub and invoice["next_payment_attempt"] is None:
        sub = store.need("subscription", sub["id"])
        wanted = store.setting("after_retries")
        if wanted == "cancel":
            end(store, sub, "payment_failed")
        elif wanted == "unpaid":
            sub["status"] = "unpaid"
            save(store, sub, UPDATED)


def _session_due(store: Store, session: Thing, now: int) -> None:
    session |= {"status": "expired", "url": None}
    save(store, session, "checkout.session.expired")
