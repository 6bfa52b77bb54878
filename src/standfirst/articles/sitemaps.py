"""Sitemaps: every published article in pages of 2,000, the lists, and the last two days for news.

Only the few values that stand in them are read: with 50,000 articles a page takes milliseconds.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from standfirst.articles.feeds import clean
from standfirst.articles.models import Article, Author, Region, Section, Topic, address_of
from standfirst.articles.queries import published
from standfirst.publication.queries import the_publication

PER_PAGE = 2_000
MOST = 50_000  # sitemaps, as many as an index may name
NEWS_HOURS = 48
NEWS_LENGTH = 1_000  # as many as Google reads


def _xml(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    kind = "application/xml; charset=utf-8"
    response = render(request, f"articles/machines/{template}", context, content_type=kind)
    response["Cache-Control"] = "public, max-age=600"
    # A sitemap is not a page to be found.
    response["X-Robots-Tag"] = "noindex"
    return response


def _here(path: str) -> str:
    return f"{settings.WAGTAILADMIN_BASE_URL}{path}"


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """The index of sitemaps."""
    pages = -(-Article.objects.filter(live=True).count() // PER_PAGE)
    paths = [reverse("sitemap_lists")]
    paths += [reverse("sitemap_articles", args=[number]) for number in range(1, pages + 1)]
    return _xml(request, "sitemap_index.xml", {"addresses": [_here(path) for path in paths]})


@require_safe
def sitemap_articles(request: HttpRequest, number: int) -> HttpResponse:
    """Two thousand articles, in the order in which they were added."""
    zone = the_publication().zone
    first = (min(number, MOST + 1) - 1) * PER_PAGE
    rows = list(
        Article.objects.filter(live=True, published_at__isnull=False)
        .order_by("pk")
        .values_list("slug", "published_at", "last_published_at")[first : first + PER_PAGE]
        if first >= 0
        else ()
    )
    if not rows:
        raise Http404("There is no such sitemap.")
    entries = (
        (_here(address_of(slug, published_at, zone)), (changed or published_at).astimezone(zone))
        for slug, published_at, changed in rows
    )
    return _xml(request, "sitemap.xml", {"entries": entries})


@require_safe
def sitemap_lists(request: HttpRequest) -> HttpResponse:
    """The front page and every list that has an article."""
    return _xml(request, "sitemap.xml", {"entries": _lists()})


def _lists() -> Iterable[tuple[str, datetime | None]]:
    yield _here("/"), None
    for name in ("archive", "topics", "regions", "authors"):
        yield _here(reverse(name)), None
    for model, articles in (
        (Section, "articles"),
        (Topic, "articles"),
        (Region, "articles"),
        (Author, "bylines__article"),
    ):
        live = model._default_manager.filter(**{f"{articles}__live": True})
        for slug in live.order_by("slug").values_list("slug", flat=True).distinct():
            yield _here(reverse(model.kind, args=[slug])), None


@require_safe
def sitemap_news(request: HttpRequest) -> HttpResponse:
    """What was published in the last 48 hours, as Google News reads it."""
    publication = the_publication()
    since = timezone.now() - timedelta(hours=NEWS_HOURS)
    rows = published().filter(published_at__gte=since)
    entries = [
        (
            _here(address_of(slug, moment, publication.zone)),
            moment.astimezone(publication.zone),
            clean(title),
        )
        for slug, moment, title in rows.values_list("slug", "published_at", "title")[:NEWS_LENGTH]
    ]
    # Google asks for ISO 639 alone, but for Chinese.
    language = publication.language.lower()
    if language not in {"zh-cn", "zh-tw"}:
        language = language.partition("-")[0]
    return _xml(request, "sitemap_news.xml", {"entries": entries, "language": language})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers may ask for, and where the sitemaps are."""
    closed = [reverse("account"), reverse("wagtailadmin_home"), reverse("join_page"), "/choose/"]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    lines += [f"Sitemap: {_here(reverse(name))}" for name in ("sitemap", "sitemap_news")]
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    return response
