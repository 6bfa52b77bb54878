"""Subscriptions, invoices, payments and refunds, as the API has them."""

from typing import Any

from standfirst.subscriptions.standin import invoices, life, rules
from standfirst.subscriptions.standin.catalogue import currency_of, living, merged
from standfirst.subscriptions.standin.errors import beyond, invalid
from standfirst.subscriptions.standin.events import save
from standfirst.subscriptions.standin.forms import META, MOMENT, PAGE
from standfirst.subscriptions.standin.routes import fields_of, listing, readable, route
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store

CREATED: Any = {"created": MOMENT}
DISCOUNTS: Any = [{"coupon": str, "promotion_code": str}]
MISSING: Any = {"end_behavior": {"missing_payment_method": ("cancel", "create_invoice", "pause")}}
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
PRORATIONS = ("always_invoice", "create_prorations", "none")
FEEDBACK = (
    "customer_service", "low_quality", "missing_features", "other", "switched_service",
    "too_complex", "too_expensive", "unused",
)  # fmt: skip
DETAILS: Any = {"comment": str, "feedback": FEEDBACK}
COMMON: Any = {
    "default_payment_method": str, "description": str, "metadata": META, "discounts": DISCOUNTS,
    "payment_behavior": BEHAVIORS, "proration_behavior": PRORATIONS, "off_session": bool,
    "trial_end": str, "trial_settings": MISSING, "cancel_at_period_end": bool, "cancel_at": str,
}  # fmt: skip


def moment(given: str, name: str, now: int) -> int:
    """A moment of the future; "now" is now."""
    if given == "now":
        return now
    if not given.isdigit() or not now < int(given) < 10**11:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", name)
    return int(given)


def card_of(store: Store, customer: str, key: str) -> str:
    if store.need("payment_method", key, "default_payment_method")["customer"] != customer:
        raise invalid("The customer does not have a payment method with this ID.",
                      "default_payment_method", "resource_missing")  # fmt: skip
    return key


def one_item(items: list[Thing]) -> Thing:
    if len(items) != 1:
        raise beyond("a subscription with other than one item.", "items")
    return items[0]


def ending(given: Thing | str) -> Thing:
    behavior = given["end_behavior"] if isinstance(given, dict) and "end_behavior" in given else {}
    return {"end_behavior": {"missing_payment_method": "create_invoice", **behavior}}


@route(
    "POST", "/v1/subscriptions",
    {**COMMON, "customer": str, "items": [{"price": str, "quantity": int}], "currency": str,
     "trial_period_days": int, "billing_mode": {"type": ("flexible",)}},
    ["customer", "items"],
)  # fmt: skip
def create_subscription(store: Store, params: Thing) -> Thing:
    customer = living(store, params["customer"])
    now = store.now(customer["id"])
    item = one_item(params["items"])
    price = store.need("price", item.get("price", ""), "items[0][price]")
    trial = None
    if params.get("trial_period_days"):
        trial = rules.days_later(now, params["trial_period_days"])
    if params.get("trial_end") not in (None, "now"):
        trial = moment(params["trial_end"], "trial_end", now)
    card = params.get("default_payment_method")
    sub = life.begin(
        store, customer, price, quantity=item.get("quantity", 1), trial_end=trial,
        currency=currency_of(params["currency"]) if "currency" in params else None,
        method=card_of(store, customer["id"], card) if card else None,
        discounts=life.redeem(store, params.get("discounts", []), customer["id"]),
        behavior=params.get("payment_behavior", "allow_incomplete"),
        metadata=params.get("metadata") or {}, description=params.get("description"),
        trial_settings=ending(params.get("trial_settings", {})),
    )  # fmt: skip
    if params.get("cancel_at_period_end") or params.get("cancel_at"):
        sub = update_subscription(
            store, fields_of(params, "cancel_at_period_end", "cancel_at"), sub["id"]
        )
    return sub


@route(
    "POST", "/v1/subscriptions/{id}",
    {**COMMON, "items": [{"id": str, "price": str, "quantity": int}],
     "pause_collection": {"behavior": ("keep_as_draft", "mark_uncollectible", "void"),
                          "resumes_at": int},
     "billing_cycle_anchor": {"type": ("now", "unchanged")}, "cancellation_details": DETAILS},
)  # fmt: skip
def update_subscription(store: Store, params: Thing, key: str) -> Thing:
    sub = store.need("subscription", key)
    now = store.now(sub["customer"])
    if sub["status"] in ("canceled", "incomplete_expired"):
        raise invalid(f"A {sub['status']} subscription can only have its metadata changed.")
    if "metadata" in params:
        sub["metadata"] = merged(sub, params["metadata"])
    if "description" in params:
        sub["description"] = params["description"] or None
    if "default_payment_method" in params:
        card = params["default_payment_method"]
        sub["default_payment_method"] = card_of(store, sub["customer"], card) if card else None
    if "trial_settings" in params:
        sub["trial_settings"] = ending(params["trial_settings"])
    if "pause_collection" in params:
        _pause(sub, params["pause_collection"], now)
    if "cancellation_details" in params:
        sub["cancellation_details"] |= params["cancellation_details"]
    if "discounts" in params:
        sub["discounts"] = life.redeem(
            store, params["discounts"], sub["customer"], subscription=sub["id"]
        )
    trial = params.get("trial_end")
    if trial not in (None, "now"):
        _prolong(sub, moment(trial, "trial_end", now))
    save(store, sub, "customer.subscription.updated")
    if trial == "now" and sub["status"] == "trialing":
        sub = life.end_trial(store, sub)
    if "items" in params:
        sub = _change(store, sub, params)
    if params.get("billing_cycle_anchor", {}).get("type") == "now":
        sub = _begin_anew(store, sub, params)
    return _ending(store, sub, params, now)


