"""Words that several tables share."""

from collections.abc import Iterable
from enum import StrEnum

from django.core.validators import RegexValidator

COMPLIMENTARY = "complimentary"  # given by a colleague
INVOICE = "invoice"  # paid by bank transfer
STRIPE = "stripe"

CURRENCY = RegexValidator(r"^[A-Z]{3}$", "Write the three capitals of the currency, such as EUR.")


def choices_of(words: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """The words as Django's choices."""
    return [(one.value, one.value.replace("_", " ")) for one in words]
