"""What letters are made of: editors' texts made fit for mail, colours, slots, and what fits."""

import quopri
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from standfirst.newsletters.letters.colours import DARK, LEGIBLE, LIGHT, contrast, palette
from standfirst.newsletters.letters.contents import (
    Contents,
    Dated,
    Item,
    Story,
    as_preview,
    shorter,
)
from standfirst.newsletters.letters.richtext import NOTHING, absolute, read, wrapped
from standfirst.newsletters.letters.source import (
    Source,
    defused,
    encoded_size,
    filled,
    one_line,
)
from standfirst.newsletters.slots import WORD, WORDS
from standfirst.project.settings import PACKAGE

HOME = "https://magazine.example"
PIECES = some.sampled_from(
    [
        *("<p>", "</p>", "<b>", "</b>", "<i>", "</a>", '<a href="/x?a=1&b=2">', "<ul>", "<li>"),
        *("<a href=javascript:x>", "</ul>", "<br>", "<script>", "</script>", "<img src=x>", "<"),
        *("&amp;", "&", "zq0", "unsubscribe", "0qz", "&#48;", "<![", "<!--", "-->", "]]>", " "),
        *("\x00", "\ud800"),
    ]
)
HTML = some.lists(some.one_of(PIECES, some.text(max_size=8)), max_size=30).map("".join)


# -- editors' texts ----------------------------------------------------------------------------


@given(HTML)
@example("<p>a<![foo bar]>b</p>")
@example('<p title="&#0;">&#1;&#xFFFF;</p>')
def test_whatever_an_editor_wrote_becomes_well_formed_and_holds_only_tags_that_are_known(
    html: str,
) -> None:
    passage = read(html, HOME)
    xml = passage.html.replace("&nbsp;", " ")
    found = {node.tag for node in ElementTree.fromstring(f"<letter>{xml}</letter>").iter()}
    assert found <= {"letter", "p", "a", "b", "i", "sup", "sub", "br"}
    for href in re.findall(r'href="([^"]*)"', xml):
        assert href.startswith(("https://", "http://", "mailto:"))
    passage.text.encode()


def test_words_links_and_emphasis_stay_and_pictures_and_scripts_go() -> None:
    passage = read(
        '<p data-block-key="a1">A <b>bold</b> <em>word</em> &amp; <a href="/topics/">a link</a>.'
        '<img src="x.png" alt="no"><script>alert(1)</script></p><style>p{}</style>',
        HOME,
    )
    (paragraph,) = passage.paragraphs
    assert paragraph.words == "A bold word & a link."
    assert "<b>bold</b> <i>word</i> &amp; " in passage.html
    assert '<a class="ink" href="https://magazine.example/topics/">a link</a>' in passage.html
    assert passage.text == "A bold word & a link.\nhttps://magazine.example/topics/"


def test_a_list_keeps_its_points_and_numbers() -> None:
    passage = read("<ul><li>one</li><li>two</li></ul><ol><li>first</li><li>then</li></ol>", HOME)
    assert passage.text.split("\n\n") == ["• one", "• two", "1. first", "2. then"]


