"""Lists of articles: sections, topics, regions, authors, archive. Previews only, no decision."""

from datetime import MAXYEAR, MINYEAR, date
from itertools import groupby
from typing import Any

from django.db.models import Count, Max, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from standfirst.articles.models import Article, Author, Region, Section, Topic
from standfirst.articles.queries import listing, months_of_archive, published, published_in
from standfirst.articles.rules import filed_as, letter_of

LONG_INDEX = 80  # names; a longer index is divided by letters


def _filed(
    request: HttpRequest, model: type[Model], slug: str, articles: QuerySet[Article], **more: Any
) -> HttpResponse:
    subject = get_object_or_404(model, slug=slug)
    kind = model.__name__.lower()
    context = {
        "subject": subject,
        "kind": kind,
        "list": listing(articles, request.GET.get("page")),
        "in_section": kind == "section",
        "address": subject.get_absolute_url(),  # type: ignore[attr-defined]
        "parent": reverse(f"{kind}s") if kind != "section" else "",
        **more,
    }
    return render(request, "articles/filed.html", context)


@require_safe
def section(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Section, slug, published().filter(section__slug=slug))


@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Topic, slug, published().filter(topics__slug=slug))


@require_safe
def region(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Region, slug, published().filter(regions__slug=slug))


@require_safe
def author(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Author, slug, published().filter(bylines__author__slug=slug))


_INDEXES: dict[str, tuple[type[Model], str]] = {
    "topics": (Topic, "articles"),
    "regions": (Region, "articles"),
    "authors": (Author, "bylines__article"),
}


@require_safe
def index(request: HttpRequest, kind: str) -> HttpResponse:
    """All topics, regions or authors that have an article, with how many and when the last."""
    model, articles = _INDEXES[kind]
    live = Q(**{f"{articles}__live": True})
    subjects = model._default_manager.annotate(
        articles_count=Count(articles, filter=live, distinct=True),
        newest=Max(f"{articles}__published_at", filter=live),
    ).filter(articles_count__gt=0)
    names: list[Any] = list(subjects)
    names.sort(key=lambda subject: filed_as(subject.name))
    by_letter: list[tuple[str, list[Any]]] = []
    if len(names) > LONG_INDEX:
        letters = groupby(names, key=lambda subject: letter_of(subject.name))
        by_letter = [(letter, list(found)) for letter, found in letters]
    context = {"kind": kind, "subjects": names, "by_letter": by_letter}
    return render(request, "articles/index.html", context)


@require_safe
def archive(request: HttpRequest) -> HttpResponse:
    """Every month in which something was published."""
    return render(request, "articles/archive.html", {"years": months_of_archive()})


@require_safe
def archive_month(request: HttpRequest, year: str, month: str) -> HttpResponse:
    """All articles of one month, where the publication is."""
    try:
        first = date(int(year), int(month), 1)
    except ValueError as error:
        raise Http404("There is no such month.") from error
    if first.year in {MINYEAR, MAXYEAR}:  # a month at the calendar's end has none beside it
        raise Http404("There is no such month.")
    articles = published_in(first)
    context = {"month": first, "list": listing(articles, request.GET.get("page"))}
    return render(request, "articles/archive_month.html", context)


@require_safe
def library(request: HttpRequest) -> HttpResponse:
    """Where the library's search will stand: until then, the ways into the archive."""
    context = {
        "sections": Section.objects.all(),
        "years": months_of_archive(),
        "count": published().count(),
    }
    return render(request, "articles/library.html", context)
