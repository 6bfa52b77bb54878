"""The part of OpenSearch's query language that the library speaks, evaluated in memory.

Every clause is read before the first document is looked at: what OpenSearch would refuse is refused
(and a field that the mapping lacks, which OpenSearch would take for one that no document has).
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

K1, B = 1.2, 0.75
GAP = 100  # positions between the texts of a list

Score = Callable[["Doc"], float | None]  # None: the document does not answer


class Refused(Exception):  # noqa: N818
    """What the cluster answers with a status of its own."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason


class Doc:
    """A document as a search sees it: for each field its values, or its terms with positions."""

    def __init__(self, id_: str, source: dict[str, Any], fields: dict[str, Any]) -> None:
        self.id = id_
        self.values: dict[str, list[Any]] = {}
        self.places: dict[str, dict[str, list[int]]] = {}
        self.length: Counter[str] = Counter()
        for name, given in source.items():
            if name not in fields:
                raise Refused(400, "strict_dynamic_mapping_exception", f"[{name}] is not allowed")
            values = given if isinstance(given, list) else [given]
            kind = fields[name]["type"]
            if kind == "text":
                place = 0
                for text in values:
                    for term in str(text).split():
                        self.places.setdefault(name, {}).setdefault(term, []).append(place)
                        place += 1
                        self.length[name] += 1
                    place += GAP
            elif kind == "long":
                if any(not isinstance(v, int) or not -(2**63) <= v < 2**63 for v in values):
                    reason = f"failed to parse field [{name}] of type [long]"
                    raise Refused(400, "mapper_parsing_exception", reason)
                self.values[name] = values
            elif kind == "keyword":
                if any(len(str(v).encode()) > 32_766 for v in values):
                    raise Refused(400, "illegal_argument_exception", "immense term")
                self.values[name] = [str(v) for v in values]

    def terms(self, field: str) -> Iterable[Any]:
        return self.places.get(field) or self.values.get(field) or ()


def bad(reason: str) -> Refused:
    return Refused(400, "parsing_exception", reason)


def within(given: Any, allowed: str, what: str) -> dict[str, Any]:
    """The object, if it has no other keys than these."""
    if not isinstance(given, dict):
        raise bad(f"[{what}] malformed, an object was expected")
    if unknown := set(given) - set(allowed.split()):
        raise bad(f"[{what}] unknown field [{sorted(unknown)[0]}]")
    return given


def one(given: Any, what: str) -> tuple[str, Any]:
    if not isinstance(given, dict) or len(given) != 1:
        raise bad(f"[{what}] malformed, expected one field")
    return next(iter(given.items()))


