"""Invoices: made, numbered, paid or not. Amounts are integers of minor units."""

from typing import Any

from standfirst.subscriptions.standin import rules, shapes
from standfirst.subscriptions.standin.errors import Refused, declined, invalid
from standfirst.subscriptions.standin.events import public, save, tell
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id


def amount_in(price: Thing, currency: str, param: str = "currency") -> int:
    """What a price asks in a currency. A price knows its own and those of `currency_options`."""
    if price["currency"] == currency:
        return int(price["unit_amount"])
    option = price["_currency_options"].get(currency)
    if option is None:
        known = ", ".join(sorted({price["currency"], *price["_currency_options"]}))
        raise invalid(f"The price `{price['id']}` only supports {known}, not {currency}.", param)
    return int(option["unit_amount"])


def name_of(store: Store, price: Thing) -> str:
    """What a price is for, also when its product was lost."""
    product = store.get(price["product"], "product")
    return product["name"] if product else "(a product that is gone)"


def take_off(store: Store, sub: Thing, amount: int, at: int) -> list[Thing]:
    """What the subscription's discounts take off this amount, one after the other."""
    taken: list[Thing] = []
    for key in sub["discounts"]:
        discount = store.need("discount", key)
        if discount["end"] is not None and discount["end"] <= at:
            continue
        coupon = store.get(discount["source"]["coupon"], "coupon") or discount["_coupon"]
        if not covers(coupon, sub["items"]["data"][0]["price"]):
            continue
        off = rules.reduced(amount, coupon, sub["currency"])
        amount -= off
        if off:
            taken.append({"amount": off, "discount": key})
    return taken


def covers(coupon: Thing, price: Thing) -> bool:
    """May this coupon take something off this price?"""
    return not coupon["_products"] or price["product"] in coupon["_products"]


def forget_used(store: Store, sub: Thing, used: list[Thing], at: int) -> None:
    """Leave out discounts that count once and have counted, and those whose time is over."""
    keys = {one["discount"] for one in used}
    kept = []
    for key in sub["discounts"]:
        discount = store.need("discount", key)
        once = discount["_coupon"]["duration"] == "once" and key in keys
        if not once and (discount["end"] is None or discount["end"] > at):
            kept.append(key)
    sub["discounts"] = kept


def period_line(store: Store, sub: Thing, at: int) -> Thing:
    """The line for the period the subscription's item is in, with what was taken off, and a note
    of what was asked for it: a credit is worked out from that."""
    item = sub["items"]["data"][0]
    price, period = item["price"], (item["current_period_start"], item["current_period_end"])
    free = sub["status"] == "trialing"
    amount = 0 if free else amount_in(price, sub["currency"]) * item["quantity"]
    off = take_off(store, sub, amount, at)
    net = amount - sum(one["amount"] for one in off)
    sub["_charged"] = {"amount": net, "start": period[0], "end": period[1]}
    name = name_of(store, price)
    text = f"Trial period for {name}" if free else f"{item['quantity']} × {name}"
    return shapes.invoice_line(new_id("il"), "", sub, price, amount, text, period, discounts=off)


def proration(
    store: Store, sub: Thing, price: Thing, amount: int, text: str, period: tuple[int, int]
) -> Thing:
    name = name_of(store, price)
    return shapes.invoice_line(
        new_id("il"), "", sub, price, amount, f"{text} {name}", period, proration=True
    )


def make(
    store: Store, sub: Thing, reason: str, lines: list[Thing], *,
    past: tuple[int, int] | None = None,
) -> Thing:  # fmt: skip
    """A draft for these lines and what waited for the next invoice. A renewal names the period that
    is over (`past`), which the invoice shows as its own, and waits an hour before it is final."""
    customer = store.need("customer", sub["customer"])
    now = store.now(customer["id"])
    key = new_id("in")
    lines = [*sub.pop("_pending", []), *lines]
    for line in lines:
        line["invoice"] = key
    off: dict[str, int] = {}
    for line in lines:
        for one in line["discount_amounts"]:
            off[one["discount"]] = off.get(one["discount"], 0) + one["amount"]
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(off.values())
    held = sub["status"] == "unpaid" or (
        (sub["pause_collection"] or {}).get("behavior") == "keep_as_draft"
    )
    invoice = shapes.invoice(
        key, now, customer=customer["id"], currency=sub["currency"],
        customer_email=customer["email"], customer_name=customer["name"], billing_reason=reason,
        lines=shapes.listed(lines, f"/v1/invoices/{key}/lines"), subtotal=subtotal, total=total,
        subtotal_excluding_tax=subtotal, total_excluding_tax=total, test_clock=sub["test_clock"],
        total_discount_amounts=[{"amount": a, "discount": d} for d, a in off.items()],
        discounts=list(off), amount_due=max(0, total), amount_remaining=max(0, total),
        period_start=past[0] if past else now, period_end=past[1] if past else now,
        parent={"type": "subscription_details", "quote_details": None,
                "subscription_details": {"metadata": sub["metadata"], "subscription": sub["id"]}},
        auto_advance=not held,
        automatically_finalizes_at=now + rules.DRAFT_FOR if past and not held else None,
    )  # fmt: skip
    forget_used(store, sub, invoice["total_discount_amounts"], now)
    sub["latest_invoice"] = key
    if customer["currency"] is None:
        customer["currency"] = sub["currency"]
        save(store, customer, "customer.updated")
    save(store, invoice, "invoice.created")
    pause = (sub["pause_collection"] or {}).get("behavior")
    if pause in ("void", "mark_uncollectible"):
        finalize(store, invoice)
        if invoice["status"] == "open":
            close(store, invoice, "void" if pause == "void" else "uncollectible")
    return invoice


