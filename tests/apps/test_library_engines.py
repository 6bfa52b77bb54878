"""What a cluster holds and is asked, that both engines answer alike, and its settings."""

import logging
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from standfirst.library.engine import FACETS, Document, Index, Order, Search, Value
from standfirst.library.engines import embedded, opensearch, wire
from standfirst.library.engines.marking import marking
from standfirst.library.indexer import Indexer
from standfirst.library.rules import parse
from standfirst.library.synonyms import Group, Thesaurus, widened
from standfirst.project import checks, environment
from standfirst.project.demo.sample import CONTENT
from tests.cast import make_cast
from tests.flows.test_library import headlines, page
from tests.making import make_article, make_magazine
from tests.opensearch import OpenSearch
from tests.searching import catch_up, cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(settings: Any, tmp_path: Path) -> Iterator[OpenSearch]:
    with cluster() as found:
        settings.SEARCH_URL, settings.LIBRARY = found.address, tmp_path / "one"
        make_magazine()
        yield found


@pytest.fixture
def indexer(ours: OpenSearch) -> Iterator[Indexer]:
    indexer = Indexer()
    yield indexer
    indexer.close()


# -- what is in it, and what is asked ---------------------------------------------------------


def test_the_cluster_has_no_text_to_give_back(indexer: Indexer, ours: OpenSearch) -> None:
    magazine = make_cast()
    catch_up(indexer)
    (index,) = ours.indexes.values()
    assert index.mappings["_source"] == {"includes": ["state", "state.*"]}
    assert {id_ for id_, kept in index.kept.items() if kept.source} == {"state"}
    assert len(index.kept) > 3
    words = {word for doc in index.seen for word in doc.values.get("words", ())}
    assert "paragraph" in words or "preview" in words, sorted(words)[:80]
    assert not any("marker" in word or "leak" in word for word in words)
    assert all(
        row["type"] != "keyword" or n in {"words", "exact", "format"}
        for n, row in index.fields.items()
    )
    reader = magazine.readers[0]
    for number, article in magazine.articles.items():
        html = reader.client.get("/library/", {"q": f'"LEAK {number}"'}).content.decode()
        if article.live:
            assert article.title in headlines(html)
        if not reader.may_read(article):
            assert f"LEAK-{number}" not in html.replace("<mark>", "").replace("</mark>", "")
    for body in ours.bodies:
        assert body.get("_source") is False or body["size"] == 0


def test_a_page_asks_a_bounded_number_of_questions(indexer: Indexer, ours: OpenSearch) -> None:
    make_article()
    catch_up(indexer)
    page(Client(), "harbour")
    ours.requests.clear()
    html = page(Client(), "harbours quiet")
    assert "The <mark>harbour</mark> was <mark>quiet</mark>, and the preview says so." in html
    # corrections, search, with some of the words, how telling the words are, completions
    assert len(ours.requests) <= 5
    ours.requests.clear()
    page(Client(), "harbours quiet")
    assert len(ours.requests) <= 4


ASKED = (
    *("port", "ports and shipping", '"rule of law"', "water -war", "climate OR energy", "insur*"),
    *("the price of water", "how do states pay for war", "trade", "-europe", "well-being", "zzzz"),
    *("tolls tolls harbour", "the well-being of those who live by the water in a city of canals"),
)
SYNONYMS = Thesaurus([Group(("toll", "duty")), Group(("sea lane", "shipping", "port fees"))])


def sample() -> list[Document]:
    """The sample magazine's articles, as they stand in their files."""
    documents = []
    for n, file in enumerate(sorted(CONTENT.glob("articles/*.md")), 1):
        head, _, text = file.read_text(encoding="utf-8").partition("\n\n")
        filed: dict[str, list[Value]] = {f: [] for f in FACETS}
        filed |= {"section": [n % 3], "format": ["essay" if n % 5 else "review"], "year": [n % 7]}
        documents.append(
            Document(
                key=n,
                headline=head.splitlines()[1].partition(" = ")[2].strip('"'),
                open_text=head.splitlines(),
                rest=text.split("\n\n"),
                names=["Ada Sample"],
                filed=filed,
                published_at=timezone.now() - timedelta(days=97 * n),
                stamp=-n,
            )
        )
    return documents


