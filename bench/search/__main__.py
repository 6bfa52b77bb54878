"""How quick is the library? `make bench-search`: one run, one table, a last line of JSON.

Texts recombined from the sample magazine's paragraphs go into the index (no database: what reading
the articles there takes is measured by `standfirst library rebuild`); then each kind of query is
asked many times in this process, all facets counted, and words are corrected and completed.
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
    options.add_argument("--guessing", action="store_true", help="only: how long a text lasts")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {
            "STANDFIRST_HOME": folder,
            "SECRET_KEY": "b" * 60,
            "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        }
        import django

        django.setup()
        if chosen.guessing:
            from bench.search import guessing

            guessing.report(guessing.measure(Path(folder)))
            return 0
        from bench.search.speed import measure

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


if __name__ == "__main__":
    raise SystemExit(main())
