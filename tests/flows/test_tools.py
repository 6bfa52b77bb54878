"""The readers' tools: citing an article, saving it for later, following a search."""

import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.account.actions import delete_account
from standfirst.account.queries import everything_about
from standfirst.articles.models import Author, Byline
from standfirst.library import reading_list
from standfirst.library.browsers import shortened
from standfirst.library.indexer import Indexer
from standfirst.library.models import Saved, SearchCount
from tests.flows import test_library as library
from tests.flows.test_library import page, signed_in
from tests.making import (
    SECRET,
    at,
    make_article,
    make_magazine,
    make_member,
    make_section,
    subscribe,
)
from tests.searching import catch_up

pytestmark = pytest.mark.django_db
indexer = library.indexer

LIST = "/account/reading-list/"
ATOM = "{http://www.w3.org/2005/Atom}"
OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


# -- cite this --------------------------------------------------------------------------------


def test_an_article_says_how_it_is_cited_whoever_reads_it(client: Client) -> None:
    make_magazine(time_zone="Pacific/Auckland", name="The Meridian")
    article = make_article("Salt & “Taxes”", slug="salt", published_at=at("2026-11-03T20:00"))
    subscriber = make_member()
    subscribe(subscriber)
    for reader in (client, signed_in(subscriber)):
        html = reader.get(article.get_absolute_url()).content.decode()
        assert (
            "Sample, Ada. “Salt &amp; ‘Taxes’.” <i>The Meridian</i>, November 4, 2026. "
            "http://testserver/2026/11/salt/." in html
        )
        assert (
            "Sample, A. (2026, November 4). Salt &amp; “Taxes”. <i>The Meridian</i>. http" in html
        )
        assert '<meta name="citation_author" content="Sample, Ada">' in html
        assert '<meta name="citation_publication_date" content="2026/11/04">' in html


def test_a_citation_can_be_saved_as_a_file(client: Client) -> None:
    article = make_article("Salt", slug="zölle")
    here = article.get_absolute_url()
    bib, ris = client.get(f"{here}cite.bib"), client.get(f"{here}cite.ris")
    assert bib["Content-Type"] == "application/x-bibtex; charset=utf-8"
    assert ris["Content-Type"] == "application/x-research-info-systems; charset=utf-8"
    assert bib["Content-Disposition"] == "attachment; filename*=utf-8''z%C3%B6lle.bib"
    assert bib.content.decode().startswith("@article{sample")
    assert b"AU  - Sample, Ada\r\n" in ris.content
    for link in re.findall(r'href="(\S+cite\.\w+)"', client.get(here).content.decode()):
        assert client.get(unescape(link)).status_code == 200
    article.bylines = []
    Byline.objects.filter(article=article).delete()
    assert b"author" not in client.get(f"{here}cite.bib").content


def test_a_citation_moves_with_its_article_and_goes_with_it(client: Client) -> None:
    article = make_article("Salt")
    here = article.get_absolute_url()
    answer = client.get(f"/1999/01/{article.slug}/cite.bib")
    assert (answer.status_code, answer["Location"]) == (301, f"{here}cite.bib")
    article.unpublish()
    assert client.get(f"{here}cite.bib").status_code == 404
    assert client.get("/2020/01/nothing/cite.ris").status_code == 404


def test_a_hostile_name_breaks_neither_page_nor_file(client: Client) -> None:
    article = make_article('</script>"><b>{\\')
    Author.objects.update(name="}</dd>{\n")
    here = article.get_absolute_url()
    html = client.get(here).content.decode()
    assert "<b>{" not in html
    assert "}</dd>{" not in html
    text = client.get(f"{here}cite.bib").content.decode()
    assert text.count("{") == text.count("}")


# -- the reading list -------------------------------------------------------------------------


def saved(client: Client, *articles: Any) -> list[int]:
    return [client.post(f"{LIST}{a.pk}/").status_code for a in articles]


