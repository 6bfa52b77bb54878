"""This host's page store and generations, as Django's processes use them."""

import logging
import sqlite3
from functools import cache
from pathlib import Path

from django.conf import settings

from standfirst.publication.kept import EVERYTHING
from standfirst.reading import edge
from standfirst.reading.generations import Generations
from standfirst.reading.store import Writer

log = logging.getLogger("standfirst.reading")


def folder() -> Path:
    return Path(settings.PAGE_STORE)


def generations() -> Generations:
    """The numbers of this host. Raises OSError where the folder cannot be written."""
    found = _generations(folder())
    found.fresh()
    return found


@cache
def _generations(place: Path) -> Generations:
    return Generations(place / "generations")


def writer() -> Writer:
    """Keeps and drops this host's pages. Raises OSError where the folder cannot be written."""
    generations()
    return _writer(folder(), settings.PAGE_STORE_MAX_BYTES)


@cache
def _writer(place: Path, limit: int) -> Writer:
    return Writer(place / "pages.sqlite3", _generations(place), limit)


def tell(tags: list[str], member: int | None) -> bool:
    """Make a change count on this host from the next request on, and at the edges that stand before
    it as soon as they hear of it. May be repeated without harm.

    Says whether it could be told; where not, the follower tries again.
    """
    try:
        if member == 0:
            generations().raise_all()
        elif member is not None:
            generations().raise_member(member)
        if EVERYTHING in tags:
            writer().drop_all()
        elif tags:
            writer().drop(tags)
    except (OSError, sqlite3.Error) as error:
        log.warning("A change could not be told to the page store (%s); it is tried again.", error)
        return False
    edge.tell(tags, member)  # last: what an edge fetches from now on is new
    return True
