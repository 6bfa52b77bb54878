"""How quick is the library? `make bench-search`: one run, one table, a last line of JSON.

Texts recombined from the sample magazine's paragraphs go into the index (no database: what reading
the articles there takes is measured by `standfirst library rebuild`); then each kind of query is
asked many times in this process, all facets counted, and words are corrected and completed.
"""

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

TOPICS, AUTHORS, SECTIONS, REGIONS = 60, 200, 6, 8
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=50_000)
    options.add_argument("--asked", type=int, default=300, help="queries of each kind")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {
            "STANDFIRST_HOME": folder,
            "SECRET_KEY": "b" * 60,
            "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        }
        import django

        django.setup()
        found = measure(Path(folder), chosen.articles, chosen.asked)
    print(f"{chosen.articles:,} articles of {found['words']:,.0f} words; ", end="")
    print(f"{found['index_docs_s']:,.0f} indexed a second, {found['index_mb']:,.0f} MB on disk, ")
    print(f"{found['text_mb']:,.0f} MB of text, at most {found['memory_mb']:,.0f} MB of memory\n")
    print(f"{'':28}{'p50 ms':>9}{'p99 ms':>9}")
    for name, (p50, p99) in found["ms"].items():
        print(f"{name:28}{p50:9.2f}{p99:9.2f}")
    found["p99_ms"] = {name: p99 for name, (_, p99) in found.pop("ms").items()}
    print(json.dumps(found))
    return 0


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


def measure(folder: Path, count: int, asked: int) -> dict[str, object]:
    from standfirst.library.engine import Order, Search
    from standfirst.library.engines.embedded import Index
    from standfirst.library.rules import parse

    made = list(articles(count))
    size = sum(len(" ".join([*d.open_text, *d.rest])) for d in made)  # type: ignore[attr-defined]
    words = sum(len(t.split()) for d in made[:500] for t in (*d.open_text, *d.rest))  # type: ignore[attr-defined]
    index = Index.create(folder / "index", "en")
    began = time.perf_counter()
    index.write(building=True)
    for start in range(0, count, 4_000):
        index.put(made[start : start + 4_000])  # type: ignore[arg-type]
        index.commit("")
    index.close()
    passed = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    index = Index.open(folder / "index")
    on_disk = sum(file.stat().st_size for file in (folder / "index").iterdir())

    paragraphs, _ = texts()
    chance = random.Random(2)
    said = [word.strip(".,;:“”’") for text in paragraphs for word in text.split()]
    long = [word for word in said if len(word) > 4 and word.isalpha()]

    def some(n: int) -> str:
        return " ".join(chance.choice(long) for _ in range(n))

    def phrase(n: int) -> str:
        words = chance.choice(paragraphs).split()
        at = chance.randrange(max(1, len(words) - n))
        return " ".join(words[at : at + n]).replace('"', "")

    def search(text: str, **more: object) -> None:
        index.search(Search(query=parse(text), now=NOW, freshness=0.15, **more))  # type: ignore[arg-type]

    def narrowed() -> None:
        only = [("topic", frozenset({chance.randrange(TOPICS) + 1}))]
        since = NOW - timedelta(days=3650)
        search(some(1), only=only, since=since, facets=True)

    def marked() -> None:
        text = some(2)
        search(text)
        find = index.highlighter(parse(text), 260)
        for n in range(20):
            find(" ".join(made[(n * 37) % count].open_text))  # type: ignore[attr-defined]

    def misspelt() -> None:
        word = chance.choice(long).lower()
        at = chance.randrange(1, len(word) - 1)
        index.corrections([word[:at] + word[at + 1] + word[at] + word[at + 2 :]])

    def related() -> None:
        it = made[chance.randrange(count)]
        index.related(it.key, [it.headline, *it.open_text, *it.rest])  # type: ignore[attr-defined]

    kinds: dict[str, Callable[[], object]] = {
        "one word": lambda: search(some(1)),
        "two words": lambda: search(some(2)),
        "a sentence": lambda: search(phrase(12)),
        "phrase": lambda: search(f'"{phrase(3)}"'),
        "beginning of a word": lambda: search(chance.choice(long)[:4] + "*"),
        "newest first": lambda: search(some(1), order=Order.NEWEST),
        "one word, all facets": lambda: search(some(1), facets=True),
        "topic, ten years, facets": narrowed,
        "page 20": lambda: search(some(1), start=380),
        "twenty excerpts": marked,
        "misspelt word": misspelt,
        "completion": lambda: index.complete(chance.choice(long)[:4]),
        "related articles": related,
    }
    return {
        "articles": count,
        "words": words / min(500, count),
        "index_docs_s": count / passed,
        "index_mb": on_disk / 1e6,
        "text_mb": size / 1e6,
        "memory_mb": memory,
        "ms": {name: timed(ask, asked) for name, ask in kinds.items()},
    }


def timed(ask: Callable[[], object], count: int) -> tuple[float, float]:
    for _ in range(20):
        ask()
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return spent[len(spent) // 2], spent[min(len(spent) - 1, int(len(spent) * 0.99))]


if __name__ == "__main__":
    raise SystemExit(main())
