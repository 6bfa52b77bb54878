"""`{% all_access_from as price %}`: “from €9.00 a month”, for walls; "" where nothing is sold."""

from django import template

from standfirst.publication.queries import the_publication
from standfirst.subscriptions.countries import in_words
from standfirst.subscriptions.queries import lowest_price

register = template.Library()


@register.simple_tag
def all_access_from() -> str:
    """The lowest price of All-Access for everybody, as it stands in the tables."""
    found = lowest_price()
    return f"from {found.in_short}" if found else ""


@register.filter
def countries(codes: str) -> str:
    """“Austria, India or Nigeria”, in the magazine's language."""
    return in_words(codes, the_publication().language)
