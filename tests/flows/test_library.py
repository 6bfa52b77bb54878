"""Searching as readers do: over HTTP, as every kind of reader, with a real index."""

import re
from collections.abc import Iterator
from html import unescape
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.articles.models import Article, Topic
from standfirst.articles.texts import whole
from standfirst.library import house
from standfirst.library.indexer import Indexer
from standfirst.library.limits import network_of
from standfirst.project.demo import sample
from tests.cast import Magazine, Reader, make_cast
from tests.elsewhere import fold, runs, suggested, told_elsewhere, words_that_all_may_read
from tests.making import (
    at,
    make_article,
    make_magazine,
    make_member,
    make_section,
    make_staff,
    subscribe,
)
from tests.searching import catch_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def indexer(settings: Any, tmp_path: Path) -> Iterator[Indexer]:
    settings.LIBRARY = tmp_path / "library"
    settings.MEDIA_ROOT = tmp_path / "media"
    make_magazine()
    indexer = Indexer()
    yield indexer
    indexer.close()


def page(client: Client, text: str = "", status: int = 200, **more: Any) -> str:
    query = urlencode([("q", text), *((name, v) for name, v in more.items())], doseq=True)
    response = client.get(f"/library/?{query}", headers={"sec-fetch-site": "same-origin"})
    assert response.status_code == status, text
    return response.content.decode()


def headlines(html: str) -> list[str]:
    found = re.findall(r'<article class="hit">.*?<h2><a [^>]*>(.*?)</a></h2>', html, re.DOTALL)
    return [unescape(re.sub("<.*?>", "", headline)) for headline in found]


def signed_in(member: Any) -> Client:
    client = Client(headers={"sec-fetch-site": "same-origin"})
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


# -- the page ---------------------------------------------------------------------------------


def test_a_search_shows_what_matches_with_the_words_marked(indexer: Indexer) -> None:
    make_article("Salt Roads & Salt <Seas>")
    make_article("Another")
    catch_up(indexer)
    html = page(Client(), "salt")
    assert headlines(html) == ["Salt Roads & Salt <Seas>"]
    assert "<mark>Salt</mark> Roads &amp; <mark>Salt</mark> &lt;Seas&gt;" in html
    assert "1 article" in html


def test_an_excerpt_shows_the_match_where_it_stands_in_the_preview(indexer: Indexer) -> None:
    make_article()
    catch_up(indexer)
    assert "The <mark>harbour</mark> was quiet, and the preview says so." in page(
        Client(), "harbours"
    )


def test_what_is_searched_is_nobodys_to_keep_and_no_page_store_has_it(indexer: Indexer) -> None:
    catch_up(indexer)
    response = Client().get("/library/?q=salt")
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]
    assert "noindex" in response.content.decode()
    assert "no-store" not in Client().get("/library/")["Cache-Control"]
    assert "/library/?" in Client().get("/robots.txt").content.decode()


def test_misspelt_words_are_put_right_and_the_way_back_is_shown(indexer: Indexer) -> None:
    make_article("Harbours of Salt")
    catch_up(indexer)
    html = page(Client(), "harbuors salt")
    assert "Showing results for <strong>harbours salt</strong>" in html
    assert headlines(html) == ["Harbours of Salt"]
    back = re.search(r'Search instead for <a href="([^"]+)"', html)
    assert back
    html = Client().get("/library/" + unescape(back[1])).content.decode()
    assert "Showing results for" not in html


def test_facets_narrow_and_combine_and_stand_in_the_address(indexer: Indexer) -> None:
    ports, water = (Topic.objects.create(name=n, slug=n.lower()) for n in ("Ports", "Water"))
    make_article("Salt one", topics=[ports])
    make_article("Salt two", topics=[ports, water], section=make_section("Trade"))
    make_article("Salt three", topics=[water])
    catch_up(indexer)
    both = page(Client(), "salt", topic=["ports", "water"])
    assert len(headlines(both)) == 3
    html = page(Client(), "salt", topic="ports", section="trade")
    assert headlines(html) == ["Salt two"]
    assert re.search(r'id="topic-ports"[^>]* checked', html)
    assert not re.search(r'id="topic-water"[^>]* checked', html)
    assert headlines(page(Client(), "salt topic:water -section:trade")) == ["Salt three"]
    assert "No topic is called “nothing”" in page(Client(), "salt topic:nothing")


