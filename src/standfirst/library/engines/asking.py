"""A search as a query of the embedded index."""

from collections.abc import Iterable, Mapping, Sequence

from tantivy import FieldType, Occur, Query, Schema, Searcher, TextAnalyzer

from standfirst.library.engine import Search, Value
from standfirst.library.engines.weights import MOST_EXPANSIONS, TOGETHER
from standfirst.library.engines.wording import ALL, Role, Wording
from standfirst.library.rules import Query as Asked

_OCCUR = {Role.MUST: Occur.Must, Role.SHOULD: Occur.Should, Role.MUST_NOT: Occur.MustNot}


class Asking(Wording[Query]):
    """Makes queries for one state of an index."""

    def __init__(
        self, schema: Schema, searcher: Searcher, stemmed: TextAnalyzer, plain: TextAnalyzer
    ) -> None:
        super().__init__(stemmed, plain)
        self._schema, self._searcher = schema, searcher

    def query(self, search: Search, leave_out: str = "") -> Query:
        """All that a search asks for, but for the choice in the facet `leave_out`."""
        words = self.words(search.query, search.any_word)
        clauses = [(_OCCUR[role], clause) for role, clause in words]
        if not any(occur is Occur.Must for occur, _ in clauses):
            clauses.append((Occur.Must, self.constant(Query.all_query(), 1.0)))
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
        terms = self.near(asked)
        if not terms:
            return None
        near = Query.phrase_query(self._schema, "text", [*terms], slop=len(terms))
        among = self._one_of("key", frozenset(keys))
        return Query.boolean_query(
            [(Occur.Must, self.boosted(near, TOGETHER)), (Occur.Must, among)]
        )

    def marks(self, asked: Asked) -> Query:
        """Every single term that a text may be marked for."""
        terms, beginnings = self.marked(asked)
        found = dict.fromkeys([*terms, *(t for text in beginnings for t in self._expanded(text))])
        if not found:
            return Query.empty_query()
        return self.some([self.term("text", term) for term in found])

    # -- words ---------------------------------------------------------------------------------

    def term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term)

    def row(self, terms: Sequence[str]) -> Query:
        return Query.phrase_query(self._schema, "text", [*terms])

    def beginning(self, text: str) -> Query:
        terms = self._expanded(text)
        return self.some([self.word(term) for term in terms]) if terms else Query.empty_query()

    def _expanded(self, text: str) -> list[str]:
        """The terms that a prefix stands for."""
        before, beginnings = self.begun(text)
        found = dict.fromkeys(
            term
            for start in beginnings
            for term, _ in self._searcher.terms_with_prefix("text", start, limit=MOST_EXPANSIONS)
        )
        return [*before, *found][:MOST_EXPANSIONS]

    def boosted(self, clause: Query, weight: float) -> Query:
        return Query.boost_query(clause, weight)

    def constant(self, clause: Query, score: float) -> Query:
        return Query.const_score_query(clause, score)

    def some(self, clauses: Sequence[Query], least: int = 1) -> Query:
        rows = [(Occur.Should, clause) for clause in clauses]
        return Query.boolean_query(rows, minimum_number_should_match=least)

    def best(self, clauses: Sequence[Query]) -> Query:
        return Query.disjunction_max_query([*clauses])

    def held(self, terms: Iterable[str], field: str) -> Mapping[str, int]:
        found = {term: self._searcher.doc_freq(field, term) for term in terms}
        return {**found, ALL: self._searcher.num_docs}

    # -- what an article is filed under ----------------------------------------------------------

    def _one_of(self, facet: str, values: frozenset[Value]) -> Query:
        if not values:
            return Query.empty_query()
        clauses = [  # quicker than the engine's own query for a set
            Query.term_query(self._schema, facet, value) for value in sorted(values, key=str)
        ]
        return self.constant(self.some(clauses), 0.0)

    def _between(self, search: Search) -> Query:
        since = int(search.since.timestamp()) if search.since else None
        last = int(search.before.timestamp()) - 1 if search.before else None
        span = Query.range_query(self._schema, "at", FieldType.Integer, since, last)
        return self.constant(span, 0.0)
