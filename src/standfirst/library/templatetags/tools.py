"""What a page of results says of the reader's own list, and of the feed of the search."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django import template

from standfirst.library.asked import Asked
from standfirst.library.feeds import address_of_feed
from standfirst.library.models import Saved
from standfirst.library.queries import Results
from standfirst.library.results import Result
from standfirst.members.models import Member

register = template.Library()


@register.simple_tag
def saved_among(reader: Any, results: Iterable[Result]) -> frozenset[int]:
    """Ids of those results that are on this reader's list."""
    ids = [result.key for result in results]
    if not ids or not isinstance(reader, Member):
        return frozenset()
    found = Saved.objects.filter(member=reader, article__in=ids)
    return frozenset(found.values_list("article_id", flat=True))


@register.simple_tag
def feed_of(asked: Asked, results: Results) -> str:
    """The address of the feed of a search, as it was understood."""
    return address_of_feed(replace(asked, text=results.corrected or asked.text))
