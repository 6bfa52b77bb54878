"""The library's index: what comes into it, in which order it answers, and that nothing is lost."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from standfirst.articles.models import Article, Author, Byline, Region, Topic
from standfirst.library import build, house
from standfirst.library.actions import forget_notes, note
from standfirst.library.documents import documents
from standfirst.library.engine import Broken, Order, Search
from standfirst.library.indexer import Indexer, apply
from standfirst.library.models import Kind, Note
from standfirst.library.position import Position
from standfirst.library.rules import parse
from standfirst.publication.models import Publication
from standfirst.publication.queries import the_publication
from tests.making import at, make_article, make_magazine, make_section
from tests.searching import ENGINES, catch_up, found, library, written

pytestmark = pytest.mark.django_db


@pytest.fixture(params=ENGINES)
def engine(request: Any, settings: Any, tmp_path: Path) -> Iterator[None]:
    with library(request.param, settings, tmp_path):
        yield


@pytest.fixture
def indexer(engine: None) -> Iterator[Indexer]:
    make_magazine()
    indexer = Indexer()
    yield indexer
    indexer.close()


embedded = pytest.mark.parametrize("engine", ["embedded"], indirect=True)


# -- what is found ----------------------------------------------------------------------------


def test_words_are_found_by_their_stem_without_accents_and_case(indexer: Indexer) -> None:
    one = written("Ports", "The naïve économies of São Paulo’s harbours, in U.S. eyes.")
    written("Another")
    catch_up(indexer)
    for text in ("harbour", "HARBOURS", "economy", "naive", "sao paulo", "São-Paulo", "US", "U.S."):
        assert found(text) == [one.pk], text
    assert found("Paulo's") == found("Paulo’s") == [one.pk]
    assert found("cabbage") == []


def test_the_language_of_the_publication_says_how_words_are_stemmed(indexer: Indexer) -> None:
    make_magazine(language="de")
    one = written("Häfen", "Die Verhandlungen der Häuser")
    catch_up(indexer)
    assert found("Verhandlung") == found("hafen") == found("Haus") == [one.pk]
    make_magazine(language="en")  # another language is another index, made by itself
    catch_up(indexer)
    assert house.live().language == "en"
    assert found("Verhandlung") == []
    assert found("Verhandlungen") == [one.pk]


def test_phrases_exclusions_alternatives_and_prefixes(indexer: Indexer) -> None:
    law = written("A", "the rule of law")
    ruling = written("B", "a law to rule them")
    nuclear = written("C", "nuclear matters")
    catch_up(indexer)
    assert found('"rule of law"') == [law.pk]
    assert found("law -them") == [law.pk]
    assert found('law -"rule of law"') == [ruling.pk]
    assert set(found("them OR nuclear")) == {ruling.pk, nuclear.pk}
    assert found("nucl*") == [nuclear.pk]
    assert found("zzz*") == []
    assert set(found("-nuclear")) == {law.pk, ruling.pk}


def test_two_words_are_both_wanted_and_a_sentence_finds_what_is_nearest(indexer: Indexer) -> None:
    both = written("A", "salt roads in winter")
    written("B", "salt alone")
    catch_up(indexer)
    assert found("salt roads") == [both.pk]
    assert found("salt roads", any_word=True)[0] == both.pk
    assert len(found("salt roads", any_word=True)) == 2
    assert found("how do the salt roads work when there is no winter any more")[0] == both.pk


def test_a_headline_typed_in_finds_its_own_article_first(indexer: Indexer) -> None:
    text = "the price of water " * 20
    written("Water, and the Price of It", text)
    exact = written("The Price of Water")
    written("Prices and Water", text)
    catch_up(indexer)
    assert found("the price of water")[0] == exact.pk


def test_fresh_analysis_comes_before_equal_old_one_but_not_before_a_better_one(
    indexer: Indexer,
) -> None:
    now = timezone.now()
    old = written("Old", "salt roads", published_at=now - timedelta(days=4000))
    new = written("New", "salt roads", published_at=now - timedelta(days=2))
    better = written("Salt", "salt salt salt", published_at=now - timedelta(days=5000))
    catch_up(indexer)
    assert found("salt roads", now=now, freshness=0.15) == [new.pk, old.pk]
    assert found("salt", now=now, freshness=0.15)[0] == better.pk
    assert found("salt", order=Order.NEWEST) == [new.pk, old.pk, better.pk]


def test_facets_count_and_combine(indexer: Indexer) -> None:
    ports, water = Topic.objects.create(name="Ports"), Topic.objects.create(name="Water", slug="w")
    world, trade = make_section("World"), make_section("Trade")
    written("A", "salt", topics=[ports], section=world)
    b = written("B", "salt", topics=[ports, water], section=trade)
    written("C", "salt", topics=[water], section=trade, format="essay")
    catch_up(indexer)

    def search(*only: Any) -> Any:
        query = parse("salt")
        return house.live().search(Search(query=query, only=only, facets=True))

    page = search()
    assert dict(page.facets["topic"]) == {ports.pk: 2, water.pk: 2}
    assert dict(page.facets["section"]) == {world.pk: 1, trade.pk: 2}
    assert dict(page.facets["format"]) == {"analysis": 2, "essay": 1}
    assert dict(page.facets["year"]) == {b.published_at.year: 3}
    page = search(("topic", frozenset({ports.pk})), ("section", frozenset({trade.pk})))
    assert page.keys == [b.pk]
    assert page.total == 1
    # a facet counts what another choice in it would find
    assert dict(page.facets["topic"]) == {ports.pk: 1, water.pk: 2}
    assert dict(page.facets["section"]) == {world.pk: 1, trade.pk: 1}
    assert dict(page.facets["format"]) == {"analysis": 1}


def test_dates_bound_what_is_found(indexer: Indexer) -> None:
    now = timezone.now()
    written("Old", "salt", published_at=now - timedelta(days=900))
    new = written("New", "salt", published_at=now - timedelta(days=2))
    catch_up(indexer)
    assert found("salt", since=now - timedelta(days=30)) == [new.pk]
    assert found("salt", since=new.published_at.replace(microsecond=0)) == [new.pk]
    assert found("salt", before=now - timedelta(days=3)) != [new.pk]


def test_misspelt_words_are_corrected_from_what_everybody_may_read(indexer: Indexer) -> None:
    make_article(
        "Harbours",
        body=[
            ("paragraph", "<p>The desalination of the harbour.</p>"),
            ("cut", None),
            ("paragraph", "<p>A xylophone in the rest.</p>"),
        ],
    )
    catch_up(indexer)
    index = house.live()
    given = ["harbuor", "harbor", "dessalinaton", "harbour", "zzzzzz", "xylophon", "xylophnoe"]
    assert index.corrections(given) == {
        "harbuor": "harbour",
        "harbor": "harbour",
        "dessalinaton": "desalination",
    }
    assert index.complete("harb") == ["harbour", "harbours"]
    assert index.complete("xylo") == []
    assert found("xylophone") != []


def test_related_articles_share_words(indexer: Indexer) -> None:
    text = "Insurers of straits and tankers weigh the strait and the tanker and the insurer."
    one, other = written("A", text), written("B", text)
    written("C", "Monsoon farmers wait for rain, and rain, and farmers wait.")
    catch_up(indexer)
    assert house.live().related(one.pk, [text])[:1] == [other.pk]
    assert one.pk not in house.live().related(one.pk, [text])


# -- what changes -----------------------------------------------------------------------------


def test_every_change_of_an_article_reaches_the_index(indexer: Indexer) -> None:
    article = written("A", "salt")
    catch_up(indexer)
    assert found("salt") == [article.pk]
    article.body = [("paragraph", "<p>pepper</p><p>More.</p>")]
    article.save_revision().publish()
    catch_up(indexer)
    assert found("salt") == []
    assert found("pepper") == [article.pk]
    assert house.live().count() == 1  # in its place, not beside it
    article.unpublish()
    catch_up(indexer)
    assert found("pepper") == []
    Article.objects.get(pk=article.pk).save_revision().publish()
    catch_up(indexer)
    assert found("pepper") == [article.pk]
    Article.objects.get(pk=article.pk).delete()
    catch_up(indexer)
    assert found("pepper") == []
    assert house.live().count() == 0


def test_a_draft_is_not_found(indexer: Indexer) -> None:
    written("A", "salt", live=False)
    catch_up(indexer)
    assert found("salt") == []


def test_who_wrote_it_and_what_it_is_filed_under_is_found_by_name(indexer: Indexer) -> None:
    topic = Topic.objects.create(name="Chokepoints")
    article = written("A", topics=[topic])
    catch_up(indexer)
    assert found("chokepoint") == found("Ada Sample") == [article.pk]
    topic.name = "Bottlenecks"
    topic.save()
    Author.objects.filter(name="Ada Sample").get().save()
    catch_up(indexer)
    assert found("chokepoint") == []
    assert found("bottleneck") == [article.pk]
    article.bylines = [Byline(author=Author.objects.create(name="Béla Novák", slug="b"))]
    article.save()
    catch_up(indexer)
    assert found("Ada") == []
    assert found("bela novak") == [article.pk]
    topic.delete()
    catch_up(indexer)
    assert found("bottleneck") == []


def test_a_region_given_from_its_own_side_counts_too(indexer: Indexer) -> None:
    article = written("A")
    region = Region.objects.create(name="Oceania")
    catch_up(indexer)
    region.articles.add(article)
    catch_up(indexer)
    assert found("oceania") == [article.pk]


def test_a_renamed_section_with_many_articles_does_not_hold_up_a_correction(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standfirst.library.indexer.BATCH", 3)
    section = make_section("World")
    articles = [written(f"Number {n}", section=section) for n in range(10)]
    catch_up(indexer)
    section.name = "Globe"
    section.save()
    articles[9].standfirst = "pepper"
    articles[9].save()
    assert indexer.step()
    assert articles[9].pk in found("pepper")  # the first step has it
    assert len(found("globe", count=50)) < 10  # the rest follows
    catch_up(indexer)
    assert len(found("globe", count=50)) == 10


def test_what_is_rolled_back_is_not_indexed_and_its_gap_holds_up_nothing(
    indexer: Indexer,
) -> None:
    catch_up(indexer)
    article = written("A", "salt")
    note(article.pk)
    position = Position.read(house.live().position())
    position.next_notes()[0].delete()  # as if its transaction were still open
    notes = position.next_notes()
    position.pass_by(notes)
    assert position.last == notes[-1].pk
    assert notes[0].pk - 1 in position.missing
    late = Note(pk=notes[0].pk - 1, kind=Kind.ARTICLE, subject=article.pk)
    late.save(force_insert=True)
    assert [n.pk for n in position.next_notes()] == [late.pk]  # read as soon as it can be seen
    position.pass_by([late])
    assert late.pk not in position.missing


def test_notes_are_forgotten_after_a_week_and_an_index_left_behind_is_rebuilt(
    indexer: Indexer,
) -> None:
    article = written("A", "salt")
    catch_up(indexer)
    indexer.close()
    Article.objects.filter(pk=article.pk).update(title="B", standfirst="pepper")
    note(article.pk)
    note(article.pk)
    assert forget_notes(timezone.now()) == 0
    assert forget_notes(timezone.now() + timedelta(days=8)) > 0
    assert Note.objects.count() == 1
    catch_up(indexer)
    assert found("pepper") == [article.pk]


def test_a_clock_of_another_time_zone_moves_years(indexer: Indexer) -> None:
    written("A", "salt", published_at=at("2019-12-31T23:30"))
    catch_up(indexer)

    def years() -> dict[Any, int]:
        return dict(house.live().search(Search(query=parse("salt"), facets=True)).facets["year"])

    assert years() == {2019: 1}
    publication = Publication.objects.get()
    publication.time_zone = "Europe/Vienna"
    publication.save()
    catch_up(indexer)
    assert years() == {2020: 1}


# -- building and mending ---------------------------------------------------------------------


@embedded
def test_the_folder_may_be_deleted_at_any_time(indexer: Indexer, settings: Any) -> None:
    article = written("A", "salt")
    catch_up(indexer)
    shutil.rmtree(settings.LIBRARY)
    with pytest.raises(Broken):
        found("salt")
    catch_up(indexer)
    assert found("salt") == [article.pk]


@embedded
@pytest.mark.parametrize("file", ["meta.json", "state.json"])
def test_a_damaged_index_is_built_anew(indexer: Indexer, file: str) -> None:
    article = written("A", "salt")
    catch_up(indexer)
    indexer.close()
    (house.live_folder() / file).write_text("{damaged")  # type: ignore[operator]
    catch_up(indexer)
    assert found("salt") == [article.pk]


@embedded
def test_what_a_reader_found_damaged_is_built_anew(indexer: Indexer) -> None:
    article = written("A", "salt")
    catch_up(indexer)
    before = house.live_folder()
    house.damaged(Broken("a file was truncated"))
    catch_up(indexer)
    assert house.live_folder() != before
    assert found("salt") == [article.pk]


def test_a_building_that_was_killed_goes_on_where_it_was(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "READ_AT_ONCE", 2)
    monkeypatch.setattr(build, "COMMIT_AFTER", 2)
    articles = [written(f"Number {n}", "salt") for n in range(7)]
    looks = iter([False, False, True])
    with pytest.raises(build.Stopped):
        build.build(stopped=lambda: next(looks))
    with pytest.raises(Broken):
        house.live()
    articles[0].standfirst = "pepper"  # changed after it was read
    articles[0].save()
    built = build.build()
    assert (built.articles, built.resumed) == (7, 4)
    assert found("pepper") == [articles[0].pk]
    assert len(found("salt")) == 7


def test_only_one_builds_at_a_time(indexer: Indexer) -> None:
    with house.only_one("building"), pytest.raises(house.Busy):
        build.build()


def test_check_finds_what_is_missing_stale_or_too_much(indexer: Indexer) -> None:
    articles = [written(f"Number {n}", "salt") for n in range(4)]
    catch_up(indexer)
    assert build.differing(house.live()) == []
    # past every signal, as a statement typed into the database is
    Article.objects.filter(pk=articles[0].pk).update(standfirst="pepper")
    Article.objects.filter(pk=articles[1].pk).update(live=False)
    index = house.live()
    catch_up(indexer)
    indexer._index.delete([articles[2].pk])  # type: ignore[union-attr]
    indexer._index.commit(index.position())  # type: ignore[union-attr]
    wrong = build.differing(house.live())
    assert wrong == [a.pk for a in articles[:3]]
    note(*wrong)
    catch_up(indexer)
    assert build.differing(house.live()) == []


def test_reading_notes_twice_changes_nothing(indexer: Indexer) -> None:
    articles = [written(f"Number {n}", "salt") for n in range(3)]
    catch_up(indexer)
    index = indexer._index
    assert index is not None
    index.commit("")  # as if the process had been killed before the position was written
    while apply(index):
        pass
    assert house.live().count() == 3
    assert set(found("salt")) == {a.pk for a in articles}
    assert build.differing(house.live()) == []


def test_the_text_that_goes_into_the_index_is_divided_at_the_cut(indexer: Indexer) -> None:
    article = make_article("Divided", hero_caption="The quay")
    row = next(documents([article.pk], the_publication().zone))
    assert "The quay" in row.open_text
    assert not any("MARKER" in text for text in (*row.open_text, *row.names, row.headline))
    assert any("MARKER" in text for text in row.rest)
