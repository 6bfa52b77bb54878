"""Lists of articles: sections, topics, regions, authors, archive. Previews only, no decision.
And an article's citation as a file."""

from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, date
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.core.paginator import InvalidPage, Paginator
from django.db.models import OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from standfirst.articles.citing import Work, bibtex, ris
from standfirst.articles.company import company
from standfirst.articles.models import Author, Filed, Place, Region, Section, Shelf, Topic
from standfirst.articles.on_shelves import beside
from standfirst.articles.queries import find_article, in_short, listing, months_of_archive
from standfirst.articles.rules import letter_of
from standfirst.articles.seo import work_of
from standfirst.articles.tags import depends_on_names, of_counts
from standfirst.publication.kept import depends_on
from standfirst.publication.queries import the_publication

LONG_INDEX = 80  # names; a longer index is divided by letters
INDEX_PAGE = 500


def _filed(request: HttpRequest, model: type[Filed], slug: str) -> HttpResponse:
    subject: Filed = get_object_or_404(model, slug=slug)
    kind = model.kind
    found = listing(subject, request.GET.get("page"))
    first = found.number == 1 and kind != "section"
    context = {
        "subject": subject,
        "kind": kind,
        "list": found,
        "company": company(subject, list(found.object_list)) if first else (),
        "in_section": kind == "section",
        "address": subject.get_absolute_url(),
        "parent": reverse(f"{kind}s") if kind != "section" else "",
    }
    return render(request, "articles/filed.html", context)


@require_safe
def section(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Section, slug)


@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Topic, slug)


@require_safe
def region(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Region, slug)


@require_safe
def author(request: HttpRequest, slug: str) -> HttpResponse:
    return _filed(request, Author, slug)


_INDEXES: dict[str, type[Filed]] = {"topics": Topic, "regions": Region, "authors": Author}


@require_safe
def index(request: HttpRequest, kind: str) -> HttpResponse:
    """All topics, regions or authors that have an article, with how many and when the last."""
    model = _INDEXES[kind]
    depends_on_names(model)
    depends_on(of_counts(model.kind))
    shelves = Shelf.objects.filter(kind=model.kind, count__gt=0)
    last = Place.objects.filter(shelf=OuterRef("pk")).order_by("-published_at")
    newest = last.values("published_at")[:1]
    # Of a region the index also shows what it is.
    rows = Region.objects.all() if model is Region else in_short(model)
    subjects = rows.filter(pk__in=shelves.values("subject"))
    try:
        page = Paginator(subjects.order_by("filed_as", "pk"), INDEX_PAGE).page(
            request.GET.get("page") or 1
        )
    except InvalidPage as error:
        raise Http404("There is no such page of this index.") from error
    names: list[Any] = list(page.object_list)
    found = {
        shelf.subject: shelf
        for shelf in shelves.filter(subject__in=[one.pk for one in names]).annotate(newest=newest)
    }
    for one in names:
        one.articles_count, one.newest = found[one.pk].count, found[one.pk].newest
    by_letter: list[tuple[str, list[Any]]] = []
    if page.paginator.count > LONG_INDEX:
        letters = groupby(names, key=lambda subject: letter_of(subject.name))
        by_letter = [(letter, list(some)) for letter, some in letters]
    context = {"kind": kind, "subjects": names, "by_letter": by_letter, "list": page}
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
    found = listing(None, request.GET.get("page"), first)
    earlier, later = beside(first) if found.paginator.count else (None, None)
    context = {"month": first, "list": found, "earlier": earlier, "later": later}
    return render(request, "articles/archive_month.html", context)


# Each form of a citation: what writes it, and its kind of content.
CITED: dict[str, tuple[Callable[[Work], str], str]] = {
    "bib": (bibtex, "application/x-bibtex; charset=utf-8"),
    "ris": (ris, "application/x-research-info-systems; charset=utf-8"),
}


@require_safe
def cite(request: HttpRequest, year: str, month: str, slug: str, form: str) -> HttpResponse:
    """An article's citation for reference managers, to save; the same for every reader."""
    article = find_article(slug)
    address = f"{article.get_absolute_url()}cite.{form}"
    if request.path != unquote(address):
        return redirect(address, permanent=True)
    write, kind = CITED[form]
    text = write(work_of(article, the_publication(), settings.WAGTAILADMIN_BASE_URL))
    response = HttpResponse(text, content_type=kind)
    name = content_disposition_header(True, f"{article.slug}.{form}")
    response["Content-Disposition"] = name or "attachment"
    response["Cache-Control"] = "public, max-age=300"
    return response
