"""What a price is called on the plans page and on walls, in sentences that say all of it."""

from dataclasses import dataclass

from standfirst.publication.money import written
from standfirst.subscriptions.rules import Interval

EACH = {Interval.MONTH: "a month", Interval.YEAR: "a year"}
PLURAL = {Interval.MONTH: "months", Interval.YEAR: "years"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One price as a reader is offered it; money in minor units. `introductory` is what each of
    the first `periods` payments costs, None without such a price. `language` writes the money."""

    price: int
    amount: int
    currency: str
    interval: Interval
    introductory: int | None = None
    periods: int = 0
    trial_days: int = 0
    saves: int = 0  # in a year, beside twelve payments of the monthly price
    monthly: int = 0  # that price
    language: str = "en"

    @property
    def money(self) -> str:
        """“€9.00”"""
        return written(self.amount, self.currency, self.language)

    @property
    def each(self) -> str:
        """“a month”"""
        return EACH[self.interval]

    @property
    def in_short(self) -> str:
        """“€9.00 a month”"""
        return f"{self.money} {self.each}"

    @property
    def in_full(self) -> str:
        """What is paid when, from the first day on; "" where the price itself says all."""
        steps = []
        if self.trial_days:
            days = "1 day" if self.trial_days == 1 else f"{self.trial_days} days"
            steps.append(f"{days} free")
        if self.introductory is not None:
            less = written(self.introductory, self.currency, self.language)
            first = (
                f"first {self.interval.value}"
                if self.periods == 1
                else f"first {self.periods} {PLURAL[self.interval]}"
            )
            steps.append(f"{less} {self._for_each} for the {first}")
        if not steps:
            return ""
        told = ", then ".join([*steps, self.in_short]).replace("  ", " ")
        if self.trial_days:
            return f"{told}. Cancel before the free days end, and you pay nothing."
        return f"{told}."

    @property
    def _for_each(self) -> str:
        return "" if self.periods == 1 else self.each

    @property
    def saving(self) -> str:
        """What paying by the year saves; "" where it does not."""
        if self.saves <= 0:
            return ""
        less = written(self.saves, self.currency, self.language)
        month = written(self.monthly, self.currency, self.language)
        return f"{less} less than twelve months at {month}"

    @property
    def button(self) -> str:
        """What is pressed."""
        if self.trial_days:
            return f"Try {self.trial_days} days free" if self.trial_days > 1 else "Try a day free"
        return (
            "Subscribe by the month" if self.interval is Interval.MONTH else "Subscribe for a year"
        )
