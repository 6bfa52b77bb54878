"""What leads a reader to a page of ours: Checkout sessions and portal sessions."""

import re
from typing import Any

from standfirst.subscriptions.standin import invoices, life, rules, shapes
from standfirst.subscriptions.standin.catalogue import currency_of, living, new_card
from standfirst.subscriptions.standin.errors import beyond, invalid
from standfirst.subscriptions.standin.events import save
from standfirst.subscriptions.standin.forms import META, MOMENT, PAGE
from standfirst.subscriptions.standin.routes import fields_of, listing, route
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id

LOCALES = (
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "et", "fi", "fil", "fr", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl",
    "sv", "th", "tr", "vi", "zh",
)  # fmt: skip


@route(
    "POST", "/v1/checkout/sessions",
    {"mode": ("subscription", "payment", "setup"), "success_url": str, "cancel_url": str,
     "customer": str, "customer_email": str, "client_reference_id": str, "currency": str,
     "line_items": [{"price": str, "quantity": int}], "metadata": META, "locale": LOCALES,
     "allow_promotion_codes": bool, "discounts": [{"coupon": str, "promotion_code": str}],
     "expires_at": int, "payment_method_collection": ("always", "if_required"),
     "ui_mode": ("hosted_page",),
     "billing_address_collection": ("auto",),
     "subscription_data": {
         "metadata": META, "description": str, "trial_period_days": int, "trial_end": int,
         "billing_mode": {"type": ("flexible",)},
         "trial_settings": {"end_behavior": {
             "missing_payment_method": ("cancel", "create_invoice", "pause")}}}},
    ["mode", "line_items", "success_url"],
)  # fmt: skip
def create_session(store: Store, params: Thing) -> Thing:
    if params["mode"] != "subscription":
        raise beyond("Checkout in another mode than subscription.", "mode")
    if len(params["line_items"]) != 1:
        raise beyond("Checkout of other than one price.", "line_items")
    if "customer" in params and "customer_email" in params:
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if params.get("allow_promotion_codes") and params.get("discounts"):
        raise invalid("You may only specify one of these parameters: allow_promotion_codes,"
                      " discounts.", "discounts")  # fmt: skip
    for name in ("success_url", "cancel_url"):
        if not re.match(r"https?://[^/\s]+", params.get(name, "http://x")):
            raise invalid("Not a valid URL", name, "url_invalid")
    customer = living(store, params["customer"]) if "customer" in params else None
    item = params["line_items"][0]
    price = store.need("price", item.get("price", ""), "line_items[0][price]")
    if not price["active"] or price["type"] != "recurring":
        raise invalid("The price is not active, or not recurring.", "line_items[0][price]")
    currency = currency_of(params["currency"]) if "currency" in params else price["currency"]
    now = store.now(customer["id"] if customer else None)
    expires = params.get("expires_at", now + rules.DAY)
    if not now + 30 * 60 <= expires <= now + rules.DAY:
        raise invalid("expires_at is 30 minutes to 24 hours from now.", "expires_at")
    key, data = new_id("cs_test"), params.get("subscription_data", {})
    amount, quantity = invoices.amount_in(price, currency), item.get("quantity", 1)
    session = shapes.checkout_session(
        key, now, expires_at=expires, url=f"{store.base}/pay/{key}", currency=currency,
        customer=customer["id"] if customer else None, metadata=params.get("metadata") or {},
        customer_creation=None if customer else "always",
        **fields_of(params, "success_url", "cancel_url", "client_reference_id", "customer_email",
                    "allow_promotion_codes", "locale", "payment_method_collection"),
        _price=price["id"], _quantity=quantity, _data=data, _given=[], _code=None,
        _line_items=[{
            "id": new_id("li"), "object": "item", "adjustable_quantity": None,
            "amount_discount": 0, "amount_subtotal": amount * quantity, "amount_tax": 0,
            "amount_total": amount * quantity, "currency": currency, "metadata": {},
            "description": store.need("product", price["product"])["name"],
            "price": price, "quantity": quantity}],
    )  # fmt: skip
    email = customer["email"] if customer else params.get("customer_email")
    session["customer_details"] = {
        "email": email, **shapes.nothing("address business_name individual_name name phone"),
        "tax_exempt": "none", "tax_ids": [],
    }  # fmt: skip
    if (
        trial_end(store, session)
        and "trial_end" in data
        and data["trial_end"] < now + 2 * rules.DAY
    ):
        raise invalid("trial_end must be at least 48 hours in the future.",
                      "subscription_data[trial_end]")  # fmt: skip
    offer(store, session, params.get("discounts", []))
    return save(store, session)