def finalize(store: Store, invoice: Thing) -> Thing:
    """Number it and open it; the customer's balance counts. Nothing to pay is paid at once."""
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice."
        )
    customer = store.need("customer", invoice["customer"])
    now, starting = store.now(customer["id"]), customer["balance"]
    due = max(0, invoice["total"] + starting)
    number = customer["next_invoice_sequence"]
    customer |= {"next_invoice_sequence": number + 1, "balance": invoice["total"] + starting - due}
    save(store, customer, *(["customer.updated"] if customer["balance"] != starting else []))
    page = f"{store.base}/invoice/{invoice['id']}"
    invoice |= {
        "status": "open", "number": f"{customer['invoice_prefix']}-{number:04d}",
        "effective_at": now,
        "amount_due": due, "amount_remaining": due, "starting_balance": starting,
        "ending_balance": customer["balance"], "hosted_invoice_url": page,
        "invoice_pdf": f"{page}/pdf", "automatically_finalizes_at": None,
    }  # fmt: skip
    invoice["status_transitions"]["finalized_at"] = now
    if due:
        intent = shapes.payment_intent(
            new_id("pi"), now, due, invoice["currency"], customer=customer["id"],
            description="Subscription", _invoice=invoice["id"],
        )  # fmt: skip
        invoice["_intent"] = intent["id"]
        save(store, intent, "payment_intent.created")
        payment = shapes.invoice_payment(new_id("inpay"), now, invoice, intent["id"])
        store.put({**payment, "_customer": customer["id"]})
    save(store, invoice, "invoice.finalized", "invoice.updated")
    if not due:
        _paid(store, invoice)
    return invoice


def close(store: Store, invoice: Thing, status: str) -> Thing:
    """Void it, or mark it uncollectible."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only do this to an open invoice; this one is {invoice['status']}.")
    invoice |= {"status": status, "next_payment_attempt": None}
    word = "voided" if status == "void" else "marked_uncollectible"
    invoice["status_transitions"][f"{word}_at"] = store.now(invoice["customer"])
    if status == "void":
        invoice["amount_remaining"] = 0
        if invoice["_intent"]:
            intent = store.need("payment_intent", invoice["_intent"])
            intent |= {"status": "canceled", "cancellation_reason": "void_invoice",
                       "canceled_at": store.now(invoice["customer"]),
                       "next_action": None}  # fmt: skip
            save(store, intent, "payment_intent.canceled")
    return save(store, invoice, f"invoice.{word}", "invoice.updated")


def method_of(store: Store, invoice: Thing) -> Thing | None:
    """The card an invoice is charged to: its own, its subscription's, its customer's."""
    sub = subscription_of(store, invoice)
    customer = store.need("customer", invoice["customer"])
    key = (
        invoice["default_payment_method"]
        or (sub and sub["default_payment_method"])
        or customer["invoice_settings"]["default_payment_method"]
    )
    return store.get(key, "payment_method") if key else None


def subscription_of(store: Store, invoice: Thing) -> Thing | None:
    details = (invoice["parent"] or {}).get("subscription_details")
    return store.get(details["subscription"], "subscription") if details else None


def attempt(
    store: Store, invoice: Thing, method: Thing | None, *, present: bool = False,
    confirmed: bool = False,
) -> Refused | None:  # fmt: skip
    """Charge an open invoice once. None when the money was taken, else why not (not raised)."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(
            "Invoice is already paid" if invoice["status"] == "paid" else "Invoice is not open"
        )
    now = store.now(invoice["customer"])
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    intent = store.need("payment_intent", invoice["_intent"])
    if method is None:
        error = invalid("There is no default_payment_method set on this Customer or Invoice.",
                        "payment_method", "resource_missing")  # fmt: skip
        error.keep = True
        _not_paid(store, invoice, "invoice.payment_failed")
        return error
    intent["payment_method"] = method["id"]
    said = rules.outcome(method["_number"], present=present, confirmed=confirmed)
    if said == "ask":
        url = f"{store.base}/invoice/{invoice['id']}"
        intent |= {"status": "requires_action", "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": None, "url": url}}}  # fmt: skip
        save(store, intent, "payment_intent.requires_action")
        _not_paid(store, invoice, "invoice.payment_action_required", "invoice.payment_failed")
        return declined("invoice_payment_intent_requires_action", None,
                        "Invoice payment intent requires action")  # fmt: skip
    if said not in ("ok", "dispute"):
        return _declined(store, invoice, intent, method, said)
    charge = shapes.charge(new_id("ch"), now, intent, method)
    intent |= {
        "status": "succeeded", "latest_charge": charge["id"], "next_action": None,
        "amount_received": intent["amount"], "last_payment_error": None,
    }  # fmt: skip
    save(store, charge, "charge.succeeded")
    save(store, intent, "payment_intent.succeeded")
    _paid(store, invoice)
    if said == "dispute":
        open_dispute(store, charge, "fraudulent")
    return None


