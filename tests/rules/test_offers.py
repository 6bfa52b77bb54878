"""What a price is called: all of what is paid, and when."""

import pytest

from standfirst.subscriptions.countries import codes_in, in_words
from standfirst.subscriptions.offers import Offer
from standfirst.subscriptions.rules import Interval


def offer(amount: int = 900, interval: Interval = Interval.MONTH, **more: object) -> Offer:
    given = {"price": 1, "currency": "EUR", **more}
    return Offer(amount=amount, interval=interval, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("it", "says"),
    [
        (offer(), ""),
        (
            offer(introductory=100, periods=3),
            "€1.00 a month for the first 3 months, then €9.00 a month.",
        ),
        (offer(introductory=100, periods=1), "€1.00 for the first month, then €9.00 a month."),
        (
            offer(9000, Interval.YEAR, introductory=4500, periods=1),
            "€45.00 for the first year, then €90.00 a year.",
        ),
        (
            offer(trial_days=14),
            "14 days free, then €9.00 a month. Cancel before the free days end, and you pay "
            "nothing.",
        ),
        (
            offer(trial_days=1, introductory=0, periods=2),
            "1 day free, then €0.00 a month for the first 2 months, then €9.00 a month. Cancel "
            "before the free days end, and you pay nothing.",
        ),
        (
            offer(1500, currency="JPY", introductory=150, periods=2),
            "¥150 a month for the first 2 months, then ¥1,500 a month.",
        ),
        (
            offer(introductory=100, periods=3, language="de"),
            "1,00\xa0€ a month for the first 3 months, then 9,00\xa0€ a month.",
        ),
    ],
)
def test_a_price_says_what_is_paid_from_the_first_day_on(it: Offer, says: str) -> None:
    assert it.in_full == says


def test_a_year_says_what_it_saves_and_nothing_where_it_saves_nothing() -> None:
    year = offer(9000, Interval.YEAR, saves=1800, monthly=900)
    assert year.saving == "€18.00 less than twelve months at €9.00"
    assert offer(11000, Interval.YEAR, saves=-200, monthly=900).saving == ""
    assert offer().saving == ""


def test_countries_are_named_by_code_or_name_and_shown_by_name() -> None:
    assert codes_in("at, India; Österreich\nNG, AT", "de") == ["AT", "IN", "NG"]
    assert in_words("AT, IN, NG") == "Austria, India or Nigeria"
    assert in_words("AT") == "Austria"
    for wrong in ("XX", "EU", "Atlantis", "A"):
        with pytest.raises(ValueError, match="is not a country"):
            codes_in(f"AT, {wrong}")