def test_both_engines_answer_alike(ours: OpenSearch, tmp_path: Path) -> None:
    documents, now = sample(), timezone.now()
    line = wire.Wire(ours.address)
    opensearch.Index.create(line, line, "x", "y", "en")
    engines = [
        embedded.Index.create(tmp_path / "x", "en"),
        opensearch.Index.open(line, line, "y", "me"),
    ]
    for engine in engines:
        engine.write()
        engine.put(documents)
        engine.delete([1, 2])
        engine.commit("here")
        engine.close()

    pasted = " ".join(documents[7].rest)[:1_500]
    more = ("toll", "sea lane", *(document.headline for document in documents[5:11]))

    def answers(engine: Index) -> Iterator[object]:
        yield engine.stamps()
        yield engine.position(), engine.count()
        for text in (*ASKED, *more):
            for order in Order:
                for only in ([], [("section", frozenset({1}))]):
                    asked = Search(
                        query=widened(parse(text), SYNONYMS)[0],
                        only=only,
                        facets=True,
                        now=now,
                        freshness=0.15,
                        order=order,
                    )
                    found = engine.search(asked)
                    keys = list(found.keys)
                    if order is Order.RELEVANCE:  # norms and float widths differ a little
                        keys = sorted(keys) if found.total <= 20 else keys[:1]
                    counts = {f: dict(found.facets[f]) for f in ("section", "format", "year")}
                    yield text, order, only, found.total, counts, keys
        yield engine.search(Search(query=parse(pasted))).keys[:1]
        yield engine.complete("wat")[:1]
        yield engine.corrections(["insurence", "watre", "governmnet", "water", "123x"])
        for document in documents[5:9]:
            texts = [document.headline, *document.open_text, *document.rest]
            yield engine.related(document.key, texts)[:3]
        for text in ("water", '"the price"', "insur* OR ports"):
            find = engine.highlighter(parse(text), 200)
            for document in documents:
                whole = " ".join(document.rest)
                yield bool(find(whole).marks)

    for one, other in zip(*map(answers, engines), strict=True):
        assert one == other


# -- marking ----------------------------------------------------------------------------------


def test_the_stretch_with_the_most_telling_words_is_shown() -> None:
    def stem(word: str) -> str:
        return word.lower().rstrip("s")

    text = "The sea. " * 30 + "Salt roads cross the sea near the salt pans. " + "The end. " * 30
    find = marking({"the": 0.001, "salt": 0.2, "road": 0.5}, {"pan": 0.3}, stem, 60)
    fragment = find(text)
    marked = [fragment.text[a:b] for a, b in fragment.marks]
    assert fragment.text in text
    assert len(fragment.text) <= 60
    assert {"Salt", "roads", "salt", "pans"} <= set(marked)
    assert find("nothing here").marks == []
    assert find("").text == ""
    began = time.thread_time()
    find("the " * 100_000)
    assert time.thread_time() - began < 2


def test_a_word_longer_than_the_stretch_is_no_error() -> None:
    fragment = marking({"x" * 50: 1.0}, {}, str, 10)("a " + "x" * 50 + " b")
    assert fragment.text == "x" * 50


# -- settings ---------------------------------------------------------------------------------


def test_check_says_what_a_cluster_lacks(
    ours: OpenSearch, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    caplog.set_level(logging.CRITICAL)
    (finding,) = checks._library()
    assert "The worker builds an index" in finding.sentence
    assert not finding.grave
    ours.stop()
    (finding,) = checks._library()
    assert "cannot be asked: nothing answers at that address" in finding.sentence
    assert "See SEARCH_URL" in finding.sentence
    settings.SEARCH_URL += "x"  # another house: one in which the client is missing
    for name in [n for n in sys.modules if n.startswith("opensearchpy")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("cluster", "engines.opensearch", "engines.lease", "engines.wire"):
        monkeypatch.delitem(sys.modules, f"standfirst.library.{name}")
    monkeypatch.setitem(sys.modules, "opensearchpy", None)
    (finding,) = checks._library()
    assert "pip install 'standfirst[opensearch]'" in finding.sentence
    settings.SEARCH_URL = settings.SEARCH_URL.replace("127.0.0.1", "search.example")
    assert "in the open" in next(iter(checks._library())).sentence
    settings.SEARCH_URL = ""
    assert list(checks._library()) == []


@pytest.mark.parametrize(
    "url",
    [
        *("elsewhere", "ftp://host/x", "https://", "https://host:99999", "https://host/Upper"),
        *("https://host/a/b", "https://host/x?verify=0", "https://host/_x"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(environment.BadSetting, match="SEARCH_URL is not understood"):
        environment.search(url)


def test_usable_addresses() -> None:
    for url in ("", "http://localhost:9200", "https://a:b%40@host:9200/mag?ca=/etc/ca.pem"):
        assert environment.search(url) == url
