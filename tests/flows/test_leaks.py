"""No leak, provably: every route, in every format, as every kind of reader.

The rest of each test article is full of markers that name the article. Whatever comes back from
anywhere is looked through for them, and a marker of an article that `decide` does not open to this
reader is a leak. Three leaks are planted at the end, to see that each is found.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import override_settings
from django.urls import include, path

from standfirst.articles.models import Article
from standfirst.newsletters.models import Edition
from tests.cast import MARKER, PLACES, Magazine, Reader, make_cast
from tests.edges import EDGES, Served, missing, served
from tests.overhttp import Browser
from tests.walker import addresses, body_of, walk

pytestmark = [pytest.mark.django_db, pytest.mark.attack]

# Other ways of asking for the same thing: each is tried at every address that answers 200.
QUERIES = ["format=json&q=LEAK&preview=1&mode_name=full&amp=1&page=1&variant=full&terms=open"]
HEADERS: list[dict[str, str]] = [
    {
        "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "x-forwarded-for": "66.249.66.1",
        "from": "googlebot(at)googlebot.com",
        "range": "bytes=0-100000",
        "x-standfirst-variant": "full",
        "x-original-url": "/",
    },
    {
        "accept": "application/json, text/markdown",
        "x-requested-with": "XMLHttpRequest",
        "sec-purpose": "prefetch;prerender",
        "if-none-match": '"x"',
        "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT",
    },
]
HOSTILE_COOKIES = [
    {"strip": "%7B%22name%22%3A%22x%22%2C%22left%22%3A9%2C%22staff%22%3Atrue%7D"},
    {"sessionid": "0" * 32},
    {"pass": "full", "variant": "full"},
]


def leaks(reader: Reader, magazine: Magazine, text: str) -> set[str]:
    """The markers in a text that this reader may not have."""
    found = {(int(number), place) for number, place in MARKER.findall(text)}
    return {
        f"LEAK-{number}-{place}"
        for number, place in found
        if not _may_have(reader, magazine.gated(number))
    }


def _may_have(reader: Reader, what: Article | Edition) -> bool:
    """Of an edition that was not sent nobody has anything, whatever its terms."""
    return reader.may_read(what) and (what.live or isinstance(what, Article))


Pages = set[tuple[str, bytes]]  # by address and content


def crawl(
    reader: Reader, magazine: Magazine, start: list[str], asked: Pages, follow: bool = True
) -> Iterator[tuple[str, set[str]]]:
    """These addresses, and with `follow` all they lead to, in all the ways of asking, with the
    markers that must not be there.

    Most pages are the same bytes for all readers (decision 0006). What the other ways bring of such
    a page is everybody's too: they are tried by the first who is given it, and left out for pages
    that were `asked` for in all ways before, but for those that have a wall.
    """
    skip = ("/newsroom/", "/outbox/")
    walled = {
        one.get_absolute_url() for one in (*magazine.articles.values(), *magazine.editions.values())
    }
    for address, response, text in walk(reader.client, start, skip=skip, follow=follow):
        yield address, leaks(reader, magazine, text)
        assert response.status_code < 500, address
        if response.status_code != 200 or address.startswith(("/media/", "/account/")):
            continue
        page = address, getattr(response, "content", b"") or text.encode()
        if page in asked and address not in walled:
            continue
        asked.add(page)
        head = reader.client.head(address)
        yield f"HEAD {address}", leaks(reader, magazine, body_of(head))
        for query in QUERIES:
            more = f"{address}{'&' if '?' in address else '?'}{query}"
            yield more, leaks(reader, magazine, body_of(reader.client.get(more)))
        for headers in HEADERS:
            answer = body_of(reader.client.get(address, headers=headers))
            yield f"{address} {headers}", leaks(reader, magazine, answer)


def for_readers(magazine: Magazine, each: int) -> list[str]:
    return [a for a in addresses(magazine.props, each) if not a.startswith("/newsroom/")]


@pytest.fixture
def magazine(settings: Any, tmp_path: Any) -> Magazine:
    settings.MEDIA_ROOT = tmp_path
    return make_cast()


def test_no_reader_is_given_what_decide_keeps_back(magazine: Magazine) -> None:
    """The visitor first, who may read least; staff may read all."""
    start, asked, walked = for_readers(magazine, each=5), Pages(), Counter[str]()
    for reader in magazine.readers[:6]:
        for address, found in crawl(reader, magazine, start, asked):
            assert not found, f"{reader.name} was given {sorted(found)} at {address}"
            walked[reader.name] += 1
    assert len(walked) == 6
    assert walked["visitor"] > 600
    assert min(walked.values()) > 300


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["door", *EDGES])
def test_no_reader_is_given_it_by_a_real_server(
    magazine: Magazine, settings: Any, tmp_path: Any, kind: str
) -> None:
    """The same crawl, over one address of each route and every article, readers in turn."""
    if why := missing(kind):
        pytest.skip(why)
    with served(kind, tmp_path, settings) as at:
        assert crawl_over_http(at, magazine) > 800


def crawl_over_http(at: Served, magazine: Magazine) -> int:
    """Every kind of reader at a real server; those who may read most come first, twice. Of a page
    that others had in all ways before, the visitor is the last to ask in all of them again."""
    readers = [replace(r, client=Browser(at.address, r.client)) for r in magazine.readers]
    articles = [a.get_absolute_url() for a in magazine.articles.values()]
    at.warm(*(r.client for r in reversed(readers)), to=articles)
    walked = 0
    for address in articles:
        for reader in (*reversed(readers), *readers):
            found = leaks(reader, magazine, body_of(reader.client.get(address)))
            assert not found, f"{reader.name} was given {sorted(found)} at {address}"
    start, asked = for_readers(magazine, each=1), Pages()
    for reader in reversed(readers):
        if reader.name == "visitor":
            asked.clear()
        for address, found in crawl(reader, magazine, start, asked, follow=False):
            assert not found, f"{reader.name} was given {sorted(found)} at {address}"
            walked += 1
    return walked


# What an edge must not forget to look at: without it, the crawl finds a leak.
FORGOTTEN = {
    "nginx": ('accepted .. "\\n" .. cookie', "accepted"),
    "varnish": ("hash_data(req.http.X-Standfirst-Variant);", ""),
}


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", EDGES)
def test_an_edge_that_mixes_readers_up_is_found(
    magazine: Magazine, settings: Any, tmp_path: Any, kind: str
) -> None:
    if why := missing(kind):
        pytest.skip(why)
    told = []

    def forget(text: str) -> str:
        told.append(FORGOTTEN[kind][0] in text)
        return text.replace(*FORGOTTEN[kind])

    with served(kind, tmp_path, settings, forget) as at:
        assert any(told)
        with pytest.raises(AssertionError, match="was given"):
            crawl_over_http(at, magazine)


def test_whoever_may_read_is_given_every_word_of_the_rest(magazine: Magazine) -> None:
    """The markers really stand on the page where they may: else the crawler would prove nothing."""
    published = {n: a for n, a in magazine.articles.items() if a.live}
    for reader in magazine.readers:
        for number, article in published.items():
            text = reader.client.get(article.get_absolute_url()).content.decode()
            wanted = {f"LEAK-{number}-{place}" for place in PLACES}
            if reader.may_read(article):
                assert {w for w in wanted if w in text} == wanted, (reader.name, article)
            else:
                assert "LEAK" not in text


def test_an_edition_gives_all_its_text_to_whom_it_may(magazine: Magazine) -> None:
    for reader in magazine.readers:
        for number, edition in magazine.editions.items():
            text = reader.client.get(edition.get_absolute_url()).content.decode()
            if edition.live and reader.may_read(edition):
                assert len(set(MARKER.findall(text))) == 4, (reader.name, number)
            else:
                assert "LEAK" not in text, (reader.name, number)


def test_a_visitor_cannot_talk_their_way_in_with_cookies(magazine: Magazine) -> None:
    visitor = magazine.readers[0]
    for cookies in HOSTILE_COOKIES:
        visitor.client.cookies.load(cookies)
        for article in magazine.articles.values():
            text = body_of(visitor.client.get(article.get_absolute_url()))
            assert not leaks(visitor, magazine, text)


def test_the_newsroom_gives_nothing_to_those_who_are_not_staff(magazine: Magazine) -> None:
    start = [a for a in addresses(magazine.props, each=2) if a.startswith("/newsroom/")]
    assert len(start) > 50
    for reader in magazine.readers[:3]:
        for address in start:
            response = reader.client.get(address)
            # Wagtail's icons and translations are for everybody; nothing else is.
            public = address.startswith(("/newsroom/sprite/", "/newsroom/jsi18n/"))
            assert response.status_code != 200 or public, (reader.name, address)
            assert not leaks(reader, magazine, body_of(response)), address


# -- planted leaks -----------------------------------------------------------------------------


def leaky_feed(request: HttpRequest) -> HttpResponse:
    entries = "".join(f"<item>{a.body}</item>" for a in Article.objects.filter(live=True))
    return HttpResponse(f"<rss>{entries}</rss>", content_type="application/rss+xml")


def leaky_json_ld(request: HttpRequest, slug: str) -> HttpResponse:
    article = Article.objects.get(slug=slug)
    data = {"@type": "NewsArticle", "articleBody": str(article.body)}
    return HttpResponse(f'<script type="application/ld+json">{json.dumps(data)}</script>')


def leaky_api(request: HttpRequest, pk: int) -> HttpResponse:
    article = Article.objects.filter(pk=pk).first()
    return JsonResponse({"body": [str(b) for b in article.body][-1:] if article else []})


class Planted:
    """URL tables with one leak each."""

    feed = [path("hidden/feed.xml", leaky_feed)]
    json_ld = [path("hidden/<slug:slug>/data/", leaky_json_ld)]
    api = [path("hidden/v2/<int:pk>", leaky_api)]


def _urlconf(name: str) -> Any:
    module = type("planted", (), {})()
    module.urlpatterns = [*getattr(Planted, name), path("", include("standfirst.project.urls"))]
    return module


@pytest.mark.parametrize("name", ["feed", "json_ld", "api"])
def test_a_planted_leak_is_found(magazine: Magazine, name: str) -> None:
    with override_settings(ROOT_URLCONF=_urlconf(name)):
        start = [a for a in addresses(magazine.props) if a.startswith("/hidden/")]
        assert start, "the walker did not see the new route"
        visitor = magazine.readers[0]
        found = set()
        for address in start:
            try:
                found |= leaks(visitor, magazine, body_of(visitor.client.get(address)))
            except Article.DoesNotExist:
                continue
        assert found
