"""From what is chosen beside the results to the pages of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import template
from django.urls import reverse

if TYPE_CHECKING:
    from standfirst.library.queries import Choice

register = template.Library()

PAGES = ("section", "region", "topic", "author")  # facets and names of addresses alike


@register.inclusion_tag("library/leads.html")
def leads(facets: Sequence[tuple[str, Sequence["Choice"]]]) -> dict[str, Any]:
    """A link for each chosen section, region, topic and author, and for a year in the archive."""
    chosen = [(facet, choice) for facet, some in facets for choice in some if choice.chosen]
    links = [
        (facet, choice.name, reverse(facet, args=[choice.value]))
        for facet, choice in chosen
        if facet in PAGES
    ]
    archive = reverse("archive")
    links += [("archive", c.name, f"{archive}#y{c.value}") for f, c in chosen if f == "year"]
    return {"links": links}
