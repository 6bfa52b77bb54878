"""Reading the one row that says what the magazine is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from standfirst.publication.models import Publication

_remembered: ContextVar[dict[str, Publication] | None] = ContextVar("publication", default=None)


def the_publication() -> Publication:
    """The publication. Before the first save in the newsroom: one with every default, unsaved.

    Within one request (see `remembered`) it is read once, so that a page agrees with itself.
    """
    memory = _remembered.get()
    if memory is None:
        return Publication.objects.first() or Publication()
    if "it" not in memory:
        memory["it"] = Publication.objects.first() or Publication()
    return memory["it"]


@contextmanager
def remembered() -> Iterator[None]:
    """Within this block, or the one around it, the publication is read at most once."""
    if _remembered.get() is not None:
        yield
        return
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)
