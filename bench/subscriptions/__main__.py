"""Does the house of subscriptions keep up? `make bench-subscriptions`: tables, and a last line of
JSON.

webhooks    signed events at a fixed rate over HTTP to `standfirst serve`, a worker handling them,
            the stand-in for Stripe as the provider; on SQLite and on PostgreSQL
reconcile   `standfirst subscriptions reconcile` with 1,000 and with 10,000 subscriptions
members     the newsroom's list of members with 200,000 of them, and a report over a million entries
"""

import argparse
import importlib
import json
import tempfile
from pathlib import Path

PARTS = ("webhooks", "reconcile", "members")  # modules beside this one: arguments, measure, show


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parts = {name: importlib.import_module(f"bench.subscriptions.{name}") for name in PARTS}
    for part in parts.values():
        part.arguments(parser)
    chosen, found = parser.parse_args(), {}
    for name in chosen.only:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found[name] = parts[name].measure(Path(folder), chosen)
        parts[name].show(found[name])
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
