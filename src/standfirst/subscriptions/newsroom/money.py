"""Fields for money: amounts as people type them, currencies with the magazine's own first."""

from typing import Any

from django import forms

from standfirst.publication.money import currencies, in_minor_units, name_of, typed
from standfirst.publication.queries import the_publication

MOST = 99_999_999  # in minor units, what providers take


def currency_choices() -> list[tuple[str, str]]:
    """Every currency, the magazine's own first."""
    publication = the_publication()
    own = publication.currency
    codes = [own, *(code for code in currencies() if code != own)]
    return [(code, f"{code}, {name_of(code, publication.language)}") for code in codes]


def amount_in(text: str, currency: str) -> int:
    """What was typed, as minor units. Raises ValidationError with a sentence."""
    try:
        amount = in_minor_units(text, currency, the_publication().language)
    except ValueError as error:
        raise forms.ValidationError(str(error)) from error
    if amount < 0:
        raise forms.ValidationError("An amount is not less than nothing.")
    if amount > MOST:
        raise forms.ValidationError("That is more than can be paid at once.")
    return amount


def as_typed(amount: int | None, currency: str) -> str:
    """An amount as it stands in a form; "" for None."""
    return "" if amount is None else typed(amount, currency, the_publication().language)


def narrow(**attributes: Any) -> forms.TextInput:
    """A field for an amount."""
    return forms.TextInput(attrs={"inputmode": "decimal", "size": 8, **attributes})
