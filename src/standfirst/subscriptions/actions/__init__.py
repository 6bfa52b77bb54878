"""What can be done with subscriptions: one verb, one transaction, a folder of verbs."""

from standfirst.subscriptions.actions.catalogue import bring_in_line, differences, wanted
from standfirst.subscriptions.actions.following import follow, follow_all, follow_bill
from standfirst.subscriptions.actions.given import change_end, end_early, give_all_access
from standfirst.subscriptions.actions.invoices import (
    bill_member,
    cancel_bill,
    mail_again,
    mark_paid,
    note_refund,
    see_to_bills,
)
from standfirst.subscriptions.actions.moving import move_subscriptions, why_not_move
from standfirst.subscriptions.actions.staff import (
    cancel_for,
    give_back_for,
    pause_for,
    resume_for,
)

__all__ = [
    "bill_member",
    "bring_in_line",
    "cancel_bill",
    "cancel_for",
    "change_end",
    "differences",
    "end_early",
    "follow",
    "follow_all",
    "follow_bill",
    "give_all_access",
    "give_back_for",
    "mail_again",
    "mark_paid",
    "move_subscriptions",
    "note_refund",
    "pause_for",
    "resume_for",
    "see_to_bills",
    "wanted",
    "why_not_move",
]