def _declined(store: Store, invoice: Thing, intent: Thing, method: Thing, said: str) -> Refused:
    code = said if said == "expired_card" else "card_declined"
    error = declined(code, said if code == "card_declined" else None, rules.SENTENCES[said])
    charge = shapes.charge(
        new_id("ch"), store.now(invoice["customer"]), intent, method, status="failed", paid=False,
        captured=False, amount_captured=0, failure_code=code, failure_message=rules.SENTENCES[said],
    )  # fmt: skip
    error.error |= {"charge": charge["id"]}
    intent |= {
        "status": "requires_payment_method", "latest_charge": charge["id"], "next_action": None,
        "payment_method": None,
        "last_payment_error": {**error.error, "payment_method": public(method)},
    }  # fmt: skip
    save(store, charge, "charge.failed")
    save(store, intent, "payment_intent.payment_failed")
    error.error["payment_intent"] = public(intent)
    _not_paid(store, invoice, "invoice.payment_failed")
    return error


def _not_paid(store: Store, invoice: Thing, *types: str) -> None:
    """Say so; the subscription is past due, or still waits for its first payment."""
    retries = store.setting("retries")
    count = invoice["attempt_count"]
    first = invoice["billing_reason"] == "subscription_create"
    again = None if first or count > len(retries) else retries[count - 1]
    now = store.now(invoice["customer"])
    invoice["next_payment_attempt"] = None if again is None else now + again * rules.DAY
    save(store, invoice, *types, "invoice.updated")
    sub = subscription_of(store, invoice)
    if sub and sub["status"] == "active":
        sub["status"] = "past_due"
        save(store, sub, "customer.subscription.updated")


def _paid(store: Store, invoice: Thing) -> None:
    now = store.now(invoice["customer"])
    invoice |= {
        "status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0,
        "next_payment_attempt": None, "attempted": True, "auto_advance": False,
    }  # fmt: skip
    invoice["status_transitions"]["paid_at"] = now
    save(store, invoice, "invoice.paid", "invoice.payment_succeeded", "invoice.updated")
    for payment in store.find(
        "invoice_payment", customer=invoice["customer"], invoice=invoice["id"]
    ):
        payment |= {"status": "paid", "amount_paid": invoice["amount_paid"]}
        payment["status_transitions"]["paid_at"] = now
        save(store, payment, "invoice_payment.paid")
    sub = subscription_of(store, invoice)
    latest = sub and sub["latest_invoice"] in (invoice["id"], None)
    if sub and latest and sub["status"] in ("incomplete", "past_due", "unpaid"):
        sub["status"] = "active"
        save(store, sub, "customer.subscription.updated")


def refund(store: Store, charge: Thing, amount: int | None, **more: Any) -> Thing:
    """Give money back; never more than was taken and not yet given back."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not charge["paid"]:
        raise invalid(f"Charge {charge['id']} is not a successful charge and can't be refunded.")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.",
                      code="charge_already_refunded")  # fmt: skip
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        money = rules.shown(left, charge["currency"])
        raise invalid(f"Refund amount is not between zero and what is left ({money}).", "amount")
    now = store.now(charge["customer"])
    thing = shapes.refund(new_id("re"), now, charge, amount, **more)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    save(store, thing, "refund.created")
    save(store, charge, "charge.refunded")
    return thing


def open_dispute(store: Store, charge: Thing, reason: str) -> Thing:
    """The bank takes the money back until it has decided."""
    if charge["disputed"] or not charge["paid"]:
        raise invalid(f"Charge {charge['id']} can't be disputed.")
    now = store.now(charge["customer"])
    charge["disputed"] = True
    save(store, charge, "charge.updated")
    return save(store, shapes.dispute(new_id("du"), now, charge, reason), "charge.dispute.created")


def close_dispute(store: Store, dispute: Thing, *, won: bool) -> Thing:
    dispute["status"] = "won" if won else "lost"
    save(store, dispute)
    tell(store, "charge.dispute.closed", dispute)
    return dispute
