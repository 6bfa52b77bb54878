"""Tags of lists: said by what reads a list, told by `shelves` when a list has changed.

How far a change on a shelf reaches is one word: it `corrected` something that stands there (the
shelf's date is another), it `changed` what stands there or where, or that among the `newest`. A
change says the furthest word that is true of it; a page depends on the word that concerns it and on
those after it. So a change tells one tag a shelf, however many pages look at the shelf.
"""

from collections.abc import Iterable
from datetime import date

from standfirst.articles.models import Filed, Shelf
from standfirst.publication.kept import depends_on

REACHES = ("corrected", "changed", "newest")
CORRECTED, CHANGED, NEWEST = REACHES
IN_NEWEST = 40  # no page that shows only what is newest on a shelf reads more


def of_shelf(reach: str, kind: str, subject: int) -> str:
    return f"{reach}:{kind}:{subject}"


def of_month(month: date) -> str:
    """What was published in a month."""
    return f"month:{month:%Y-%m}"


def of_names(kind: str) -> str:
    """Which sections, topics, ... have an article, their names and their order."""
    return f"names:{kind}"


def of_counts(kind: str) -> str:
    """How many articles each topic, region, ... has, and when the last came out."""
    return f"counts:{kind}"


def of_sitemap(number: int) -> str:
    return f"sitemap:{number}"


def of_related(article: int) -> str:
    """Which articles an article leads on to."""
    return f"related:{article}"


def of_filing(article: int) -> str:
    """Which topics and regions an article is filed under."""
    return f"filed:{article}"


def of_embed(name: str) -> str:
    """Something of another site, by the hash of its address."""
    return f"embed:{name}"


SITEMAPS = "sitemaps"  # which there are, and when each was written


def all_of_shelf(kind: str, subject: int) -> set[str]:
    return {of_shelf(reach, kind, subject) for reach in REACHES}


def depends_on_shelf(shelf: tuple[str, int], reach: str) -> None:
    """The page being rendered is untrue after a change of this shelf that reaches so far."""
    depends_on(*(of_shelf(word, *shelf) for word in REACHES[REACHES.index(reach) :]))


def depends_on_newest(shelf: tuple[str, int], count: int) -> None:
    """The page being rendered shows so many of the newest of this shelf."""
    depends_on_shelf(shelf, NEWEST if count <= IN_NEWEST else CHANGED)


def depends_on_names(*models: type[Filed]) -> None:
    depends_on(*(of_names(model.kind) for model in models))


def tags_of_change(
    shelf: tuple[str, int], *, newest: bool, came_or_left: bool, months: Iterable[date]
) -> set[str]:
    """What to tell of a shelf (kind and subject) to which articles came, which they left, or on
    which they have another place: whether among the newest, whether these are its first articles or
    were its last, and in which months."""
    kind, subject = shelf
    tags = {of_shelf(NEWEST if newest else CHANGED, kind, subject)}
    if kind == Shelf.Kind.ALL:  # only of all is there an archive by months
        return tags | {of_month(month) for month in months}
    tags.add(of_counts(kind))
    if came_or_left:
        tags.add(of_names(kind))
    return tags
