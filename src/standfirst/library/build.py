"""Building the index beside the live one, and comparing the live one with the database."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from standfirst.articles.models import Article
from standfirst.library import house
from standfirst.library.documents import documents, indexed
from standfirst.library.engine import Broken, Index
from standfirst.library.position import Position
from standfirst.library.related import all_due
from standfirst.publication.queries import the_publication

log = logging.getLogger("standfirst.library")

READ_AT_ONCE = 500
COMMIT_AFTER = 10_000  # articles; after a kill, at most so many are read again
TRIES = 5  # of catching up with changes that come while the result is verified

Progress = Callable[[int, int], None]


class Stopped(Exception):  # noqa: N818
    """The building was told to stop; the next one goes on where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An index that is live now: how many articles it holds, how many were there before a kill."""

    articles: int
    resumed: int = 0


def build(
    progress: Progress = lambda done, of: None, stopped: Callable[[], bool] = lambda: False
) -> Built:
    """Build an index from the database beside the live one, verify it, and make it the live one.

    One that was killed is gone on with. Raises house.Busy where another process builds, Broken
    where the result does not hold what the database holds, Stopped when told to stop, Unreachable,
    OSError.
    """
    from standfirst.library.indexer import apply

    with house.only_one("building"):
        index, after = _begun() or _begin()
        try:
            resumed = index.count()
            _fill(index, after, progress, stopped)
            for _ in range(TRIES):
                while apply(index):
                    pass
                if not (wrong := _differing_keys(index)):
                    break
            else:
                house.tear_down()
                raise Broken(f"{len(wrong)} articles differ after building; it is begun anew")
            count = index.count()
        finally:
            index.close()
        all_due()  # what was noted before is not read again; and this index may rank otherwise
        house.swap()
    return Built(articles=count, resumed=resumed)


def _begun() -> tuple[Index, int] | None:
    """The index to go on with, and the last article that is in it; None for a new one."""
    try:
        begun = house.begun()
    except (Broken, ValueError) as error:
        log.warning("What was built cannot be gone on with: %s", error)
        return None
    if begun is None:
        return None
    index, _ = begun
    same = index.language == the_publication().language
    if same and index.position() and not Position.read(index.position()).left_behind():
        return begun
    index.close()
    return None


def _begin() -> tuple[Index, int]:
    index = house.begin(the_publication().language)
    # Before an article is read: what changes from now on is read again at the end.
    index.commit(Position.now().write())
    house.note_progress(index, 0)
    return index, 0


def _fill(index: Index, after: int, progress: Progress, stopped: Callable[[], bool]) -> None:
    position, zone = index.position(), the_publication().zone
    rows = Article.objects.order_by("pk").values_list("pk", flat=True)
    total, waiting = rows.count(), 0
    done = rows.filter(pk__lte=after).count()
    while keys := list(rows.filter(pk__gt=after)[:READ_AT_ONCE]):
        if stopped():
            raise Stopped
        index.put(documents(keys, zone))
        after, waiting, done = keys[-1], waiting + len(keys), done + len(keys)
        if waiting >= COMMIT_AFTER or len(keys) < READ_AT_ONCE:
            index.commit(position)
            house.note_progress(index, after)
            waiting = 0
        progress(done, total)
    index.commit(position)


def _differing_keys(index: Index) -> set[int]:
    return set(index.stamps()) ^ set(indexed().values_list("pk", flat=True))


def differing(index: Index, progress: Progress = lambda done, of: None) -> list[int]:
    """The articles that the index lacks, holds in another state, or holds and should not."""
    stamps, zone = index.stamps(), the_publication().zone
    keys = list(indexed().order_by("pk").values_list("pk", flat=True))
    wrong = set(stamps) - set(keys)
    for start in range(0, len(keys), READ_AT_ONCE):
        some = keys[start : start + READ_AT_ONCE]
        for document in documents(some, zone):
            if stamps.get(document.key) != document.stamp:
                wrong.add(document.key)
        progress(min(start + READ_AT_ONCE, len(keys)), len(keys))
    return sorted(wrong)
