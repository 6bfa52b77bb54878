"""Days as they are told to readers."""

from datetime import datetime, timedelta

from django import template

register = template.Library()


@register.filter
def last_day(ends: datetime) -> datetime:
    """A moment of the last day that still counts, from the first moment that does not."""
    return ends - timedelta(minutes=1)
