"""A process that keeps the library's index, builds one, or finds what all articles lead on to:
python -m tests.librarian WHAT."""

import sys
from datetime import timedelta

import django


def main() -> None:
    django.setup()

    from standfirst.library import build, house, related
    from standfirst.library.indexer import Indexer

    if sys.argv[1] == "index":
        print("ready", flush=True)
        Indexer().run()
        return
    if sys.argv[1] == "relate":
        take, related.LEASE = related.take, timedelta(seconds=1)
        related.take = lambda now: take(now, 2)
        print("ready", flush=True)
        count = related.renew_all(house.live(), lambda done, of: print(done, flush=True))
        print(f"related {count}", flush=True)
        return
    build.READ_AT_ONCE = build.COMMIT_AFTER = 5
    print("ready", flush=True)
    built = build.build(progress=lambda done, of: print(done, flush=True))
    print(f"built {built.articles} {built.resumed}", flush=True)


if __name__ == "__main__":
    main()
