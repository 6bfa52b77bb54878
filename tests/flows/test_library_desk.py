"""What the newsroom tells the library, and hears from it."""

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from standfirst.access.rules import Terms
from standfirst.articles.actions import EDITORS, WRITERS, set_up_magazine
from standfirst.articles.models import Article
from standfirst.library import desk, misses
from standfirst.library.indexer import Indexer
from standfirst.library.models import Missed, Outcome, PinnedResult, Pinning, Synonyms
from tests.flows.test_library import headlines, page, signed_in
from tests.making import make_article, make_magazine, make_member, make_staff, subscribe
from tests.searching import catch_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def indexer(settings: Any, tmp_path: Path) -> Iterator[Indexer]:
    settings.LIBRARY = tmp_path / "library"
    make_magazine()
    indexer = Indexer()
    desk.forget()
    yield indexer
    indexer.close()
    desk.forget()


def about(title: str, text: str, **fields: Any) -> Article:
    return make_article(title, body=[("paragraph", f"<p>{text}</p><p>More.</p>")], **fields)


def pin(words: str, *articles: Article, **fields: Any) -> Pinning:
    pinning = Pinning(words=words, **fields)
    pinning.articles = [PinnedResult(article=a, sort_order=n) for n, a in enumerate(articles)]
    pinning.full_clean()
    pinning.save()
    return pinning


def colleague(group: str) -> Client:
    member = make_member(is_staff=True)
    member.groups.set([Group.objects.get(name=group)])
    return signed_in(member)


# -- synonyms ---------------------------------------------------------------------------------


def test_synonyms_count_at_once_and_can_be_left_out(indexer: Indexer) -> None:
    about("Typed", "What the EU wants.")
    about("Meant", "What the European Union wants.")
    about("Neither", "A union of European farmers.")
    catch_up(indexer)
    assert headlines(page(Client(), "EU")) == ["Typed"]
    group = Synonyms.objects.create(words="EU, European Union")
    html = page(Client(), "eu")
    assert headlines(html) == ["Typed", "Meant"]
    assert "Also searched: European Union" in html
    assert "<mark>European</mark> <mark>Union</mark>" in html
    assert headlines(page(Client(), "eu", exactly="1")) == ["Typed"]
    assert headlines(page(Client(), '"eu"')) == ["Typed"]
    both = headlines(page(Client(), "european union"))
    assert set(both) == {"Typed", "Meant", "Neither"}  # a group never makes a search find less
    assert both[0] == "Meant"
    assert headlines(page(Client(), "eu -european")) == ["Typed"]
    group.delete()
    assert headlines(page(Client(), "eu")) == ["Typed"]


def test_what_was_typed_comes_before_what_means_the_same_however_rare_that_is(
    indexer: Indexer,
) -> None:
    for n in range(12):
        about(f"Common {n}", "Salt and the EU again.")
    about("Rare", "Salt and the Hanse again.")
    catch_up(indexer)
    Synonyms.objects.create(words="EU, Hanse")
    assert headlines(page(Client(), "eu"))[-1] == "Rare"
    assert headlines(page(Client(), "salt eu"))[-1] == "Rare"
    assert headlines(page(Client(), "hanse"))[0] == "Rare"


def test_a_word_that_an_editor_named_is_not_put_right(indexer: Indexer) -> None:
    about("Turkey", "Harbours of Turkey")
    about("Kyle", "About turquise things")
    catch_up(indexer)
    Synonyms.objects.create(words="Turkye, Turkey")
    html = page(Client(), "turkye harbuors")
    assert headlines(html) == ["Turkey"]
    assert "Showing results for <strong>turkye harbours</strong>" in html
    assert "Also searched: Turkey" in html


