"""How quick is the index: filling it, and each kind of query in this process."""

import random
import resource
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path

from bench.load import say
from bench.search.texts import LONG, NOW, TOPICS, Words, articles
from standfirst.library.build import COMMIT_AFTER
from standfirst.library.engine import Order, Search
from standfirst.library.engines.embedded import Index
from standfirst.library.rules import parse

Times = tuple[float, float]  # p50 and p99, in ms
AT_HAND = 2_000  # documents whose texts excerpts and related articles are made of


def memory() -> float:
    """The most memory (MB) that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, count: int, asked: int, words: int = LONG) -> dict[str, float]:
    """Fill an index in this folder; figures by name, and under "kinds" the times of queries."""
    list(articles(1))  # read the source
    before, size, spent = memory(), 0, 0.0
    say(f"indexing {count:,} articles of {words} words")
    index = Index.create(folder, "en")
    index.write(building=True)
    made = articles(count, words)
    while some := list(islice(made, COMMIT_AFTER)):
        size += sum(len(text.encode()) for d in some for text in (*d.open_text, *d.rest))
        began = time.perf_counter()
        index.put(some)
        index.commit("")
        spent += time.perf_counter() - began
    began = time.perf_counter()
    index.close()
    spent += time.perf_counter() - began
    grown = memory() - before
    on_disk = sum(file.stat().st_size for file in folder.iterdir())
    say("asking")
    return {
        "articles": count,
        "index_docs_s": count / spent,
        "index_mb": on_disk / 1e6,
        "text_mb": size / 1e6,
        "memory_mb": grown,
    } | {"kinds": ask(Index.open(folder), count, asked, words)}  # type: ignore[dict-item]


def ask(index: Index, count: int, asked: int, words: int) -> dict[str, Times]:
    """p50 and p99 of each kind of query."""
    said, chance = Words(), random.Random(2)
    made = list(articles(min(count, AT_HAND), words))

    def search(text: str, **more: object) -> None:
        index.search(Search(query=parse(text), now=NOW, freshness=0.15, **more))  # type: ignore[arg-type]

    def narrowed() -> None:
        only = [("topic", frozenset({chance.randrange(TOPICS) + 1}))]
        since = NOW - timedelta(days=3650)
        search(said.some(1), only=only, since=since, facets=True)

    def excerpts() -> None:
        find = index.highlighter(parse(said.some(2)), 260)
        for document in chance.sample(made, 20):
            find(" ".join(document.open_text))

    def misspelt() -> None:
        word = said.some(1).lower()
        at = chance.randrange(1, len(word) - 1)
        index.corrections([word[:at] + word[at + 1] + word[at] + word[at + 2 :]])

    def related() -> None:
        it = chance.choice(made)
        index.related(it.key, [it.headline, *it.open_text, *it.rest])

    kinds: dict[str, Callable[[], object]] = {
        "one word": lambda: search(said.some(1)),
        "two words": lambda: search(said.some(2)),
        "a sentence": lambda: search(said.phrase(12)),
        "phrase": lambda: search(f'"{said.phrase(3)}"'),
        "beginning of a word": lambda: search(said.some(1)[:4] + "*"),
        "newest first": lambda: search(said.some(1), order=Order.NEWEST),
        "one word, all facets": lambda: search(said.some(1), facets=True),
        "topic, ten years, facets": narrowed,
        "page 20": lambda: search(said.some(1), start=380),
        "twenty excerpts": excerpts,
        "misspelt word": misspelt,
        "completion": lambda: index.complete(said.some(1)[:4]),
        "related articles": related,
    }
    return {name: timed(one, asked) for name, one in kinds.items()}


def timed(one: Callable[[], object], count: int) -> Times:
    for _ in range(20):
        one()
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        one()
        spent.append((time.perf_counter() - began) * 1000)
    return middle_and_end(spent)


def middle_and_end(spent: list[float]) -> Times:
    spent = sorted(spent)
    return spent[len(spent) // 2], spent[min(len(spent) - 1, int(len(spent) * 0.99))]


def show(found: dict[str, float]) -> None:
    kinds: dict[str, Times] = found["kinds"]  # type: ignore[assignment]
    print(f"{found['articles']:,} articles, {found['text_mb']:,.0f} MB of text: ", end="")
    print(f"{found['index_docs_s']:,.0f} indexed a second, {found['index_mb']:,.0f} MB on disk, ")
    print(f"{found['memory_mb']:,.0f} MB of memory to fill it\n")
    print(f"{'':28}{'p50 ms':>9}{'p99 ms':>9}")
    for name, (p50, p99) in kinds.items():
        print(f"{name:28}{p50:9.2f}{p99:9.2f}")
    print()
