"""What is sold and to whom: customers and their cards, products, prices, coupons, codes."""

import re
from typing import Any

from standfirst.subscriptions.standin import life, rules, shapes
from standfirst.subscriptions.standin.errors import declined, invalid
from standfirst.subscriptions.standin.events import save, tell
from standfirst.subscriptions.standin.forms import META, MOMENT, PAGE
from standfirst.subscriptions.standin.routes import fields_of, listing, readable, route
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store, new_id

CREATED: Any = {"created": MOMENT}
PERSON: Any = {
    "email": str, "name": str, "description": str, "phone": str, "metadata": META,
    "preferred_locales": [str], "invoice_settings": {"default_payment_method": str},
}  # fmt: skip


def merged(thing: Thing, given: Any) -> Thing:
    """Metadata with what was given laid over it; an empty value takes a key out, "" all of them."""
    if given == "":
        return {}
    both = {**thing["metadata"], **given}
    return {name: value for name, value in both.items() if value != ""}


def write(thing: Thing, params: Thing, *names: str) -> None:
    """Set these fields where they were given; "" is null."""
    for name in names:
        if name in params:
            thing[name] = None if params[name] == "" else params[name]
    if "metadata" in params:
        thing["metadata"] = merged(thing, params["metadata"])


def currency_of(given: str, param: str = "currency") -> str:
    if given.lower() not in rules.CURRENCIES:
        raise invalid(f"Invalid currency: {given}.", param)
    return given.lower()


# -- customers ----------------------------------------------------------------------------------


@route("POST", "/v1/customers", {**PERSON, "test_clock": str, "payment_method": str})
def create_customer(store: Store, params: Thing) -> Thing:
    clock = params.get("test_clock")
    now = (
        store.need("test_helpers.test_clock", clock, "test_clock")["frozen_time"] if clock else None
    )
    thing = shapes.customer(new_id("cus"), now or store.now(), test_clock=clock)
    write(thing, params, "email", "name", "description", "phone", "preferred_locales")
    save(store, thing, "customer.created")
    if "payment_method" in params:
        attach(store, {"customer": thing["id"]}, params["payment_method"])
    if "invoice_settings" in params:
        return update_customer(store, fields_of(params, "invoice_settings"), thing["id"])
    return thing


