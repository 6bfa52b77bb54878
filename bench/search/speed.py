"""How quick is the index: filling it, and each kind of query in this process."""

import random
import resource
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bench.search.texts import NOW, TOPICS, articles, texts


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