def test_what_is_chosen_leads_to_its_page_and_the_page_leads_back(indexer: Indexer) -> None:
    ports = Topic.objects.create(name="Ports", slug="ports")
    article = make_article("Salt one", topics=[ports], published_at=at("2019-03-05"))
    make_article("Salt two")
    catch_up(indexer)
    assert 'class="places' not in page(Client(), "salt")
    html = page(Client(), "", topic="ports", author="ada-sample", year="2019")
    assert headlines(html) == ["Salt one"]
    places = re.search(r'<p class="places ui">(.*?)</p>', html)
    assert places
    kinds = re.findall(r'href="([^"]+)"><span>(\w+)</span> ([^<]+)', places[1])
    assert kinds == [
        ("/topic/ports/", "Topic", "Ports"),
        ("/author/ada-sample/", "Author", "Ada Sample"),
        ("/archive/#y2019", "Archive", "2019"),
    ]
    for place, said in [
        ("/topic/ports/", "Search this topic"),
        ("/author/ada-sample/", "Search this author"),
        ("/section/world/", "Search this section"),
        (article.get_absolute_url()[: len("/2019/03/")], "Search this month"),
    ]:
        link = re.search(rf'<a href="([^"]+)">{said}</a>', Client().get(place).content.decode())
        assert link, place
        assert "Salt one" in headlines(Client().get(unescape(link[1])).content.decode())


def test_dates_and_order(indexer: Indexer) -> None:
    for year in (2018, 2019, 2020):
        moment = timezone.now().replace(year=year, month=3, day=1)
        make_article(f"Salt {year}", published_at=moment)
    catch_up(indexer)
    client = Client()
    assert headlines(page(client, "salt", **{"from": "2019", "to": "2019"})) == ["Salt 2019"]
    html = page(client, "salt", **{"from": "<March", "to": "2019"})
    assert "“&lt;March” is no date. Write 2019, 2019-05 or 2019-05-17." in html
    assert headlines(html) == ["Salt 2019", "Salt 2018"]
    assert headlines(page(client, "salt after:2020")) == ["Salt 2020"]
    newest = headlines(page(client, "salt", sort="newest"))
    assert newest == ["Salt 2020", "Salt 2019", "Salt 2018"]
    assert headlines(page(client, "", year=["2018", "2020"], sort="newest")) == [
        "Salt 2020",
        "Salt 2018",
    ]


def test_page_two_and_pages_that_are_none(indexer: Indexer) -> None:
    for number in range(23):
        make_article(f"Salt number {number}")
    catch_up(indexer)
    client = Client()
    one, two = page(client, "salt"), page(client, "salt", page="2")
    assert len(headlines(one)) == 20
    assert len(headlines(two)) == 3
    assert not set(headlines(one)) & set(headlines(two))
    assert 'rel="next"' in one
    assert 'rel="prev"' in two
    page(client, "salt", page="3", status=404)
    page(client, "salt", page="9" * 8, status=404)
    assert headlines(page(client, "salt", page="9" * 30)) == headlines(one)
    assert headlines(page(client, "salt", page="-1")) == headlines(one)


def test_nothing_found_helps_on(indexer: Indexer) -> None:
    catch_up(indexer)
    html = page(Client(), "zzzz", format="essay")
    assert "Nothing was found" in html
    assert "Search without the narrowing" in html
    assert 'href="/topics/"' in html


def test_a_badge_says_what_this_reader_can_open_now(indexer: Indexer) -> None:
    make_article("Salt open", terms=Terms.OPEN)
    metered = make_article("Salt metered")
    make_article("Salt subscribers", terms=Terms.SUBSCRIBERS)
    catch_up(indexer)
    chooser, unverified, subscriber = make_member(), make_member(verified=False), make_member()
    subscribe(subscriber)

    def badges(client: Client) -> dict[str, str]:
        found = re.findall(r'<span class="badge[^"]*">(.*?)</span>', page(client, "salt"))
        return dict(zip(headlines(page(client, "salt")), found, strict=True))

    def badge(client: Client) -> str:
        return badges(client)["Salt metered"]

    assert badges(Client()) == {
        "Salt open": "Open to all",
        "Salt metered": "Opens when you join, free",
        "Salt subscribers": "With All-Access",
    }
    assert badge(signed_in(unverified)) == "Once your address is confirmed"
    assert badge(signed_in(chooser)) == "One of your 3 choices"
    for article in (metered, make_article("X"), make_article("Y")):
        now = timezone.now()
        unlock_with_credit(chooser, article.pk, "t", article.effective_terms, now=now)
    assert badge(signed_in(chooser)) == "Unlocked"
    make_article("Salt more")
    catch_up(indexer)
    assert badges(signed_in(chooser))["Salt more"] == "No choice left this month"
    assert set(badges(signed_in(subscriber)).values()) == {"Open to all", "All-Access"}
    assert set(badges(signed_in(make_staff())).values()) == {"Staff"}


