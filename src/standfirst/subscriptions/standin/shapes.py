"""The objects of the API as they are shown in the pinned version, new and with every field.

Names with an underscore are the stand-in's own and never shown."""

from typing import Any

from standfirst.subscriptions.standin.rules import Thing


def nothing(names: str) -> Thing:
    return dict.fromkeys(names.split())


def listed(data: list[Any], url: str, more: bool = False) -> Thing:
    return {"object": "list", "data": data, "has_more": more, "url": url}


def no_tax(**more: Any) -> Thing:
    return {"enabled": False, "liability": None, **more}


def customer(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "customer", "created": now, "livemode": False, "balance": 0,
        "delinquent": False, "metadata": {}, "preferred_locales": [], "tax_exempt": "none",
        "next_invoice_sequence": 1, "invoice_prefix": key[-8:].upper(),
        "invoice_settings": nothing(
            "custom_fields default_payment_method footer rendering_options"
        ),
        **nothing("address currency default_source description discount email name phone shipping"
                  " test_clock customer_account"),
        "_gone": False,
        **more,
    }  # fmt: skip


def product(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "product", "created": now, "updated": now, "livemode": False,
        "active": True, "images": [], "marketing_features": [], "metadata": {}, "type": "service",
        **nothing("default_price description package_dimensions shippable statement_descriptor"
                  " tax_code unit_label url"),
        **more,
    }  # fmt: skip


def price(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "price", "created": now, "livemode": False, "active": True,
        "billing_scheme": "per_unit", "metadata": {}, "tax_behavior": "unspecified",
        **nothing("custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity"),
        **more,
    }  # fmt: skip


def plan(price: Thing) -> Thing:
    """The old face of a price, which every subscription item still carries."""
    recurring = price["recurring"]
    return {
        "id": price["id"], "object": "plan", "active": price["active"], "livemode": False,
        "amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit", "created": price["created"], "currency": price["currency"],
        "interval": recurring["interval"], "interval_count": recurring["interval_count"],
        "metadata": price["metadata"], "nickname": price["nickname"], "product": price["product"],
        "usage_type": "licensed",
        **nothing("meter tiers_mode transform_usage trial_period_days"),
    }  # fmt: skip


def coupon(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "coupon", "created": now, "livemode": False, "metadata": {},
        "times_redeemed": 0, "valid": True, "duration": "once",
        **nothing("amount_off currency duration_in_months max_redemptions name percent_off"
                  " redeem_by"),
        **more,
    }  # fmt: skip


def promotion_code(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "promotion_code", "created": now, "livemode": False, "active": True,
        "metadata": {}, "times_redeemed": 0,
        "restrictions": {"first_time_transaction": False,
                         **nothing("minimum_amount minimum_amount_currency")},
        **nothing("customer customer_account expires_at max_redemptions"),
        **more,
    }  # fmt: skip


def discount(key: str, start: int, coupon: str, **more: Any) -> Thing:
    return {
        "id": key, "object": "discount", "start": start,
        "source": {"coupon": coupon, "type": "coupon"},
        **nothing("checkout_session customer customer_account end invoice invoice_item"
                  " promotion_code subscription subscription_item"),
        **more,
    }  # fmt: skip


def payment_method(key: str, now: int, number: str, brand: str, **more: Any) -> Thing:
    card = {
        "brand": brand, "country": "US", "display_brand": brand, "exp_month": 12, "exp_year": 2034,
        "funding": "credit", "last4": number[-4:], "fingerprint": f"standin{number[-8:]}",
        "checks": {"cvc_check": "pass", **nothing("address_line1_check address_postal_code_check")},
        "networks": {"available": [brand], "preferred": None},
        "three_d_secure_usage": {"supported": True}, "regulated_status": "unregulated",
        **nothing("generated_from wallet"),
    }  # fmt: skip
    return {
        "id": key, "object": "payment_method", "created": now, "livemode": False, "type": "card",
        "billing_details": nothing("address email name phone tax_id"), "card": card,
        "metadata": {}, "allow_redisplay": "unspecified", "_number": number,
        **nothing("customer customer_account"),
        **more,
    }  # fmt: skip


def payment_intent(key: str, now: int, amount: int, currency: str, **more: Any) -> Thing:
    return {
        "id": key, "object": "payment_intent", "created": now, "livemode": False,
        "amount": amount, "currency": currency, "amount_capturable": 0, "amount_received": 0,
        "capture_method": "automatic", "confirmation_method": "automatic", "metadata": {},
        "client_secret": f"{key}_secret_standin", "payment_method_types": ["card"],
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "setup_future_usage": "off_session", "status": "requires_payment_method",
        **nothing("application application_fee_amount automatic_payment_methods canceled_at"
                  " cancellation_reason customer customer_account description last_payment_error"
                  " latest_charge next_action on_behalf_of payment_method processing receipt_email"
                  " review shipping source statement_descriptor statement_descriptor_suffix"
                  " transfer_data transfer_group"),
        **more,
    }  # fmt: skip