def test_another_process_knows_within_seconds(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    assert not desk.the_desk().thesaurus
    Synonyms.objects.bulk_create([Synonyms(words="EU, European Union")])  # past the signals
    with django_assert_num_queries(0):
        assert not desk.the_desk().thesaurus
    later = desk.time.monotonic() + desk.REMEMBERED
    monkeypatch.setattr(desk.time, "monotonic", lambda: later)
    assert desk.the_desk().thesaurus


# -- pinned results ---------------------------------------------------------------------------


def test_pinned_articles_come_first_once_and_are_counted(indexer: Indexer) -> None:
    guide = about("How we vote", "A guide.", terms=Terms.SUBSCRIBERS)
    others = [about(f"Election {n}", "On the election.") for n in range(30)]
    catch_up(indexer)
    last = headlines(page(Client(), "election", page="2"))[-1]
    known = next(a for a in others if a.title == last)
    pin("Élection, vote", guide, known)
    one, two = page(Client(), "“election”"), page(Client(), "election", page="2")
    assert headlines(one)[:2] == [guide.title, known.title]
    assert len(headlines(one)) == 20
    assert len(headlines(two)) == 11
    assert set(headlines(one) + headlines(two)) == {guide.title, *(a.title for a in others)}
    assert one.count("Editors’ choice") == 2
    assert "Editors’ choice" not in two
    assert "31 articles" in one
    assert "With All-Access" in one  # badge and excerpt are decided as for every other
    assert guide.title not in headlines(page(Client(), "election", sort="newest"))
    assert guide.title not in headlines(page(Client(), "election", section="world"))
    assert guide.title not in headlines(page(Client(), "election -vote"))
    assert headlines(page(Client(), "Vote")) == [guide.title, known.title]  # and no other has it
    assert headlines(page(Client(), "electoin"))[0] == guide.title  # put right first


def test_what_is_not_published_or_over_is_not_pinned(indexer: Indexer) -> None:
    draft, guide = about("Draft", "x", live=False), about("Guide", "y")
    about("Salt", "salt")
    catch_up(indexer)
    today = timezone.now().date()
    pinning = pin("salt", draft, guide, until=today)
    assert headlines(page(Client(), "salt")) == ["Guide", "Salt"]
    guide.unpublish()
    assert headlines(page(Client(), "salt")) == ["Salt"]
    guide.save_revision().publish()
    pinning.until = today - timedelta(days=1)
    pinning.save()
    assert headlines(page(Client(), "salt")) == ["Salt"]


# -- what was not found -----------------------------------------------------------------------


def report_of(html: str) -> str:
    found = re.search(r'data-report="([^"]+)"', html)
    return unescape(found[1]) if found else ""


def send(report: str, address: str = "10.0.0.1", site: str = "same-origin") -> int:
    client = Client(headers={"sec-fetch-site": site}, REMOTE_ADDR=address)
    return client.post("/library/missed/", {"search": report}).status_code


def test_what_three_networks_searched_in_vain_is_told_without_them(indexer: Indexer) -> None:
    about("Salt", "salt")
    catch_up(indexer)
    report = report_of(page(signed_in(make_member()), " Kishida  CABINET "))
    for address in ("10.0.0.1", "10.0.0.1", "2001:db8::1", "2001:db8::2"):
        assert send(report, address) == 204
    assert not Missed.objects.exists()  # two networks
    assert send(report, "10.0.0.3") == 204
    row = Missed.objects.get()
    assert (row.query, row.outcome, row.times) == ("kishida cabinet", Outcome.NOTHING, 3)
    assert send(report, "10.0.0.3") == 204
    assert send(report, "10.0.0.4") == 204
    row.refresh_from_db()
    assert row.times == 4
    assert row.first == row.last == timezone.now().date()
    # a search alone changes nothing, and what no page of ours said is not believed
    assert send("anything") == 400
    assert send(report + "x") == 400
    assert send(report, site="cross-site") == 403


def test_only_a_whole_search_in_vain_is_reported(indexer: Indexer) -> None:
    guide = about("Salt", "salt")
    catch_up(indexer)
    client = Client()
    assert report_of(page(client, "nothing-of-this"))
    assert report_of(page(client, "salt zebra"))  # only with fewer of the words
    for text in ("salt", "4111 1111 1111 1111 card", "ada@example.org"):
        assert not report_of(page(client, text)), text
    assert not report_of(page(client, "zebra", section="world"))
    pin("zebra", guide)
    assert not report_of(page(client, "zebra"))


def test_reports_are_bounded_and_forgotten(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up(indexer)
    monkeypatch.setattr(misses, "OF_A_NETWORK", {"day": 4})
    monkeypatch.setattr(misses, "NEW_A_DAY", 2)
    reports = [misses.report_for(f"zebra{n}", Outcome.NOTHING) for n in range(4)]
    for report in reports:
        for n in range(3):
            send(report, f"10.0.{n}.1")
    assert Missed.objects.count() == 2
    now = timezone.now()
    for n in (7, 8, 9):  # these networks have said nothing yet, so that only the bound holds
        send(reports[3], f"10.0.{n}.1")
    assert Missed.objects.count() == 2
    name = misses._name_of_key(misses._week(now))
    assert cache.get(name)
    misses.forget_missed(now + timedelta(weeks=1))
    assert cache.get(name) is None  # nobody can tell any more which network it was
    assert Missed.objects.count() == 2
    monkeypatch.setattr(misses, "MOST", 1)
    misses.forget_missed(now)
    assert Missed.objects.count() == 1
    misses.forget_missed(now + timedelta(days=200))
    assert not Missed.objects.exists()


def test_nothing_that_is_remembered_names_a_network_beside_its_search(indexer: Indexer) -> None:
    catch_up(indexer)
    report = misses.report_for("zebra crossing", Outcome.NOTHING)
    for n in range(3):
        send(report, f"10.0.{n}.77")
    remembered = repr(cache._cache)
    assert "library-told" in remembered
    assert "zebra" not in remembered
    assert {f.name for f in Missed._meta.fields} == {
        *("id", "query", "outcome", "times", "first", "last")
    }


# -- guessing ---------------------------------------------------------------------------------


def test_phrases_are_counted_apart_for_whoever_may_not_read_everything(
    indexer: Indexer, settings: Any
) -> None:
    phrases = {"member": {"day": 3}, "visitors": {"day": 5}, "neighbours": {"day": 6}}
    settings.LIBRARY_LIMITS = {"member": {}, "visitors": {}, "network": {}, "phrases": phrases}
    catch_up(indexer)
    member, subscriber = make_member(), make_member()
    subscribe(subscriber)
    client = signed_in(member)
    page(client, '"a b" OR "a c" OR "a d"')
    page(client, '"a b" and more', page="1")  # to ask the same again tells nothing new
    for _ in range(2):
        assert "exact phrases" in page(client, "well-being", status=429)
    page(client, "well being")
    for reader in (signed_in(subscriber), signed_in(make_staff())):
        for n in range(9):
            page(reader, f'"a {n}" -"c {n}"')
    others = [Client(REMOTE_ADDR=f"10.0.0.{n}") for n in range(9)]
    assert [c.get('/library/?q="a+b"').status_code for c in others] == [200] * 6 + [429] * 3
    page(Client(REMOTE_ADDR="10.0.1.1"), '"a b"')


@pytest.mark.parametrize(
    "text", [" " * 3_000 + '"a b"', "x" + " " * 3_000 + '"a b"', "\x00" * 3_000 + '"a b"', "alŀb"]
)
def test_no_phrase_is_searched_that_is_not_counted(
    indexer: Indexer, settings: Any, text: str
) -> None:
    settings.LIBRARY_LIMITS = {"member": {}, "phrases": {"visitors": {"day": 0}}}
    catch_up(indexer)
    page(Client(), text, status=429)


# -- the newsroom -----------------------------------------------------------------------------


def fields(*articles: Article, **more: str) -> dict[str, str]:
    count = str(len(articles))
    rows = {
        f"articles-{n}-{name}": value
        for n, article in enumerate(articles)
        for name, value in (("article", str(article.pk)), ("ORDER", str(n + 1)), ("id", ""))
    }
    form = {"articles-TOTAL_FORMS": count, "articles-INITIAL_FORMS": "0"}
    return {**form, "articles-MIN_NUM_FORMS": "1", "articles-MAX_NUM_FORMS": "6", **rows, **more}


def test_editors_look_after_the_library_and_writers_do_not() -> None:
    set_up_magazine()
    article = make_article("Guide")
    editor, writer = colleague(EDITORS), colleague(WRITERS)
    paths = ["synonyms/", "synonyms/new/", "pinned/", "pinned/new/", "missed/"]
    for path in paths:
        assert editor.get(f"/newsroom/library_{path}").status_code == 200, path
        assert writer.get(f"/newsroom/library_{path}").status_code == 302, path
    assert "Pinned results" in editor.get("/newsroom/").content.decode()
    assert "Pinned results" not in writer.get("/newsroom/").content.decode()
    editor.post("/newsroom/library_synonyms/new/", {"words": "EU, European Union"})
    editor.post("/newsroom/library_pinned/new/", fields(article, words="Election", until=""))
    assert [str(row) for row in (Synonyms.objects.get(), Pinning.objects.get())] == [
        "EU, European Union",
        "Election",
    ]
    assert PinnedResult.objects.get().article == article
    assert "Guide" in editor.get("/newsroom/library_pinned/").content.decode()
    writer.post("/newsroom/library_synonyms/new/", {"words": "a, b"})
    assert Synonyms.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("EU", "at least two"),
        ("EU, E.U.", "at least two"),
        ("Brussels, e.u.", "is in the group “EU, European Union” already"),
        (", ".join(f"word{n}" for n in range(13)), "more than 12"),
        ("EU, " + "x" * 61, "longer than 60"),
    ],
)
def test_a_group_that_cannot_be_is_refused_in_a_sentence(words: str, said: str) -> None:
    set_up_magazine()
    Synonyms.objects.create(words="EU, European Union")
    answer = signed_in(make_staff()).post("/newsroom/library_synonyms/new/", {"words": words})
    assert said in unescape(answer.content.decode())
    assert Synonyms.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [("elect*", "more than words"), ("Vote, ELECTION", "has pinned results already"), (",", "")],
)
def test_pinned_results_that_cannot_be_are_refused(words: str, said: str) -> None:
    set_up_magazine()
    article = make_article()
    pin("election", article)
    client = signed_in(make_staff())
    answer = client.post("/newsroom/library_pinned/new/", fields(article, words=words, until=""))
    assert said in unescape(answer.content.decode())
    assert Pinning.objects.count() == 1


