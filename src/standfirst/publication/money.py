"""Money as people write it. Amounts are integers of minor units beside an ISO 4217 code.

How many decimals a currency has, and how a language writes it, is CLDR's (by Babel). Where a
provider counts in other units, its adapter knows that.
"""

from decimal import Decimal, InvalidOperation
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import (
    NumberFormatError,
    format_currency,
    format_decimal,
    get_currency_name,
    get_territory_currencies,
    parse_decimal,
)
from django.utils.translation.trans_real import parse_accept_lang_header

FALLBACK = Locale("en")


def locale_of(language: str) -> Locale:
    """The locale of a language tag (BCP 47, such as en-GB); English for one that is not known."""
    for tag in (language, language.partition("-")[0]):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return FALLBACK


def readers_language(accepted: str, otherwise: str) -> str:
    """The language whose way of writing numbers a reader is used to: the first that the browser
    accepts (the header Accept-Language) and Babel knows, or else the publication's."""
    for tag, _ in parse_accept_lang_header(accepted[:500]):
        try:
            return str(Locale.parse(tag, sep="-")).replace("_", "-")
        except (UnknownLocaleError, ValueError):
            continue
    return otherwise


def decimals(currency: str) -> int:
    """How many digits the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD."""
    known = get_global("currency_fractions")
    return int(known.get(currency, known["DEFAULT"])[0])


@cache
def currencies() -> list[str]:
    """Every currency that is legal tender somewhere now, in order of its code."""
    territories = get_global("territory_currencies")
    return sorted({code for one in territories for code in get_territory_currencies(one)})


def written(amount: int, currency: str, language: str = "en") -> str:
    """The amount as the language writes it, the currency always with it: “€9.00”, “9,00 €”."""
    value = Decimal(amount).scaleb(-decimals(currency))
    return str(format_currency(value, currency, locale=locale_of(language)))


def in_minor_units(text: str, currency: str, language: str = "en") -> int:
    """What a person typed, as minor units. Raises ValueError with a sentence for what is no
    amount, or has more decimals than the currency."""
    try:
        value = Decimal(parse_decimal(text.strip(), locale=locale_of(language), strict=True))
        scaled = value.scaleb(decimals(currency))
        whole = int(scaled)
    except (NumberFormatError, InvalidOperation, OverflowError, ValueError) as error:
        raise ValueError(f"“{text}” is not an amount. Write digits, such as 9.50.") from error
    if scaled != whole:
        digits = decimals(currency)
        many = "no decimals" if not digits else f"at most {digits} decimals"
        raise ValueError(f"{currency} has {many}. Write the amount with {many}.")
    return whole


def typed(amount: int, currency: str, language: str = "en") -> str:
    """The amount as a person would type it: “9.00”, “9,00”; `in_minor_units` reads it again."""
    value = Decimal(amount).scaleb(-decimals(currency))
    pattern = "0" if not decimals(currency) else f"0.{'0' * decimals(currency)}"
    return str(format_decimal(value, format=pattern, locale=locale_of(language)))


def name_of(currency: str, language: str = "en") -> str:
    """“Euro”"""
    return str(get_currency_name(currency, locale=locale_of(language)))