def _begin_anew(store: Store, sub: Thing, params: Thing) -> Thing:
    if sub["status"] != "active" or params.get("proration_behavior") != "none":
        raise beyond("a new anchor for what is not active, or with proration.",
                     "billing_cycle_anchor")  # fmt: skip
    strict = params.get("payment_behavior") == "error_if_incomplete"
    return life.begin_anew(store, sub, strict=strict)


def _pause(sub: Thing, given: Thing | str, now: int) -> None:
    if isinstance(given, str):  # "" ends the pause
        sub["pause_collection"] = None
        return
    if "behavior" not in given:
        raise invalid("Missing required param: pause_collection[behavior].",
                      "pause_collection[behavior]", "parameter_missing")  # fmt: skip
    resumes = given.get("resumes_at")
    if resumes is not None and resumes <= now:
        raise invalid("Invalid timestamp: must be in the future.", "pause_collection[resumes_at]")
    sub["pause_collection"] = {"behavior": given["behavior"], "resumes_at": resumes}


def _prolong(sub: Thing, until: int) -> None:
    if sub["status"] != "trialing":
        raise beyond("a trial for a subscription that is already paid for.", "trial_end")
    sub |= {"trial_end": until, "billing_cycle_anchor": until, "_trial_told": False}
    sub["items"]["data"][0]["current_period_end"] = until
    if sub["cancel_at_period_end"]:
        sub["cancel_at"] = until


def _change(store: Store, sub: Thing, params: Thing) -> Thing:
    given, item = one_item(params["items"]), sub["items"]["data"][0]
    if given.get("id") != item["id"]:
        raise beyond("a second item; name the one there is (items[0][id]).", "items[0][id]")
    price = store.need("price", given.get("price", item["price"]["id"]), "items[0][price]")
    quantity = given.get("quantity", item["quantity"])
    if not 1 <= quantity <= 999_999:
        raise invalid("Invalid quantity.", "items[0][quantity]")
    if (price["id"], quantity) == (item["price"]["id"], item["quantity"]):
        return sub
    behavior = params.get("proration_behavior", "create_prorations")
    strict = params.get("payment_behavior") == "error_if_incomplete"
    return life.change_price(store, sub, price, quantity, behavior, strict=strict)


def _ending(store: Store, sub: Thing, params: Thing, now: int) -> Thing:
    if "cancel_at" in params:
        at = moment(params["cancel_at"], "cancel_at", now) if params["cancel_at"] else None
        return life.cancel_later(store, sub, at, flag=False)
    if "cancel_at_period_end" in params:
        end = sub["items"]["data"][0]["current_period_end"]
        at = end if params["cancel_at_period_end"] else None
        return life.cancel_later(store, sub, at, flag=True)
    return sub


@route(
    "DELETE", "/v1/subscriptions/{id}",
    {"invoice_now": bool, "prorate": bool, "cancellation_details": DETAILS},
)  # fmt: skip
def cancel_subscription(store: Store, params: Thing, key: str) -> Thing:
    """At once. Nothing is given back by itself; `invoice_now` with `prorate` credits the customer's
    balance with what was not used."""
    sub = store.need("subscription", key)
    if sub["status"] in ("canceled", "incomplete_expired"):
        raise invalid(f"No such subscription: '{key}'", "id", "resource_missing")
    if params.get("invoice_now", False) != params.get("prorate", False):
        raise beyond("invoice_now without prorate, or the other way round.", "prorate")
    sub["cancellation_details"] |= params.get("cancellation_details", {})
    if params.get("prorate") and sub["status"] == "active" and sub["_charged"]["amount"]:
        _credit(store, sub)
    return life.end(store, sub, "cancellation_requested")


def _credit(store: Store, sub: Thing) -> None:
    now, charged, price = (
        store.now(sub["customer"]),
        sub["_charged"],
        sub["items"]["data"][0]["price"],
    )
    whole = charged["end"] - charged["start"]
    amount = rules.share(charged["amount"], charged["end"] - now, whole)
    period = (now, charged["end"])
    line = invoices.proration(store, sub, price, -amount, "Unused time on", period)
    invoice = invoices.make(store, sub, "subscription_update", [line])
    store.put(sub)
    invoices.finalize(store, invoice)