def test_what_was_withdrawn_a_moment_ago_is_not_shown(indexer: Indexer) -> None:
    article = make_article("Salt")
    catch_up(indexer)
    article.unpublish()
    assert headlines(page(Client(), "salt")) == []  # though the index has not heard of it yet


def test_a_cut_that_moved_a_moment_ago_counts(indexer: Indexer) -> None:
    article = make_article("Salt")
    catch_up(indexer)
    article.body = [("cut", None), ("paragraph", "<p>The harbour was quiet.</p><p>B</p>")]
    article.save_revision().publish()
    assert "was quiet" not in page(Client(), "harbour")


def test_without_an_index_the_page_says_so_and_the_archive_stands_open(settings, tmp_path) -> None:
    settings.LIBRARY = tmp_path / "nothing"
    make_magazine()
    html = page(Client(), "salt")
    assert "can be searched again in a moment" in html
    assert not (tmp_path / "nothing").exists()  # a reader makes nothing


def test_a_damaged_index_is_a_sentence_and_is_mended(indexer: Indexer) -> None:
    make_article("Salt")
    catch_up(indexer)
    indexer.close()
    folder = house.live_folder()
    assert folder
    for file in folder.glob("*.*"):
        file.write_bytes(b"damaged")
    house.reopen()
    assert "in a moment" in page(Client(), "salt")
    catch_up(indexer)
    assert headlines(page(Client(), "salt")) == ["Salt"]


@pytest.mark.parametrize(
    "text",
    [
        '"' * 999,
        "OR " * 300,
        "-",
        "author: topic:",
        "a* b* c* d* e*",
        "((((" * 200,
        "\x00\x01\x1b[2J",
        "‮ﷺ𝕳",
        "x" * 10_000,
        "<script>alert(1)</script>",
        "before:0001 after:9998",
        "year:x _exists_:text [a TO z] text:/.*/ a^9999 ~",
    ],
)
def test_whatever_is_typed_has_an_answer(indexer: Indexer, text: str) -> None:
    make_article("Salt")
    catch_up(indexer)
    html = page(Client(), text)
    assert "<script>alert" not in html
    for name in ("topic", "year", "format", "from", "sort", "page"):
        page(Client(), "salt", **{name: text[:900]})