def listed(client: Client, query: str = "") -> list[str]:
    html = client.get(LIST + query).content.decode()
    found = re.findall(r'<article class="hit">.*?<h2><a [^>]*>(.*?)</a></h2>', html, re.DOTALL)
    return [unescape(headline) for headline in found]


def test_what_is_saved_stands_on_the_list_the_newest_first(client: Client) -> None:
    one, two = make_article("One"), make_article("Two")
    member = make_member()
    reader = signed_in(member)
    assert "Nothing is waiting here" in reader.get(LIST).content.decode()
    answer = reader.post(f"{LIST}{one.pk}/", follow=True)
    assert "“One” is on your list." in answer.content.decode()
    assert saved(reader, two, one, two) == [302] * 3
    assert listed(reader) == ["Two", "One"]
    assert reader.get(f"{LIST}ids/").json() == {"saved": [two.pk, one.pk]}
    assert listed(signed_in(make_member())) == []


def test_the_button_stands_on_a_page_that_is_the_same_for_all(client: Client) -> None:
    article = make_article("One")
    member = make_member()
    reader = signed_in(member)
    address = article.get_absolute_url()
    before = reader.get(address).content
    assert f'action="{LIST}{article.pk}/"'.encode() in before
    saved(reader, article)
    assert reader.get(address).content == before
    assert reader.get(address).content == signed_in(make_member()).get(address).content


def test_a_visitor_is_led_through_the_door_and_back_and_asked_once_more(client: Client) -> None:
    article = make_article("One")
    visitor = Client(headers={"sec-fetch-site": "same-origin"})
    answer = visitor.post(f"{LIST}{article.pk}/")
    assert answer["Location"] == f"/account/login/?next={LIST}{article.pk}/"
    assert Saved.objects.count() == 0
    joined = visitor.post(
        "/join/now/", {"email": "new@example.org", "next": f"{LIST}{article.pk}/"}
    )
    assert joined["Location"] == f"{LIST}{article.pk}/"
    asked = visitor.get(f"{LIST}{article.pk}/").content.decode()
    assert "Save this for later?" in asked
    assert Saved.objects.count() == 0  # looking saves nothing
    saved(visitor, article)
    assert listed(visitor) == ["One"]
    assert "It is on your list" in visitor.get(f"{LIST}{article.pk}/").content.decode()


def test_a_post_from_elsewhere_saves_and_removes_nothing() -> None:
    article = make_article("One")
    reader = signed_in(make_member())
    saved(reader, article)
    foreign = {"sec-fetch-site": "cross-site"}
    assert reader.post(f"{LIST}{article.pk}/off/", headers=foreign).status_code == 403
    assert reader.post(f"{LIST}{make_article().pk}/", headers=foreign).status_code == 403
    assert listed(reader) == ["One"]


def test_what_is_taken_off_can_be_put_back() -> None:
    article = make_article("One")
    reader = signed_in(make_member())
    saved(reader, article)
    assert reader.get(f"{LIST}{article.pk}/off/").status_code == 302
    assert listed(reader) == ["One"]
    answer = reader.post(f"{LIST}{article.pk}/off/", follow=True)
    html = answer.content.decode()
    assert "“One” is off your list." in html
    assert f'action="{LIST}{article.pk}/"' in html
    assert listed(reader) == []
    assert reader.post(f"{LIST}{article.pk}/off/")["Location"] == LIST  # it was off already
    assert reader.get(f"{LIST}?taken=9999").status_code == 200


def test_from_the_results_one_comes_back_to_them(indexer: Indexer) -> None:
    article = make_article("Salt")
    catch_up(indexer)
    reader = signed_in(make_member())
    html = page(reader, "salt")
    assert f'formaction="{LIST}{article.pk}/"' in html
    back = re.search(r'name="next" value="([^"]+)"', html)
    assert back
    answer = reader.post(f"{LIST}{article.pk}/", {"next": unescape(back[1])})
    assert answer["Location"] == "/library/?q=salt"
    assert "On your list" in page(reader, "salt")
    assert "On your list" not in page(signed_in(make_member()), "salt")
    away = reader.post(f"{LIST}{article.pk}/", {"next": "https://elsewhere.example/"})
    assert away["Location"] == LIST