@route("POST", "/v1/subscriptions/{id}/resume", {"billing_cycle_anchor": {"type": ("now",)}})
def resume_subscription(store: Store, params: Thing, key: str) -> Thing:
    """Out of `paused` (a trial that ended without a card): a period begins now and is paid now."""
    sub = store.need("subscription", key)
    if sub["status"] != "paused":
        raise invalid("Subscription must have a status of `paused` to be resumed.")
    sub["status"] = "active"
    save(store, sub, "customer.subscription.resumed")
    return life.end_trial(store, sub)


@route("GET", "/v1/subscriptions/{id}")
def read_subscription(store: Store, params: Thing, key: str) -> Thing:
    return store.need("subscription", key)


STATES = (
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused",
    "trialing", "unpaid",
)  # fmt: skip


@route(
    "GET", "/v1/subscriptions",
    {**PAGE, **CREATED, "customer": str, "status": STATES, "test_clock": str},
)  # fmt: skip
def list_subscriptions(store: Store, params: Thing) -> Thing:
    """Without `status` those that are not canceled."""
    wanted = params.get("status")
    fields = fields_of(params, "test_clock")
    over = ["canceled", "incomplete_expired"]
    if wanted is None:
        fields["status"] = [one for one in STATES if one not in ("canceled", "all", "ended")]
    elif wanted != "all":
        fields["status"] = over if wanted == "ended" else wanted
    customer = params.get("customer")
    return listing(
        store, "subscription", "/v1/subscriptions", params, customer=customer, fields=fields
    )


# -- invoices -----------------------------------------------------------------------------------


readable(
    "invoice", "/v1/invoices",
    {**CREATED, "customer": str, "subscription": str,
     "status": ("draft", "open", "paid", "uncollectible", "void")},
    subscription="parent.subscription_details.subscription",
)  # fmt: skip


@route("POST", "/v1/invoices/{id}/pay", {"payment_method": str, "off_session": bool})
def pay_invoice(store: Store, params: Thing, key: str) -> Thing:
    invoice = store.need("invoice", key)
    if invoice["status"] == "draft":
        invoices.finalize(store, invoice)
    if invoice["status"] == "paid" and invoice["amount_due"] == 0:
        return invoice
    card = params.get("payment_method")
    method = store.need("payment_method", card, "payment_method") if card else None
    error = invoices.attempt(store, invoice, method or invoices.method_of(store, invoice))
    if error:
        raise error
    return store.need("invoice", key)


@route("POST", "/v1/invoices/{id}/finalize", {"auto_advance": bool})
def finalize_invoice(store: Store, params: Thing, key: str) -> Thing:
    return invoices.finalize(store, store.need("invoice", key))


@route("POST", "/v1/invoices/{id}/void")
def void_invoice(store: Store, params: Thing, key: str) -> Thing:
    return invoices.close(store, store.need("invoice", key), "void")


@route("POST", "/v1/invoices/{id}/mark_uncollectible")
def write_off(store: Store, params: Thing, key: str) -> Thing:
    return invoices.close(store, store.need("invoice", key), "uncollectible")


@route(
    "GET", "/v1/invoice_payments",
    {**PAGE, "invoice": str, "status": ("canceled", "open", "paid"),
     "payment": {"type": ("payment_intent",), "payment_intent": str}},
)  # fmt: skip
def list_invoice_payments(store: Store, params: Thing) -> Thing:
    fields = fields_of(params, "invoice", "status")
    fields |= {f"payment.{name}": value for name, value in params.get("payment", {}).items()}
    return listing(store, "invoice_payment", "/v1/invoice_payments", params, fields=fields)


# -- what was paid, and given back --------------------------------------------------------------


readable("payment_intent", "/v1/payment_intents", {**CREATED, "customer": str})


readable("charge", "/v1/charges", {**CREATED, "customer": str, "payment_intent": str})


@route(
    "POST", "/v1/refunds",
    {"payment_intent": str, "charge": str, "amount": int, "metadata": META,
     "reason": ("duplicate", "fraudulent", "requested_by_customer")},
)  # fmt: skip
def create_refund(store: Store, params: Thing) -> Thing:
    if ("payment_intent" in params) == ("charge" in params):
        raise invalid("One of charge and payment_intent is needed.", "payment_intent")
    key = params.get("charge")
    if "payment_intent" in params:
        intent = store.need("payment_intent", params["payment_intent"], "payment_intent")
        key = intent["latest_charge"]
        if intent["status"] != "succeeded" or key is None:
            raise invalid(f"PaymentIntent {intent['id']} has no successful charge to refund.",
                          "payment_intent")  # fmt: skip
    charge = store.need("charge", key or "", "charge")
    return invoices.refund(
        store, charge, params.get("amount"), reason=params.get("reason"),
        metadata=params.get("metadata") or {},
    )  # fmt: skip


readable("refund", "/v1/refunds", {**CREATED, "payment_intent": str, "charge": str})


readable("dispute", "/v1/disputes", {**CREATED, "payment_intent": str, "charge": str})
