"""The pages a reader sees: paying, the bank's question, an invoice, the portal; and a first page to
see and steer the stand-in by. They work by keyboard and without script."""

import urllib.parse
from collections.abc import Callable
from html import escape
from typing import Any

from standfirst.subscriptions.standin import (
    API_VERSION,
    invoices,
    layout,
    life,
    rules,
    running,
    visits,
)  # fmt: skip
from standfirst.subscriptions.standin.catalogue import new_card
from standfirst.subscriptions.standin.errors import Refused
from standfirst.subscriptions.standin.events import save
from standfirst.subscriptions.standin.rules import Thing, shown
from standfirst.subscriptions.standin.store import Store

Make = Callable[..., Any]
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Moved(Exception):  # noqa: N818
    """On to another address (303), and what was done is kept."""

    keep = True


def answer(store: Store, method: str, path: str, body: bytes, make: Make) -> Any:
    """The page at this address. Only a POST changes anything."""
    given = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    name, _, key = path.strip("/").partition("/")
    if method == "DELETE" or name not in PAGES:
        return make(404, layout.page("There is no such page", ""), dict(HEADERS))
    try:
        with store.transaction():
            status, title, inside = PAGES[name](store, key, given if method == "POST" else None)
    except Moved as there:
        return make(303, b"", {**HEADERS, "Location": str(there)})
    except Refused as refused:
        text = layout.said(str(refused))
        return make(refused.status, layout.page("This can't be done", text), dict(HEADERS))
    if isinstance(inside, bytes):
        return make(status, inside, {"Content-Type": "application/pdf"})
    return make(status, layout.page(title, inside), dict(HEADERS))


Shown = tuple[int, str, str | bytes]


# -- paying -------------------------------------------------------------------------------------


def pay(store: Store, key: str, given: dict[str, str] | None) -> Shown:
    session = store.need("checkout.session", key)
    if session["status"] == "expired":
        back = session["cancel_url"]
        link = f'<p><a href="{escape(back)}">Back to the magazine</a></p>' if back else ""
        return 410, "This page is no longer valid", f"<p>Please begin again.</p>{link}"
    if session["status"] == "complete":
        if given is not None:
            raise Moved(_success(session))
        link = f'<p><a href="{escape(_success(session))}">Back to the magazine</a></p>'
        return 200, "This is already paid", f"<p>Nothing will be paid twice.</p>{link}"
    if given is None:
        return 200, "Pay", _pay_form(store, session)
    if "code" in given:
        try:
            visits.enter_code(store, session, given["code"])
        except Refused as refused:
            return 200, "Pay", _pay_form(store, session, str(refused), given)
        return 200, "Pay", _pay_form(store, session, "The code counts.", given)
    if given.get("bank") == "no":
        text = "Your bank did not confirm the payment. Choose another card, or try again."
        return 402, "Pay", _pay_form(store, session, text, given)
    number, email = given.get("card", ""), given.get("email", "")
    needless = session["amount_total"] == 0 and (
        session["payment_method_collection"] == "if_required"
    )
    if number not in rules.CARDS and not needless:
        return 400, "Pay", _pay_form(store, session, "Choose a card.", given)
    said = visits.complete(store, session, number, email, confirmed=given.get("bank") == "yes")
    if said == "ok":
        raise Moved(_success(session))
    if said == "ask":
        total = session["amount_total"]
        money = shown(total, session["currency"]) if total else ""
        return 200, "Your bank asks", _bank(f"/pay/{key}", money, card=number, email=email)
    return 402, "Pay", _pay_form(store, session, rules.SENTENCES[said], given)