def trial_end(store: Store, session: Thing) -> int | None:
    data, now = session["_data"], store.now(session["customer"])
    if data.get("trial_period_days"):
        return rules.days_later(now, data["trial_period_days"])
    return data.get("trial_end")


def offer(store: Store, session: Thing, discounts: list[Thing]) -> None:
    """Lay these discounts over the session and work out what it comes to. Raises if one can't be
    used."""
    line = session["_line_items"][0]
    subtotal, off = line["amount_subtotal"], 0
    shown = []
    for one in discounts:
        code = None
        if "promotion_code" in one:
            code = store.need("promotion_code", one["promotion_code"], "discounts")
            life.usable(store, code, session["customer"])
        name = code["promotion"]["coupon"] if code else one.get("coupon", "")
        coupon = store.need("coupon", name, "discounts")
        if not life.usable_coupon(coupon, store.now(session["customer"])):
            raise invalid(
                f"Coupon {coupon['id']} is expired or used up.", "discounts", "coupon_expired"
            )
        if not invoices.covers(coupon, line["price"]):
            raise invalid("This coupon applies to nothing in this order.", "discounts",
                          "coupon_applies_to_nothing")  # fmt: skip
        off += rules.reduced(subtotal - off, coupon, session["currency"])
        shown.append({"coupon": None if code else coupon["id"],
                      "promotion_code": code["id"] if code else None})  # fmt: skip
    session["_given"], session["discounts"] = discounts, shown
    if trial_end(store, session):
        subtotal, off = 0, 0
    line |= {"amount_subtotal": subtotal or line["amount_subtotal"], "amount_discount": off,
             "amount_total": subtotal - off}  # fmt: skip
    session |= {"amount_subtotal": subtotal, "amount_total": subtotal - off}
    session["total_details"]["amount_discount"] = off


def enter_code(store: Store, session: Thing, word: str) -> None:
    """The promotion code that a reader typed on the pay page."""
    found = store.find("promotion_code", active=True, code=word.strip())
    if not found:
        raise invalid("This code is not known.", "discounts")
    offer(store, session, [{"promotion_code": found[0]["id"]}])
    save(store, session)


def complete(
    store: Store, session: Thing, number: str, email: str, *, confirmed: bool = False
) -> str:
    """Pay on the pay page: "ok", "ask" (the bank wants to be asked), or why the card was declined.

    Only "ok" changes anything; a session is paid once."""
    if session["status"] != "open":
        return "ok"
    trial = trial_end(store, session)
    free = session["amount_total"] == 0
    if not (free and session["payment_method_collection"] == "if_required"):
        said = rules.outcome(number, present=True, confirmed=confirmed)
        refused_at_once = number in rules.REFUSED_AT_ONCE
        if said == "ask" or (said in rules.SENTENCES and (refused_at_once or not trial)):
            return said
    customer = store.get(session["customer"] or "", "customer")
    if customer is None:
        customer = shapes.customer(new_id("cus"), store.now(), email=email or None)
        save(store, customer, "customer.created")
    living(store, customer["id"])
    if not customer["email"] and email:
        customer["email"] = email
        save(store, customer, "customer.updated")
    card = new_card(store, number, customer["id"])["id"] if number else None
    data = session["_data"]
    sub = life.begin(
        store, customer, store.need("price", session["_price"]), quantity=session["_quantity"],
        currency=session["currency"], trial_end=trial, method=card, present=True, confirmed=True,
        discounts=life.redeem(
            store, session["_given"], customer["id"], checkout_session=session["id"]),
        metadata=data.get("metadata") or {}, description=data.get("description"),
        trial_settings=data.get("trial_settings")
        or {"end_behavior": {"missing_payment_method": "create_invoice"}},
    )  # fmt: skip
    if sub["status"] not in ("active", "trialing"):
        raise AssertionError("a payment that was agreed to did not happen")
    session |= {
        "status": "complete", "subscription": sub["id"], "invoice": sub["latest_invoice"],
        "customer": customer["id"], "url": None,
        "payment_status": "paid" if session["amount_total"] else "no_payment_required",
    }  # fmt: skip
    session["customer_details"]["email"] = customer["email"] or email
    save(store, session, "checkout.session.completed")
    return "ok"


