"""The library's page: the ways into the archive, and what a search finds there."""

import logging

from allauth.account.adapter import get_adapter
from django.core.signing import BadSignature
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from standfirst.access.queries import standing_of
from standfirst.articles.on_shelves import shelf_of
from standfirst.articles.queries import menu, months_of_archive
from standfirst.library.asked import LAST_PAGE, Asked
from standfirst.library.limits import network_of, too_often
from standfirst.library.misses import listen, report_for
from standfirst.library.models import Outcome
from standfirst.library.queries import NotNow, Results, search
from standfirst.publication.same_origin import posts_from_here_only

log = logging.getLogger("standfirst.library")


@require_safe
def library(request: HttpRequest) -> HttpResponse:
    """A search, where one is asked for; else where one may begin."""
    asked = Asked.of(request.GET)
    if not asked:
        context = {
            "asked": asked,
            "sections": menu(),
            "years": months_of_archive(),
            "count": shelf_of().count,
        }
        return render(request, "library/library.html", context)
    response = _searched(request, asked)
    patch_vary_headers(response, ["Cookie"])
    # It says what this reader can open, and what they searched for.
    patch_cache_control(response, private=True, no_store=True)
    return response


def _searched(request: HttpRequest, asked: Asked) -> HttpResponse:
    context: dict[str, object] = {"asked": asked}
    if asked.page > LAST_PAGE:
        raise Http404("There is no such page of what was found.")
    if what := too_often(request):
        context["too_often"] = what
        return render(request, "library/library.html", context, status=429)
    now = timezone.now()
    try:
        results = search(asked, standing_of(request.user, now), now)
    except NotNow as why:
        context["not_now"] = str(why)
        return render(request, "library/library.html", context)
    if asked.page > results.pages:
        raise Http404("There is no such page of what was found.")
    context |= {
        "results": results,
        "typed": asked.address(exactly=True),
        "before": asked.address(page=asked.page - 1) if asked.page > 1 else "",
        "after": asked.address(page=asked.page + 1) if asked.page < results.pages else "",
        "anywhere": asked.address(chosen={}, since="", until=""),
        "narrowed": bool(asked.chosen or asked.since or asked.until),
        "missed": _report(asked, results),
    }
    return render(request, "library/library.html", context)


def _report(asked: Asked, results: Results) -> str:
    """What the page may report, where nothing was found, or not all of the words in one article."""
    whole = asked.text and asked.page == 1 and not (asked.chosen or asked.since or asked.until)
    if not whole or any(result.pinned for result in results.items):
        return ""
    if results.loosened:
        return report_for(asked.text, Outcome.SOME_WORDS)
    return "" if results.total else report_for(asked.text, Outcome.NOTHING)


@posts_from_here_only
@require_POST
def missed(request: HttpRequest) -> HttpResponse:
    """A browser says that a search without a result has stood before its reader for a while."""
    network = network_of(get_adapter().get_client_ip(request))
    try:
        listen(request.POST.get("search", ""), network, timezone.now())
    except BadSignature:
        return HttpResponse(status=400)
    except DatabaseError as error:  # a report is not worth an alarm
        log.warning("A search without a result was not counted: %s", error)
    return HttpResponse(status=204)
