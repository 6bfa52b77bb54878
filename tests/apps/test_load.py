"""`standfirst load`: from lines of JSON to articles that readers and editors can use."""

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from wagtail.models import Page, ReferenceIndex

from standfirst.articles.load import BadLine, Loader, read_line
from standfirst.articles.load_rows import slug_of
from standfirst.articles.load_text import blocks, short_title, stretches
from standfirst.articles.models import Article, ArticleIndex, Section, Topic
from standfirst.project.actions import make_staff
from tests.making import make_article, make_magazine

_BACKEND = "django.contrib.auth.backends.ModelBackend"
TODAY = date(2026, 11, 22)
LONG = " ".join(["A sentence of six words here."] * 20)


def row(**fields: Any) -> dict[str, Any]:
    return {
        "id": "t-1",
        "title": "Of Harbours & Men",
        "authors": ["Ada Sample", "Bo Sample"],
        "date": "2024-03-31",
        "topics": ["diplomatic-relations", "Andorra"],
        "kind": "essay",
        "body": "First paragraph.\nSecond <b>paragraph</b> & more.\nThird one.\nFourth one.",
        **fields,
    }


def write(path: Path, *rows: Any) -> Path:
    lines = [r if isinstance(r, str) else json.dumps(r) for r in rows]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture
def magazine(db):
    return make_magazine(time_zone="Europe/Vienna")


# -- text -------------------------------------------------------------------------------------


def test_a_short_line_above_a_real_paragraph_is_a_heading():
    kinds = [s.kind for s in stretches(f"{LONG}\nThe Albany Plan\n{LONG}\nYours, A.")]
    assert kinds == ["paragraph", "heading", "paragraph", "paragraph"]


def test_forms_of_address_in_a_speech_are_not_headings():
    assert {s.kind for s in stretches(f"Ladies and gentlemen\n{LONG}", headings=False)} == {
        "paragraph"
    }


def test_many_short_lines_in_a_row_are_a_list_of_names():
    names = "\n".join(["Leghorn (1794-1941)", "Naples (1796-1990)", "Capri (1901-1914)"])
    assert [s.kind for s in stretches(f"{LONG}\n{names}\n{LONG}")] == [
        "paragraph", "list", "paragraph"
    ]  # fmt: skip


def test_lines_with_cells_become_a_table_with_its_title():
    body = f"{LONG}\nTable 1. Funding\nYear | Sum\n2005 | 25\n2006 | —"
    value = blocks("x", stretches(body))[-1]["value"]
    assert value["table_caption"] == "Table 1. Funding"
    assert value["data"][1] == ["2005", "25"]


def test_a_paragraph_of_thousands_of_words_is_divided_at_its_sentences():
    text = " ".join(f"Sentence number {i} speaks of Mr. Sample and goes on." for i in range(900))
    parts = [s.lines[0] for s in stretches(text)]
    assert all(100 < len(part.split()) < 160 for part in parts[:-1])
    assert all(part.endswith("goes on.") for part in parts)
    assert " ".join(parts) == text


def test_markup_in_a_text_is_shown_and_not_believed():
    value = blocks("x", stretches("<script>alert(1)</script> & so on"))[0]["value"]
    assert value == "<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on</p>"


def test_a_title_too_long_for_a_page_is_cut_at_a_word():
    title = short_title("word " * 100)
    assert len(title) <= 255
    assert title.endswith("word…")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Côte d’Ivoire: an address", "cote-divoire-an-address"),
        ("中国", "zhongguo"),
        ("!!!", "article"),
    ],
)
def test_an_address_has_latin_letters_whatever_the_title(title: str, slug: str):
    assert slug_of(title).replace("-", "") == slug.replace("-", "")