class Searcher:
    """Searches in these documents, whose fields are described by a mapping."""

    def __init__(self, docs: list[Doc], fields: dict[str, Any]) -> None:
        self.docs, self.fields = docs, fields

    def field(self, name: str, *, values: bool = False) -> str:
        if name not in self.fields:
            raise bad(f"No mapping found for [{name}]")
        kind = self.fields[name]
        if values and (kind["type"] == "text" or kind.get("doc_values") is False):
            reason = f"Can't load fielddata on [{name}]: fielddata is disabled"
            raise Refused(400, "illegal_argument_exception", reason)
        if not values and kind.get("index") is False:
            reason = f"Cannot search on field [{name}] since it is not indexed."
            raise Refused(400, "query_shard_exception", reason)
        return name

    # -- queries -------------------------------------------------------------------------------

    def read(self, clause: Any) -> Score:
        """What a query makes of a document."""
        kind, given = one(clause, "query")
        reader = getattr(self, f"_{kind}", None)
        if reader is None:
            raise bad(f"unknown query [{kind}]")
        return reader(given)  # type: ignore[no-any-return]

    def _match_all(self, given: Any) -> Score:
        within(given, "boost", "match_all")
        return lambda doc: 1.0

    def _match_none(self, given: Any) -> Score:
        within(given, "", "match_none")
        return lambda doc: None

    def _bool(self, given: Any) -> Score:
        within(given, "must should filter must_not minimum_should_match boost", "bool")
        must, should, filters, nots = (
            [self.read(c) for c in given.get(name, ())]
            for name in ("must", "should", "filter", "must_not")
        )
        needed = int(given.get("minimum_should_match", 0 if must or filters else 1))
        boost = float(given.get("boost", 1))
        needed = min(needed, len(should)) if "minimum_should_match" not in given else needed

        def score(doc: Doc) -> float | None:
            got = [clause(doc) for clause in must]
            maybe = [s for clause in should if (s := clause(doc)) is not None]
            if None in got or len(maybe) < needed:
                return None
            if any(c(doc) is None for c in filters) or any(c(doc) is not None for c in nots):
                return None
            return boost * (sum(maybe) + sum(s for s in got if s is not None))

        return score

    def _dis_max(self, given: Any) -> Score:
        within(given, "queries tie_breaker boost", "dis_max")
        queries = [self.read(clause) for clause in given["queries"]]
        if not queries:
            raise bad("[dis_max] requires 'queries' field with at least one clause")
        return lambda doc: max((s for q in queries if (s := q(doc)) is not None), default=None)

    def _constant_score(self, given: Any) -> Score:
        within(given, "filter boost", "constant_score")
        inner, boost = self.read(given["filter"]), float(given.get("boost", 1))
        return lambda doc: None if inner(doc) is None else boost

    def _term(self, given: Any) -> Score:
        name, row = one(given, "term")
        within(row, "value boost", "term")
        return self._weighed(self.field(name), row["value"], float(row.get("boost", 1)))

    def _weighed(self, name: str, term: Any, boost: float) -> Score:
        if self.fields[name]["type"] != "text":
            return lambda doc: boost if term in doc.values.get(name, ()) else None
        idf, average = self._idf(name, [term]), self._average(name)

        def score(doc: Doc) -> float | None:
            count = len(doc.places.get(name, {}).get(term, ()))
            return boost * idf * self._share(doc, name, count, average) if count else None

        return score

    def _idf(self, name: str, terms: list[str]) -> float:
        having = [doc for doc in self.docs if doc.length[name]]
        total = 0.0
        for term in terms:
            count = sum(term in doc.places[name] for doc in having)
            total += math.log(1 + (len(having) - count + 0.5) / (count + 0.5))
        return total

    def _average(self, name: str) -> float:
        lengths = [doc.length[name] for doc in self.docs if doc.length[name]]
        return sum(lengths) / len(lengths) if lengths else 1.0

    @staticmethod
    def _share(doc: Doc, name: str, count: float, average: float) -> float:
        return count * (K1 + 1) / (count + K1 * (1 - B + B * doc.length[name] / average))

    def _terms(self, given: Any) -> Score:
        name, values = one(given, "terms")
        self.field(name)
        if not isinstance(values, list):
            raise bad("[terms] query does not support a single value")
        return lambda doc: 1.0 if set(values) & set(doc.terms(name)) else None

    def _prefix(self, given: Any) -> Score:
        name, row = one(given, "prefix")
        start = within(row, "value boost rewrite", "prefix")["value"]
        self.field(name)
        return lambda doc: 1.0 if any(t.startswith(start) for t in doc.terms(name)) else None

    def _range(self, given: Any) -> Score:
        name, row = one(given, "range")
        within(row, "gte gt lte lt boost", "range")
        self.field(name)

        def score(doc: Doc) -> float | None:
            for value in doc.values.get(name, ()):
                if row.get("gte", value) <= value and value < row.get("lt", value + 1):
                    return 1.0
            return None

        return score

    def _exists(self, given: Any) -> Score:
        name = self.field(within(given, "field boost", "exists")["field"])
        return lambda doc: 1.0 if doc.terms(name) else None

    def _ids(self, given: Any) -> Score:
        ids = within(given, "values boost", "ids")["values"]
        return lambda doc: 1.0 if doc.id in ids else None

    def _match_phrase(self, given: Any) -> Score:
        name, row = one(given, "match_phrase")
        within(row, "query slop boost analyzer", "match_phrase")
        if self.fields[self.field(name)].get("index_options", "positions") != "positions":
            reason = f"field:[{name}] was indexed without position data; cannot run PhraseQuery"
            raise Refused(400, "illegal_argument_exception", reason)
        terms, slop = row["query"].split(), int(row.get("slop", 0))
        boost, average = float(row.get("boost", 1)), self._average(name)
        idf = self._idf(name, terms)

        def score(doc: Doc) -> float | None:
            count = _times(doc.places.get(name, {}), terms, slop)
            return boost * idf * self._share(doc, name, count, average) if count else None

        return score

    def _function_score(self, given: Any) -> Score:
        within(given, "query functions score_mode boost_mode boost", "function_score")
        if (given["score_mode"], given["boost_mode"]) != ("sum", "replace"):
            raise NotImplementedError("the library asks for no other")
        inner, functions = (
            self.read(given["query"]),
            [self._function(f) for f in given["functions"]],
        )
        return lambda doc: None if inner(doc) is None else sum(f(doc) for f in functions)

    def _function(self, given: Any) -> Callable[[Doc], float]:
        within(given, "weight exp filter", "function_score")
        weight = float(given.get("weight", 1))
        if "exp" not in given:
            return lambda doc: weight
        name, row = one(given["exp"], "exp")
        within(row, "origin scale offset decay", "exp")
        self.field(name, values=True)
        factor = math.log(row.get("decay", 0.5)) / row["scale"]
        return lambda doc: (
            weight * math.exp(factor * min(abs(v - row["origin"]) for v in doc.values[name]))
            if doc.values.get(name)
            else weight
        )

    # -- what is counted and suggested ---------------------------------------------------------

    def counted(self, aggs: Any, docs: list[Doc]) -> dict[str, Any]:
        """The answer to aggregations over these documents."""
        return {name: self._counted(given, docs) for name, given in (aggs or {}).items()}

    def _counted(self, given: dict[str, Any], docs: list[Doc]) -> dict[str, Any]:
        given = dict(given)
        inner = given.pop("aggs", {})
        kind, row = one(given, "aggregation")
        match kind:
            case "filter":
                clause = self.read(row)
                kept = [doc for doc in docs if clause(doc) is not None]
                return {"doc_count": len(kept), **self.counted(inner, kept)}
            case "filters":
                clauses = {
                    k: self.read(c) for k, c in within(row, "filters", kind)["filters"].items()
                }
                if not clauses:
                    raise bad("[filters] needs at least one filter")
                return {
                    "buckets": {
                        name: {"doc_count": sum(clause(doc) is not None for doc in docs)}
                        for name, clause in clauses.items()
                    }
                }
            case "terms":
                within(row, "field size include exclude order", kind)
                name = self.field(row["field"], values=True)
                counts = Counter(v for doc in docs for v in set(doc.values.get(name, ())))
                if pattern := row.get("include"):
                    counts = Counter({v: n for v, n in counts.items() if re.fullmatch(pattern, v)})
                best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
                kept_ = best[: row.get("size", 10)]
                return {
                    "doc_count_error_upper_bound": 0,
                    "sum_other_doc_count": sum(n for _, n in best[len(kept_) :]),
                    "buckets": [{"key": v, "doc_count": n} for v, n in kept_],
                }
        raise bad(f"Unknown aggregation type [{kind}]")

    def suggested(self, suggest: Any) -> dict[str, Any]:
        """The answer to term suggesters."""
        return {name: self._suggested(given) for name, given in (suggest or {}).items()}

    def _suggested(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        text, row = within(given, "text term", "suggest")["text"], given["term"]
        known = "field size sort suggest_mode max_edits prefix_length min_word_length analyzer"
        name, most = self.field(within(row, known, "term")["field"]), row.get("max_edits", 2)
        if most not in {1, 2}:
            raise bad("maxEdits must be between 1 and 2")
        counts = Counter(v for doc in self.docs for v in set(doc.values.get(name, ())))
        start = text[: row.get("prefix_length", 1)]
        options = []
        if text not in counts and len(text) >= row.get("min_word_length", 4):
            for word, count in counts.items():
                away = distance(text, word)
                if word.startswith(start) and 0 < away <= most:
                    score = 1 - away / min(len(text), len(word))
                    options.append({"text": word, "score": score, "freq": count})
        options.sort(key=lambda o: (-o["freq"], -o["score"], o["text"]))
        options = options[: row.get("size", 5)]
        return [{"text": text, "offset": 0, "length": len(text), "options": options}]


def _times(places: dict[str, list[int]], terms: list[str], slop: int) -> float:
    """How often the terms stand so, or nearly so: those further apart count less."""
    if any(term not in places for term in terms):
        return 0.0
    rows = sorted((p - n, n) for n, term in enumerate(terms) for p in places[term])
    total, last = 0.0, dict[int, int]()
    for place, n in rows:
        last[n] = place
        if len(last) == len(terms) and place - min(last.values()) <= slop:
            total += 1 / (1 + place - min(last.values()))
            last = {}
    return total


def distance(a: str, b: str) -> int:
    """Changes from one word to the other; two letters turned round are one."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(row[-1] + 1, rows[-1][j] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
