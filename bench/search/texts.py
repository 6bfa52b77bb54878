"""Texts to search in: recombined from paragraphs, the same ones in every run."""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from standfirst.library.engine import Document

TOPICS, AUTHORS, SECTIONS, REGIONS = 60, 200, 6, 8
NOW = datetime(2026, 11, 20, tzinfo=UTC)
REAL = Path(__file__).parents[3] / "shared" / "data" / "articles"
LONG, SHORT = 1_000, 170  # words


@cache
def source() -> tuple[list[str], list[str]]:
    """Paragraphs and headlines: of the real texts beside the project, else of the sample."""
    files = sorted(REAL.glob("*.jsonl.gz"))
    if not files:
        return _sample()
    paragraphs, titles = [], []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                titles.append(row["title"])
                paragraphs += [p for p in row["body"].split("\n") if len(p) > 60]
    return paragraphs, titles


def _sample() -> tuple[list[str], list[str]]:
    from standfirst.articles.rules import plain_text
    from standfirst.project.demo.sample import CONTENT
    from standfirst.project.demo.text import read

    paragraphs, titles = [], []
    for file in sorted(CONTENT.glob("articles/*.md")):
        sample = read(file.stem, file.read_text(encoding="utf-8"), lambda _: None)
        titles.append(str(sample.facts.get("title", file.stem.replace("-", " "))))
        for block in sample.body:
            if block["type"] == "paragraph":
                parts = str(block["value"]).split("</p>")
                paragraphs += [text for part in parts if (text := plain_text(part))]
    return paragraphs, titles


def articles(count: int, words: int = LONG, first: int = 1) -> Iterator[Document]:
    """Documents of about so many words; the same number gives the same ones."""
    paragraphs, titles = source()
    chance = random.Random(first)
    for key in range(first, first + count):
        body, so_far = [], 0
        while so_far < words * 0.95:
            body.append(chance.choice(paragraphs))
            so_far += body[-1].count(" ") + 1
        at = NOW - timedelta(days=chance.random() * 7300)
        yield Document(
            key=key,
            headline=f"{chance.choice(titles)} {key}",
            open_text=body[:3],
            rest=body[3:],
            names=[],
            filed={
                "section": [chance.randrange(SECTIONS) + 1],
                "region": [chance.randrange(REGIONS) + 1],
                "topic": chance.sample(range(1, TOPICS + 1), 3),
                "author": [chance.randrange(AUTHORS) + 1],
                "format": [chance.choice(["analysis", "essay", "briefing"])],
                "year": [at.year],
            },
            published_at=at,
            stamp=key,
        )


class Words:
    """What is searched for: words of four letters and more, and stretches of texts."""

    def __init__(self, texts: Sequence[str] = (), seed: int = 2) -> None:
        self._chance = random.Random(seed)
        self._paragraphs = texts or source()[0]
        some = self._chance.sample(self._paragraphs, min(3_000, len(self._paragraphs)))
        said = (word.strip(".,;:“”’()") for text in some for word in text.split())
        self._words = [word for word in said if len(word) > 4 and word.isalpha()]

    def some(self, count: int) -> str:
        return " ".join(self._chance.choice(self._words) for _ in range(count))

    def phrase(self, count: int) -> str:
        words = self._chance.choice(self._paragraphs).split()
        at = self._chance.randrange(max(1, len(words) - count))
        return " ".join(words[at : at + count]).replace('"', "")
