"""Which addresses there are, and how what they answer is laid out: pages of lists, expanded
fields."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from standfirst.subscriptions.standin import forms, shapes
from standfirst.subscriptions.standin.errors import Refused, invalid
from standfirst.subscriptions.standin.events import public
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store

Run = Callable[..., Thing]


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    spec: forms.Spec
    required: tuple[str, ...]
    run: Run
    locked: bool

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        if method != self.method:
            return None
        pattern = re.sub(r"\{\w+\}", r"([A-Za-z0-9_%.-]+)", self.path)
        found = re.fullmatch(pattern, path)
        return found.groups() if found else None


ROUTES: list[Route] = []


def route(
    method: str, path: str, spec: forms.Spec | None = None, required: Iterable[str] = (), *,
    locked: bool = True,
) -> Callable[[Run], Run]:  # fmt: skip
    """An address of the API: `run(store, params, *ids)` gives the answer, in one transaction unless
    it waits for others and says `locked=False`. Every address understands
    `expand`, but those that delete."""

    def add(run: Run) -> Run:
        gone = method == "DELETE" and "subscriptions" not in path
        fields = {**({} if gone else {"expand": [str]}), **(spec or {})}
        ROUTES.append(Route(method, path, fields, tuple(required), run, locked))
        return run

    return add


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    for one in ROUTES:
        ids = one.match(method, path)
        if ids is not None:
            return one, ids
    raise Refused(
        404, "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). If Stripe has it, the stand-in does not.",
    )  # fmt: skip


def listing(
    store: Store, kind: str, path: str, params: Thing, *, customer: str | None = None,
    fields: Thing | None = None,
) -> Thing:  # fmt: skip
    """A page of a list, newest first."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Invalid integer: limit must be between 1 and 100.", "limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You can only use one of starting_after and ending_before.", "ending_before")
    for name, key in (("starting_after", after), ("ending_before", before)):
        if key:
            store.need(kind, key, name)
    found = store.page(
        kind, customer=customer, fields=fields, created=params.get("created"), after=after,
        before=before, limit=limit + 1,
    )  # fmt: skip
    page = found[:limit]
    return shapes.listed(page[::-1] if before else page, path, len(found) > limit)


def fields_of(params: Thing, *names: str) -> Thing:
    return {name: params[name] for name in names if name in params}


def readable(kind: str, path: str, spec: forms.Spec | None = None, **fields: str) -> None:
    """The two addresses by which one of a kind is read, and a page of them. By each parameter of
    `spec` they are filtered: by the field of its name, unless `fields` names another."""
    apart = {"created", "customer"}
    by = {name: fields.get(name, name) for name in spec or {} if name not in apart}

    @route("GET", f"{path}/{{id}}")
    def read(store: Store, params: Thing, key: str) -> Thing:
        return store.need(kind, key)

    @route("GET", path, {**forms.PAGE, **(spec or {})})
    def page(store: Store, params: Thing) -> Thing:
        asked = {field: params[name] for name, field in by.items() if name in params}
        customer = params.get("customer")
        return listing(store, kind, path, params, customer=customer, fields=asked)


# -- what a request may have expanded ------------------------------------------------------------

EXPANDABLE = frozenset(
    "charge coupon customer default_payment_method default_price discount discounts invoice"  # noqa: SIM905
    " latest_charge latest_invoice payment_intent payment_method price product promotion_code"
    " subscription test_clock".split()
)
LAZY: dict[tuple[str, str], Callable[[Store, Thing], Any]] = {
    ("customer", "subscriptions"): lambda store, thing: shapes.listed(
        [one for one in store.page("subscription", customer=thing["id"], limit=10)
         if one["status"] != "canceled"],
        f"/v1/customers/{thing['id']}/subscriptions",
    ),
    ("invoice", "payments"): lambda store, thing: shapes.listed(
        store.page("invoice_payment", customer=thing["customer"], fields={"invoice": thing["id"]}),
        f"/v1/invoices/{thing['id']}/payments",
    ),
    ("charge", "refunds"): lambda store, thing: shapes.listed(
        store.page("refund", customer=thing["customer"], fields={"charge": thing["id"]}),
        f"/v1/charges/{thing['id']}/refunds",
    ),
    ("coupon", "applies_to"): lambda store, thing: (
        {"products": found} if (found := store.need("coupon", thing["id"])["_products"]) else None
    ),
    ("price", "currency_options"): lambda store, thing: {
        currency: {"custom_unit_amount": None, "tax_behavior": "unspecified", **option}
        for currency, option in (store.need("price", thing["id"])["_currency_options"] | {
            thing["currency"]: shapes.money(thing["unit_amount"])}).items()
    },
    ("checkout.session", "line_items"): lambda store, thing: shapes.listed(
        store.need("checkout.session", thing["id"])["_line_items"],
        f"/v1/checkout/sessions/{thing['id']}/line_items",
    ),
}  # fmt: skip


def present(store: Store, thing: Thing, expand: Iterable[str] = ()) -> Thing:
    shown: Thing = public(thing)
    for path in expand:
        parts = path.split(".")
        if len(parts) > 4:  # the `data` of a list is one of them
            raise invalid("You cannot expand more than 4 levels of a property.", "expand")
        _expand(store, shown, parts, path)
    return shown


def _expand(store: Store, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for one in node:
            _expand(store, one, parts, path)
        return
    if not parts or node is None:
        return
    if not isinstance(node, dict):
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    name, *rest = parts
    lazy = LAZY.get((node.get("object", ""), name))
    if lazy and name not in node:
        node[name] = public(lazy(store, node))
    if name not in node:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    value = node[name]
    if name in EXPANDABLE and isinstance(value, str):
        node[name] = public(store.get(value) or value)
    elif name in EXPANDABLE and isinstance(value, list):
        node[name] = [
            public(store.get(one) or one) if isinstance(one, str) else one for one in value
        ]
    elif not isinstance(value, (dict, list)) and value is not None:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    _expand(store, node[name], rest, path)