def _success(session: Thing) -> str:
    return str(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _bank(action: str, money: str, card: str, email: str = "") -> str:
    what = f"to this payment of {money}" if money else "that this card is kept for later payments"
    text = f"<p>Do you agree {escape(what)}? (3-D Secure)</p>"
    yes = layout.form(action, "", "Yes, I agree", bank="yes", card=card, email=email)
    return text + f'<div class="row">{yes}' + layout.form(
        action, "", "No", quiet=True, bank="no", card=card, email=email
    ) + "</div>"  # fmt: skip


def _pay_form(
    store: Store, session: Thing, said: str = "", given: dict[str, str] | None = None
) -> str:
    line, currency = session["_line_items"][0], session["currency"]
    each = line["price"]["recurring"]
    every = each["interval"] if each["interval_count"] == 1 else (
        f"{each['interval_count']} {each['interval']}s"
    )  # fmt: skip
    full = shown(invoices.amount_in(line["price"], currency) * line["quantity"], currency)
    trial = visits.trial_end(store, session)
    pairs = [(f"{line['description']}, every {every}", full)]
    off = session["total_details"]["amount_discount"]
    if off:
        pairs.append(("Discount", shown(-off, currency)))
    money = shown(session["amount_total"], currency)
    parts = [layout.said(said), layout.rows(*pairs, total=("To pay today", money))]
    if trial:
        parts.append(f"<p>Free until {layout.day(trial)}, then {escape(full)} every {every}.</p>")
    action = f"/pay/{session['id']}"
    if session["allow_promotion_codes"]:
        field = (
            '<label class="field">Promotion code <input type="text" name="code" required></label>'
        )
        parts.append(layout.form(action, f'<div class="row">{field}<button class="quiet">Apply'
                                 "</button></div>"))  # fmt: skip
    known = session["customer_details"]["email"] or ""
    email = (given or {}).get("email") or known
    fixed = " readonly" if known else ""
    inside = (
        '<label class="field">E-mail <input type="email" name="email" required'
        f' autocomplete="email" value="{escape(email)}"{fixed}></label>'
    )
    needless = session["amount_total"] == 0 and (
        session["payment_method_collection"] == "if_required"
    )
    inside += "" if needless else layout.cards((given or {}).get("card", ""))
    button = "Start" if session["amount_total"] == 0 else f"Pay {money}"
    parts.append(layout.form(action, inside, button))
    if session["cancel_url"]:
        parts.append(f'<p><a href="{escape(session["cancel_url"])}">Back without paying</a></p>')
    return "".join(parts)


# -- an invoice ---------------------------------------------------------------------------------


def invoice_page(store: Store, path: str, given: dict[str, str] | None) -> Shown:
    key, _, ending = path.partition("/")
    invoice = store.need("invoice", key)
    money = shown(invoice["amount_due"], invoice["currency"])
    lines = [(line["description"], shown(line["amount"], invoice["currency"]))
             for line in invoice["lines"]["data"]]  # fmt: skip
    off = sum(one["amount"] for one in invoice["total_discount_amounts"])
    if off:
        lines.append(("Discount", shown(-off, invoice["currency"])))
    if ending == "pdf":
        sheet = [f"Invoice {invoice['number']}", layout.day(invoice["created"]), "",
                *(f"{name}: {value}" for name, value in lines), "", f"Total: {money}",
                f"State: {invoice['status']}", "",
                "This is from a stand-in; no money moved."]  # fmt: skip
        return 200, "", layout.pdf(sheet)
    text = ""
    if given is not None and invoice["status"] == "open":
        number = given.get("card", "")
        if number in rules.CARDS and given.get("bank") != "no":
            agreed = given.get("bank") == "yes"
            said = rules.outcome(number, present=True, confirmed=agreed)
            if said == "ask":
                return 200, "Your bank asks", _bank(f"/invoice/{key}", money, card=number)
            card = new_card(store, number, invoice["customer"])
            error = invoices.attempt(store, invoice, card, present=True, confirmed=agreed)
            text = str(error) if error else "Paid. Thank you."
            if not error:
                use_card(store, invoice["customer"], card["id"])
            invoice = store.need("invoice", key)
        else:
            text = "The payment was not confirmed."
    parts = [layout.said(text), layout.rows(*lines, total=("Total", money))]
    state = {"paid": "Paid", "open": "Not paid yet", "void": "Void"}
    parts.append(f"<p>{layout.day(invoice['created'])} · "
                 f"{state.get(invoice['status'], invoice['status'])}</p>")  # fmt: skip
    if invoice["status"] == "open":
        parts.append(layout.form(f"/invoice/{key}", layout.cards(), f"Pay {money}"))
    if invoice["invoice_pdf"]:
        parts.append(f'<p><a href="/invoice/{key}/pdf">As PDF</a></p>')
    return 200, f"Invoice {invoice['number'] or '(draft)'}", "".join(parts)


def use_card(store: Store, customer: str, card: str) -> None:
    """From now on this card, for the customer and every subscription that still runs."""
    thing = store.need("customer", customer)
    thing["invoice_settings"]["default_payment_method"] = card
    save(store, thing, "customer.updated")
    for sub in store.find("subscription", customer=customer):
        if sub["status"] not in ("canceled", "incomplete_expired"):
            sub["default_payment_method"] = card
            save(store, sub, life.UPDATED)


# -- the portal ---------------------------------------------------------------------------------


def portal(store: Store, key: str, given: dict[str, str] | None) -> Shown:
    session = store.need("billing_portal.session", key)
    if store.now(session["customer"]) > session["created"] + 3600 * 24:
        return 410, "This page is no longer valid", "<p>Please open it anew from your account.</p>"
    text = _portal_do(store, session, given) if given is not None else ""
    customer = session["customer"]
    parts = [layout.said(text)]
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Back to the magazine</a></p>')
    subs = store.page("subscription", customer=customer)
    for sub in subs:
        parts.append(_subscription(store, key, sub))
    if not subs:
        parts.append("<p>There is no subscription.</p>")
    chosen = store.need("customer", customer)["invoice_settings"]["default_payment_method"]
    chosen = next((sub["default_payment_method"] for sub in subs if sub["default_payment_method"]),
                  chosen)  # fmt: skip
    card = store.get(chosen, "payment_method") if chosen else None
    last = f"<p>Now: …{card['card']['last4']}</p>" if card else "<p>There is no card.</p>"
    parts.append("<h2>Card</h2>" + last)
    parts.append(layout.form(f"/portal/{key}", layout.cards(), "Use this card", do="card"))
    bills = [one for one in store.page("invoice", customer=customer) if one["status"] != "draft"]
    if bills:
        listed = "".join(
            f'<tr><th scope="row"><a href="/invoice/{one["id"]}">{escape(str(one["number"]))}</a>,'
            f" {layout.day(one['created'])}, {one['status']}</th>"
            f"<td>{shown(one['total'], one['currency'])}</td></tr>"
            for one in bills
        )
        parts.append(f"<h2>Invoices</h2><table>{listed}</table>")
    return 200, "Your subscription", "".join(parts)


def _subscription(store: Store, key: str, sub: Thing) -> str:
    item, currency = sub["items"]["data"][0], sub["currency"]
    price = item["price"]
    name = invoices.name_of(store, price)
    money = shown(invoices.amount_in(price, currency) * item["quantity"], currency)
    until = layout.day(sub["cancel_at"] or item["current_period_end"])
    word = sub["status"].replace("_", " ")
    over = sub["status"] in ("canceled", "incomplete_expired")
    line = f"Ended {layout.day(sub['ended_at'])}" if over else (
        f"Ends on {until}" if sub["cancel_at"] else f"Renews on {until}"
    )  # fmt: skip
    state = f"{money} every {price['recurring']['interval']} · {word}"
    text = f"<h2>{escape(name)}</h2><p>{escape(state)}<br>{line}</p>"
    if over:
        return text
    action = f"/portal/{key}"
    if sub["cancel_at"]:
        return text + layout.form(action, "", "Do not cancel", do="keep", subscription=sub["id"])
    reasons = "".join(
        f'<option value="{one}">{escape(one.replace("_", " "))}</option>'
        for one in ("", "too_expensive", "missing_features", "switched_service", "unused",
                    "low_quality", "too_complex", "customer_service", "other")
    )  # fmt: skip
    reason = (
        f'<label class="field">Why? (optional) <select name="reason">{reasons}</select></label>'
    )
    text += layout.form(action, reason, f"Cancel on {until}", quiet=True, do="cancel",
                        subscription=sub["id"])  # fmt: skip
    others = [
        one for one in store.find("price", active=True, type="recurring")
        if one["id"] != price["id"] and one["product"] == price["product"]
        and currency in {one["currency"], *one["_currency_options"]}
    ]  # fmt: skip
    for one in others:
        cost = shown(invoices.amount_in(one, currency) * item["quantity"], currency)
        button = f"Change to {cost} every {one['recurring']['interval']}"
        text += "<p></p>" + layout.form(action, "", button, quiet=True, do="change",
                                        subscription=sub["id"], price=one["id"])  # fmt: skip
    return text


def _portal_do(store: Store, session: Thing, given: dict[str, str]) -> str:
    """One act of the portal; a sentence about it."""
    do, customer = given.get("do"), session["customer"]
    if do == "card":
        number = given.get("card", "")
        if number not in rules.CARDS:
            return "Choose a card."
        if number in rules.REFUSED_AT_ONCE:
            return rules.SENTENCES[rules.CARDS[number][1]]
        use_card(store, customer, new_card(store, number, customer)["id"])
        return "This card is used from now on."
    sub = store.need("subscription", given.get("subscription", ""))
    if sub["customer"] != customer or sub["status"] in ("canceled", "incomplete_expired"):
        return "This subscription can't be changed."
    if do == "cancel":
        # The portal sets cancel_at and leaves cancel_at_period_end alone, as Stripe's does in
        # flexible billing mode.
        end = sub["items"]["data"][0]["current_period_end"]
        sub["cancellation_details"]["feedback"] = given.get("reason") or None
        life.cancel_later(store, sub, end, flag=False)
        return f"Cancelled. You have paid until {layout.day(end)}."
    if do == "keep":
        life.cancel_later(store, sub, None, flag=False)
        return "The subscription goes on."
    if do == "change":
        price = store.need("price", given.get("price", ""))
        quantity = sub["items"]["data"][0]["quantity"]
        life.change_price(store, sub, price, quantity, "always_invoice")
        return "The subscription was changed."
    return "There is nothing to do."


# -- the first page -----------------------------------------------------------------------------


def home(store: Store, key: str, given: dict[str, str] | None) -> Shown:
    if given is not None:
        days = given.get("days", "0")
        if days.isdigit() and int(days) <= 400:
            running.set_clock(store, {"advance_days": int(days)})
        raise Moved("/")
    state = running.standing(store, {})
    told = store.page("event", limit=20)
    listed = "".join(
        f'<tr><th scope="row">{escape(one["type"])}</th><td>{layout.day(one["created"])}</td></tr>'
        for one in told
    )
    waiting = ", ".join(f"{count} {name}" for name, count in state["deliveries"].items()) or "none"
    steps = "".join(
        layout.form("/", "", text, quiet=True, days=days)
        for days, text in (("1", "A day later"), ("7", "A week later"), ("31", "31 days later"))
    )
    body = (
        f"<p>It answers Stripe's own SDK (API {API_VERSION}) at"
        f" <code>{escape(store.base)}</code>.</p>"
        f"<h2>Its clock: {layout.day(state['now'])}</h2>"
        "<p>Renewals, ends of trials and second attempts happen when their time comes.</p>"
        f'<div class="row">{steps}</div><h2>Lately</h2><table>{listed}</table>'
        f'<p class="soft">Webhooks: {escape(waiting)}.</p>'
    )
    return 200, "Stand-in for Stripe", body


PAGES: dict[str, Callable[[Store, str, dict[str, str] | None], Shown]] = {
    "": home, "pay": pay, "invoice": invoice_page, "portal": portal,
}  # fmt: skip
