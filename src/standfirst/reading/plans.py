"""The page on which one pays for All-Access.

As it is, it is the same for everybody and kept like a list. With `next` (where the reader came
from), `currency` or `price` in its address it is made for one reader and not kept, so that no
address that somebody invents makes the page store grow.
"""

from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from standfirst.articles.models import Article
from standfirst.articles.queries import published
from standfirst.members.sign_in import next_path
from standfirst.reading.keys import key_of
from standfirst.subscriptions.providers import for_readers
from standfirst.subscriptions.queries import shop

LONGEST_ONWARD = 400  # as a checkout remembers it


@require_safe
def all_access(request: HttpRequest) -> HttpResponse:
    """Every plan with its prices, in one currency, and the free account beside them."""
    onward = next_path(request, LONGEST_ONWARD)
    given = request.GET.get("price", "")
    price = int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0
    found = shop(request.GET.get("currency", "")[:3].upper(), price)
    response = render(
        request,
        "reading/all_access.html",
        {
            "shop": found,
            "can_buy": for_readers() is not None and bool(found.plans),
            "everybody": [one for one in found.plans if one.plan.offered_to == "everyone"],
            "some": [one for one in found.plans if one.plan.offered_to != "everyone"],
            "chosen": price,
            "onward": onward,
            "came_from": _article_at(onward),
            "switch": [(code, _link(onward, code)) for code in found.currencies],
        },
    )
    # Asked of what Django read too: a name may be written so that the key does not see it (%6eext).
    plain = key_of(request.path, request.META.get("QUERY_STRING", "")) == request.path
    if plain and not request.GET.keys() & {"next", "currency", "price"}:
        response.kept_as = ("full", None, None)  # type: ignore[attr-defined]
    else:
        patch_cache_control(response, private=True, no_store=True)
    return response


def _article_at(path: str) -> Article | None:
    """The published article at a path, to name it."""
    try:
        found = resolve(urlsplit(path).path)
    except Resolver404:
        return None
    if found.url_name != "article":
        return None
    return published().filter(slug=found.kwargs["slug"]).only("title", "slug").first()


def _link(onward: str, currency: str) -> str:
    return "?" + urlencode({"currency": currency, **({"next": onward} if onward else {})})
