"""What can be done with subscriptions: one verb, one transaction, a folder of verbs."""

from standfirst.subscriptions.actions.catalogue import bring_in_line, differences, wanted
from standfirst.subscriptions.actions.following import follow, follow_all, follow_bill
from standfirst.subscriptions.actions.given import change_end, end_early, give_all_access

__all__ = [
    "bring_in_line",
    "change_end",
    "differences",
    "end_early",
    "follow",
    "follow_all",
    "follow_bill",
    "give_all_access",
    "wanted",
]