def charge(key: str, now: int, intent: Thing, method: Thing, **more: Any) -> Thing:
    card = method["card"]
    return {
        "id": key, "object": "charge", "created": now, "livemode": False, "captured": True,
        "amount": intent["amount"], "amount_captured": intent["amount"], "amount_refunded": 0,
        "currency": intent["currency"], "customer": intent["customer"], "disputed": False,
        "billing_details": method["billing_details"], "fraud_details": {}, "metadata": {},
        "paid": True, "refunded": False, "status": "succeeded", "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "type": "card",
            "card": {name: card[name] for name in
                     ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding",
                                  "last4")},
        },
        **nothing("application application_fee application_fee_amount balance_transaction"
                  " calculated_statement_descriptor description failure_balance_transaction"
                  " failure_code failure_message on_behalf_of outcome receipt_email receipt_number"
                  " receipt_url review shipping source source_transfer statement_descriptor"
                  " statement_descriptor_suffix transfer_data transfer_group"),
        **more,
    }  # fmt: skip


def refund(key: str, now: int, charge: Thing, amount: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "refund", "created": now, "amount": amount, "charge": charge["id"],
        "currency": charge["currency"], "payment_intent": charge["payment_intent"],
        "metadata": {}, "status": "succeeded", "customer": charge["customer"],
        "destination_details": {"type": "card", "card": {"type": "refund", "reference": key[-12:],
                                "reference_status": "available",
                                "reference_type": "acquirer_reference_number"}},
        **nothing("balance_transaction reason receipt_number source_transfer_reversal"
                  " transfer_reversal"),
        **more,
    }  # fmt: skip


def dispute(key: str, now: int, charge: Thing, reason: str) -> Thing:
    return {
        "id": key, "object": "dispute", "created": now, "livemode": False, "metadata": {},
        "amount": charge["amount"], "currency": charge["currency"], "charge": charge["id"],
        "payment_intent": charge["payment_intent"], "reason": reason, "status": "needs_response",
        "balance_transactions": [], "enhanced_eligibility_types": [],
        "_customer": charge["customer"],
        "evidence": {"enhanced_evidence": {}}, "is_charge_refundable": False,
        "evidence_details": {"due_by": now + 14 * 86400, "enhanced_eligibility": {},
                             "has_evidence": False, "past_due": False, "submission_count": 0,
                             "submission_method": "not_submitted"},
    }  # fmt: skip


def item(key: str, now: int, subscription: str, price: Thing, **more: Any) -> Thing:
    return {
        "id": key, "object": "subscription_item", "created": now, "subscription": subscription,
        "price": price, "plan": plan(price), "discounts": [], "metadata": {}, "tax_rates": [],
        **nothing("billing_thresholds"),
        **more,
    }  # fmt: skip


def subscription(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "subscription", "created": now, "start_date": now, "livemode": False,
        "automatic_tax": no_tax(disabled_reason=None), "billing_schedules": [],
        "billing_mode": {"type": "flexible", "updated_at": now,
                         "flexible": {"proration_discounts": "included"}},
        "cancel_at_period_end": False, "collection_method": "charge_automatically",
        "cancellation_details": nothing("comment feedback reason"), "default_tax_rates": [],
        "discounts": [], "metadata": {},
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "payment_settings": {"payment_method_options": None, "payment_method_types": None,
                             "save_default_payment_method": "off"},
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        **nothing("application application_fee_percent billing_cycle_anchor_config cancel_at"
                  " billing_thresholds canceled_at customer_account days_until_due"
                  " default_payment_method default_source description ended_at latest_invoice"
                  " next_pending_invoice_item_invoice on_behalf_of pause_collection"
                  " pending_invoice_item_interval pending_setup_intent pending_update schedule"
                  " test_clock transfer_data trial_end trial_start"),
        "_trial_told": False, "_charged": None,
        **more,
    }  # fmt: skip


