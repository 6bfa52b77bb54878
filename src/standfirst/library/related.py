"""What every article leads on to: found in the worker after an article was indexed, and kept.

An article that came, changed or left is `due` (a row in the database, one for each article). Who
takes it asks the index which texts are near, ranks them, and lets `articles.related` keep the
result. Then those near to it are due too, for they may lead on to it now, and theirs are not: so
one change reaches a bounded number of articles. Several hosts share the rows; what one that was
killed had taken is free again after a minute.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from math import log
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from standfirst.articles import related
from standfirst.articles.models import Article, Shelf
from standfirst.library.documents import documents
from standfirst.library.engine import Document, Engine
from standfirst.library.models import Due
from standfirst.library.nearness import Candidate, Subject, ranked
from standfirst.publication.queries import the_publication

AT_ONCE = 20  # articles: so few that the next change is not held up
SETTLE = timedelta(
    seconds=2
)  # in which an article is often changed again, or by another host noted
LEASE = timedelta(seconds=60)
ALIKE = 40  # articles that are ranked
NEIGHBOURS = 12  # nearest articles that may lead on to one that changed
MOST_LEADING = 100  # articles that did so before
BATCH = 500


# -- what is due ------------------------------------------------------------------------------


def due(articles: Iterable[int], why: Due.Why = Due.Why.CHANGED) -> None:
    """These articles (ids) shall be looked at (again), also where someone does so just now."""
    now = timezone.now()
    rows = [Due(article=pk, why=why, since=now) for pk in sorted(articles)]
    fields = ["taken_by"] if why is Due.Why.NEAR else ["taken_by", "why", "since"]
    Due.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["article"],
        update_fields=fields,
    )


def all_due() -> int:
    """Every article shall be looked at. Says how many. What is due already stays as it is."""
    now, count, after = timezone.now(), 0, 0
    articles = Article.objects.order_by("pk").values_list("pk", flat=True)
    while some := list(articles.filter(pk__gt=after)[:BATCH]):
        rows = (Due(article=pk, why=Due.Why.ALL, since=now) for pk in some)
        Due.objects.bulk_create(rows, ignore_conflicts=True)
        count, after = count + len(some), some[-1]
    return count


def take(now: datetime, count: int = AT_ONCE) -> "Taken":
    """Be the one who works on the next of what is due."""
    word = uuid4().hex
    free = Due.objects.filter(Q(taken_by="") | Q(taken_at__lt=now - LEASE))
    next_ones = free.exclude(why=Due.Why.CHANGED, since__gt=now - SETTLE)
    chosen = list(
        next_ones.order_by("why", "since", "article").values_list("article", flat=True)[:count]
    )
    if not chosen or not free.filter(article__in=chosen).update(taken_by=word, taken_at=now):
        return Taken(word, ())
    return Taken(word, Due.objects.filter(taken_by=word))


class Taken:
    """Articles that this process works on: all, and those of them that have changed."""

    def __init__(self, word: str, rows: Iterable[Due]) -> None:
        self.word = word
        self.articles = {row.article: row.why for row in rows}
        self.changed = {pk for pk, why in self.articles.items() if why == Due.Why.CHANGED}

    def __bool__(self) -> bool:
        return bool(self.articles)

    def mine(self) -> set[int]:
        """What is still to be done by this process alone; held until the transaction ends."""
        rows = Due.objects.select_for_update().filter(taken_by=self.word).order_by("article")
        return set(rows.values_list("article", flat=True))

    def done(self) -> None:
        Due.objects.filter(taken_by=self.word).delete()

    def give_back(self) -> None:
        """Let who comes next take them."""
        Due.objects.filter(taken_by=self.word).update(taken_by="")


# -- finding ----------------------------------------------------------------------------------


def renew(engine: Engine, taken: Taken) -> int:
    """Find and keep anew what these articles lead on to. Says how many there were.

    The index must hold every change that was noted when they were taken."""
    if not taken:
        return 0
    found = nearest(engine, list(taken.articles))
    if concerned := _concerned(found, taken.changed):
        due(concerned - set(taken.articles), Due.Why.NEAR)
    with transaction.atomic():
        mine = taken.mine()
        related.keep({pk: found.get(pk, ()) for pk in mine})
        taken.done()
    return len(taken.articles)


def renew_all(engine: Engine, progress: Callable[[int, int], None]) -> int:
    """Find and keep anew what every article leads on to, or go on where that was stopped. Says how
    many articles there were. The worker, and other hosts, may help."""
    of_all = Due.objects.filter(why=Due.Why.ALL)
    total = of_all.count() or all_due()
    while left := of_all.count():
        progress(total - left, total)
        if not renew(engine, take(timezone.now())):
            time.sleep(0.2)  # the last of them are others' work
    progress(total, total)
    return total


def nearest(engine: Engine, articles: Sequence[int]) -> dict[int, list[int]]:
    """For each of these articles that is published: the others, as one should read on."""
    read = {document.key: document for document in documents(articles, the_publication().zone)}
    alike = {
        key: engine.related(key, [it.headline, *it.open_text, *it.rest], ALIKE)
        for key, it in read.items()
    }
    others = {pk for keys in alike.values() for pk in keys}
    candidates = _candidates(others) | {key: _candidate(it) for key, it in read.items()}
    rarity = _rarity({subject for it in candidates.values() for subject in it.filed})
    return {
        key: ranked(candidates[key], [candidates[pk] for pk in keys if pk in candidates], rarity)
        for key, keys in alike.items()
    }


def _concerned(found: dict[int, list[int]], changed: Collection[int]) -> set[int]:
    """The articles beside those that changed which may lead on to other ones now: where what a
    changed article leads on to is the same as before, its neighbours are not concerned."""
    before = related.kept_for(list(changed))
    moved = [pk for pk in changed if pk not in found or found[pk][: related.KEPT] != before[pk]]
    near = {other for pk in moved for other in found.get(pk, [])[:NEIGHBOURS]}
    return near | set(related.leading_to(moved, MOST_LEADING))


def _candidate(document: Document) -> Candidate:
    return Candidate(
        key=document.key,
        headline=document.headline,
        filed=frozenset(
            (kind, int(pk)) for kind in ("topic", "region") for pk in document.filed.get(kind, ())
        ),
        published_at=document.published_at,
    )


def _candidates(articles: Collection[int]) -> dict[int, Candidate]:
    """The published ones of these articles, without their texts."""
    filed: dict[int, set[Subject]] = {pk: set() for pk in articles}
    for kind, through in (("topic", Article.topics.through), ("region", Article.regions.through)):
        pairs = through.objects.filter(article__in=articles)
        for article, subject in pairs.values_list("article", kind):
            filed[article].add((kind, subject))
    rows = Article.objects.filter(pk__in=articles, live=True, published_at__isnull=False)
    return {
        pk: Candidate(key=pk, headline=title, filed=frozenset(filed[pk]), published_at=moment)
        for pk, title, moment in rows.order_by().values_list("pk", "title", "published_at")
    }


def _rarity(subjects: Collection[Subject]) -> dict[Subject, float]:
    """How telling it is to be filed under a subject: the fewer articles are, the more."""
    which = Q(kind=Shelf.Kind.ALL)
    for kind in ("topic", "region"):
        which |= Q(kind=kind, subject__in=[pk for of, pk in subjects if of == kind])
    counts = {
        (kind, subject): count
        for kind, subject, count in Shelf.objects.filter(which, count__gt=0).values_list(
            "kind", "subject", "count"
        )
    }
    every = counts.pop((Shelf.Kind.ALL.value, 0), 1)
    return {subject: log(1 + every / count) for subject, count in counts.items()}
