"""Sitemaps: every published article in pages, the lists, and the last two days for news.

An article stands in the page of its id, so that a change concerns one page, which the worker writes
anew within a minute; until then that page is made when it is asked for. So what is served is
always true, and asking changes nothing.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from standfirst.articles.feeds import clean
from standfirst.articles.models import (
    Article,
    Author,
    Filed,
    Region,
    Section,
    Shelf,
    SitemapPage,
    Topic,
    address_of,
)
from standfirst.articles.on_shelves import newest, shelf_of
from standfirst.articles.shelves import IN_A_SITEMAP
from standfirst.articles.tags import SITEMAPS, depends_on_names, of_sitemap
from standfirst.publication.events import SitemapsWritten, happened
from standfirst.publication.kept import depends_on
from standfirst.publication.queries import the_publication

PER_PAGE = 2_000  # lists
MOST = 50_000  # sitemaps, as many as an index may name
LISTED: tuple[type[Filed], ...] = (Section, Topic, Region, Author)
NEWS_HOURS = 48
NEWS_LENGTH = 1_000  # as many as Google reads
_BASE = "{base}"  # no slug holds a brace


def _xml(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    kind = "application/xml; charset=utf-8"
    response = render(request, f"articles/machines/{template}", context, content_type=kind)
    response["Cache-Control"] = "public, max-age=600"
    # A sitemap is not a page to be found.
    response["X-Robots-Tag"] = "noindex"
    return response


def _here(path: str) -> str:
    return f"{settings.WAGTAILADMIN_BASE_URL}{path}"


def _entry(address: str, changed: datetime | None) -> str:
    when = f"<lastmod>{changed.isoformat()}</lastmod>" if changed else ""
    return f"<url><loc>{escape(address)}</loc>{when}</url>\n"


# -- pages that the worker writes ---------------------------------------------------------------


def written(number: int) -> str:
    """The entries of one page of the sitemap; the site's own address is left as a mark in them."""
    zone = the_publication().zone
    first = (number - 1) * IN_A_SITEMAP
    rows = Article.objects.filter(
        pk__gte=first, pk__lt=first + IN_A_SITEMAP, live=True, published_at__isnull=False
    )
    return "".join(
        _entry(_BASE + address_of(slug, moment, zone), (changed or moment).astimezone(zone))
        for slug, moment, changed in rows.order_by("pk").values_list(
            "slug", "published_at", "last_published_at"
        )
    )


def write_sitemaps(now: datetime) -> int:
    """Write every page of the sitemap anew in which something has changed. Says how many.

    `now` is aware. The worker calls it; whoever asks before it has run gets a page made for them.
    """
    count = 0
    for number in SitemapPage.objects.filter(stale=True).values_list("number", flat=True):
        with transaction.atomic():
            page = SitemapPage.objects.select_for_update().get(number=number)
            body = written(number)
            if not body:
                page.delete()
            else:
                if body != page.body:
                    page.body, page.changed_at = body, now
                page.stale = False
                page.save()
        count += 1
    if count:
        happened(SitemapsWritten())
    return count


# -- what crawlers ask for ----------------------------------------------------------------------


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """The index of sitemaps. One that is being written anew has no date."""
    depends_on(SITEMAPS)
    depends_on_names(*LISTED)
    entries: list[tuple[str, datetime | None]]
    entries = [(_here(_lists_path(number)), None) for number in range(1, _lists_pages() + 1)]
    pages = SitemapPage.objects.order_by("number")[: MOST - len(entries)]
    zone = the_publication().zone
    for number, stale, changed in pages.values_list("number", "stale", "changed_at"):
        address = _here(reverse("sitemap_articles", args=[number]))
        entries.append((address, None if stale or not changed else changed.astimezone(zone)))
    return _xml(request, "sitemap_index.xml", {"entries": entries})


@require_safe
def sitemap_articles(request: HttpRequest, number: int) -> HttpResponse:
    """The articles of one range of ids, in the order in which they were added."""
    depends_on(of_sitemap(number))
    page = SitemapPage.objects.filter(number=min(number, MOST)).first()
    # What has changed since the worker wrote it down is never shown from there.
    body = (written(number) if page.stale else page.body) if page else ""
    if not body:
        raise Http404("There is no such sitemap.")
    return _xml(request, "sitemap.xml", {"body": mark_safe(body.replace(_BASE, _here("")))})  # noqa: S308


@require_safe
def sitemap_lists(request: HttpRequest, number: int = 1) -> HttpResponse:
    """The lists that have an article, and on the first page those that are always there."""
    if not 1 <= number <= _lists_pages():
        raise Http404("There is no such sitemap.")
    depends_on_names(*LISTED)
    paths = ["/", *(reverse(name) for name in ("archive", "topics", "regions", "authors"))]
    paths = paths if number == 1 else []
    for model in LISTED:
        shelves = Shelf.objects.filter(
            kind=model.kind, count__gt=0, pk__gte=(number - 1) * PER_PAGE, pk__lt=number * PER_PAGE
        )
        found = model._default_manager.filter(pk__in=shelves.values("subject")).order_by("slug")
        paths += [reverse(model.kind, args=[s]) for s in found.values_list("slug", flat=True)]
    body = "".join(_entry(_here(path), None) for path in paths)
    return _xml(request, "sitemap.xml", {"body": mark_safe(body)})  # noqa: S308


def _lists_pages() -> int:
    last = Shelf.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return last // PER_PAGE + 1


def _lists_path(number: int) -> str:
    return reverse("sitemap_lists", args=[number] if number > 1 else [])


@require_safe
def sitemap_news(request: HttpRequest) -> HttpResponse:
    """What was published in the last 48 hours, as Google News reads it."""
    publication = the_publication()
    since = timezone.now() - timedelta(hours=NEWS_HOURS)
    ids = newest(shelf_of(), NEWS_LENGTH, since=since)
    rows = Article.objects.filter(pk__in=ids, live=True).order_by("-published_at", "-pk")
    entries = [
        (
            _here(address_of(slug, moment, publication.zone)),
            moment.astimezone(publication.zone),
            clean(title),
        )
        for slug, moment, title in rows.values_list("slug", "published_at", "title")
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
    # Searches, their feeds, and what may be typed.
    closed += [f"{reverse('library')}{what}" for what in ("?", "feed.atom", "suggestions/")]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    lines += [f"Sitemap: {_here(reverse(name))}" for name in ("sitemap", "sitemap_news")]
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    return response
