"""Newsletters on the web: which there are, the archive of each, and an edition as a page."""

from datetime import date

from django.core.paginator import InvalidPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from standfirst.access.crawlers import verified_crawler
from standfirst.access.queries import standing_of
from standfirst.access.rules import FullText, Reason, decide
from standfirst.members.forms import JoinForm
from standfirst.newsletters.models import Newsletter
from standfirst.newsletters.pages import edition_page
from standfirst.newsletters.queries import editions_of, headlines_in, newsletters_for_readers

PER_PAGE = 30


@require_safe
def newsletters(request: HttpRequest) -> HttpResponse:
    """Which newsletters there are, how to get them, and what they said last."""
    return render(request, "newsletters/all.html", {"newsletters": newsletters_for_readers()})


@require_safe
def newsletter(request: HttpRequest, letter: str) -> HttpResponse:
    """The archive of a newsletter, the newest edition first."""
    found = get_object_or_404(Newsletter, slug=letter)
    editions = editions_of(found).select_related("newsletter").prefetch_related(headlines_in())
    try:
        page = Paginator(editions, PER_PAGE).page(request.GET.get("page") or 1)
    except InvalidPage as error:
        raise Http404("There is no such page of this archive.") from error
    if not found.offered and not page.paginator.count:
        raise Http404("There is no newsletter at this address.")
    return render(request, "newsletters/archive.html", {"newsletter": found, "list": page})


@require_safe
def edition(request: HttpRequest, letter: str, day: str) -> HttpResponse:
    """An edition that was sent: all of it or its headlines, as `decide` says of this reader now."""
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise Http404("There is no such day.") from error
    found = get_object_or_404(Newsletter, slug=letter)
    sent = get_object_or_404(editions_of(found).select_related("newsletter"), day=on)
    now = timezone.now()
    standing = standing_of(request.user, now, crawler=verified_crawler(request))
    decision = decide(sent.effective_terms, standing, sent.pk, now)
    context = {"page": edition_page(sent, decision), "decision": decision, "form": JoinForm()}
    response = render(request, "newsletters/edition.html", context)
    patch_vary_headers(response, ["Cookie"])
    patch_cache_control(response, private=True, no_store=True)
    if decision == FullText(Reason.CRAWLER):
        response["X-Robots-Tag"] = "noarchive"
    return response