def test_a_badge_on_the_list_is_what_decide_says_now() -> None:
    article, strict = make_article("One"), make_article("Two", terms=Terms.SUBSCRIBERS)
    member = make_member()
    reader = signed_in(member)
    saved(reader, article, strict)

    def badges() -> list[str]:
        html = reader.get(LIST).content.decode()
        return re.findall(r'<span class="badge[^"]*">(.*?)</span>', html)

    assert badges() == ["With All-Access", "One of your 3 choices"]
    unlock_with_credit(member, article.pk, "One", article.effective_terms, now=timezone.now())
    assert badges() == ["With All-Access", "Unlocked"]
    subscribe(member)
    assert badges() == ["All-Access", "All-Access"]
    assert "Two" in reader.get(strict.get_absolute_url()).content.decode()


def test_saving_opens_nothing() -> None:
    article = make_article("One")
    reader = signed_in(make_member())
    saved(reader, article)
    for address in (LIST, f"{LIST}{article.pk}/", article.get_absolute_url()):
        assert SECRET not in reader.get(address).content.decode()


def test_what_was_withdrawn_is_off_the_list_and_what_was_deleted_is_gone() -> None:
    one, two, three = (make_article(name) for name in ("One", "Two", "Three"))
    member = make_member()
    reader = signed_in(member)
    saved(reader, one, two, three)
    two.unpublish()
    three.delete()
    assert listed(reader) == ["One"]
    html = reader.get(LIST).content.decode()
    assert "1 article that you saved is not published at present." in html
    told = everything_about(member)["reading_list"]
    assert [row["headline"] for row in told] == ["One", None]
    assert reader.post(f"{LIST}{two.pk}/").status_code == 404
    two.save_revision().publish()
    assert listed(reader) == ["Two", "One"]


def test_the_list_has_pages_and_an_end(monkeypatch: Any) -> None:
    monkeypatch.setattr(reading_list, "PER_PAGE", 2)
    monkeypatch.setattr(reading_list, "MOST_SAVED", 3)
    articles = [make_article(f"Number {n}") for n in range(4)]
    reader = signed_in(make_member())
    saved(reader, *articles[:3])
    assert listed(reader) == ["Number 2", "Number 1"]
    assert listed(reader, "?page=2") == ["Number 0"]
    assert reader.get(f"{LIST}?page=3").status_code == 404
    assert reader.get(f"{LIST}?page=x").status_code == 404
    full = reader.post(f"{LIST}{articles[3].pk}/", follow=True).content.decode()
    assert "as many as it can" in full
    answer = reader.post(f"{LIST}{articles[3].pk}/", headers={"accept": "application/json"})
    assert (answer.status_code, "Take one off" in answer.json()["sentence"]) == (409, True)
    again = reader.post(f"{LIST}{articles[0].pk}/", headers={"accept": "application/json"})
    assert (again.status_code, len(listed(reader))) == (200, 2)


