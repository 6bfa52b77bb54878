"""Texts to search in: recombined from paragraphs, the same ones in every run."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

TOPICS, AUTHORS, SECTIONS, REGIONS = 60, 200, 6, 8
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def texts() -> tuple[list[str], list[str]]:
    """Paragraphs and headlines of the sample magazine."""
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


def articles(count: int) -> Iterator[object]:
    """Documents of about a thousand words; the same number gives the same ones."""
    from standfirst.library.engine import Document

    paragraphs, titles = texts()
    chance = random.Random(1)
    for key in range(1, count + 1):
        body, words = [], 0
        while words < 950:
            body.append(chance.choice(paragraphs))
            words += len(body[-1].split())
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
