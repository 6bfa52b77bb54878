"""The two long lists of a page of results, written by hand: in the template language they take
longer than the search."""

from collections.abc import Container, Sequence

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from standfirst.articles.templatetags.pieces import names, when
from standfirst.library.queries import Choice
from standfirst.library.results import Result

register = template.Library()

_HIT = """\
<li><article class="hit"><p class="kicker ui"><a href="{}">{}</a>{}{}</p>
<h2><a href="{}">{}</a></h2>
<p class="excerpt">{}</p>
<p class="by ui">{}<time datetime="{}">{}</time> <span>{} min</span> \
<span class="badge{}">{}</span> {}</p></article></li>
"""
_ON_LIST = '<a class="on-list" href="{}">On your list</a>'
_SAVE = """\
<button class="link-button save" form="save" formaction="{}" \
aria-label="Save “{}” for later">Save for later</button>"""
_PICKED = mark_safe(" <span>Editors’ choice</span>")
_CHOICE = """\
<li><label><input type="checkbox" form="search" id="{facet}-{value}" name="{facet}" value="{value}"\
{checked}>{name} <span>{count:,}</span></label></li>"""


@register.simple_tag
def hits(results: Sequence[Result], saved: Container[int]) -> SafeString:
    """The articles that were found; `saved` are ids of those on the reader's list."""
    to_save, to_list = reverse("save", args=[0]), reverse("reading_list")
    on_list = format_html(_ON_LIST, to_list)
    return format_html_join(
        "",
        _HIT,
        (
            (
                *_hit(it),
                on_list
                if it.key in saved
                else format_html(_SAVE, to_save.replace("0", str(it.key)), it.title),
            )
            for it in results
        ),
    )


def _hit(it: Result) -> tuple[object, ...]:
    kind = format_html(" <span>{}</span>", it.kind) if it.kind else ""
    picked = _PICKED if it.pinned else ""
    by = format_html('<span class="names">{}</span> ', names(it.authors)) if it.authors else ""
    moment = timezone.localtime(it.published_at)
    return (
        *(it.section.get_absolute_url(), it.section.name, picked, kind),
        *(it.address, it.headline, it.excerpt, by, moment.isoformat(), when(moment), it.minutes),
        *(" opens" if it.badge.opens else "", it.badge.text),
    )


@register.simple_tag
def choices(facet: str, values: Sequence[Choice]) -> SafeString:
    """The values of a facet, to be ticked."""
    lines = [
        _CHOICE.format(
            facet=facet,
            value=escape(choice.value),
            checked=" checked" if choice.chosen else "",
            name=escape(choice.name),
            count=choice.count,
        )
        for choice in values
    ]
    return mark_safe("".join(lines))  # noqa: S308  every part is escaped
