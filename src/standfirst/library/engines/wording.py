"""What the words of a search ask of any engine: which of them, how many, what counts for how much.
An engine adds how its own clauses are written. No text of a reader's is ever read by an engine's
own parser: all is built term by term, from what one analysis makes of the words."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Generic, TypeVar

from tantivy import TextAnalyzer

from standfirst.library.engines.analysis import normal
from standfirst.library.engines.weights import (
    ALMOST,
    EXACT,
    HEADLINE,
    MOST_TERMS,
    TOGETHER_FROM,
    TOGETHER_TO,
    Terms,
    apart,
    needed,
    rarity,
)
from standfirst.library.rules import Either, Part, Phrase, Query, Word

Clause = TypeVar("Clause")

ALL = "*"  # among frequencies: how many articles there are


class Role(Enum):
    """What a clause is to an article that answers."""

    MUST = "must"
    SHOULD = "should"
    MUST_NOT = "must_not"


class Wording(ABC, Generic[Clause]):
    """Makes an engine's clauses of words, in one language."""

    def __init__(self, stemmed: TextAnalyzer, plain: TextAnalyzer) -> None:
        self._stemmed, self._plain = stemmed, plain

    # -- what an engine adds -------------------------------------------------------------------

    @abstractmethod
    def term(self, field: str, term: str) -> Clause:
        """Articles with a term in a field."""

    @abstractmethod
    def row(self, terms: Sequence[str]) -> Clause:
        """Articles with these terms in this order, in their text."""

    @abstractmethod
    def beginning(self, text: str) -> Clause:
        """Articles with a word that begins so."""

    @abstractmethod
    def boosted(self, clause: Clause, weight: float) -> Clause:
        """The same articles, counting so many times as much."""

    @abstractmethod
    def constant(self, clause: Clause, score: float) -> Clause:
        """The same articles, each counting for so much."""

    @abstractmethod
    def some(self, clauses: Sequence[Clause], least: int = 1) -> Clause:
        """Articles that answer at least so many of these; what they count for adds up."""

    @abstractmethod
    def best(self, clauses: Sequence[Clause]) -> Clause:
        """Articles that answer one of these, counting for the best of them."""

    @abstractmethod
    def held(self, terms: Iterable[str], field: str) -> Mapping[str, int]:
        """In how many articles each term stands in a field; under ALL how many there are."""

    # -- words ---------------------------------------------------------------------------------

    def words(self, asked: Query, any_word: bool) -> Iterator[tuple[Role, Clause]]:
        """All that the words of a query ask for; `any_word`: one of them is enough."""
        single: Counter[Terms] = Counter()
        said: dict[Terms, Word] = {}
        for part in asked.wanted:
            if isinstance(part, Word) and not part.prefix:
                if terms := tuple(self.terms(part.text)):
                    single[terms] += 1
                    said.setdefault(terms, part)
            elif clause := self._part(part):
                yield Role.MUST, clause
        if single:
            least = 1 if any_word else needed(len(single))
            # Where one word is enough, those of a compound (ice-breaker) count one by one.
            telling = self._most_telling(apart(single) if least == 1 else single)
            clauses = [
                self.boosted(clause, count) if count > 1 else clause
                for terms, count in telling
                if (clause := self._or_also(said.get(terms), self._in_a_row(terms)))
            ]
            yield Role.MUST, self.some(clauses, least)
        if asked.wanted and all(isinstance(part, Word | Phrase) for part in asked.wanted):
            typed = " ".join(p.text for p in asked.wanted if not isinstance(p, Either))
            yield Role.SHOULD, self.constant(self.term("exact", self.exact(typed)), EXACT)
        for unwanted in asked.unwanted:
            if clause := self._part(unwanted):
                yield Role.MUST_NOT, clause

    def near(self, asked: Query) -> list[str]:
        """The terms that should stand near to one another; none where that says nothing."""
        words = [part for part in asked.wanted if isinstance(part, Word) and not part.prefix]
        terms = [self.terms(word.text) for word in words]
        several = [term for some in terms for term in some]
        if len({*map(tuple, terms)} - {()}) < 2:
            return []
        return several if TOGETHER_FROM <= len(several) <= TOGETHER_TO else []

    def _most_telling(self, words: Counter[Terms]) -> list[tuple[Terms, int]]:
        """The words, each with how often it was said; of very many, the rarest."""
        if len(words) <= MOST_TERMS:
            return [*words.items()]
        held = self.held({term for terms in words for term in terms}, "text")
        rarest = sorted(words.items(), key=lambda row: min(held[term] for term in row[0]))
        return rarest[:MOST_TERMS]

    def _part(self, part: Part) -> Clause | None:
        match part:
            case Either(parts):
                found = [clause for one in parts if (clause := self._part(one))]
                return self.some(found) if found else None
            case Word(text, prefix=True):
                return self.beginning(text)
            case Word(text):
                return self._or_also(part, self._in_a_row(self.terms(text)))
            case Phrase(text):
                return self._in_a_row(self.terms(text))

    def _or_also(self, word: Word | None, clause: Clause | None) -> Clause | None:
        """A word or what means the same: the better of them counts. However rare the other wording
        is, an article with it comes after one with the word itself."""
        if word is None or not word.also:
            return clause
        clauses = [clause] if clause else []
        own = self.terms(word.text)
        for other in word.also:
            terms = self.terms(other.text)
            if not own or not (meant := self._in_a_row(terms)):
                continue
            fields = ["text", "headline"] if len(terms) == 1 == len(own) else ["text"]
            if len(own) > len(terms) == 1:
                meant = self.term("text", terms[0])
            share = min(self._rarity(own, f) / self._rarity(terms, f) for f in fields)
            clauses.append(self.boosted(meant, ALMOST * min(1.0, share)))
        return self.best(clauses) if len(clauses) > 1 else clause

    def _rarity(self, terms: Sequence[str], field: str) -> float:
        held = self.held(terms, field)
        return rarity(held[ALL], [held[term] for term in terms])

    def _in_a_row(self, terms: Sequence[str]) -> Clause | None:
        """One word as a word, several (well-being, a phrase) as they stand."""
        if not terms:
            return None
        return self.word(terms[0]) if len(terms) == 1 else self.row(terms)

    def word(self, term: str) -> Clause:
        """Articles with a term, which counts for more where it stands in the headline too."""
        headline = self.boosted(self.term("headline", term), HEADLINE)
        return self.some([self.term("text", term), headline])

    # -- terms ---------------------------------------------------------------------------------

    def terms(self, text: str) -> list[str]:
        """What a text is indexed as: its words without case, accents and endings."""
        return self._stemmed.analyze(normal(text))

    def plain(self, text: str) -> list[str]:
        """Its words without case and accents."""
        return self._plain.analyze(normal(text))

    def exact(self, text: str) -> str:
        """The text as the one term that a headline of the same words is kept as."""
        return " ".join(self.plain(text))

    def begun(self, text: str) -> tuple[list[str], list[str]]:
        """For a prefix: the whole terms before it, and what a term may begin with. In the index are
        stems: policies* must find polici, too."""
        *before, last = self.plain(text) or [""]
        stem = (self.terms(last) or [""])[0]
        return [t for word in before for t in self.terms(word)], sorted({last, stem} - {""})

    def marked(self, asked: Query) -> tuple[list[str], list[str]]:
        """The terms that a text may be marked for, and the beginnings (as typed) of others."""
        terms: dict[str, None] = {}
        beginnings: dict[str, None] = {}
        for part in asked.wanted:
            for one in part.parts if isinstance(part, Either) else (part,):
                if isinstance(one, Word) and one.prefix:
                    beginnings[one.text] = None
                    continue
                also = one.also if isinstance(one, Word) else ()
                for text in (one.text, *(other.text for other in also)):
                    terms |= dict.fromkeys(self.terms(text))
        return list(terms), list(beginnings)
