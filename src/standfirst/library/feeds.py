"""A feed of any search: what answers, the newest first, as any visitor may see it.

Whoever asks gets the same bytes: a feed reader signs nobody in, and passes on what it gets.
"""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from standfirst.articles.feeds import Atom, clean, entry_of
from standfirst.articles.models import Article
from standfirst.articles.on_shelves import shelf_of
from standfirst.articles.queries import filed_under, for_cards, published
from standfirst.library.asked import LAST_PAGE, Asked
from standfirst.library.browsers import DESCRIPTION, WAIT
from standfirst.library.engine import Found, Order
from standfirst.library.limits import too_often
from standfirst.library.queries import NotNow, to_follow
from standfirst.publication.queries import the_publication

LENGTH = 20
OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"


class OfSearch(Atom):
    """Atom with what OpenSearch says of an answer: how many there are, and which these are."""

    def root_attributes(self) -> dict[str, str]:
        return {**super().root_attributes(), "xmlns:opensearch": OPENSEARCH}

    def add_root_elements(self, handler: Any) -> None:
        super().add_root_elements(handler)
        for rel, (href, kind) in self.feed["links"].items():
            handler.addQuickElement("link", "", {"rel": rel, "href": href, "type": kind})
        for name in ("totalResults", "startIndex", "itemsPerPage"):
            handler.addQuickElement(f"opensearch:{name}", str(self.feed[name]))
        handler.addQuickElement("opensearch:Query", "", {"role": "request", **self.feed["query"]})

    def latest_post_date(self) -> datetime:
        """Not “now”: the bytes are the same until something changes."""
        changed: datetime = self.feed["changed"]
        return changed


@require_safe
def feed_of_search(request: HttpRequest) -> HttpResponse:
    """The newest articles that answer a search; previews only, whoever asks."""
    asked = replace(Asked.of(request.GET), order=Order.NEWEST)
    if not asked:
        return redirect("feed_atom")
    if asked.page > LAST_PAGE:
        return _said("There is no such page of what was found.", 404)
    if too_often(request):
        return _said("That was more searches than one reader makes. Please come again later.", 429)
    try:
        found = to_follow(asked, timezone.now(), LENGTH)
    except NotNow:
        return _said("The library is being put in order. Please come again in a minute.", 503)
    pages = min(LAST_PAGE, max(1, -(-found.total // LENGTH)))
    if asked.page > pages:
        return _said("There is no such page of what was found.", 404)
    body = _written(asked, found, pages)
    response = HttpResponse(body, content_type=OfSearch.content_type)
    response["Cache-Control"] = "public, max-age=300"
    # No Last-Modified: an article of long ago may be put in today, and answer.
    response["ETag"] = etag = quote_etag(sha256(body).hexdigest()[:32])
    response["X-Robots-Tag"] = "noindex"
    return get_conditional_response(request, etag, None, response) or response


def _said(sentence: str, status: int) -> HttpResponse:
    response = HttpResponse(
        f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8"
    )
    response["Cache-Control"] = "private, no-store"
    if status != 404:
        response["Retry-After"] = str(WAIT)
    return response


def address_of_feed(asked: Asked, page: int = 1) -> str:
    """The path of the feed of a search: whatever it is sorted by, the feed has the newest first."""
    return reverse("search_feed") + asked.address(page=page, order=Order.RELEVANCE)


def _written(asked: Asked, found: Found, pages: int) -> bytes:
    publication, here = the_publication(), settings.WAGTAILADMIN_BASE_URL
    numbers = {"first": 1, "previous": asked.page - 1, "next": asked.page + 1, "last": pages}
    links = {
        rel: (here + address_of_feed(asked, number), "application/atom+xml")
        for rel, number in numbers.items()
        if 1 <= number <= pages
    }
    links["search"] = (here + reverse("search_description"), DESCRIPTION.partition(";")[0])
    articles = for_cards(published().filter(pk__in=found.keys), whole=True)
    rows: dict[int, Article] = {
        article.pk: article for article in articles.prefetch_related(*filed_under())
    }
    entries = [entry_of(rows[key], here) for key in found.keys if key in rows]
    changed = max((entry["updateddate"] for entry in entries), default=shelf_of().changed_at)
    text = clean(asked.text)
    written = OfSearch(
        title=clean(f"“{text}” – {publication.name}" if text else f"Library – {publication.name}"),
        link=here + reverse("library") + asked.address(),
        description=clean(f"What {publication.name} publishes that answers this search."),
        language=publication.language,
        feed_url=here + address_of_feed(asked, asked.page),
        links=links,
        totalResults=found.total,
        startIndex=(asked.page - 1) * LENGTH + 1,
        itemsPerPage=LENGTH,
        changed=changed.astimezone(publication.zone),
        query={"searchTerms": quote(text), "startPage": str(asked.page)},
    )
    for entry in entries:
        written.add_item(**entry)
    return bytes(written.writeString("utf-8").encode("utf-8"))
