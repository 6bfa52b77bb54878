"""What is sold, what a member bought or was given, and the books of it."""

from standfirst.subscriptions.models.billing import (
    BilledTo,
    BillReminder,
    GivenBack,
    IssuedBill,
    Series,
)
from standfirst.subscriptions.models.books import AppendOnly, Entry, Reading
from standfirst.subscriptions.models.heard import Reconciliation, WebhookEvent
from standfirst.subscriptions.models.held import Bill, Checkout, Subscription
from standfirst.subscriptions.models.leaving import Ending, Reminder
from standfirst.subscriptions.models.sold import AtProvider, Coupon, OfferedTo, Plan, Price
from standfirst.subscriptions.models.words import COMPLIMENTARY, CURRENCY, INVOICE, STRIPE

__all__ = [
    "COMPLIMENTARY",
    "CURRENCY",
    "INVOICE",
    "STRIPE",
    "AppendOnly",
    "AtProvider",
    "Bill",
    "BillReminder",
    "BilledTo",
    "Checkout",
    "Coupon",
    "Ending",
    "Entry",
    "GivenBack",
    "IssuedBill",
    "OfferedTo",
    "Plan",
    "Price",
    "Reading",
    "Reconciliation",
    "Reminder",
    "Series",
    "Subscription",
    "WebhookEvent",
]
