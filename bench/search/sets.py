"""What relevance is measured on: texts, queries, and how well each text answers each query.

`cran` and `cisi` are public collections, read from the folder `shared/data/judged` beside the
project's root; `own` is ours: queries over the sample magazine and the texts of
`shared/data/articles`, judged in `judged/own.json` by the texts' ids.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
OWN = Path(__file__).with_name("judged") / "own.json"


@dataclass(frozen=True, slots=True)
class Text:
    """One article: `names` are those of its authors and of what it is filed under."""

    id: str
    title: str
    paragraphs: tuple[str, ...]
    names: tuple[str, ...] = ()
    at: datetime = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """A query, of a kind, with the grades (1 to 3, or as the collection has them) of texts."""

    text: str
    kind: str
    grades: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judged:
    """Texts with questions."""

    name: str
    texts: list[Text]
    questions: list[Question] = field(default_factory=list)


def public(name: str) -> Judged | None:
    """A public collection; None where it is not there."""
    folder = SHARED / "judged"
    if not (folder / f"{name}.docs.jsonl.gz").exists():
        return None
    grades: dict[str, dict[str, float]] = {}
    for row in _lines(folder / f"{name}.qrels.jsonl.gz"):
        grades.setdefault(row["qid"], {})[row["docid"]] = row["rel"]
    return Judged(
        name,
        [
            Text(row["id"], row["title"], (row["body"],), tuple(row["authors"] or ()))
            for row in _lines(folder / f"{name}.docs.jsonl.gz")
        ],
        [
            Question(row["text"], "question", grades[row["qid"]])
            for row in _lines(folder / f"{name}.queries.jsonl.gz")
            if row["qid"] in grades
        ],
    )


def own(texts: list[Text] | None = None) -> Judged:
    """Our own, or the queries that can be answered from these texts: from the sample alone, where
    the others are not there."""
    texts = texts or [*sample(), *articles()]
    there = {text.id for text in texts}
    questions = []
    for row in json.loads(OWN.read_text(encoding="utf-8")):
        grades = {id_: grade for id_, grade in row["grades"].items() if id_ in there and grade}
        if grades and len(grades) == sum(1 for grade in row["grades"].values() if grade):
            questions.append(Question(row["query"], row["kind"], grades))
    return Judged("own", texts, questions)


def sample() -> Iterator[Text]:
    """The articles of the sample magazine."""
    from standfirst.articles.texts import whole
    from standfirst.project.demo import cast
    from standfirst.project.demo.sample import CONTENT
    from standfirst.project.demo.text import read

    writers = {writer.slug: writer.name for writer in cast.AUTHORS}
    for file in sorted(CONTENT.glob("articles/*.md")):
        made = read(file.stem, file.read_text(encoding="utf-8"), lambda _: None)
        facts = made.facts
        preview, rest = whole(made.body)
        named = [*facts["topics"], *facts["regions"], facts["section"]]
        yield Text(
            f"sample:{file.stem}",
            facts["headline"],
            (facts["standfirst"], *preview, *rest),
            (
                *(writers[slug] for slug in facts["authors"]),
                *(name.replace("-", " ") for name in named),
            ),
            datetime(2026, 11, 1, tzinfo=UTC),
        )


def articles() -> Iterator[Text]:
    """The real texts beside the project, where they are there."""
    for file in sorted((SHARED / "articles").glob("*.jsonl.gz")):
        for row in _lines(file):
            day = row["date"] or f"{(row.get('period') or '2000')[:4]}-01-01"
            yield Text(
                row["id"],
                row["title"],
                tuple(row["body"].split("\n")),
                (*row["authors"], *(topic.replace("-", " ") for topic in row["topics"])),
                datetime.fromisoformat(day).replace(tzinfo=UTC),
            )


def headlines(texts: list[Text]) -> list[Question]:
    """Headlines to find their own article by. Left out are those that are made of a pattern (UN
    speeches, country profiles) and those that two articles share: they say no more than a country
    and a year, which stand in hundreds of other texts."""
    titles = [text.title for text in texts]
    return [
        Question(text.title, "headline", {text.id: 1})
        for text in texts
        if titles.count(text.title) == 1 and not text.id.startswith(("ungd-", "rdcr-"))
    ]


def _lines(file: Path) -> Iterator[Any]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