def test_the_database_holds_that_an_article_is_saved_once() -> None:
    article, member = make_article(), make_member()
    reading_list.save_for_later(member, article, timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Saved.objects.create(member=member, article=article, saved_at=timezone.now())


def test_the_list_goes_with_its_member_and_is_in_what_they_take_away() -> None:
    article, member = make_article("One"), make_member()
    reader = signed_in(member)
    saved(reader, article)
    told = json.loads(reader.get("/account/data/download/").content)
    assert told["reading_list"][0]["headline"] == "One"
    delete_account(member)
    assert Saved.objects.count() == 0
    assert reader.get(LIST).status_code == 302


def test_a_list_asks_the_database_a_fixed_number_of_questions(
    django_assert_max_num_queries: Any,
) -> None:
    reader = signed_in(make_member())
    saved(reader, *(make_article() for _ in range(12)))
    reader.get(LIST)
    with django_assert_max_num_queries(15):
        reader.get(LIST)


# -- the magazine as a search engine ----------------------------------------------------------


def test_every_page_names_the_description_and_it_says_how_the_library_is_searched(
    client: Client,
) -> None:
    make_magazine(name="The Quarterly of Rivers & Seas", language="en-GB")
    for address in ("/", "/library/", "/account/login/", "/no-such-page/"):
        assert (
            '<link rel="search" type="application/opensearchdescription+xml" '
            'title="The Quarterly of Rivers &amp; Seas" href="/opensearch.xml">'
        ) in client.get(address).content.decode()
    answer = client.get("/opensearch.xml")
    assert answer["Content-Type"] == "application/opensearchdescription+xml; charset=utf-8"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{OPENSEARCH}OpenSearchDescription"
    assert root.findtext(f"{OPENSEARCH}ShortName") == "Quarterly of"
    assert root.findtext(f"{OPENSEARCH}LongName") == "The Quarterly of Rivers & Seas: the library"
    assert root.findtext(f"{OPENSEARCH}Language") == "en-GB"
    templates = {u.get("type"): u.get("template") for u in root.findall(f"{OPENSEARCH}Url")}
    assert templates == {
        "text/html": "http://testserver/library/?q={searchTerms}&page={startPage?}",
        "application/atom+xml": (
            "http://testserver/library/feed.atom?q={searchTerms}&page={startPage?}"
        ),
        "application/x-suggestions+json": (
            "http://testserver/library/suggestions/?q={searchTerms}"
        ),
        "application/opensearchdescription+xml": "http://testserver/opensearch.xml",
    }


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("The Meridian", "The Meridian"),
        ("The Meridian Magazine", "Meridian"),
        ("The Meridian Today", "Meridian Today"),
        ("Donaudampfschifffahrt", "Donaudampfschiff"),
        ("  Salt   Roads ", "Salt Roads"),
        ("The", "The"),
        ("", ""),
    ],
)
def test_a_short_name_has_sixteen_characters_at_most(name: str, short: str) -> None:
    assert shortened(name, 16) == short


def test_suggestions_are_in_the_form_that_browsers_read(indexer: Indexer) -> None:
    make_section("Harbours")
    make_article("Salt", section=make_section("Harbours"))
    catch_up(indexer)
    answer = Client().get("/library/suggestions/?q=the+harb")
    assert answer["Content-Type"] == "application/x-suggestions+json; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    typed, found = answer.json()
    assert typed == "the harb"
    assert "the harbour" in found
    assert "Harbours" in Client().get("/library/suggestions/?q=harb").json()[1]
    assert Client().get("/library/suggestions/?q=h").json() == ["h", []]
    assert Client().get("/library/suggestions/").json() == ["", []]
    assert Client().get("/library/suggestions/?q=mark").json() == ["mark", []]  # of the rest alone


def test_suggestions_without_an_index_are_none(settings: Any, tmp_path: Path) -> None:
    settings.LIBRARY = tmp_path / "nothing"
    make_magazine()
    assert Client().get("/library/suggestions/?q=salt").json() == ["salt", []]
    answer = Client().get("/library/feed.atom?q=salt")
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")


# -- the feed of a search ---------------------------------------------------------------------


