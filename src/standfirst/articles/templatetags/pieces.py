"""What templates need to show an article: its pieces, its pictures, and what stands around it."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from django import template
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from wagtail.embeds.embeds import get_embed_hash
from wagtail.embeds.models import Embed
from wagtail.rich_text import expand_db_html

from standfirst.articles import pictures, seo
from standfirst.articles.models import Article, Author, Section
from standfirst.articles.queries import ArticlePage, menu
from standfirst.articles.rules import Piece
from standfirst.articles.tags import of_embed
from standfirst.publication.kept import depends_on, true_today

register = template.Library()


class Named(Protocol):
    """An author, or what is known of one."""

    @property
    def name(self) -> str: ...

    def get_absolute_url(self) -> str: ...


_MARK = re.compile(r"\s*\[\^([\w*†‡-]{1,8})\]")


def _marks(pieces: Iterable[Piece]) -> set[str]:
    return {
        str(note["mark"])
        for piece in pieces
        if piece.kind == "footnotes"
        for note in piece.value.value
    }


def _link_marks(html: str, noted: set[str], seen: set[str]) -> str:
    """Turn [^1] into a link to the note; where the note is not on the page, into nothing."""

    def link(match: re.Match[str]) -> str:
        mark = match[1]
        if mark not in noted:
            return ""
        # A mark may be used twice; the note's way back leads to its first use.
        anchor = "" if mark in seen else format_html(' id="fnref-{}"', mark)
        seen.add(mark)
        return format_html(
            '<sup><a href="#fn-{0}"{1} aria-label="Note {0}">{0}</a></sup>', mark, anchor
        )

    return _MARK.sub(link, html)


def _render(piece: Piece, context: Context, noted: set[str], seen: set[str]) -> str:
    if piece.kind == "paragraph":
        return _link_marks(expand_db_html(str(piece.value)), noted, seen)
    html = piece.value.render(context=context.flatten())
    return html if piece.kind == "footnotes" else _link_marks(html, noted, seen)


@register.simple_tag(takes_context=True)
def pieces(context: Context, which: Sequence[Piece]) -> SafeString:
    """All pieces of the preview or the rest, with their footnote marks as links."""
    page: ArticlePage = context["page"]
    noted = _marks([*page.preview, *page.rest])
    seen: Any = context.render_context.setdefault("marks seen", set())  # type: ignore[arg-type]
    return mark_safe("\n".join(_render(piece, context, noted, seen) for piece in which))  # noqa: S308


@register.simple_tag(takes_context=True)
def piece(context: Context, p: Piece) -> SafeString:
    """One piece."""
    return pieces(context, [p])


@register.simple_tag
def picture(image: Any, alt: str, sizes: str, eager: bool = False) -> str:
    """A picture in all its sizes; `sizes` as in HTML."""
    return pictures.picture(image, alt, sizes, eager=eager)


@register.simple_tag
def link_card(image: Any) -> Any:
    """The rendition of a picture that other sites show beside a link."""
    return pictures.card_of(image)


@register.simple_tag(takes_context=True)
def json_ld(context: Context, page: ArticlePage) -> SafeString:
    """The article for search engines, as the content of a script element."""
    return seo.for_a_script_element(
        seo.news_article(page, context["publication"], context["base_url"])
    )


@register.simple_tag
def embedded(value: Any) -> str:
    """The HTML of an embed the newsroom has fetched already. Showing a page fetches nothing."""
    name = get_embed_hash(value.url)
    depends_on(of_embed(name))
    kept = Embed.objects.filter(hash=name).values_list("html", flat=True)
    return mark_safe(kept.first() or "")  # noqa: S308


@register.simple_tag
def sections_menu() -> list[Section]:
    """The sections that have articles, in the menu's order."""
    return menu()


@register.simple_tag
def today() -> datetime:
    """The present moment, for a page that names the day."""
    true_today()
    return timezone.localtime()


@register.simple_tag
def link_to(name: str, *args: Any) -> str:
    """The address with this name, or "" where this magazine has none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.filter
def authors(article: Article) -> list[Author]:
    """The authors of an article, in order."""
    return [byline.author for byline in article.bylines.all()]


@register.filter
def names(people: Sequence[Named]) -> SafeString:
    """“A, B and C”, each a link to the author's page."""
    links = [
        f'<a href="{escape(person.get_absolute_url())}">{escape(person.name)}</a>'
        for person in people
    ]
    *first, last = links or [""]
    return mark_safe(f"{', '.join(first)} and {last}" if first else last)  # noqa: S308  escaped


@register.filter
def when(moment: datetime | None) -> str:
    """The hour of something of today; the day of what is older; with the year if another."""
    if moment is None:
        return ""
    true_today()
    local, now = timezone.localtime(moment), timezone.localtime()
    if local.date() == now.date():
        return formats.date_format(local, "H:i")
    return formats.date_format(local, "j M" if local.year == now.year else "j M Y")
