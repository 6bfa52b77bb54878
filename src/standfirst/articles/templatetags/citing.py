"""How an article is cited, for its page."""

from dataclasses import dataclass

from django import template
from django.template import Context

from standfirst.articles import citing
from standfirst.articles.models import Article
from standfirst.articles.seo import work_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class Cited:
    """`styles`: names with citations; `meta`: names and contents for the page's head."""

    styles: list[tuple[str, citing.Citation]]
    meta: list[tuple[str, str]]


@register.simple_tag(takes_context=True)
def cited(context: Context, article: Article) -> Cited:
    work = work_of(article, context["publication"], context["base_url"])
    styles = [("Chicago", citing.chicago(work)), ("APA", citing.apa(work))]
    return Cited(styles, citing.meta_of(work))
