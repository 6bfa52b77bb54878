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
from standfirst.newsletters.models.importing import AddressImport, ImportState
from standfirst.newsletters.models.readers import Alerted, Follow, Suppression, Welcomed
from standfirst.newsletters.models.returns import Returned
from standfirst.newsletters.models.sending import (
    TALLIES,
    Batch,
    BatchState,
    Counted,
    Delivery,
    DeliveryState,
    Letter,
    Quota,
    Rest,
    Sending,
    SendingKind,
    SendingState,
)
from standfirst.newsletters.models.settings import MailSettings, ProviderLimit

__all__ = [
    "TALLIES",
    "AddressImport",
    "Alerted",
    "Audience",
    "Batch",
    "BatchState",
    "Counted",
    "Delivery",
    "DeliveryState",
    "Edition",
    "EditionArticle",
    "EditionIndex",
    "Follow",
    "ImportState",
    "Letter",
    "MailSettings",
    "Newsletter",
    "Outcome",
    "ProviderLimit",
    "Quota",
    "Rest",
    "Returned",
    "Sending",
    "SendingKind",
    "SendingState",
    "Suppression",
    "Turn",
    "Unapproved",
    "Welcomed",
]
