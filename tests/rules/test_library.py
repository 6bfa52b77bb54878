"""The library's query language: what readers type, and what is made of it."""

import time
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from standfirst.library.rules import (
    LONGEST,
    MOST_PARTS,
    MOST_WORDS,
    Either,
    Filed,
    Phrase,
    Query,
    Word,
    parse,
    period,
    with_words,
    written,
)


def test_words_are_words():
    assert parse("Salt  roads, again").wanted == (Word("Salt"), Word("roads"), Word("again"))


@pytest.mark.parametrize("quotes", ['"{}"', "“{}”", "„{}“", "«{}»"])
def test_a_phrase_stands_in_quotes_of_any_kind(quotes: str):
    assert parse(quotes.format("rule of  law")) == Query(wanted=(Phrase("rule of law"),))


def test_what_has_a_minus_before_it_is_not_wanted():
    found = parse('salt -roads -"the lamp" well-being')
    assert found.wanted == (Word("salt"), Word("well-being"))
    assert found.unwanted == (Word("roads"), Phrase("the lamp"))


def test_or_joins_what_stands_beside_it_and_only_in_capitals():
    assert parse('salt OR "sea ice" OR tide road').wanted == (
        Either((Word("salt"), Phrase("sea ice"), Word("tide"))),
        Word("road"),
    )
    assert parse("salt or tide").wanted == (Word("salt"), Word("or"), Word("tide"))
    assert parse("salt | tide").wanted == (Either((Word("salt"), Word("tide"))),)


def test_lone_operators_are_no_errors():
    assert parse("OR salt").wanted == (Word("salt"),)
    assert parse("salt OR").wanted == (Word("salt"),)
    assert parse("salt OR OR tide").wanted == (Word("salt"), Word("tide"))
    assert parse("salt AND tide").wanted == (Word("salt"), Word("tide"))
    assert parse("OR").wanted == (Word("or"),)
    assert parse("salt OR -tide") == Query(wanted=(Word("salt"),), unwanted=(Word("tide"),))
    for nothing in (" " * 3_000, "", "-", "--", '"', '""', "*", "-*", '-""', "()", "\x00\ufffe"):
        assert parse(nothing) == Query(), nothing


def test_a_field_names_what_an_article_is_filed_under():
    found = parse('Author:smith topic:"climate change" -region:europe format:essay section:World')
    assert found.filed == (
        Filed("author", "smith"),
        Filed("topic", "climate change"),
        Filed("format", "essay"),
        Filed("section", "World"),
    )
    assert found.not_filed == (Filed("region", "europe"),)


def test_an_unknown_or_empty_field_is_words():
    assert parse("covid:19 author:").wanted == (Word("covid:19"), Word("author"))
    assert parse("https://example.org/x").wanted == (Word("https://example.org/x"),)


def test_dates_bound_what_is_found():
    found = parse("after:2019 before:2020-06 salt")
    assert (found.after, found.before) == (date(2019, 1, 1), date(2020, 6, 1))
    assert parse("after:2019-05-17").after == date(2019, 5, 17)
    # of several the narrowest counts
    assert parse("after:2019 after:2021").after == date(2021, 1, 1)


@pytest.mark.parametrize("text", ["after:lunch", "after:2019-13", "before:0000", "after:9999"])
def test_what_is_no_date_is_a_word(text: str):
    found = parse(text)
    assert (found.wanted, found.after, found.before) == ((Word(text),), None, None)


def test_a_period_ends_the_day_after_it():
    assert period("2019") == (date(2019, 1, 1), date(2020, 1, 1))
    assert period("2020-02") == (date(2020, 2, 1), date(2020, 3, 1))
    assert period("2019-12-31") == (date(2019, 12, 31), date(2020, 1, 1))
    assert period("19") is period("2019-02-30") is period("٢٠١٩") is None


def test_a_star_asks_for_every_word_that_begins_so():
    assert parse("nucl* x* fo*o").wanted == (
        Word("nucl", prefix=True),
        Word("x"),
        Word("fo"),
        Word("o"),
    )


def test_whoever_pastes_a_paragraph_means_no_operators():
    told = 'He said: "no salt" -- none at all OR nothing, after:noon. '
    assert any(not isinstance(part, Word) for part in parse(told).wanted)
    pasted = parse(told * 6)
    assert pasted.words[:5] == ("He", "said", "no", "salt", "none")
    assert "or" in pasted.words
    assert len(pasted.words) == len(pasted.wanted)
    assert not pasted.unwanted
    assert len(parse("word " * 450).wanted) == MOST_WORDS


def test_unbalanced_quotes_are_left_out():
    assert parse('"salt roads').wanted == (Word("salt"), Word("roads"))
    assert parse('"salt" roads"').wanted == (Phrase("salt"), Word("roads"))


def test_words_can_be_replaced_where_they_stand_alone():
    query = parse('harbuor "harbuor wall" OR harbuor harbuor*')
    assert written(with_words(query, {"harbuor": "harbour"})) == (
        'harbour "harbuor wall" OR harbour harbuor*'
    )


def test_ten_thousand_characters_and_a_thousand_ors_are_bounded():
    began = time.thread_time()
    for text in ("x" * 10_000, "a OR " * 2_000, "(" * 10_000 + "a", '"' * 9_999, "-" * 10_000):
        query = parse(text)
        joined = sum(len(p.parts) for p in query.wanted if isinstance(p, Either))
        assert joined <= MOST_PARTS
        assert len(query.wanted) <= MOST_WORDS
        assert len(written(query)) <= LONGEST * 2
    assert time.thread_time() - began < 1


NOISE = ["salt", "OR", "AND", "|", '"', "“", "-", "author:", "topic:", "after:", "2019", "*", " "]
NOISE += [" ", ":", "(", "é", "\x00", "\ud800", "before:2020-06", "-region:", "’"]
NOISY = st.lists(st.sampled_from(NOISE), max_size=30).map("".join)


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=200), NOISY))
@example('author:"OR"')
@example('-after:2019 after:"x" before:""')
def test_any_text_gives_a_query_that_can_be_written_and_read_back(text: str):
    query = parse(text)
    assert parse(written(query)) == query
    assert not query.words or all(query.words)
    written(query).encode()  # no half of a character is left
