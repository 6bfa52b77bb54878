"""Shelves: which published articles stand in which of the readers' lists, kept as rows.

A list that is worked out anew for each reader reads (and sorts) all that was ever filed there. So
an article's places are written when it changes, in the same transaction, and every list is read
(`on_shelves`) in the order of one index. Counts are kept too: of a shelf, and of each of its
months, which also lead to a page deep in the archive without walking all that lies before it.

What is written here also decides which kept pages are untrue: `ListsChanged` tells of it by `tags`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.signals import post_save, pre_delete
from django.utils import timezone
from wagtail.models import Page

from standfirst.articles import tags
from standfirst.articles.models import (
    NOT_YET,
    Article,
    Byline,
    Place,
    Shelf,
    ShelfMonth,
    SitemapPage,
)
from standfirst.articles.on_shelves import ALL, beside, shelf_of
from standfirst.publication.events import ListsChanged, happened
from standfirst.publication.kept import EVERYTHING
from standfirst.publication.models import Publication
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of

BATCH = 500
IN_A_SITEMAP = 2_000  # ids of articles

Key = tuple[str, int]
MOST_TOLD = 200  # shelves of one change; where more have changed, everything has


# -- writing ----------------------------------------------------------------------------------


def put(articles: Sequence[int]) -> None:
    """Put these articles (ids) where they belong as the database has them now; off what they left.

    Nothing is written where nothing has changed. The caller's transaction should hold the rows.
    Tells which lists have changed.
    """
    with transaction.atomic():
        known = {pk: moment for pk, _, moment, _ in _published(articles)}
        wanted = _wanted(articles)
        shelves = _shelves({key for _, key in wanted})
        places = {(pk, shelves[key]): moment for (pk, key), moment in wanted.items()}
        told = _change(articles, places) | _make_stale(known)
        told |= _note_changes(articles, told)
        if told:
            happened(ListsChanged(tags=frozenset(told)))
        for state, ids in (("live", known), ("", set(articles) - set(known))):
            Article.objects.filter(pk__in=list(ids)).exclude(state=state).update(state=state)
        on_desk = Case(When(published_at=None, then=Value(NOT_YET)), default=F("published_at"))
        Article.objects.filter(pk__in=articles).exclude(desk_at=on_desk).update(desk_at=on_desk)


def take_off(articles: Sequence[int]) -> None:
    """Take articles that are being deleted off every shelf."""
    with transaction.atomic():
        if told := _change(articles, {}):
            happened(ListsChanged(tags=frozenset(told)))


def rebuild() -> None:
    """Write everything anew, from the articles as they are."""
    with transaction.atomic():
        Place.objects.all().delete()
        Shelf.objects.all().delete()
        SitemapPage.objects.all().delete()
        every = list(Article.objects.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(every), BATCH):
            put(every[start : start + BATCH])
        happened(ListsChanged(tags=frozenset({EVERYTHING})))


def recount() -> None:
    """Count the months anew: they lie elsewhere once the publication has another time zone."""
    zone = (Publication.objects.first() or Publication()).zone
    with transaction.atomic():
        months: Counter[tuple[int, Any]] = Counter()
        for shelf, moment in Place.objects.values_list("shelf", "published_at").iterator():
            months[shelf, month_of(moment, zone)] += 1
        ShelfMonth.objects.all().delete()
        ShelfMonth.objects.bulk_create(
            (ShelfMonth(shelf_id=s, month=m, count=n) for (s, m), n in months.items()),
            batch_size=BATCH,
        )
        SitemapPage.objects.update(stale=True)  # the month is part of an article's address


def right() -> bool:
    """Whether the shelves know of as many articles as there are."""
    there = Place.objects.filter(shelf__kind=Shelf.Kind.ALL).count()
    return there == Article.objects.filter(live=True, published_at__isnull=False).count()


def _published(articles: Iterable[int]) -> QuerySet[Any, Any]:
    rows = Article.objects.filter(pk__in=list(articles), live=True, published_at__isnull=False)
    return rows.order_by().values_list("pk", "section", "published_at", "last_published_at")


def _wanted(articles: Sequence[int]) -> dict[tuple[int, Key], datetime]:
    moments, places = {}, set()
    for pk, section, moment, _ in _published(articles):
        moments[pk] = moment
        places |= {(pk, ALL), (pk, (Shelf.Kind.SECTION.value, section))}
    for kind, rows, column in (
        (Shelf.Kind.TOPIC, Article.topics.through.objects, "topic"),
        (Shelf.Kind.REGION, Article.regions.through.objects, "region"),
        (Shelf.Kind.AUTHOR, Byline.objects, "author"),
    ):
        found = rows.filter(article__in=list(moments)).order_by()
        places |= {(pk, (kind.value, row)) for pk, row in found.values_list("article", column)}
    return {(pk, key): moments[pk] for pk, key in places}


def _shelves(keys: set[Key]) -> dict[Key, int]:
    found = _ids(keys)
    if missing := keys - set(found):
        Shelf.objects.bulk_create(
            (Shelf(kind=kind, subject=subject) for kind, subject in sorted(missing)),
            ignore_conflicts=True,
        )
        found = _ids(keys)
    return found


def _ids(keys: set[Key]) -> dict[Key, int]:
    subjects: dict[str, list[int]] = {}
    for kind, subject in sorted(keys):
        subjects.setdefault(kind, []).append(subject)
    which = Q(pk__in=[])
    for kind, some in subjects.items():
        which |= Q(kind=kind, subject__in=some)
    rows = Shelf.objects.filter(which).values_list("kind", "subject", "pk")
    return {(kind, subject): pk for kind, subject, pk in rows}


def _change(articles: Sequence[int], wanted: dict[tuple[int, int], datetime]) -> set[str]:
    """Write the places that differ from what is wanted; tags of the lists that have changed."""
    zone = the_publication().zone
    gone, counts, months = [], Counter[int](), Counter[tuple[int, Any]]()
    latest: dict[int, datetime] = {}
    new = dict(wanted)
    for pk, article, shelf, moment in Place.objects.filter(article__in=articles).values_list(
        "pk", "article", "shelf", "published_at"
    ):
        if wanted.get((article, shelf)) == moment:
            del new[article, shelf]
            continue
        gone.append(pk)
        latest[shelf] = max(latest.get(shelf, moment), moment)
        counts[shelf] -= 1
        months[shelf, month_of(moment, zone)] -= 1
    for (_, shelf), moment in new.items():
        latest[shelf] = max(latest.get(shelf, moment), moment)
        counts[shelf] += 1
        months[shelf, month_of(moment, zone)] += 1
    if not counts:
        return set()
    # In one order, so that two who write at once wait for each other instead of for ever.
    for shelf in sorted(counts):
        Shelf.objects.filter(pk=shelf).update(count=F("count") + counts[shelf])
    Place.objects.filter(pk__in=gone).delete()
    Place.objects.bulk_create(
        (Place(article_id=a, shelf_id=s, published_at=m) for (a, s), m in sorted(new.items())),
        batch_size=BATCH,
    )
    # Whoever else writes months of these shelves waits for the updates above.
    before = {
        (shelf, month): count
        for shelf, month, count in ShelfMonth.objects.filter(
            shelf__in=list(counts), month__in={month for _, month in months}
        ).values_list("shelf", "month", "count")
    }
    ShelfMonth.objects.bulk_create(
        (
            ShelfMonth(shelf_id=shelf, month=month, count=before.get((shelf, month), 0) + more)
            for (shelf, month), more in sorted(months.items())
            if more
        ),
        update_conflicts=True,
        unique_fields=["shelf", "month"],
        update_fields=["count"],
        batch_size=BATCH,
    )
    came_or_left = {
        key for key, more in months.items() if more and before.get(key, 0) in {0, -more}
    }
    told = _tags_of(counts, months, latest) | _tags_beside(came_or_left)
    if gone:  # what is gone leaves no other trace
        Shelf.objects.filter(pk__in=list(counts)).update(changed_at=timezone.now())
        told |= _make_stale(articles)
    return told


def _tags_of(
    counts: Counter[int], months: Counter[tuple[int, Any]], latest: dict[int, datetime]
) -> set[str]:
    """Which lists have changed, by what each shelf and month has more or less now, and the newest
    moment that a place came to or left."""
    if len(counts) > MOST_TOLD:
        return {EVERYTHING}
    told: set[str] = set()
    places = Place.objects.filter(shelf=OuterRef("pk")).order_by("-published_at", "-article")
    last = places.values("published_at")[tags.IN_NEWEST - 1 : tags.IN_NEWEST]
    rows = Shelf.objects.filter(pk__in=list(counts)).annotate(last=last)
    for shelf, kind, subject, count, last_of_newest in rows.values_list(
        "pk", "kind", "subject", "count", "last"
    ):
        told |= tags.tags_of_change(
            (kind, subject),
            newest=last_of_newest is None or latest[shelf] >= last_of_newest,
            came_or_left=count in {0, counts[shelf]},
            months=[month for one, month in months if one == shelf],
        )
    return told


def _tags_beside(months: Iterable[tuple[int, date]]) -> set[str]:
    """Tags of the months that lead on to others now: those beside the archive's months (by shelf)
    that got their first article or lost their last."""
    months = list(months)
    if not months:
        return set()
    every = shelf_of().pk
    pairs = [beside(month) for shelf, month in months if shelf == every]
    return {tags.of_month(month) for pair in pairs for month in pair if month}


def _note_changes(articles: Sequence[int], told: set[str]) -> set[str]:
    """Let every shelf know of the latest change to what stands on it; tags, but for the shelves of
    which more was `told`."""
    latest: dict[int, datetime] = {}
    changed = {pk: changed or moment for pk, _, moment, changed in _published(articles)}
    for article, shelf in Place.objects.filter(article__in=list(changed)).values_list(
        "article", "shelf"
    ):
        latest[shelf] = max(latest.get(shelf, changed[article]), changed[article])
    corrected = set()
    rows = Shelf.objects.filter(pk__in=list(latest)).order_by("pk")
    for shelf, kind, subject, known in list(
        rows.values_list("pk", "kind", "subject", "changed_at")
    ):
        if known < latest[shelf]:
            fresh = Shelf.objects.filter(pk=shelf, changed_at__lt=latest[shelf])
            fresh.update(changed_at=latest[shelf])
            if told.isdisjoint(tags.all_of_shelf(kind, subject)):
                corrected.add(tags.of_shelf(tags.CORRECTED, kind, subject))
    return corrected


def _make_stale(articles: Iterable[int]) -> set[str]:
    numbers = {sitemap_of(article) for article in articles}
    known = SitemapPage.objects.filter(number__in=numbers)
    new = numbers - set(known.values_list("number", flat=True))
    rows = [SitemapPage(number=number) for number in sorted(new)]
    SitemapPage.objects.bulk_create(rows, ignore_conflicts=True)
    fresh = known.filter(stale=False).update(stale=True)
    told = set(map(tags.of_sitemap, numbers))
    return told | {tags.SITEMAPS} if new or fresh else told


def sitemap_of(article: int) -> int:
    """The number (from 1) of the page of the sitemap that an article's id stands in."""
    return article // IN_A_SITEMAP + 1


# -- watching ---------------------------------------------------------------------------------


def _page_saved(sender: Any, instance: Page, **_: Any) -> None:
    """Wagtail sometimes saves an article as the plain page that it is too."""
    if instance.specific_class is Article and not isinstance(instance, Article):
        put([instance.pk])


def _article_goes(sender: Any, instance: Article, **_: Any) -> None:
    take_off([instance.pk])


def watch() -> None:
    """Begin to watch; called once, when the program starts."""
    post_save.connect(_page_saved, sender=Page)
    pre_delete.connect(_article_goes, sender=Article)
