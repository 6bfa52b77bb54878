"""Does the library find what answers? The judged queries over the sample magazine alone; all of
them, with other collections, are measured by `make bench-search`."""

from pathlib import Path
from statistics import mean

from bench.search import rankers
from bench.search.relevance import ndcg, recall
from bench.search.sets import own, sample

from standfirst.library.engine import Order, Search
from standfirst.library.engines.embedded import Index
from standfirst.library.engines.spelling import nearest
from standfirst.library.finding import find
from standfirst.library.rules import parse


def test_the_best_order_counts_one_and_none_of_it_nought():
    grades = {"a": 3, "b": 1}
    assert ndcg(["a", "b", "c"], grades) == 1
    assert 0.7 < ndcg(["b", "a"], grades) < 0.75
    assert ndcg(["c"] * 10 + ["a"], grades) == 0
    assert recall(["c"] * 99 + ["b", "a"], grades) == 0.5


def test_the_judged_queries_over_the_sample_find_their_articles(tmp_path: Path) -> None:
    texts = list(sample())
    there = {text.id for text in texts}
    questions = [question for question in own(texts).questions if there >= set(question.grades)]
    assert len(questions) > 10
    rank = rankers.ours(texts, tmp_path / "index")
    scores = {
        question.text: ndcg(rank(question.text, 10), question.grades) for question in questions
    }
    assert mean(scores.values()) > 0.94, scores


def test_where_few_hold_all_words_those_with_some_follow(tmp_path: Path) -> None:
    texts = list(sample())
    index = rankers.filled(Index.create(tmp_path / "index", "en"), texts)
    asked = Search(query=parse("lithium brine winter grammar"))
    answer = find(index, asked)
    assert answer.loosened
    assert texts[answer.found.keys[0] - 1].id == "sample:lithium-brine-and-the-long-wait"
    assert answer.found.total > index.search(asked).total
    many = find(index, Search(query=parse("the of")))
    assert not many.loosened
    newest = Search(query=parse("lithium brine"), order=Order.NEWEST)
    assert find(index, newest).found == index.search(newest)


def test_of_two_near_words_the_one_with_the_same_first_letter_is_meant():
    words = {"winning": 900, "mining": 20}
    assert nearest("minning", lambda word: words.get(word, 0), lambda _: []) == "mining"


def test_a_word_of_three_letters_is_not_what_was_meant():
    words = {"can": 900, "canal": 20}
    assert nearest("canl", lambda word: words.get(word, 0), lambda _: []) == "canal"
    assert nearest("cann", lambda word: {"can": 900}.get(word, 0), lambda _: []) is None


def test_a_pasted_paragraph_finds_its_article(tmp_path: Path) -> None:
    texts = list(sample())
    rank = rankers.ours(texts, tmp_path / "index")
    told = next(text for text in texts if text.id == "sample:who-owns-the-monsoon")
    paragraph = max(told.paragraphs, key=len)
    assert rank(paragraph, 1) == [told.id]
