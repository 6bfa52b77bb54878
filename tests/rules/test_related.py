"""What an article leads on to: which words tell, in which order articles come, what is shown."""

from datetime import timedelta

import pytest

from standfirst.articles.rules import read_next
from standfirst.library.engines.alike import FEW, TERMS, telling
from standfirst.library.nearness import Candidate, ranked
from tests.making import at

NOW = at("2026-11-20")
RARE = {("topic", 1): 2.0, ("topic", 2): 1.0, ("region", 1): 1.0}


def article(key: int, *filed: tuple[str, int], headline: str = "", years: float = 0) -> Candidate:
    return Candidate(
        key=key,
        headline=headline or f"Number {key}",
        filed=frozenset(filed),
        published_at=NOW - timedelta(days=365.25 * years),
    )


def test_pinned_ones_come_first_and_none_comes_twice():
    assert read_next([7, 3], [3, 5, 6], {3, 5, 6, 7}, 3)[0] == [7, 3, 5]


def test_what_is_not_published_is_passed_over_and_the_choice_hangs_on_it():
    assert read_next([7], [3, 5, 6, 8], {5, 6, 8}, 2) == ([5, 6], [7, 3, 5, 6])


def test_words_that_stand_everywhere_or_nowhere_else_tell_nothing():
    among = {"the": 900, "canal": 12, "lock": 2, "unique": 1}
    found = telling(["canal"], ["the", "lock", "unique", "the"], lambda t: among[t], 1000)
    assert dict(found).keys() == {"canal", "lock"}
    assert found[0] == ("canal", 1.0)  # the headline's, though less rare


def test_in_a_long_text_what_is_said_once_tells_nothing():
    often = [f"word{n}" for n in range(FEW)] * 2
    found = dict(telling([], [*often, "once"], lambda _: 5, 1000))
    assert "once" not in found
    assert len(found) == FEW
    many = [f"word{n}" for n in range(400)] * 2
    assert len(telling([], many, lambda _: 5, 1000)) == TERMS


def test_nothing_is_told_by_nothing():
    assert telling([], [], lambda _: 5, 0) == []
    assert telling(["canal"], [], lambda _: 0, 0) == []


def test_without_more_to_go_by_the_words_say_the_order():
    assert ranked(article(1), [article(n) for n in (5, 3, 4)], RARE) == [5, 3, 4]


@pytest.mark.parametrize("shared", [("topic", 1), ("topic", 2), ("region", 1)])
def test_a_shared_subject_brings_forward(shared: tuple[str, int]):
    alike = [article(2), article(3, shared)]
    assert ranked(article(1, shared), alike, RARE) == [3, 2]


def test_a_rare_subject_brings_further_forward():
    it = article(1, ("topic", 1), ("topic", 2))
    assert ranked(it, [article(2, ("topic", 2)), article(3, ("topic", 1))], RARE) == [3, 2]


def test_a_younger_one_comes_before_an_equal_older_one_but_not_before_a_nearer_one():
    it = article(1, ("topic", 1), years=4)
    old, young = article(2, years=10), article(3, years=1)
    assert ranked(it, [old, young], RARE) == [3, 2]
    near = article(4, ("topic", 1), years=10)
    assert ranked(it, [near, young], RARE) == [4, 3]


def test_never_the_article_itself_nor_two_with_one_headline():
    it = article(1, headline="The Canal")
    again = article(2, headline="The canal")
    twin, other = article(3, headline="A Lock"), article(4, headline="A lock")
    assert ranked(it, [it, again, other, twin], RARE) == [4]
