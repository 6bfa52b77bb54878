"""How quick is the library, and how good? `make bench-search`: tables, and a last line of JSON.

Articles are recombined from the paragraphs of real texts where they lie beside the project, else of
the sample magazine.

speed       the index is filled and asked in this process, without a database
short       the same with a million short articles; only with --full
peers       the same articles and questions in SQLite's and PostgreSQL's full-text search
pages       whole pages of results over HTTP, from a magazine with as many articles
relevance   does it find what answers? On judged sets, beside two plain rankings
related     are what articles lead on to what an editor pinned, or of the same topic?
guessing    how long a text lasts against a reader who may search it but not read it
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

PARTS = ("speed", "peers", "pages", "relevance", "related", "guessing")


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--articles", type=int, default=50_000)
    options.add_argument("--asked", type=int, default=300, help="queries of each kind")
    options.add_argument("--seconds", type=int, default=15, help="of asking for pages")
    options.add_argument("--magazine", type=Path, help="one that `demo --load-only` has made")
    options.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    options.add_argument("--full", action="store_true", help="a million short articles too")
    options.add_argument(
        "--semantic",
        type=Path,
        metavar="FOLDER",
        help="relevance of words beside words and meaning; vectors are kept there",
    )
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for PostgreSQL
        os.environ |= {
            "STANDFIRST_HOME": name,
            "SECRET_KEY": "b" * 60,
            "LIBRARY_SEMANTIC": "1" if chosen.semantic else "",
            "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        }
        import django

        django.setup()
        print(json.dumps(run(folder, chosen)))
    return 0


def run(folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    from bench.search import pages, peers, speed, texts

    found: dict[str, Any] = {}
    kinds: dict[str, speed.Times] = {}
    if "speed" in chosen.only or "peers" in chosen.only:
        row = speed.measure(folder / "index", chosen.articles, chosen.asked)
        speed.show(row)
        kinds = row.pop("kinds")  # type: ignore[assignment]
        found |= row | {"p99_ms": {name: p99 for name, (_, p99) in kinds.items()}}
    if chosen.full:
        row = speed.measure(folder / "short", 1_000_000, chosen.asked, texts.SHORT)
        speed.show(row)
        found["short"] = row
    if "peers" in chosen.only:
        beside = peers.measure(folder, chosen.articles, chosen.asked)
        peers.show(beside, kinds)
        found["peers"] = beside
    if "pages" in chosen.only:
        page = pages.measure(folder, chosen.articles, chosen.seconds, chosen.magazine)
        pages.show(page)
        found |= {"page_p99_ms": page["p99_ms"], "pages_s": page["rps"]}
        found["reader_mb"] = page["reader_mb"]
    if "relevance" in chosen.only:
        from django.conf import settings

        from bench.search import relevance

        judged = relevance.measure(folder, settings.LIBRARY_FRESHNESS, chosen.semantic)
        print(relevance.table(judged))
        found["ndcg10"] = relevance.ndcg10(judged)
    if "related" in chosen.only:
        from bench.search import related

        found["related"] = related.measure(folder, related.TEXTS)
        related.show(found["related"])
    if "guessing" in chosen.only:
        from bench.search import guessing

        found["guessing"] = guessing.measure(folder)
        guessing.report(found["guessing"])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