def invoice(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "invoice", "created": now, "livemode": False,
        "account_country": "US", "account_name": "Stand-in", "amount_due": 0, "amount_overpaid": 0,
        "amount_paid": 0, "amount_remaining": 0, "amount_shipping": 0, "attempt_count": 0,
        "attempted": False, "auto_advance": True,
        "automatic_tax": no_tax(disabled_reason=None, provider=None, status=None),
        "collection_method": "charge_automatically", "customer_tax_exempt": "none",
        "customer_tax_ids": [], "default_tax_rates": [], "discounts": [],
        "issuer": {"type": "self"}, "metadata": {}, "status": "draft",
        "payment_settings": nothing("default_mandate payment_method_options payment_method_types"),
        "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0, "total_discount_amounts": [], "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "status_transitions": nothing("finalized_at marked_uncollectible_at paid_at voided_at"),
        **nothing("account_tax_ids application automatically_finalizes_at custom_fields"
                  " customer_account customer_address customer_phone customer_shipping"
                  " default_payment_method default_source description due_date effective_at"
                  " ending_balance footer from_invoice hosted_invoice_url invoice_pdf"
                  " last_finalization_error latest_revision next_payment_attempt number"
                  " on_behalf_of receipt_number rendering shipping_cost shipping_details"
                  " statement_descriptor test_clock threshold_reason webhooks_delivered_at"),
        "_intent": None,
        **more,
    }  # fmt: skip


def invoice_line(
    key: str, invoice: str, sub: Thing, price: Thing, amount: int, text: str,
    period: tuple[int, int], *, proration: bool = False, discounts: list[Thing] | None = None,
) -> Thing:  # fmt: skip
    """`discounts` holds what was taken off: [{"amount": .., "discount": ..}]."""
    item = sub["items"]["data"][0]
    return {
        "id": key, "object": "line_item", "amount": amount, "subtotal": amount, "invoice": invoice,
        "currency": sub["currency"], "description": text, "discountable": not proration,
        "discount_amounts": discounts or [], "livemode": False, "metadata": sub["metadata"],
        "discounts": [one["discount"] for one in discounts or []],
        "parent": {"type": "subscription_item_details", "invoice_item_details": None,
                   "subscription_item_details": {
                       "invoice_item": None, "proration": proration, "subscription": sub["id"],
                       "proration_details": {"credited_items": None},
                       "subscription_item": item["id"]}},
        "period": {"start": period[0], "end": period[1]}, "pretax_credit_amounts": [],
        "pricing": {"type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"],
                    "price_details": {"price": price["id"], "product": price["product"]}},
        "quantity": item["quantity"], "taxes": [],
    }  # fmt: skip


def invoice_payment(key: str, now: int, invoice: Thing, intent: str) -> Thing:
    return {
        "id": key, "object": "invoice_payment", "created": now, "livemode": False,
        "amount_paid": None, "amount_requested": invoice["amount_due"], "invoice": invoice["id"],
        "currency": invoice["currency"], "is_default": True, "status": "open",
        "payment": {"type": "payment_intent", "payment_intent": intent},
        "status_transitions": nothing("canceled_at paid_at"),
    }  # fmt: skip


def checkout_session(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "checkout.session", "created": now, "expires_at": now + 86400,
        "livemode": False, "mode": "subscription",
        "automatic_tax": no_tax(status=None, provider=None),
        "custom_fields": [], "metadata": {}, "payment_method_types": ["card"],
        "custom_text": nothing("after_submit shipping_address submit terms_of_service_acceptance"),
        "payment_method_collection": "always", "payment_method_options": None,
        "payment_status": "unpaid", "phone_number_collection": {"enabled": False},
        "shipping_options": [], "status": "open", "ui_mode": "hosted_page",
        "adaptive_pricing": {"enabled": False}, "discounts": [],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        **nothing("after_expiration allow_promotion_codes billing_address_collection cancel_url"
                  " client_reference_id client_secret collected_information consent"
                  " consent_collection currency_conversion customer customer_account"
                  " customer_creation customer_details customer_email invoice invoice_creation"
                  " locale payment_intent payment_link payment_method_configuration_details"
                  " recovered_from setup_intent shipping_address_collection shipping_cost"
                  " submit_type subscription wallet_options"),
        **more,
    }  # fmt: skip


def portal_session(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "billing_portal.session", "created": now, "livemode": False,
        "configuration": "bpc_standin",
        **nothing("customer_account flow locale on_behalf_of return_url"), **more,
    }  # fmt: skip


def webhook_endpoint(key: str, now: int, **more: Any) -> Thing:
    return {
        "id": key, "object": "webhook_endpoint", "created": now, "livemode": False,
        "metadata": {}, "status": "enabled", **nothing("application description"), **more,
    }  # fmt: skip


def test_clock(key: str, now: int, frozen: int, name: str | None) -> Thing:
    return {
        "id": key, "object": "test_helpers.test_clock", "created": now, "livemode": False,
        "deletes_after": now + 30 * 86400, "frozen_time": frozen, "name": name, "status": "ready",
        "status_details": {},
    }  # fmt: skip


def money(amount: int) -> Thing:
    return {"unit_amount": amount, "unit_amount_decimal": str(amount)}
