"""What would be charged, worked out by doing it and undoing it."""

from standfirst.subscriptions.standin import life
from standfirst.subscriptions.standin.billing import PRORATIONS, one_item
from standfirst.subscriptions.standin.errors import Refused
from standfirst.subscriptions.standin.routes import route
from standfirst.subscriptions.standin.rules import Thing
from standfirst.subscriptions.standin.store import Store


@route(
    "POST", "/v1/invoices/create_preview",
    {"subscription": str, "customer": str,
     "subscription_details": {"items": [{"id": str, "price": str, "quantity": int}],
                              "proration_behavior": PRORATIONS}},
    ["subscription"],
)  # fmt: skip
def preview(store: Store, params: Thing) -> Thing:
    """The next invoice of a subscription, or the one that a change of price would lead to."""
    sub = store.need("subscription", params["subscription"], "subscription")
    end = sub["items"]["data"][0]["current_period_end"]
    ends = sub["cancel_at"] is not None and sub["cancel_at"] <= end
    if ends or sub["status"] not in ("active", "past_due", "trialing"):
        raise Refused(404, "invalid_request_error", "No upcoming invoices for customer:"
                      f" '{sub['customer']}'", code="invoice_upcoming_none")  # fmt: skip
    store.run("savepoint preview")
    at = store.at
    try:
        invoice = _done(store, sub, params.get("subscription_details", {}))
    finally:
        store.at = at
        store.run("rollback to preview")
        store.run("release preview")
    balance = store.need("customer", sub["customer"])["balance"]
    due = max(0, invoice["total"] + balance)
    return {
        **invoice, "id": f"upcoming_{invoice['id']}", "status": "draft", "number": None,
        "starting_balance": balance, "ending_balance": invoice["total"] + balance - due,
        "amount_due": due, "amount_paid": 0, "amount_remaining": due, "attempted": False,
        "attempt_count": 0, "hosted_invoice_url": None, "invoice_pdf": None, "effective_at": None,
        "status_transitions": dict.fromkeys(invoice["status_transitions"]),
        "status_details": None, "next_payment_attempt": invoice["automatically_finalizes_at"],
    }  # fmt: skip


def _done(store: Store, sub: Thing, details: Thing) -> Thing:
    """The invoice, made in earnest; whoever asks undoes it."""
    before = sub["latest_invoice"]
    if "items" in details:
        given, item = one_item(details["items"]), sub["items"]["data"][0]
        price = store.need("price", given.get("price", item["price"]["id"]), "subscription_details")
        quantity = given.get("quantity", item["quantity"])
        behavior = details.get("proration_behavior", "create_prorations")
        sub = life.change_price(store, sub, price, quantity, behavior)
    if sub["latest_invoice"] == before:
        end = store.at = sub["items"]["data"][0]["current_period_end"]
        # With a card, so that a trial goes on; without a pause, which would void it.
        sub |= {"default_payment_method": sub["default_payment_method"] or "any"}
        sub = life.next_period(store, {**sub, "pause_collection": None}, end)
    return store.need("invoice", sub["latest_invoice"])
