"""What stands on a shelf, in its order: every list that readers see is read here.

What is read says what it depends on, so that a kept page is dropped when that changes.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from django.core.paginator import Page as ListPage
from django.core.paginator import Paginator
from django.db import connection
from django.utils.functional import cached_property

from standfirst.articles import tags
from standfirst.articles.models import Article, Filed, Place, Shelf, ShelfMonth
from standfirst.publication.kept import depends_on
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import next_month, start_of

ALL = (Shelf.Kind.ALL.value, 0)


def shelf_of(subject: Filed | None = None) -> Shelf:
    """The shelf of a section, topic, region or author, or of all; an empty one if there is none."""
    kind, pk = (subject.kind, subject.pk) if subject else ALL
    return Shelf.objects.filter(kind=kind, subject=pk).first() or Shelf(kind=kind, subject=pk)


def newest(
    shelf: Shelf,
    count: int,
    since: datetime | None = None,
) -> list[int]:
    """The ids of so many articles of a shelf, the newest first."""
    tags.depends_on_newest((shelf.kind, shelf.subject), count)
    return _ids_on(shelf, count, since=since)


def _ids_on(
    shelf: Shelf,
    count: int,
    start: int = 0,
    since: datetime | None = None,
    before: datetime | None = None,
) -> list[int]:
    places = Place.objects.filter(shelf=shelf.pk).order_by("-published_at", "-article")
    if since:
        places = places.filter(published_at__gte=since)
    if before:
        places = places.filter(published_at__lt=before)
    return list(places.values_list("article", flat=True)[start : start + count])


def beside(month: date) -> tuple[date | None, date | None]:
    """The months of the archive before and after one (its first day) in which something came out.
    What depends on the month's tag is told when these change."""
    months = ShelfMonth.objects.filter(shelf__kind=Shelf.Kind.ALL, count__gt=0)
    firsts = months.values_list("month", flat=True)
    return (
        firsts.filter(month__lt=month).order_by("-month").first(),
        firsts.filter(month__gt=month).order_by("month").first(),
    )


def newest_in(subjects: Sequence[Filed], count: int) -> list[int]:
    """The ids of the newest articles of any of these subjects, `count` of each, newest first."""
    if not subjects:
        return []
    for one in subjects:
        tags.depends_on_newest((one.kind, one.pk), count)
    statement = " UNION ALL ".join([_NEWEST_OF_ONE] * len(subjects))
    values = [value for one in subjects for value in (one.kind, one.pk, count)]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        places = set(cursor.fetchall())
    return [article for _, article in sorted(places, reverse=True)]


# By hand: every article's page asks this, and Django takes longer to compose it than it takes.
_NEWEST_OF_ONE = f"""
SELECT * FROM (
    SELECT published_at, article_id FROM {Place._meta.db_table}
    WHERE shelf_id = (SELECT id FROM {Shelf._meta.db_table} WHERE kind = %s AND subject = %s)
    ORDER BY published_at DESC, article_id DESC LIMIT %s
) AS newest
"""  # noqa: S608  our own tables' names


class OnShelf(Paginator):  # type: ignore[type-arg]
    """The pages of a shelf, or of one of its months. `shown` fetches articles by their ids."""

    def __init__(
        self,
        shelf: Shelf,
        per_page: int,
        shown: Callable[[list[int]], list[Article]],
        month: date | None = None,
    ) -> None:
        self.shelf, self.month, self._shown = shelf, month, shown
        super().__init__([], per_page)

    @cached_property
    def count(self) -> int:
        if self.month is None:
            return self.shelf.count
        row = ShelfMonth.objects.filter(shelf=self.shelf.pk, month=self.month)
        return row.values_list("count", flat=True).first() or 0

    def page(self, number: Any) -> ListPage[Any]:
        number = self.validate_number(number)
        zone, start = the_publication().zone, (number - 1) * self.per_page
        since = before = None
        if self.month:
            depends_on(tags.of_month(self.month))
            since, before = start_of(self.month, zone), start_of(next_month(self.month), zone)
        else:
            tags.depends_on_shelf((self.shelf.kind, self.shelf.subject), tags.CHANGED)
            if number > 1 and (reached := self._month_of(start)):
                month, start = reached
                before = start_of(next_month(month), zone)
        return ListPage(
            self._shown(_ids_on(self.shelf, self.per_page, start, since, before)), number, self
        )

    def _month_of(self, start: int) -> tuple[date, int] | None:
        """The month that holds the article with this number in the list, and its number there."""
        months = ShelfMonth.objects.filter(shelf=self.shelf.pk).order_by("-month")
        for month, count in months.values_list("month", "count"):
            if start < count:
                return month, start
            start -= count
        return None
