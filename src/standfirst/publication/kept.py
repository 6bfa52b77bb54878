"""What a page that is being rendered depends on: said where it is read, used where it is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Model
from django.utils import timezone

from standfirst.publication.queries import the_publication
from standfirst.publication.rules import start_of

EVERYTHING = "*"  # among the tags of a change: every page is untrue


@dataclass(slots=True)
class Dependence:
    """Tags of what was read, and the moment (aware) at which the page stops being true."""

    tags: set[str] = field(default_factory=set)
    until: datetime | None = None


def tag_of(model: type[Model], pk: int) -> str:
    """The tag of one row of a table."""
    return f"{model._meta.model_name}:{pk}"


_page: ContextVar[Dependence | None] = ContextVar("dependence", default=None)


@contextmanager
def noting() -> Iterator[Dependence]:
    """Within this block, what is read is noted."""
    token = _page.set(noted := Dependence())
    try:
        yield noted
    finally:
        _page.reset(token)


def depends_on(*tags: str) -> None:
    """The page being rendered depends on these; nothing happens where none is."""
    page = _page.get()
    if page is not None:
        page.tags.update(tags)


def true_until(moment: datetime) -> None:
    """The page being rendered is true until an aware moment at most."""
    page = _page.get()
    if page is not None:
        page.until = min(page.until, moment) if page.until else moment


def true_today() -> None:
    """The page being rendered names a day or month that counts where the magazine is."""
    if _page.get() is not None:
        zone = the_publication().zone
        true_until(start_of(timezone.now().astimezone(zone).date() + timedelta(days=1), zone))