def entries(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    root = ElementTree.fromstring(answer.content)
    return [entry.findtext(f"{ATOM}title") or "" for entry in root.findall(f"{ATOM}entry")]


def test_a_feed_holds_what_answers_the_newest_first_with_its_filters(indexer: Indexer) -> None:
    now = timezone.now()
    for days, section in ((3, "World"), (1, "Trade"), (2, "Trade")):
        make_article(
            f"Salt {days}", section=make_section(section), published_at=now - timedelta(days=days)
        )
    make_article("Another")
    catch_up(indexer)
    client = Client()
    assert entries(client.get("/library/feed.atom?q=salt")) == ["Salt 1", "Salt 2", "Salt 3"]
    trade = "/library/feed.atom?q=salt&section=trade"
    assert entries(client.get(trade)) == ["Salt 1", "Salt 2"]
    assert entries(client.get("/library/feed.atom?q=salt+-section:trade")) == ["Salt 3"]
    assert entries(client.get("/library/feed.atom?q=slat")) == []  # no spelling is corrected
    assert client.get("/library/feed.atom")["Location"] == "/feed.atom"
    html = page(client, "salt", section="trade")
    assert html.count('href="/library/feed.atom?q=salt&amp;section=trade"') == 2


def test_a_feed_says_where_it_stands_and_how_many_there_are(
    indexer: Indexer, monkeypatch: Any
) -> None:
    monkeypatch.setattr("standfirst.library.feeds.LENGTH", 2)
    for number in range(5):
        make_article(f"Salt {number}")
    catch_up(indexer)
    answer = Client().get("/library/feed.atom?q=salt+%26+“pepper”+OR+salt%01&page=2&sort=newest")
    assert len(entries(answer)) == 2
    root = ElementTree.fromstring(answer.content)
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    query = "q=salt+%26+%E2%80%9Cpepper%E2%80%9D+OR+salt%01"
    feed = f"http://testserver/library/feed.atom?{query}"
    assert links == {
        "self": f"{feed}&page=2",
        "alternate": f"http://testserver/library/?{query}&sort=newest",
        "first": feed,
        "previous": feed,
        "next": f"{feed}&page=3",
        "last": f"{feed}&page=3",
        "search": "http://testserver/opensearch.xml",
    }
    told = {
        name: root.findtext(f"{OPENSEARCH}{name}")
        for name in ("totalResults", "startIndex", "itemsPerPage")
    }
    assert told == {"totalResults": "5", "startIndex": "3", "itemsPerPage": "2"}
    assert Client().get("/library/feed.atom?q=salt&page=4").status_code == 404
    assert Client().get("/library/feed.atom?q=salt&page=99999999").status_code == 404


def test_who_asks_again_gets_the_feed_only_when_it_is_another(indexer: Indexer) -> None:
    make_article("Salt one")
    catch_up(indexer)
    client = Client()
    first = client.get("/library/feed.atom?q=salt")
    known = {"if-none-match": first["ETag"]}
    make_article("Another")  # concerns another search
    catch_up(indexer)
    again = client.get("/library/feed.atom?q=salt", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    article = make_article("Salt of long ago", published_at=at("2001-01-01T12:00"))
    catch_up(indexer)
    new = client.get("/library/feed.atom?q=salt", headers=known)
    assert entries(new) == ["Salt one", "Salt of long ago"]
    article.unpublish()
    assert client.get("/library/feed.atom?q=salt", headers=known).status_code == 200
    catch_up(indexer)
    assert client.get("/library/feed.atom?q=salt", headers=known).status_code == 304
    empty = [client.get("/library/feed.atom?q=nothing")["ETag"] for _ in range(2)]
    assert empty[0] == empty[1]


def test_following_too_often_is_slowed_down(indexer: Indexer, settings: Any) -> None:
    settings.LIBRARY_LIMITS = {"member": {}, "visitors": {"minute": 2}, "network": {}}
    catch_up(indexer)
    client = Client()
    for address, sorry in (
        ("/library/feed.atom?q=x", "Please come again later"),
        ("/library/suggestions/?q=xy", '["xy", []]'),
    ):
        SearchCount.objects.all().delete()
        answers = [client.get(address) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2]["Retry-After"] == "60"
        assert sorry in answers[2].content.decode()
