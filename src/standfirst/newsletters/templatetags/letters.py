"""How the plain text of letters is laid out."""

from django import template

from standfirst.newsletters.letters import richtext

register = template.Library()


@register.filter
def wrapped(text: str) -> str:
    """One paragraph in lines of at most 72 characters."""
    return richtext.wrapped(text)


@register.simple_tag
def rule() -> str:
    """A line across."""
    return "-" * richtext.WIDTH
