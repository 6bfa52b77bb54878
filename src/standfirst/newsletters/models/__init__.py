"""Newsletters and editions, sendings with their ledger, what readers follow, who gets no mail."""

from standfirst.newsletters.models.editions import (
    Audience,
    Edition,
    EditionArticle,
    EditionIndex,
    Newsletter,
    Outcome,
    Turn,
    Unapproved,
)
from standfirst.newsletters.models.readers import Follow, Suppression
from standfirst.newsletters.models.sending import (
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Letter,
    Sending,
    SendingKind,
    SendingState,
)
from standfirst.newsletters.models.settings import MailSettings

__all__ = [
    "Audience",
    "Batch",
    "BatchState",
    "Delivery",
    "DeliveryState",
    "Edition",
    "EditionArticle",
    "EditionIndex",
    "Follow",
    "Letter",
    "MailSettings",
    "Newsletter",
    "Outcome",
    "Sending",
    "SendingKind",
    "SendingState",
    "Suppression",
    "Turn",
    "Unapproved",
]
