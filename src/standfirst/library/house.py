"""Which engine keeps the library's index, and where: in a folder of this host, or in a cluster.

The functions are those of `engine.House`, for the one that the settings name.
"""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from django.conf import settings

from standfirst.library.engine import Broken, Busy, House, Index, Unreachable
from standfirst.library.folders import Folders

__all__ = ["Broken", "Busy", "Unreachable"]

NO_CLIENT = (
    "the client for OpenSearch is not installed. Run `pip install 'standfirst[opensearch]'`, or "
    "take SEARCH_URL out"
)
LITTLE = 100_000_000  # bytes

_houses: dict[tuple[str, str], House] = {}


def the_house() -> House:
    """The house that the settings name; one in a process. Raises Unreachable where it cannot be."""
    named = (str(settings.SEARCH_URL), str(settings.LIBRARY))
    house = _houses.get(named)
    if house is None:
        folders = Folders(Path(settings.LIBRARY))
        house = _houses[named] = _cluster(folders) if settings.SEARCH_URL else folders
    return house


def no_room() -> str:
    """A sentence where the disk has hardly any room left, for an engine that does not say so."""
    try:
        free = shutil.disk_usage(settings.LIBRARY).free
    except OSError:
        return ""
    if free > LITTLE:
        return ""
    return f" Only {free / 1e6:,.1f} MB are free where LIBRARY lies: make room there."


def _cluster(folders: Folders) -> House:
    try:
        from standfirst.library.cluster import Cluster
    except ImportError as error:
        raise Unreachable(NO_CLIENT) from error
    return Cluster(settings.SEARCH_URL, folders)


def live() -> Index:
    return the_house().live()


def reopen() -> None:
    the_house().reopen()


def damaged(error: Broken) -> None:
    the_house().damaged(error)


def to_write(current: Index | None) -> Index | None:
    return the_house().to_write(current)


def only_one(what: str) -> AbstractContextManager[None]:
    return the_house().only_one(what)


def begun() -> tuple[Index, int] | None:
    return the_house().begun()


def begin(language: str) -> Index:
    return the_house().begin(language)


def note_progress(index: Index, after: int) -> None:
    the_house().note_progress(index, after)


def tear_down() -> None:
    the_house().tear_down()


def swap() -> None:
    the_house().swap()


def live_folder() -> Path | None:
    """The folder of this host's live index, where it is embedded."""
    return Folders(Path(settings.LIBRARY)).live_folder()
