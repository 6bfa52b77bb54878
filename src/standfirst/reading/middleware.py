"""What Django does for the door: keeps the pages it has rendered, and hands out passes."""

import json
import logging
import re
import sqlite3
import time
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers

from standfirst.access.queries import credits_of
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.publication.kept import Dependence, noting
from standfirst.publication.queries import remembered, the_publication
from standfirst.reading import host, passes
from standfirst.reading.keys import SEARCHED, key_of
from standfirst.reading.queries import pass_for
from standfirst.reading.store import Kept, etag_of
from standfirst.subscriptions.queries import subscribed_until, subscribes

log = logging.getLogger("standfirst.reading")

STRIP_COOKIE = "strip"

View = Callable[[HttpRequest], HttpResponse]

# Pages that hold nothing of one person. The walls of articles have names of their own.
LISTS = {"section", "topic", "region", "author", "archive_month"}
INDEXES = {"topics", "regions", "authors"}
SAME_FOR_ALL = {
    *LISTS,
    *INDEXES,
    *("archive", "library", "wagtail_serve"),
    *(
        "feed",
        "feed_atom",
        "search_description",
        "sitemap",
        "sitemap_articles",
        "sitemap_lists",
        "robots",
    ),
    *(f"{kind}_feed{form}" for kind in LISTS for form in ("", "_atom")),
}
_PAGE_NUMBER = re.compile(r"page=[1-9]\d{0,4}")
# Of one answer or connection; the rest of the headers belongs to the page.
_NOT_KEPT = {
    *("set-cookie", "date", "server", "content-length", "etag", "connection"),
    *("content-encoding", "cross-origin-opener-policy-report-only"),
}
LONGEST = 60 * 60 * 24 * 30


# -- keeping pages ----------------------------------------------------------------------------


def keep_pages(get_response: View) -> View:
    """Keep what may be kept, and answer conditional requests for it (RFC 9110, 13)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return get_response(request)
        try:
            seen = host.generations().pages
        except OSError as error:
            log.warning("The page store cannot be used (%s): pages are only slower.", error)
            seen = -1
        with remembered(), noting() as depends:
            response = get_response(request)
            if not _may_be_kept(request, response):
                return response
            if not response.has_header("ETag"):
                response["ETag"] = f'"{etag_of(response.content)}"'
            patch_vary_headers(response, ["Accept-Encoding"])
            if not response.has_header("Cache-Control"):
                response["Cache-Control"] = "private, no-cache"
            if seen >= 0 and request.method == "GET":
                page = _kept(request, response, depends)
                try:
                    host.writer().keep(page, seen)
                except (OSError, sqlite3.Error) as error:
                    log.warning("A page could not be kept: %s", error)
        return get_conditional_response(request, response["ETag"], None, response) or response

    return middleware


def _kept(request: HttpRequest, response: HttpResponse, depends: Dependence) -> Kept:
    variant, article, terms = getattr(response, "kept_as", ("full", None, None))
    headers = [(name.lower(), value) for name, value in response.items()]
    publication = the_publication()
    networks = []
    crawlers_read_more = publication.crawlers_read_all and variant.startswith("wall-")
    if crawlers_read_more:
        lines = publication.crawler_networks.splitlines()
        networks = [line.split()[0] for line in lines if line.strip()]
    return Kept(
        path=key_of(request.path, request.META.get("QUERY_STRING", "")),
        variant=variant,
        until=depends.until.timestamp() if depends.until else time.time() + LONGEST,
        article=article,
        terms=terms,
        headers=[row for row in headers if row[0] not in _NOT_KEPT],
        body=response.content,
        tags=frozenset(depends.tags),
        unless_from=" ".join(networks),
        unless_crawler=crawlers_read_more,
    )


def _may_be_kept(request: HttpRequest, response: HttpResponse) -> bool:
    match = request.resolver_match
    if response.status_code != 200 or response.streaming or match is None:
        return False
    if response.has_header("X-Robots-Tag") and match.url_name == "article":
        return False  # a search engine's copy
    if "no-store" in response.get("Cache-Control", ""):
        return False
    if "page=" in (query := request.META.get("QUERY_STRING", "")) and not (
        match.url_name in LISTS | INDEXES and _PAGE_NUMBER.fullmatch(query)
    ):
        return False
    if request.path == SEARCHED and query:
        return False
    if match.url_name == "wagtail_serve":
        return request.path == "/"
    return hasattr(response, "kept_as") or match.url_name in SAME_FOR_ALL


# -- the strip and the pass -------------------------------------------------------------------


def tell_the_browser(get_response: View) -> View:
    """Keep the two cookies true: the strip for the header, and the pass for the door.

    Nothing is ever decided from the strip: a forged one changes what its forger sees.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "public" in response.get("Cache-Control", ""):
            return response  # a feed or a picture, kept for all: it must not carry one's name
        reader = request.user
        member = reader if isinstance(reader, Member) else None
        _strip(request, response, _strip_of(member) if member else None)
        _pass(request, response, member)
        return response

    return middleware


def _strip(request: HttpRequest, response: HttpResponse, wanted: str | None) -> None:
    present = request.COOKIES.get(STRIP_COOKIE)
    if wanted and wanted != present:
        response.set_cookie(
            STRIP_COOKIE,
            wanted,
            max_age=settings.SESSION_COOKIE_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )
    elif not wanted and present is not None:
        response.delete_cookie(STRIP_COOKIE, samesite="Lax")


def _pass(request: HttpRequest, response: HttpResponse, member: Member | None) -> None:
    if member is None or not request.session.session_key:
        if passes.COOKIE in request.COOKIES:
            response.delete_cookie(passes.COOKIE, samesite="Lax")
        # A session that is over would send its browser's every request past the door.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.session.keys():
            response.delete_cookie(settings.SESSION_COOKIE_NAME, samesite="Lax")
        return
    now = timezone.now()
    keys = [passes.key_of(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    try:
        numbers = host.generations()
    except OSError:
        return  # without numbers no pass proves anything
    # One that is near its end is renewed on the way.
    held = passes.read(request.COOKIES.get(passes.COOKIE, ""), keys, now.timestamp() + 60)
    if (
        held
        and held.member == member.pk
        and held.session == passes.fingerprint(request.session.session_key)
        and numbers.holds(held.member, held.epoch, held.generation)
    ):
        return
    given = pass_for(member, request.session.session_key, numbers, now)
    response.set_cookie(
        passes.COOKIE,
        passes.write(given, keys[0]),
        max_age=max(1, given.expires - int(now.timestamp())),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _strip_of(member: Member) -> str:
    """Name, choices left (nothing for those whom choices do not concern), and whether on staff or a
    subscriber who pays."""
    now = timezone.now()
    opens_all = subscribed_until(member, now)
    chooses = is_verified(member) and not opens_all
    told = {
        "name": member.get_short_name()[:40],
        "left": credits_of(member, now).left if chooses else None,
        "staff": member.is_staff,
        **({"subscribes": True} if opens_all and subscribes(member) else {}),
    }
    return quote(json.dumps(told, separators=(",", ":")))
