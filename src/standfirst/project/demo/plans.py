"""What the sample magazine sells."""

from django.db import transaction

from standfirst.subscriptions.models import Coupon, OfferedTo, Plan, Price
from standfirst.subscriptions.rules import Interval

EVERYTHING = """Every article, on the day it appears
The whole archive
Nothing to count and nothing to choose"""

# By currency what a month and a year cost, in minor units.
PRICES = {"EUR": (900, 9000), "USD": (1000, 10000), "GBP": (800, 8000), "JPY": (1500, 15000)}
FIRST_MONTHS = {"EUR": 100, "USD": 100, "GBP": 100, "JPY": 150}  # each of the first three


def make_plans() -> None:
    """Plans, prices and a code, where the magazine has no plan at all."""
    if Plan.objects.exists():
        return
    with transaction.atomic():
        everybody = Plan.objects.create(name="All-Access", promise=EVERYTHING, position=1)
        for currency, (month, year) in PRICES.items():
            _price(everybody, currency, Interval.MONTH, month, FIRST_MONTHS[currency])
            _price(everybody, currency, Interval.YEAR, year)
        students = Plan.objects.create(
            name="All-Access for students",
            promise="All of it, at less than half the price",
            offered_to=OfferedTo.STUDENTS,
            trial_days=14,
            position=2,
        )
        _price(students, "EUR", Interval.MONTH, 400)
        _price(students, "USD", Interval.MONTH, 450)
        region = Plan.objects.create(
            name="All-Access where money goes further",
            promise="All of it, at a price that fits where you live",
            offered_to=OfferedTo.REGION,
            countries="BD, GH, IN, KE, NG, PH",
            position=3,
        )
        _price(region, "USD", Interval.MONTH, 300)
        _price(region, "USD", Interval.YEAR, 3000)
        Coupon.objects.create(code="WELCOME", percent=20, periods=3)


def _price(
    plan: Plan, currency: str, interval: Interval, amount: int, first: int | None = None
) -> None:
    Price.objects.create(
        plan=plan,
        currency=currency,
        interval=interval,
        amount=amount,
        introductory_amount=first,
        introductory_periods=3 if first is not None else 0,
    )
