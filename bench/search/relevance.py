"""Does the library find what answers? nDCG@10 on judged sets, beside two plain rankings."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from time import perf_counter

from bench.search import rankers
from bench.search.rankers import Ranker
from bench.search.sets import Judged, headlines, own, public
from bench.search.vectors import Vectors

PUBLIC = ("cran", "cisi")
FIRST, DEEP = 10, 100


def ndcg(found: Sequence[str], grades: Mapping[str, float]) -> float:
    """How near the first ten come to the best order there is, from 0 to 1. A grade of g is worth
    2^g - 1."""
    worth = {id_: 2**grade - 1 for id_, grade in grades.items()}
    gained = sum(worth.get(id_, 0) / math.log2(n + 2) for n, id_ in enumerate(found[:FIRST]))
    best = sorted(worth.values(), reverse=True)[:FIRST]
    return gained / sum(value / math.log2(n + 2) for n, value in enumerate(best))


def recall(found: Sequence[str], grades: Mapping[str, float]) -> float:
    """The share of all that answers that is among the first hundred."""
    return len(set(found[:DEEP]) & set(grades)) / len(grades)


def measure(
    folder: Path, freshness: float, vectors: Path | None = None
) -> dict[str, dict[str, dict[str, float]]]:
    """For each set and each ranking: nDCG@10 of all and of each kind, recall@100, ms a query.

    `freshness` is that of our own set, whose texts have dates, as readers get it by default."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    if vectors:
        return with_meaning(folder, freshness, vectors)
    for name in PUBLIC:
        if judged := public(name):
            found[name] = compare(judged, folder / name)
        else:
            print(f"{name} is skipped: ../shared/data/judged is not there.")
    judged = own()
    if len(judged.texts) < 1_000:
        print("Only queries over the sample are measured: ../shared/data/articles is not there.")
    found["own"] = compare(judged, folder / "own", freshness)
    bodies = [replace(text, title="") for text in judged.texts]
    typed = Judged("headline", bodies, headlines(judged.texts))
    found["headline"] = compare(typed, folder / "headline")
    return found


def compare(judged: Judged, folder: Path, freshness: float = 0.0) -> dict[str, dict[str, float]]:
    """How our ranking and two plain ones do on a set."""
    return {
        "ours": score(judged, rankers.ours(judged.texts, folder, freshness)),
        "plain Tantivy": score(judged, rankers.plain(judged.texts)),
        "SQLite FTS5": score(judged, rankers.fts5(judged.texts)),
    }


def with_meaning(
    folder: Path, freshness: float, kept: Path
) -> dict[str, dict[str, dict[str, float]]]:
    """Words alone beside words and meaning. Of our own set without the speeches, whose vectors take
    an hour, and with the questions that the other texts answer."""
    texts = [text for text in own().texts if not text.id.startswith("ungd-")]
    sets = [judged for name in PUBLIC if (judged := public(name))]
    sets.append(replace(own(texts), name="own, no speeches"))
    found = {}
    for judged in sets:
        here, fresh = folder / judged.name, freshness if judged is sets[-1] else 0.0
        vectors = Vectors(judged.texts, kept, judged.name)
        found[judged.name] = {
            "words": score(judged, rankers.ours(judged.texts, here, fresh)),
            "and meaning": score(judged, rankers.with_meaning(judged.texts, here, vectors, fresh)),
        }
        if vectors.passages:
            each, passage = vectors.seconds / vectors.computed, vectors.seconds / vectors.passages
            print(f"{judged.name}: {each:.3f} s of processor a text, {passage:.3f} a passage")
    return found


def score(judged: Judged, rank: Ranker) -> dict[str, float]:
    """nDCG@10 of all questions and of each kind; how often the one that is right comes first or
    among ten, for typed headlines."""
    of: dict[str, list[float]] = defaultdict(list)
    recalled, passed = [], 0.0
    for question in judged.questions:
        began = perf_counter()
        found = rank(question.text, DEEP)
        passed += perf_counter() - began
        value = ndcg(found, question.grades)
        if question.kind == "headline":
            value = float(bool(set(found[:FIRST]) & set(question.grades)))
        of["all"].append(value)
        of[question.kind].append(value)
        recalled.append(recall(found, question.grades))
    scores = {kind: mean(values) for kind, values in of.items()}
    if len(of) == 2:
        scores = {"all": scores["all"]}
    return scores | {
        "recall@100": mean(recalled),
        "ms": 1000 * passed / len(judged.questions),
        "questions": len(judged.questions),
    }


def table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The scores, a ranking a column."""
    lines = []
    for name, rankings in found.items():
        first = next(iter(rankings.values()))
        what = "own article among the first ten" if name == "headline" else "nDCG@10"
        lines += [
            f"{name}: {first['questions']:.0f} questions, {what}",
            f"{'':28}" + "".join(f"{ranking:>16}" for ranking in rankings),
        ]
        for row in (key for key in first if key != "questions"):
            digits = 1 if row == "ms" else 3
            values = "".join(f"{scores[row]:16.{digits}f}" for scores in rankings.values())
            lines.append(f"{row:28}{values}")
        lines.append("")
    return "\n".join(lines)


def ndcg10(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, object]:
    """What the last line says: a figure for each set and ranking, and ours by kind."""
    return {
        name: {ranking: round(scores["all"], 4) for ranking, scores in rankings.items()}
        | {
            "kinds": {
                kind: round(value, 4)
                for kind, value in (rankings.get("ours") or rankings["and meaning"]).items()
                if kind not in {"all", "recall@100", "ms", "questions"}
            }
        }
        for name, rankings in found.items()
    }
