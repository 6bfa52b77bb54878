"""`{{ amount|money:currency }}`: an amount in minor units, as the magazine's language writes it."""

from django import template

from standfirst.publication.money import written
from standfirst.publication.queries import the_publication

register = template.Library()


@register.filter
def money(amount: int | None, currency: str) -> str:
    """The amount with its currency; "" for None."""
    return "" if amount is None else written(amount, currency, the_publication().language)