def test_text_is_wrapped_at_72_and_an_address_is_never_broken() -> None:
    address = "https://example.org/" + "long/" * 30
    text = read(f'<p>{"Some words of it. " * 20}<a href="{address}">here</a></p>', HOME).text
    *lines, last = text.splitlines()
    assert last == address
    assert len(lines) > 4
    assert max(map(len, lines)) <= 72
    assert wrapped("") == ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/2026/11/salt/", "https://magazine.example/2026/11/salt/"),
        ("https://bücher.example/ä?q=“x”", "https://xn--bcher-kva.example/%C3%A4?q=%E2%80%9Cx%E2%80%9D"),
        ('https://x.example/a b"<c>%20', "https://x.example/a%20b%22%3Cc%3E%20"),
        ("mailto:desk@x.example", "mailto:desk@x.example"),
        ("//other.example/", "https://other.example/"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("ftp://x.example/", ""),
        ("http://[::1", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_mail_leads_to_whole_addresses_of_the_web_or_nowhere(written: str, meant: str) -> None:
    assert absolute(written, HOME) == meant


def test_a_line_keeps_joiners_of_scripts_and_emoji_but_no_break_and_no_turned_direction() -> None:
    assert one_line("می\u200cخواهم 👩\u200d👩\u200d👧") == "می\u200cخواهم 👩\u200d👩\u200d👧"
    assert one_line(" a\r\nBcc: b\u2028c\x00\u202ed\u2066 ") == "a Bcc: b c d"


# -- slots -------------------------------------------------------------------------------------


@given(some.lists(some.sampled_from(["zq0", "0qz", *WORDS, *WORDS.values(), "a", " "])))
def test_no_text_has_a_word_of_a_slot_in_it_once_it_is_defused(parts: list[str]) -> None:
    assert not WORD.search(defused("".join(parts)))


def test_what_stands_in_a_slot_is_never_markup_another_slot_or_a_new_line() -> None:
    word = WORDS["greeting"]
    letter = filled(
        Source(f"To {word}", f"<p>{word}</p><a href='{WORDS['unsubscribe']}'>", f"{word},\n"),
        {"greeting": f"<b>&'\"\r\nBcc: x {WORDS['address']}", "address": "other@example.org"},
    )
    assert "other@example.org" not in "".join(letter)
    assert letter.html.startswith("<p>&lt;b&gt;&amp;&#x27;&quot; Bcc: x zq0address0qz</p>")
    assert letter.html.endswith("<a href=''>")
    assert "\n" not in letter.subject
    assert letter.text.count("\n") == 1


# -- colours -----------------------------------------------------------------------------------


def test_the_colours_are_those_of_the_site() -> None:
    css = (Path(PACKAGE) / "static/standfirst/site.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    for tokens, written in ((LIGHT, light), (DARK, dark)):
        of_the_site = dict(re.findall(r"--(\w+): (#\w{6})", written))
        assert tokens == {name: of_the_site[name] for name in tokens}


@given(some.one_of(some.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True), some.text(max_size=9)))
@example("#ffff00")
@example("#000000")
def test_any_accent_can_be_read_in_light_and_dark_and_so_can_what_stands_on_it(accent: str) -> None:
    both = palette(accent)
    for colours in (both.light, both.dark):
        for ground in ("paper", "wash"):
            for token in ("ink", "soft", "accent"):
                assert contrast(colours[token], colours[ground]) >= LEGIBLE
        assert contrast(colours["on_accent"], colours["accent"]) >= LEGIBLE


def test_an_accent_that_can_be_read_stays_as_the_publisher_chose_it() -> None:
    assert palette("#8a2432").light["accent"] == "#8a2432"


# -- what a letter holds -----------------------------------------------------------------------


def full(items: int = 3, stories: int = 12) -> Contents:
    text = read("<p>SECRET one.</p><p>SECRET two.</p><p>SECRET three.</p>", HOME)
    return Contents(
        newsletter="The Daily Review",
        day=date(2026, 11, 27),
        subject="Headline 0",
        web_url=f"{HOME}/edition/",
        take=tuple(
            Item(
                headline=f"Headline {n}",
                text=text,
                source_name="SECRET desk",
                source_url="https://secret.example/",
            )
            for n in range(items)
        ),
        stories=tuple(
            Story(headline=f"Story {n}", url=f"{HOME}/{n}/", standfirst="It begins.")
            for n in range(stories)
        ),
        radar=(Dated(date(2026, 12, 1), text),),
        more=text,
    )


def test_a_preview_has_the_headlines_and_nothing_of_what_is_kept_back() -> None:
    shown = as_preview(full())
    assert "secret" not in repr(shown).lower()
    assert [one.headline for one in shown.take] == ["Headline 0", "Headline 1", "Headline 2"]
    assert shown.stories == full().stories
    assert shown.kept_back
    only_articles = replace(full(items=0), radar=(), more=NOTHING)
    assert not as_preview(only_articles).kept_back


def test_a_preheader_says_what_the_subject_does_not() -> None:
    assert full().preheader == "Headline 1 · Headline 2 · Story 0"


def test_a_letter_gets_shorter_step_by_step_until_little_is_left_of_it() -> None:
    steps = [less for less, told in shorter(full()) if told.endswith(".")]
    assert all(step.shortened for step in steps)
    sizes = [len(repr(step)) for step in steps]
    assert sizes == sorted(sizes, reverse=True)
    # The articles' standfirsts first, the take last.
    assert [len(step.stories) for step in steps[:9]] == [12] * 9
    assert steps[8].stories[2].standfirst
    assert not steps[8].stories[3].standfirst
    assert all(len(step.take) == 3 for step in steps if step.more or len(step.stories) > 1)
    last = steps[-1]
    assert (len(last.stories), len(last.take), last.radar, last.more) == (1, 1, (), NOTHING)
    assert len(last.take[0].text.paragraphs) == 1


def test_the_size_of_a_letter_is_reckoned_as_it_travels() -> None:
    for html in ("plain " * 9_000, "über=“alles” " * 5_000, "حروب الماء " * 4_000, "a\n" * 9_000):
        travelling = len(quopri.encodestring(html.encode().replace(b"\n", b"\r\n")))
        reckoned = encoded_size(Source("", html, ""), {}) - encoded_size(Source("", "", ""), {})
        assert 0.97 * travelling <= reckoned <= 1.12 * travelling