def test_the_report_leads_to_a_remedy_and_is_a_table_elsewhere() -> None:
    set_up_magazine()
    day = timezone.now().date()
    row = Missed.objects.create(query="kyiv <b>", outcome="nothing", times=7, first=day, last=day)
    editor = colleague(EDITORS)
    html = editor.get("/newsroom/library_missed/").content.decode()
    assert "kyiv &lt;b&gt;" in html
    assert "/library/?q=kyiv+%3Cb%3E" in html
    add = "/newsroom/library_synonyms/new/?words=kyiv+%3Cb%3E"
    assert add in html
    assert 'value="kyiv &lt;b&gt;"' in editor.get(add).content.decode()
    csv = b"".join(editor.get("/newsroom/library_missed/?export=csv").streaming_content).decode()
    assert csv.splitlines()[1].startswith("kyiv <b>,nothing,7")
    assert editor.post(f"/newsroom/library_missed/delete/{row.pk}/").status_code == 302
    assert not Missed.objects.exists()
    assert "readers in three networks" in editor.get("/newsroom/library_missed/").content.decode()


def test_editors_of_a_magazine_that_stands_already_are_permitted_once() -> None:
    set_up_magazine()
    editors = Group.objects.get(name=EDITORS)
    before = set(editors.permissions.values_list("codename", flat=True))
    ours = Permission.objects.filter(content_type__app_label="library")
    editors.permissions.remove(*ours)
    migration = importlib.import_module("standfirst.library.migrations.0004_editors_may")
    migration.permit(apps, None)
    assert set(editors.permissions.values_list("codename", flat=True)) == before
    Group.objects.get(name=WRITERS).delete()
    editors.permissions.clear()
    migration.permit(apps, None)
    assert not editors.permissions.exists()