@route("GET", "/v1/checkout/sessions/{id}")
def read_session(store: Store, params: Thing, key: str) -> Thing:
    return store.need("checkout.session", key)


@route("GET", "/v1/checkout/sessions/{id}/line_items", PAGE)
def read_line_items(store: Store, params: Thing, key: str) -> Thing:
    session = store.need("checkout.session", key)
    return shapes.listed(session["_line_items"], f"/v1/checkout/sessions/{key}/line_items")


@route(
    "GET", "/v1/checkout/sessions",
    {**PAGE, "created": MOMENT, "customer": str, "subscription": str,
     "status": ("complete", "expired", "open")},
)  # fmt: skip
def list_sessions(store: Store, params: Thing) -> Thing:
    fields, customer = fields_of(params, "subscription", "status"), params.get("customer")
    path = "/v1/checkout/sessions"
    return listing(store, "checkout.session", path, params, customer=customer, fields=fields)


@route("POST", "/v1/checkout/sessions/{id}/expire")
def expire_session(store: Store, params: Thing, key: str) -> Thing:
    session = store.need("checkout.session", key)
    if session["status"] != "open":
        raise invalid('Only Checkout Sessions with a status in ["open"] can be expired.')
    session |= {"status": "expired", "url": None}
    return save(store, session, "checkout.session.expired")


# -- the portal ---------------------------------------------------------------------------------

FLOWS = ("payment_method_update", "subscription_cancel")


@route(
    "POST", "/v1/billing_portal/sessions",
    {"customer": str, "return_url": str, "locale": LOCALES,
     "flow_data": {"type": FLOWS, "subscription_cancel": {"subscription": str}}},
    ["customer"],
)  # fmt: skip
def create_portal(store: Store, params: Thing) -> Thing:
    customer = living(store, params["customer"])
    if not re.match(r"https?://[^/\s]+", params.get("return_url", "http://x")):
        raise invalid("Not a valid URL", "return_url", "url_invalid")
    key = new_id("bps")
    flow: Any = None
    if isinstance(params.get("flow_data"), dict):
        flow = {
            "type": params["flow_data"].get("type", FLOWS[0]), "subscription_cancel": None,
            "after_completion": {"type": "portal_homepage", "hosted_confirmation": None,
                                 "redirect": None},
            **shapes.nothing("customer_update subscription_update subscription_update_confirm"),
        }  # fmt: skip
        if flow["type"] == "subscription_cancel":
            named = params["flow_data"].get("subscription_cancel", {}).get("subscription", "")
            sub = store.need("subscription", named, "flow_data[subscription_cancel][subscription]")
            flow["subscription_cancel"] = {"subscription": sub["id"], "retention": None}
    session = shapes.portal_session(
        key, store.now(customer["id"]), customer=customer["id"], flow=flow,
        url=f"{store.base}/portal/{key}", **fields_of(params, "return_url", "locale"),
    )  # fmt: skip
    return save(store, session, "billing_portal.session.created")
