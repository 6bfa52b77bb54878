"""What an editor says means the same, and which searches in vain the newsroom is told of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfirst.library.missed import worth_telling
from standfirst.library.rules import Either, Phrase, Query, Word, parse, written
from standfirst.library.synonyms import (
    Group,
    Thesaurus,
    folded,
    pinned_as,
    rows_in,
    to_correct,
    widened,
    wordings_in,
)

EU, UNION = Word("EU"), Phrase("European Union")
THESAURUS = Thesaurus(
    [
        Group(("EU", "European Union")),
        Group(("Türkiye", "Turkey")),
        Group(("ECOWAS", "West Africa"), one_way=True),
    ]
)


def wide(text: str) -> tuple[Query, tuple[str, ...]]:
    return widened(parse(text), THESAURUS)


def test_a_word_carries_what_means_the_same_and_stays_what_it_is() -> None:
    query, also = wide("eu fisheries")
    assert query.wanted == (Word("eu", also=(UNION,)), Word("fisheries"))
    assert also == ("European Union",)
    assert written(query) == "eu fisheries"


def test_each_word_of_a_wording_of_several_carries_the_other() -> None:
    query, also = wide("European union law")
    assert query.wanted == (
        Word("European", also=(EU,)),
        Word("union", also=(EU,)),
        Word("law"),
    )
    assert also == ("EU",)
    assert wide("European law union")[1] == ()


def test_accents_case_dots_and_quotes_make_no_difference() -> None:
    for typed in ("turkiye", "TÜRKIYE", "E.U.", "e.u."):
        assert wide(typed)[1] in {("Turkey",), ("European Union",)}, typed


def test_phrases_beginnings_and_what_is_not_wanted_are_as_typed() -> None:
    for typed in ('"EU"', '"European Union"', "eu*", "law -EU", "topic:eu"):
        assert wide(typed) == (parse(typed), ()), typed


def test_a_choice_is_widened_too() -> None:
    query, _ = wide("EU OR nato")
    assert query.wanted == (Either((Word("EU", also=(UNION,)), Word("nato"))),)


def test_one_way_is_from_the_first_to_the_others_only() -> None:
    assert wide("ecowas")[1] == ("West Africa",)
    assert wide("West Africa")[1] == ()


def test_an_editors_word_is_never_put_right() -> None:
    assert to_correct(wide("Türkiye harbuor eu*")[0]) == ["harbuor"]


def test_what_is_added_is_bounded() -> None:
    groups = [Group((f"a{n}", *(f"b{n}x{m}" for m in range(11)))) for n in range(9)]
    query = parse(" ".join(f"a{n}" for n in range(9)))
    assert len(widened(query, Thesaurus(groups))[1]) == 22


@given(st.text(max_size=60))
def test_any_text_is_widened_and_read_back_as_it_was_typed(text: str) -> None:
    query, _ = wide(text)
    assert written(query) == written(parse(text))
    folded(text)


def test_wordings_stand_between_commas_and_each_once() -> None:
    assert wordings_in(' EU ,European  Union; "E.U.",, eu\nBrussels ') == [
        "EU",
        "European Union",
        "Brussels",
    ]


def test_results_are_pinned_to_plain_words_alone() -> None:
    for typed in ("Élection  guide", '"election guide"', "“election” guide"):
        assert pinned_as(parse(typed)) == "election guide", typed
    for typed in ("", "elect*", "election -guide", "election author:x", "election OR guide"):
        assert pinned_as(parse(typed)) == "", typed


@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        ("salt roads in winter", []),
        ("salt U.S. nucl* China’s don't", []),
        ('"salt"', []),
        ('"Salt  roads"', ["salt roads"]),
        ("salt-roads", ["salt roads"]),
        ("salt_roads winter/storm", ["salt roads", "winter storm"]),
        ('"a b" OR "a c" OR "a b" -"e f"', ["a b", "a c", "e f"]),
    ],
)
def test_what_asks_for_words_in_a_row_is_known_however_it_is_typed(
    typed: str, rows: list[str]
) -> None:
    assert rows_in(parse(typed)) == rows


@pytest.mark.parametrize(
    "typed", ["rule of law", "Kyiv", "covid-19", "budget 2026/27", "日本", "g20 summit 2025"]
)
def test_searches_for_subjects_are_told_of(typed: str) -> None:
    assert worth_telling(f"  {typed.upper()}  ") == typed.lower()


def test_no_search_is_a_formula_in_a_table() -> None:
    assert worth_telling('=-+HYPERLINK("x")') == 'hyperlink("x")'


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "ada.sample@example.org",
        "ada at @sample",
        "call +43 660 123 45 67 please",
        "card 4111 1111 1111 1111",
        "AT61 1904 3002 3457 3201",
        "https://example.org/x",
        "www.example.org",
        "k" * 31,
        "a b c d e f g h i j k",
        "word " * 9 + "w" * 29 + " " + "w" * 29,
    ],
)
def test_what_may_be_about_a_person_is_not(typed: str) -> None:
    assert worth_telling(typed) == ""
