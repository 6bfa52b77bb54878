"""How quick is the library, and does it find what answers? `make bench-search`: one run, its
tables, a last line of JSON. `--only relevance` or `--only speed` runs one half.

Texts recombined from the sample magazine's paragraphs go into the index (no database: what reading
the articles there takes is measured by `standfirst library rebuild`); then each kind of query is
asked many times in this process, all facets counted, and words are corrected and completed.

Relevance is measured on judged sets (`sets`, `relevance`), beside two plain rankings.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=50_000)
    options.add_argument("--asked", type=int, default=300, help="queries of each kind")
    options.add_argument("--only", choices=("speed", "relevance"))
    options.add_argument(
        "--semantic",
        type=Path,
        metavar="FOLDER",
        help="words beside words and meaning; vectors are kept there",
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {
            "STANDFIRST_HOME": folder,
            "SECRET_KEY": "b" * 60,
            "LIBRARY_SEMANTIC": "1" if chosen.semantic else "",
            "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        }
        import django

        django.setup()
        found: dict[str, object] = {}
        if chosen.only != "relevance" and not chosen.semantic:
            found |= speed(Path(folder), chosen.articles, chosen.asked)
        if chosen.only != "speed":
            found["ndcg10"] = relevance(Path(folder), chosen.semantic)
    print(json.dumps(found))
    return 0


def speed(folder: Path, articles: int, asked: int) -> dict[str, object]:
    """Print how quick it is; the figures for the last line."""
    from bench.search.speed import measure

    found = measure(folder, articles, asked)
    print(f"{articles:,} articles of {found['words']:,.0f} words; ", end="")
    print(f"{found['index_docs_s']:,.0f} indexed a second, {found['index_mb']:,.0f} MB on disk, ")
    print(f"{found['text_mb']:,.0f} MB of text, at most {found['memory_mb']:,.0f} MB of memory\n")
    print(f"{'':28}{'p50 ms':>9}{'p99 ms':>9}")
    times: dict[str, tuple[float, float]] = found.pop("ms")  # type: ignore[assignment]
    for name, (p50, p99) in times.items():
        print(f"{name:28}{p50:9.2f}{p99:9.2f}")
    print()
    return found | {"p99_ms": {name: p99 for name, (_, p99) in times.items()}}


def relevance(folder: Path, vectors: Path | None) -> dict[str, object]:
    """Print how well it finds; the figures for the last line."""
    from django.conf import settings

    from bench.search.relevance import measure, ndcg10, table

    found = measure(folder, settings.LIBRARY_FRESHNESS, vectors)
    print(table(found))
    return ndcg10(found)


if __name__ == "__main__":
    raise SystemExit(main())
