"""The library's page: the ways into the archive, and what a search finds there."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from standfirst.access.queries import standing_of
from standfirst.articles.queries import menu, months_of_archive
from standfirst.articles.shelves import shelf_of
from standfirst.library.asked import LAST_PAGE, Asked
from standfirst.library.limits import too_often
from standfirst.library.queries import NotNow, search


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
    if too_often(request):
        context["too_often"] = True
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
    }
    return render(request, "library/library.html", context)
