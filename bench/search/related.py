"""Is what articles lead on to what an editor would have chosen? And what has it in common?

The sample magazine's editor pinned articles below others: how many of them are found? Of texts with
topics (FOLDER: gzip JSON lines with id, title, date, topics, body): how many of the five nearest
have a topic in common, by their words alone and ranked as they are kept? Countries stand in the
headlines of some, so headlines are left out of the question there. Beside it chance, and the rule
that stood before: the newest that share a topic, then the newest of the section.
"""

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TEXTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "articles"
OF_ALL = {"diplomatic-relations", "secretaries-of-state"}  # topics that tell nothing
ASKED, FIRST = 400, (3, 6)

Finder = Callable[[Any, int], Sequence[int]]


class Numbers:
    """Ids for names."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}

    def of(self, kind: str, names: Sequence[str]) -> list[int]:
        return [self._known.setdefault((kind, name), len(self._known) + 1) for name in names]


def sample() -> tuple[list[Any], dict[int, list[int]]]:
    """The sample magazine as documents, and what was pinned below each."""
    from standfirst.articles.texts import whole
    from standfirst.library.engine import Document
    from standfirst.project.demo.sample import CONTENT
    from standfirst.project.demo.text import read

    files = sorted(CONTENT.glob("articles/*.md"))
    keys = {file.stem: number for number, file in enumerate(files, start=1)}
    names, found, pinned = Numbers(), [], {}
    for file in files:
        read_one = read(file.stem, file.read_text(encoding="utf-8"), lambda _: None)
        facts = read_one.facts
        preview, rest = whole(read_one.body)
        filed: dict[str, Any] = {
            kind: names.of(kind, facts[f"{kind}s"]) for kind in ("topic", "region", "author")
        }
        found.append(
            Document(
                key=keys[file.stem],
                headline=facts["headline"],
                open_text=[facts["standfirst"], *preview],
                rest=rest,
                names=[],
                filed={**filed, "section": names.of("section", [facts["section"]])},
                published_at=NOW - timedelta(days=facts["days_ago"], hours=-facts["hour"]),
                stamp=0,
            )
        )
        pinned[keys[file.stem]] = [keys[slug] for slug in facts.get("pinned", [])]
    return found, pinned


def with_topics(folder: Path) -> list[Any]:
    """Texts with topics."""
    from standfirst.library.engine import Document

    names, found = Numbers(), []
    for file in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                text = [part for part in row["body"].split("\n") if part.strip()]
                topics = [name.lower().replace(" ", "-") for name in row["topics"]]
                found.append(
                    Document(
                        key=len(found) + 1,
                        headline=row["title"],
                        open_text=text[:3],
                        rest=text[3:],
                        names=[],
                        filed={
                            "topic": names.of("topic", [n for n in topics if n not in OF_ALL]),
                            "section": names.of("section", [row["kind"]]),
                        },
                        published_at=datetime.fromisoformat(row["date"] or "2000-01-01").replace(
                            tzinfo=UTC
                        ),
                        stamp=0,
                    )
                )
    return found


def finders(documents: Sequence[Any], folder: Path) -> dict[str, Finder]:
    """Ways to find what is read next, by name."""
    from standfirst.library.engines.embedded import Index
    from standfirst.library.nearness import Candidate, ranked
    from standfirst.library.related import ALIKE

    index = Index.create(folder, "en")
    index.write(building=True)
    index.put(documents)
    index.commit("")
    index.close()
    index = Index.open(folder)
    kinds = ("topic", "region")
    counts = Counter((k, pk) for d in documents for k in kinds for pk in d.filed.get(k, ()))
    rarity = {subject: log(1 + len(documents) / count) for subject, count in counts.items()}
    candidates = {
        d.key: Candidate(
            key=d.key,
            headline=d.headline,
            filed=frozenset((k, pk) for k in kinds for pk in d.filed.get(k, ())),
            published_at=d.published_at,
        )
        for d in documents
    }
    newest = sorted(documents, key=lambda d: d.published_at, reverse=True)
    chance = random.Random(7)

    def words(it: Any, count: int) -> list[int]:
        return index.related(it.key, [it.headline, *it.open_text, *it.rest], count)

    def kept(it: Any, count: int) -> list[int]:
        alike = [candidates[key] for key in words(it, ALIKE)]
        return ranked(candidates[it.key], alike, rarity)[:count]

    def shelves(it: Any, count: int) -> list[int]:
        found: list[int] = []
        for kind in ("topic", "section"):
            mine = set(it.filed[kind])
            found += [
                d.key
                for d in newest
                if d.key != it.key and d.key not in found and mine & set(d.filed[kind])
            ][: count - len(found)]
        return found

    def by_chance(it: Any, count: int) -> list[int]:
        return [d.key for d in chance.sample(list(documents), count + 1) if d.key != it.key][:count]

    return {"chance": by_chance, "shelves": shelves, "words": words, "kept": kept}


def of_pinned(documents: Sequence[Any], pinned: dict[int, list[int]], find: Finder) -> list[float]:
    """Shares of all pinned articles that are among the first 3, and the first 6."""
    every = sum(len(some) for some in pinned.values())
    return [
        sum(len(set(find(d, n)) & set(pinned[d.key])) for d in documents if pinned[d.key]) / every
        for n in FIRST
    ]


def alike_in_topic(asked: Sequence[Any], documents: Sequence[Any], find: Finder) -> float:
    """Share of the five nearest that have a topic in common."""
    topics = {d.key: set(d.filed["topic"]) for d in documents}
    shared = sum(bool(topics[key] & topics[d.key]) for d in asked for key in find(d, 5))
    return shared / (5 * len(asked))


def measure(folder: Path, texts: Path) -> dict[str, dict[str, float]]:
    """All figures: by the question, then by the way to find."""
    documents, pinned = sample()
    found = finders(documents, folder / "sample")
    figures: dict[str, dict[str, float]] = {}
    for way, find in found.items():
        for n, share in zip(FIRST, of_pinned(documents, pinned, find), strict=True):
            figures.setdefault(f"pinned in {n}", {})[way] = share
    if not texts.is_dir():
        return figures
    documents = with_topics(texts)
    found = finders(documents, folder / "texts")
    counts = Counter(topic for d in documents for topic in d.filed["topic"])
    asked = [d for d in documents if any(counts[topic] > 1 for topic in d.filed["topic"])]
    speeches = [d for d in asked if "General Debate" in d.headline]
    of_subjects = [d for d in asked if d not in speeches]
    chosen = random.Random(5).sample(speeches, min(ASKED, len(speeches)))
    for name, some in (
        ("speeches, same country", [replace(d, headline="") for d in chosen]),
        ("essays, reports, same topic", of_subjects),
    ):
        figures[name] = {
            way: alike_in_topic(some, documents, find)
            for way, find in found.items()
            if way in {"chance", "words"}  # the others are told the topics
        }
    return figures


def show(figures: dict[str, dict[str, float]]) -> None:
    ways = ("chance", "shelves", "words", "kept")
    print(f"{'Read next':30}" + "".join(f"{way:>9}" for way in ways))
    for name, found in figures.items():
        cells = (f"{found[way]:9.3f}" if way in found else f"{'':9}" for way in ways)
        print(f"{name:30}" + "".join(cells))
    print()