def test_searching_too_often_is_slowed_down(indexer: Indexer, settings: Any) -> None:
    settings.LIBRARY_LIMITS = {
        "member": {"minute": 3},
        "visitors": {"minute": 2, "day": 4},
        "network": {"minute": 100},
    }
    catch_up(indexer)
    member, visitor = signed_in(make_member()), Client()
    answers = [member.get("/library/?q=x").status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    answers = [visitor.get("/library/?q=x").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert "Please wait a minute" in page(visitor, "x", status=429)
    assert visitor.get("/library/").status_code == 200
    other = Client(REMOTE_ADDR="10.9.8.7")
    assert other.get("/library/?q=x").status_code == 200


def test_a_network_is_an_address_or_what_a_household_is_given() -> None:
    assert network_of("10.9.8.7") == "10.9.8.7"
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") != "unknown"
    assert network_of("nonsense") == "unknown"


def test_a_search_asks_the_database_a_fixed_number_of_questions(
    indexer: Indexer, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_article(f"Salt number {number}")
    catch_up(indexer)
    client = Client()
    page(client, "salt")
    with django_assert_max_num_queries(30):
        page(client, "salt")


# -- nothing leaks ----------------------------------------------------------------------------


def phrases_of(texts: list[str], count: int) -> list[str]:
    """Six words in a row from the middle of some of the texts."""
    long = [words for text in texts if len(words := text.split()) > 12]
    step = max(1, len(long) // count)
    return [" ".join(words[4:10]) for words in long[::step]][:count]


def readers() -> dict[str, Client]:
    spent, subscriber = make_member(), make_member()
    subscribe(subscriber)
    for article in Article.objects.filter(live=True, terms="").order_by("-pk")[:3]:
        now = timezone.now()
        unlock_with_credit(spent, article.pk, "t", article.effective_terms, now=now)
    return {
        "visitor": Client(),
        "unconfirmed": signed_in(make_member(verified=False)),
        "credits": signed_in(make_member()),
        "spent": signed_in(spent),
        "subscriber": signed_in(subscriber),
        "staff": signed_in(make_staff()),
    }


@pytest.mark.attack
def test_phrases_of_the_rest_find_every_sample_article_and_show_none_of_it(
    indexer: Indexer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LIBRARY_LIMITS = {"member": {}, "visitors": {}, "network": {}}
    monkeypatch.setattr(sample.sizes, "prepare", lambda image: None)  # no page here shows one
    sample.load_sample()
    catch_up(indexer)
    shown = found = followed = 0
    cast = readers()
    names = list(cast)
    in_turn, two_in_turn = cycle(cast.values()), cycle(zip(names[::2], names[1::2], strict=True))
    assert_open = words_that_all_may_read()
    for article in Article.objects.filter(live=True).select_related("section"):
        preview, rest = whole(list(article.body.raw_data))
        public = fold(" ".join([article.title, article.standfirst, *preview]))
        secret = runs(fold(" ".join(rest))) - runs(public)
        for number, phrase in enumerate(phrases_of(rest, 4)):
            asked = '"' + phrase.replace('"', " ") + '"'
            if number == 0:
                reader = next(in_turn)
                for text in told_elsewhere(asked, cast["visitor"], reader):
                    assert not secret & runs(fold(text)), (article, phrase, text)
                    followed += article.title in text
                assert_open(suggested(phrase, cast["visitor"], reader))
            # One phrase of each article is everybody's; the others go round.
            for name in names if number == 0 else next(two_in_turn):
                html = page(cast[name], asked)
                here = cards(html).get(article.title)
                assert here is not None, (name, article, phrase)
                found += 1
                if "badge opens" in here:
                    shown += "<mark>" in here
                    continue
                # no five words of the rest in a row that do not stand in the preview as well
                told = runs(fold(re.sub("<.*?>", "", here)))
                assert not secret & told, (name, article, phrase)
    assert followed > 20  # the phrase finds its article, as a feed too
    assert found > 300
    assert shown > 100  # and those who may read it see where it stands


def cards(html: str) -> dict[str, str]:
    found = re.findall(r'<article class="hit">.*?</article>', html, re.DOTALL)
    return {headlines(card)[0]: card for card in found}


VARIED = ({"page": "2"}, {"sort": "newest"}, {"exactly": "1"}, {"section": "world"})


@pytest.mark.attack
def test_no_marker_of_a_rest_is_shown_to_who_may_not_read_it(
    indexer: Indexer, settings: Any
) -> None:
    """Markers in everything after the cut, searched whole and in parts, misspelt, on every page."""
    settings.LIBRARY_LIMITS = {"member": {}, "visitors": {}, "network": {}}
    magazine: Magazine = make_cast()
    catch_up(indexer)
    of_all = ["begins the rest", "leak*", "lea", "LEAC", "leaks", "begins -nothing"]
    of_all.append("topic:shipping leka")
    varied = cycle(VARIED)
    for reader in magazine.readers:
        theirs = {n for n, a in magazine.articles.items() if a.live and reader.may_read(a)}
        seen = set()
        for text in of_all:
            seen |= told_by(searched(reader, text))
        seen |= told_by(reader.client.get("/library/suggestions/?q=lea"))
        for number, article in magazine.articles.items():
            phrase = f'"LEAK {number}"'
            answer = searched(reader, phrase)
            assert (article.title in headlines(answer.content.decode())) == article.live
            answers = [answer, *(searched(reader, phrase, **next(varied)) for _ in range(2))]
            for text in (f"{number} paragraph begins", f"LEAK OR {number}"):
                answers.append(searched(reader, text))
            seen |= set().union(*map(told_by, answers))
            feed = reader.client.get(f"/library/feed.atom?{urlencode({'q': phrase})}")
            assert not told_by(feed), reader.name
        assert seen == theirs, (reader.name, seen ^ theirs)


def told_by(answer: Any) -> set[int]:
    """Numbers of the articles whose markers an answer holds."""
    html = re.sub("</?mark>", "", answer.content.decode())
    return {int(number) for number in re.findall(r"LEAK-(\d+)-[a-z]+", html)}


def searched(reader: Reader, text: str, **more: str) -> Any:
    """The answer to a search for markers, which completes and corrects none of them."""
    answer = reader.client.get(f"/library/?{urlencode({'q': text, **more})}")
    html = answer.content.decode()
    assert "leak" not in "".join(re.findall("<option value=.*?>", html)), (reader.name, text)
    assert "Showing results for" not in html, (reader.name, text)
    return answer


@pytest.mark.skipif(connection.vendor != "sqlite", reason="once is enough")
def test_completions_come_from_what_everybody_may_read(indexer: Indexer) -> None:
    make_article("Salt")
    catch_up(indexer)
    assert '<option value="the harbour">' in page(Client(), "the harb")
    assert "marker" not in page(Client(), "mark").lower().replace("<mark", "").replace("mark>", "")