@route("POST", "/v1/customers/{id}", PERSON)
def update_customer(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("customer", key)
    _there(thing)
    write(thing, params, "email", "name", "description", "phone", "preferred_locales")
    if "invoice_settings" in params:
        card = params["invoice_settings"].get("default_payment_method") or None
        if card and store.need("payment_method", card, "invoice_settings")["customer"] != key:
            raise invalid("The customer does not have a payment method with this ID.",
                          "invoice_settings", "resource_missing")  # fmt: skip
        thing["invoice_settings"]["default_payment_method"] = card
    return save(store, thing, "customer.updated")


def _there(customer: Thing) -> None:
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{customer['id']}'", "customer", "resource_missing")


def living(store: Store, key: str, param: str = "customer") -> Thing:
    thing = store.need("customer", key, param)
    _there(thing)
    return thing


@route("GET", "/v1/customers/{id}")
def read_customer(store: Store, params: Thing, key: str) -> Thing:
    return store.need("customer", key)


@route("GET", "/v1/customers", {**PAGE, **CREATED, "email": str, "test_clock": str})
def list_customers(store: Store, params: Thing) -> Thing:
    fields = fields_of(params, "email", "test_clock")
    return listing(store, "customer", "/v1/customers", params, fields={"_gone": False, **fields})


@route("DELETE", "/v1/customers/{id}")
def delete_customer(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("customer", key)
    for sub in store.find("subscription", customer=key):
        if sub["status"] not in ("canceled", "incomplete_expired"):
            life.end(store, sub, "cancellation_requested")
    tell(store, "customer.deleted", thing)
    gone = {"id": key, "object": "customer", "deleted": True}
    store.put(gone)
    return gone


# -- cards --------------------------------------------------------------------------------------


def new_card(store: Store, number: str, customer: str | None, **more: Any) -> Thing:
    """A card of one of the numbers that the stand-in knows."""
    number = re.sub(r"\D", "", number)
    if number not in rules.CARDS:
        raise invalid("The stand-in knows its own card numbers only; see its README.", "number")
    card = shapes.payment_method(
        new_id("pm"), store.now(customer), number, rules.CARDS[number][0], customer=customer, **more
    )
    return save(store, card, *(["payment_method.attached"] if customer else []))


@route("POST", "/v1/payment_methods/{id}/attach", {"customer": str}, ["customer"])
def attach(store: Store, params: Thing, key: str) -> Thing:
    customer = living(store, params["customer"])
    if key not in rules.TOKENS:
        card = store.need("payment_method", key)
        if card["customer"] not in (None, customer["id"]):
            raise invalid("The payment method is attached to another customer.", "customer")
        card["customer"] = customer["id"]
        return save(store, card, "payment_method.attached")
    number = rules.TOKENS[key]
    if number in rules.REFUSED_AT_ONCE:
        said = rules.CARDS[number][1]
        raise declined("card_declined" if said != "expired_card" else said, said,
                       rules.SENTENCES[said])  # fmt: skip
    return new_card(store, number, customer["id"])


@route("POST", "/v1/payment_methods/{id}/detach")
def detach(store: Store, params: Thing, key: str) -> Thing:
    card = store.need("payment_method", key)
    customer = store.get(card["customer"] or "", "customer") or {}
    if customer.get("invoice_settings", {}).get("default_payment_method") == key:
        customer["invoice_settings"]["default_payment_method"] = None
        save(store, customer, "customer.updated")
    card["customer"] = None
    return save(store, card, "payment_method.detached")


@route("GET", "/v1/payment_methods/{id}")
def read_card(store: Store, params: Thing, key: str) -> Thing:
    return store.need("payment_method", key)


@route("GET", "/v1/payment_methods", {**PAGE, "customer": str, "type": ("card",)}, ["customer"])
def list_cards(store: Store, params: Thing) -> Thing:
    customer = store.need("customer", params["customer"], "customer")["id"]
    return listing(store, "payment_method", "/v1/payment_methods", params, customer=customer)


# -- products and prices ------------------------------------------------------------------------

SOLD: Any = {"name": str, "active": bool, "description": str, "metadata": META, "url": str}


@route("POST", "/v1/products", {**SOLD, "id": str}, ["name"])
def create_product(store: Store, params: Thing) -> Thing:
    key = params.get("id") or new_id("prod")
    _free(store, key, "Product")
    thing = shapes.product(key, store.now())
    write(thing, params, "name", "active", "description", "url")
    return save(store, thing, "product.created")


def _free(store: Store, key: str, noun: str) -> None:
    if store.get(key):
        raise invalid(f"{noun} already exists.", "id", "resource_already_exists")


@route("POST", "/v1/products/{id}", {**SOLD, "default_price": str})
def update_product(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("product", key)
    if params.get("default_price"):
        store.need("price", params["default_price"], "default_price")
    write(thing, params, "name", "active", "description", "url", "default_price")
    thing["updated"] = store.now()
    return save(store, thing, "product.updated")


readable("product", "/v1/products", {**CREATED, "active": bool, "ids": [str]}, ids="id")


@route("DELETE", "/v1/products/{id}")
def delete_product(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("product", key)
    if store.page("price", fields={"product": key}, limit=1):
        raise invalid(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    tell(store, "product.deleted", thing)
    store.remove(key)
    return {"id": key, "object": "product", "deleted": True}


CHANGEABLE: Any = {
    "active": bool, "nickname": str, "metadata": META, "lookup_key": str,
    "transfer_lookup_key": bool, "currency_options": {"*": {"unit_amount": int}},
}  # fmt: skip
INTERVALS = ("day", "week", "month", "year")


def _options(given: Any, currency: str) -> Thing:
    options = {}
    for name, option in (given or {}).items():
        if currency_of(name, "currency_options") != currency:
            options[name.lower()] = shapes.money(_amount(option.get("unit_amount", -1)))
    return options


def _amount(amount: int) -> int:
    if not 0 <= amount <= 99_999_999:
        raise invalid("Invalid integer: unit_amount is between 0 and 99999999.", "unit_amount")
    return amount


def _claim(store: Store, thing: Thing, params: Thing) -> None:
    """A lookup key names one price; it can be taken over."""
    if not params.get("lookup_key"):
        return
    for other in store.find("price", lookup_key=params["lookup_key"]):
        if other["id"] == thing["id"]:
            continue
        if not params.get("transfer_lookup_key"):
            raise invalid("A price already uses that lookup key.", "lookup_key")
        other["lookup_key"] = None
        save(store, other, "price.updated")


@route(
    "POST", "/v1/prices",
    {**CHANGEABLE, "currency": str, "product": str, "unit_amount": int,
     "recurring": {"interval": INTERVALS, "interval_count": int}},
    ["currency", "product", "unit_amount"],
)  # fmt: skip
def create_price(store: Store, params: Thing) -> Thing:
    store.need("product", params["product"], "product")
    currency = currency_of(params["currency"])
    recurring = params.get("recurring")
    if recurring is not None:
        if "interval" not in recurring:
            raise invalid("Missing required param: recurring[interval].", "recurring[interval]",
                          "parameter_missing")  # fmt: skip
        count = recurring.get("interval_count", 1)
        if not 1 <= count <= 36:
            raise invalid("Invalid integer: interval_count", "recurring[interval_count]")
        recurring = {"interval": recurring["interval"], "interval_count": count, "meter": None,
                     "trial_period_days": None, "usage_type": "licensed"}  # fmt: skip
    thing = shapes.price(
        new_id("price"), store.now(), currency=currency, product=params["product"],
        recurring=recurring, type="recurring" if recurring else "one_time",
        **shapes.money(_amount(params["unit_amount"])),
        _currency_options=_options(params.get("currency_options"), currency),
    )  # fmt: skip
    _claim(store, thing, params)
    write(thing, params, "active", "nickname", "lookup_key")
    return save(store, thing, "price.created")


@route("POST", "/v1/prices/{id}", CHANGEABLE)
def update_price(store: Store, params: Thing, key: str) -> Thing:
    """What is asked never changes; what it is called and whether it is sold does."""
    thing = store.need("price", key)
    _claim(store, thing, params)
    write(thing, params, "active", "nickname", "lookup_key")
    if "currency_options" in params:
        new = _options(params["currency_options"], thing["currency"])
        thing["_currency_options"] = {**thing["_currency_options"], **new}
    return save(store, thing, "price.updated")


readable(
    "price", "/v1/prices",
    {**CREATED, "active": bool, "product": str, "currency": str, "lookup_keys": [str],
     "type": ("one_time", "recurring")}, lookup_keys="lookup_key",
)  # fmt: skip


# -- coupons and promotion codes ----------------------------------------------------------------


@route(
    "POST", "/v1/coupons",
    {"id": str, "name": str, "percent_off": float, "amount_off": int, "currency": str,
     "duration": ("once", "repeating", "forever"), "duration_in_months": int, "metadata": META,
     "max_redemptions": int, "redeem_by": int, "currency_options": {"*": {"amount_off": int}},
     "applies_to": {"products": [str]}},
)  # fmt: skip
def create_coupon(store: Store, params: Thing) -> Thing:
    key = params.get("id") or new_id("cpn")[4:12]
    _free(store, key, "Coupon")
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if (percent is None) == (amount is None):
        raise invalid("Must provide percent_off or amount_off, not both.", "percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("Invalid percent_off: above 0, up to 100.", "percent_off")
    if amount is not None and (amount <= 0 or "currency" not in params):
        raise invalid("Must provide currency with a positive amount_off.", "currency")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise invalid("duration_in_months goes with duration=repeating.", "duration_in_months")
    products = params.get("applies_to", {}).get("products", [])
    for product in products:
        store.need("product", product, "applies_to[products]")
    thing = shapes.coupon(
        key, store.now(), _products=products, _currency_options=params.get("currency_options", {})
    )
    write(thing, params, "name", "percent_off", "amount_off", "duration", "duration_in_months",
          "max_redemptions", "redeem_by")  # fmt: skip
    if amount is not None:
        thing["currency"] = currency_of(params["currency"])
    return save(store, thing, "coupon.created")


readable("coupon", "/v1/coupons", CREATED)


@route("POST", "/v1/coupons/{id}", {"name": str, "metadata": META})
def update_coupon(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("coupon", key)
    write(thing, params, "name")
    return save(store, thing, "coupon.updated")


@route("DELETE", "/v1/coupons/{id}")
def delete_coupon(store: Store, params: Thing, key: str) -> Thing:
    """No longer to be had; who has it keeps it."""
    tell(store, "coupon.deleted", store.need("coupon", key))
    store.remove(key)
    return {"id": key, "object": "coupon", "deleted": True}


@route(
    "POST", "/v1/promotion_codes",
    {"promotion": {"type": ("coupon",), "coupon": str}, "code": str, "active": bool,
     "customer": str, "expires_at": int, "max_redemptions": int, "metadata": META,
     "restrictions": {"first_time_transaction": bool}},
    ["promotion"],
)  # fmt: skip
def create_promotion_code(store: Store, params: Thing) -> Thing:
    coupon = store.need("coupon", params["promotion"].get("coupon", ""), "promotion[coupon]")
    word = params.get("code") or new_id("")[1:9].upper()
    if store.find("promotion_code", active=True, code=word):
        raise invalid("An active promotion code with this code already exists.", "code")
    thing = shapes.promotion_code(
        new_id("promo"), store.now(), code=word,
        promotion={"type": "coupon", "coupon": coupon["id"]},
    )  # fmt: skip
    thing["restrictions"] |= params.get("restrictions", {})
    write(thing, params, "active", "customer", "expires_at", "max_redemptions")
    return save(store, thing, "promotion_code.created")


@route("POST", "/v1/promotion_codes/{id}", {"active": bool, "metadata": META})
def update_promotion_code(store: Store, params: Thing, key: str) -> Thing:
    thing = store.need("promotion_code", key)
    write(thing, params, "active")
    return save(store, thing, "promotion_code.updated")


readable("promotion_code", "/v1/promotion_codes", {**CREATED, "active": bool, "code": str})
