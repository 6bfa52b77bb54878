"""Money as people write it: every amount comes back, and always with its currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfirst.publication.money import currencies, decimals, in_minor_units, locale_of, written


def test_each_currency_has_its_decimals() -> None:
    assert [decimals(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]
    assert {"EUR", "USD", "JPY"} <= set(currencies())


def test_the_language_says_where_the_sign_stands() -> None:
    assert written(900, "EUR") == "€9.00"
    assert written(123450, "EUR", "de") == "1.234,50\N{NO-BREAK SPACE}€"
    assert written(1500, "JPY", "en-GB") == "JP¥1,500"
    assert written(-250, "USD", "en-US") == "-$2.50"
    assert written(900, "EUR", "no such language") == "€9.00"


@given(
    st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD", "ISK"]), st.sampled_from("en de")
)
def test_what_was_written_can_be_typed(amount: int, currency: str, language: str) -> None:
    places = decimals(currency)
    digits = str(amount).rjust(places + 1, "0")
    sign = "," if language == "d" else "."
    text = digits if not places else f"{digits[:-places]}{sign}{digits[-places:]}"
    assert in_minor_units(text, currency, "de" if language == "d" else "en") == amount


@pytest.mark.parametrize("text", ["", "nine", "9.505", "1,2,3", "9..5", "NaN", "Infinity"])
def test_what_is_no_amount_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="Write"):
        in_minor_units(text, "EUR")


def test_an_unknown_language_is_english() -> None:
    assert str(locale_of("tlh-Latn")) == "en"
