"""What processes of `tests.apart` do in the library. Each says that it is ready."""

from datetime import timedelta

from standfirst.library import build, house, related
from standfirst.library.indexer import Indexer


def index() -> None:
    """Keep the index, until it is killed."""
    print("ready")
    Indexer().run()


def relate() -> None:
    """Find what all articles lead on to."""
    take, related.LEASE = related.take, timedelta(seconds=1)
    related.take = lambda now: take(now, 2)
    print("ready")
    count = related.renew_all(house.live(), lambda done, of: print(done))
    print(f"related {count}")


def build_it() -> None:
    """Build an index."""
    build.READ_AT_ONCE = build.COMMIT_AFTER = 5
    print("ready")
    built = build.build(progress=lambda done, of: print(done))
    print(f"built {built.articles} {built.resumed}")
