"""A search as a query of the embedded index. Built term by term: no text of a reader's is ever
read by the engine's own parser."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tantivy import FieldType, Occur, Query, Schema, Searcher, TextAnalyzer

from standfirst.library.engine import Search, Value
from standfirst.library.engines.analysis import normal
from standfirst.library.engines.weights import (
    ALMOST,
    EXACT,
    HEADLINE,
    MOST_EXPANSIONS,
    MOST_TERMS,
    TOGETHER,
    TOGETHER_FROM,
    TOGETHER_TO,
    apart,
    needed,
    rarity,
)
from standfirst.library.rules import Either, Part, Phrase, Word
from standfirst.library.rules import Query as Asked


class Asking:
    """Makes queries for one state of an index."""

    def __init__(
        self, schema: Schema, searcher: Searcher, stemmed: TextAnalyzer, plain: TextAnalyzer
    ) -> None:
        self._schema, self._searcher = schema, searcher
        self._stemmed, self._plain = stemmed, plain

    def query(self, search: Search, leave_out: str = "") -> Query:
        """All that a search asks for, but for the choice in the facet `leave_out`."""
        clauses = list(self._words(search.query, search.any_word))
        if not any(occur is Occur.Must for occur, _ in clauses):
            clauses.append((Occur.Must, Query.const_score_query(Query.all_query(), 1.0)))
        for facet, values in search.only:
            if facet != leave_out:
                clauses.append((Occur.Must, self._one_of(facet, values)))
        clauses += [(Occur.MustNot, self._one_of(*row)) for row in search.without]
        if search.since or search.before:
            clauses.append((Occur.Must, self._between(search)))
        return Query.boolean_query(clauses)

    def together(self, asked: Asked, keys: Iterable[int]) -> Query | None:
        """Which of these articles have the words near to one another; None where that says nothing.

        A question of its own, since it is asked of the best articles only: to look where frequent
        words stand in all of them takes longer than all the rest."""
        words = [p for p in asked.wanted if isinstance(p, Word) and not p.prefix]
        terms = [self.terms(word.text) for word in words]
        several = [term for some in terms for term in some]
        if not TOGETHER_FROM <= len(several) <= TOGETHER_TO or len({*map(tuple, terms)}) < 2:
            return None
        near = Query.phrase_query(self._schema, "text", [*several], slop=len(several))
        among = self._one_of("key", frozenset(keys))
        return Query.boolean_query(
            [(Occur.Must, Query.boost_query(near, TOGETHER)), (Occur.Must, among)]
        )

    def marks(self, asked: Asked) -> Query:
        """Every single term that a text may be marked for."""
        terms = dict.fromkeys(term for part in asked.wanted for term in self._terms(part))
        if not terms:
            return Query.empty_query()
        return Query.boolean_query([(Occur.Should, self._term("text", term)) for term in terms])

    # -- words ---------------------------------------------------------------------------------

    def _words(self, asked: Asked, any_word: bool) -> Iterator[tuple[Occur, Query]]:
        single: Counter[tuple[str, ...]] = Counter()
        said: dict[tuple[str, ...], Word] = {}
        for part in asked.wanted:
            if isinstance(part, Word) and not part.prefix:
                if terms := tuple(self.terms(part.text)):
                    single[terms] += 1
                    said.setdefault(terms, part)
            elif clause := self._part(part):
                yield Occur.Must, clause
        if single:
            least = 1 if any_word else needed(len(single))
            # Where one word is enough, those of a compound (ice-breaker) count one by one.
            telling = self._most_telling(apart(single) if least == 1 else single)
            clauses = [
                (Occur.Should, Query.boost_query(clause, count) if count > 1 else clause)
                for terms, count in telling
                if (clause := self._or_also(said.get(terms), self._in_a_row([*terms])))
            ]
            yield Occur.Must, Query.boolean_query(clauses, minimum_number_should_match=least)
        if asked.wanted and all(isinstance(p, Word | Phrase) for p in asked.wanted):
            typed = " ".join(p.text for p in asked.wanted if not isinstance(p, Either))
            exact = self._term("exact", self.exact(typed))
            yield Occur.Should, Query.const_score_query(exact, EXACT)
        for unwanted in asked.unwanted:
            if clause := self._part(unwanted):
                yield Occur.MustNot, clause

    def _most_telling(self, words: Counter[tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
        """The words, each with how often it was said; of very many, the rarest."""
        if len(words) <= MOST_TERMS:
            return [*words.items()]

        def held(row: tuple[tuple[str, ...], int]) -> int:
            return min(self._searcher.doc_freq("text", term) for term in row[0])

        return sorted(words.items(), key=held)[:MOST_TERMS]

    def _part(self, part: Part) -> Query | None:
        match part:
            case Either(parts):
                found = [(Occur.Should, clause) for p in parts if (clause := self._part(p))]
                return Query.boolean_query(found) if found else None
            case Word(prefix=True):
                terms = list(self._terms(part))
                if not terms:
                    return Query.empty_query()
                return Query.boolean_query([(Occur.Should, self._word(term)) for term in terms])
            case Word(text):
                return self._or_also(part, self._in_a_row(self.terms(text)))
            case Phrase(text):
                return self._in_a_row(self.terms(text))

    def _or_also(self, word: Word | None, clause: Query | None) -> Query | None:
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
                meant = self._term("text", terms[0])
            share = min(self._rarity(own, f) / self._rarity(terms, f) for f in fields)
            clauses.append(Query.boost_query(meant, ALMOST * min(1.0, share)))
        return Query.disjunction_max_query(clauses) if len(clauses) > 1 else clause

    def _rarity(self, terms: list[str], field: str) -> float:
        found = [self._searcher.doc_freq(field, term) for term in terms]
        return rarity(self._searcher.num_docs, found)

    def _in_a_row(self, terms: list[str]) -> Query | None:
        """One word as a word, several (well-being, a phrase) as they stand."""
        if not terms:
            return None
        if len(terms) == 1:
            return self._word(terms[0])
        return Query.phrase_query(self._schema, "text", [*terms])

    def _word(self, term: str) -> Query:
        headline = Query.boost_query(self._term("headline", term), HEADLINE)
        return Query.boolean_query(
            [(Occur.Should, self._term("text", term)), (Occur.Should, headline)]
        )

    def _term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term)

    def terms(self, text: str) -> list[str]:
        return self._stemmed.analyze(normal(text))

    def exact(self, text: str) -> str:
        """The text as the one term that a headline of the same words is kept as."""
        return " ".join(self._plain.analyze(normal(text)))

    def _terms(self, part: Part) -> Iterator[str]:
        match part:
            case Either(parts):
                for one in parts:
                    yield from self._terms(one)
            case Word(text, prefix=True):
                yield from self._beginning_with(text)
            case Word(text, also=also):
                yield from self.terms(text)
                for one in also:
                    yield from self.terms(one.text)
            case Phrase(text):
                yield from self.terms(text)

    def _beginning_with(self, text: str) -> list[str]:
        """The terms that a prefix stands for. They are stems: policies* must find polici, too."""
        *before, last = self._plain.analyze(normal(text)) or [""]
        stem = (self.terms(last) or [""])[0]
        found = dict.fromkeys(
            term
            for beginning in {last, stem}
            if beginning
            for term, _ in self._searcher.terms_with_prefix(
                "text", beginning, limit=MOST_EXPANSIONS
            )
        )
        return [*(t for word in before for t in self.terms(word)), *found][:MOST_EXPANSIONS]

    # -- what an article is filed under ----------------------------------------------------------

    def _one_of(self, facet: str, values: frozenset[Value]) -> Query:
        if not values:
            return Query.empty_query()
        clauses = [  # quicker than the engine's own query for a set
            (Occur.Should, Query.term_query(self._schema, facet, value))
            for value in sorted(values, key=str)
        ]
        return Query.const_score_query(Query.boolean_query(clauses), 0.0)

    def _between(self, search: Search) -> Query:
        since = int(search.since.timestamp()) if search.since else None
        last = int(search.before.timestamp()) - 1 if search.before else None
        span = Query.range_query(self._schema, "at", FieldType.Integer, since, last)
        return Query.const_score_query(span, 0.0)
