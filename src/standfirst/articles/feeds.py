"""Feeds for the whole magazine, a section, topic, region or author: previews only, to everybody.

A feed holds what any visitor may see of any article, also of open ones, so its bytes depend on
nobody. What is read here of an article's body is its preview and never the rest.
"""

import mimetypes
import re
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urljoin

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Atom1Feed, Enclosure, Rss201rev2Feed, SyndicationFeed
from django.utils.html import escape
from django.utils.http import http_date, quote_etag
from django.views.decorators.http import require_safe
from wagtail.rich_text import expand_db_html

from standfirst.articles.models import Article, Author, Filed, Region, Section, Topic
from standfirst.articles.on_shelves import newest, shelf_of
from standfirst.articles.pictures import card_of
from standfirst.articles.queries import filed_under, for_cards, published
from standfirst.articles.tags import CORRECTED, depends_on_shelf
from standfirst.publication.queries import the_publication

LENGTH = 30

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FROM_ROOT = re.compile(r'(href|src)="/(?!/)')

SUBJECTS: dict[str, type[Filed]] = {model.kind: model for model in (Section, Topic, Region, Author)}


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold."""
    return _NOT_IN_XML.sub("", text)


# -- the two formats --------------------------------------------------------------------------


class Rss(Rss201rev2Feed):  # type: ignore[misc]
    """RSS 2.0 with what readers know of: full bylines, the preview as HTML, the picture."""

    content_type = "application/rss+xml; charset=utf-8"

    def rss_attributes(self) -> dict[str, str]:
        return {
            **super().rss_attributes(),
            "xmlns:dc": "http://purl.org/dc/elements/1.1/",
            "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
            "xmlns:media": "http://search.yahoo.com/mrss/",
        }

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.addQuickElement("dc:creator", name)
        handler.addQuickElement("content:encoded", item["html"])
        if picture := item["picture"]:
            handler.startElement("media:content", picture["attributes"])
            for name in ("description", "credit"):
                if picture[name]:
                    handler.addQuickElement(f"media:{name}", picture[name])
            handler.endElement("media:content")


class Atom(Atom1Feed):  # type: ignore[misc]
    """Atom with every author and the preview as HTML."""

    content_type = "application/atom+xml; charset=utf-8"

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.startElement("author", {})
            handler.addQuickElement("name", name)
            handler.endElement("author")
        handler.addQuickElement("content", item["html"], {"type": "html"})


# -- the view ---------------------------------------------------------------------------------


@require_safe
def feed(
    request: HttpRequest, kind: str = "", slug: str = "", form: type[SyndicationFeed] = Rss
) -> HttpResponse:
    """The newest articles of the magazine, or of one section, topic, region or author."""
    subject: Filed | None = get_object_or_404(SUBJECTS[kind], slug=slug) if kind else None
    shelf = shelf_of(subject)
    ids = newest(shelf, LENGTH)
    articles = for_cards(published().filter(pk__in=ids), whole=True)
    found = {article.pk: article for article in articles.prefetch_related(*filed_under())}
    # It also knows of corrections in older articles of the list, and of what was withdrawn.
    depends_on_shelf((shelf.kind, shelf.subject), CORRECTED)
    changed = shelf.changed_at
    body = _written(form, request.path, subject, [found[pk] for pk in ids if pk in found], changed)
    response = HttpResponse(body, content_type=form.content_type)  # type: ignore[attr-defined]
    response["Cache-Control"] = "public, max-age=300"
    response["ETag"] = etag = quote_etag(_digest(body))
    response["Last-Modified"] = http_date(changed.timestamp())
    stamp = int(changed.timestamp())
    return get_conditional_response(request, etag, stamp, response) or response


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]


def _written(
    form: type[SyndicationFeed],
    path: str,
    subject: Filed | None,
    articles: list[Article],
    changed: datetime,
) -> bytes:
    publication = the_publication()
    here = settings.WAGTAILADMIN_BASE_URL
    title = f"{subject.name} – {publication.name}" if subject else publication.name
    about = (subject.description if subject else "") or publication.description
    written = form(
        title=clean(title),
        link=here + (subject.get_absolute_url() if subject else "/"),
        description=clean(about or publication.tagline or publication.name),
        language=publication.language,
        feed_url=here + quote(path),
    )
    for article in articles:
        written.add_item(**entry_of(article, here))
    # Not “now”: the bytes are the same until something changes.
    written.latest_post_date = (  # type: ignore[method-assign]
        lambda: changed.astimezone(publication.zone)
    )
    return bytes(written.writeString("utf-8").encode("utf-8"))


def entry_of(article: Article, here: str) -> dict[str, Any]:
    """An article, read with all that cards show and its body, as one entry of a feed."""
    zone = the_publication().zone
    picture = _picture(article, here)
    authors = [clean(byline.author.name) for byline in article.bylines.all()]
    subjects = [article.section, *article.topics.all(), *article.regions.all()]
    changed = article.last_published_at or article.published_at
    return {
        "title": clean(article.title),
        "link": here + article.get_absolute_url(),
        "description": clean(article.standfirst),
        "html": clean(_html(article, here)),
        # Made once with the page and kept for good, whatever becomes of its address.
        "unique_id": f"urn:uuid:{article.translation_key}",
        "unique_id_is_permalink": False,
        "pubdate": article.published_at and article.published_at.astimezone(zone),
        "updateddate": changed and changed.astimezone(zone),
        "authors": authors,
        "categories": [clean(subject.name) for subject in subjects],
        "enclosures": [picture["enclosure"]] if picture else [],
        "picture": picture,
    }


def _html(article: Article, here: str) -> str:
    """The standfirst and the preview's paragraphs, with links that lead home from anywhere."""
    preview, _ = article.preview_and_rest()
    parts = [f"<p><em>{escape(article.standfirst)}</em></p>"] if article.standfirst else []
    for piece in preview:
        if piece.kind == "paragraph":
            parts.append(expand_db_html(str(piece.value)))
        elif piece.kind == "heading":
            parts.append(f"<h2>{escape(str(piece.value.value))}</h2>")
    address = escape(here + article.get_absolute_url())
    parts.append(f'<p><a href="{address}">Read on at {escape(the_publication().name)}</a></p>')
    return _FROM_ROOT.sub(rf'\1="{here}/', "\n".join(parts))


def _picture(article: Article, here: str) -> dict[str, Any] | None:
    rendition = card_of(article.hero)
    try:
        size = rendition.file.size if rendition else 0
    except OSError:  # a picture whose file is gone must not take the feed with it
        return None
    if rendition is None:
        return None
    url = urljoin(here, rendition.url)
    kind = mimetypes.guess_type(rendition.file.name)[0] or "image/jpeg"
    return {
        "enclosure": Enclosure(url, str(size), kind),
        "attributes": {
            "url": url,
            "type": kind,
            "medium": "image",
            "width": str(rendition.width),
            "height": str(rendition.height),
        },
        "description": clean(article.hero_alt),
        "credit": clean(article.hero_credit),
    }