# -- lines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not an object"),
        (b"\xff\xfe", "not UTF-8"),
        (json.dumps(row(id="")).encode(), "“id”"),
        (json.dumps(row(id="x" * 300)).encode(), "200"),
        (json.dumps(row(title=None)).encode(), "“title”"),
        (json.dumps(row(body=7)).encode(), "“body”"),
        (json.dumps(row(body="\u0000 \u0007")).encode(), "“body”"),
        (json.dumps(row(authors="Ada")).encode(), "“authors”"),
        (json.dumps(row(date="soon")).encode(), "“date”"),
        (json.dumps(row(date="2031-01-01")).encode(), "future"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_with_its_reason(raw: bytes, reason: str):
    with pytest.raises(BadLine, match=reason):
        read_line(raw, TODAY)


def test_control_characters_and_half_characters_are_dropped():
    line = read_line(rb'{"id": "1", "title": "A\u0000\ud800B", "body": "C\u0008D"}', TODAY)
    assert (line.title, line.body) == ("AB", "CD")


# -- loading ----------------------------------------------------------------------------------


def test_a_loaded_article_has_everything_its_line_said(magazine, tmp_path):
    report = Loader().load(write(tmp_path / "a.jsonl.gz", row()))
    assert (report.added, report.bad) == (1, [])
    article = Article.objects.get(source_id="t-1")
    assert article.title == "Of Harbours & Men"
    assert [b.author.name for b in article.bylines.all()] == ["Ada Sample", "Bo Sample"]
    assert {t.name for t in article.topics.all()} == {"Diplomatic relations", "Andorra"}
    assert (article.section.name, article.format) == ("History", "essay")
    assert article.get_absolute_url() == "/2024/03/of-harbours-men/"
    assert article.words == 10
    preview, rest = article.preview_and_rest()
    assert (len(preview), len(rest)) == (3, 1)


def test_loading_again_changes_nothing(magazine, tmp_path):
    file = write(tmp_path / "a.jsonl", *(row(id=str(i)) for i in range(5)))
    Loader().load(file)
    before = list(Article.objects.order_by("pk").values())
    report = Loader().load(file)
    assert (report.added, report.updated, report.unchanged) == (0, 0, 5)
    assert list(Article.objects.order_by("pk").values()) == before


def test_a_changed_text_becomes_a_revision_at_the_same_address(magazine, tmp_path):
    Loader().load(write(tmp_path / "a.jsonl", row()))
    first = Article.objects.get()
    report = Loader().load(write(tmp_path / "a.jsonl", row(title="New", body="One.\nTwo.")))
    assert (report.updated, report.unchanged) == (1, 0)
    now = Article.objects.get()
    assert (now.pk, now.slug, now.title, now.live) == (first.pk, first.slug, "New", True)
    assert [r.content["title"] for r in now.revisions.order_by("pk")] == [first.title, "New"]


def test_an_editors_change_stays_while_the_file_stays_as_it_was(magazine, tmp_path):
    file = write(tmp_path / "a.jsonl", row())
    Loader().load(file)
    article = Article.objects.get()
    article.title = "The editor's headline"
    article.save_revision().publish()
    assert Loader().load(file).unchanged == 1
    assert Article.objects.get().title == "The editor's headline"


def test_two_articles_of_one_title_get_two_addresses(magazine, tmp_path):
    make_article("Of Harbours & Men", slug="of-harbours-men")
    Loader().load(write(tmp_path / "a.jsonl", row(id="1"), row(id="2")))
    assert Article.objects.values("slug").distinct().count() == 3


def test_bad_lines_are_counted_with_their_numbers_and_the_rest_is_loaded(magazine, tmp_path):
    file = write(tmp_path / "a.jsonl", row(id="1"), "{oops", "", row(id="1"), row(id="2"))
    report = Loader().load(file)
    assert report.added == 2
    assert [(name, number) for name, number, _ in report.bad] == [("a.jsonl", 2), ("a.jsonl", 4)]


def test_a_file_cut_off_in_the_middle_loses_nothing_and_goes_on_later(
    magazine, tmp_path, monkeypatch
):
    monkeypatch.setattr("standfirst.articles.load.BATCH", 3)
    noise = ("".join(chr(97 + (i * i * j) % 26) for j in range(99)) for i in range(20))
    rows = [row(id=str(i), body=body) for i, body in enumerate(noise)]
    whole = write(tmp_path / "whole.jsonl.gz", *rows)
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(EOFError):
        Loader().load(torn)
    begun = Article.objects.count()
    report = Loader().load(whole)
    assert (report.added, report.unchanged) == (20 - begun, begun)


def test_wagtails_tree_is_whole_after_a_load(magazine, tmp_path):
    make_article()
    Loader().load(write(tmp_path / "a.jsonl", *(row(id=str(i)) for i in range(40))))
    make_article()
    assert Page.find_problems() == ([], [], [], [], [])
    index = ArticleIndex.objects.get()
    assert index.numchild == Article.objects.count() == 42
    assert all(a.url_path == f"{index.url_path}{a.slug}/" for a in Article.objects.all())


def test_a_section_in_use_is_known_to_be_in_use(magazine, tmp_path):
    Loader().load(write(tmp_path / "a.jsonl", row()))
    assert ReferenceIndex.get_references_to(Section.objects.get(name="History")).count() == 1


def test_topics_are_one_where_their_addresses_are(magazine, tmp_path):
    one, other = row(id="1", topics=["andorra"]), row(id="2", topics=["Andorra"])
    Loader().load(write(tmp_path / "a.jsonl", one, other))
    assert Topic.objects.count() == 1


def test_an_article_without_a_date_gets_the_day_that_was_asked_for(magazine, tmp_path):
    Loader(undated=date(1999, 12, 31)).load(write(tmp_path / "a.jsonl", row(date=None)))
    assert Article.objects.get().get_absolute_url().startswith("/1999/12/")


def test_an_editor_can_open_change_and_publish_a_loaded_article(magazine, tmp_path, client):
    Loader().load(write(tmp_path / "a.jsonl", row()))
    article = Article.objects.get()
    client.force_login(make_staff("editor@meridian.example"), _BACKEND)
    edit = reverse("wagtailadmin_pages:edit", args=[article.pk])
    page = client.get(edit)
    assert page.status_code == 200
    form = page.context["form"]
    assert not form.is_bound
    loaded = article.get_latest_revision_as_object()
    loaded.title = "Changed in the newsroom"
    loaded.save_revision().publish()
    article.refresh_from_db()
    assert article.title == "Changed in the newsroom"
    assert article.live_revision == article.latest_revision
    assert client.get(article.get_absolute_url()).status_code == 200
