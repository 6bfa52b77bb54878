"""What an article leads on to ("Read next"): kept as rows, read by its page.

Which articles are near is found by the library, in the worker (`standfirst.library.related`); here
it is kept, and said which pages show other articles now.
"""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction
from wagtail.models import Page

from standfirst.articles import tags
from standfirst.articles.models import Article, PinnedArticle, Related
from standfirst.articles.rules import read_next
from standfirst.publication.events import ListsChanged, happened
from standfirst.publication.kept import depends_on, tag_of

KEPT = 6  # for an article: more than are shown, so that one that is withdrawn leaves no gap
SHOWN = 3


def next_to(article: Article, count: int = SHOWN) -> list[int]:
    """The ids of at most so many published articles: pinned ones, then the nearest."""
    pinned = [r.related_id for r in article.pinned.all() if r.related_id != article.pk]
    live, near = {}, []
    with connection.cursor() as cursor:
        of_pinned = _LIVE.format(", ".join(["%s"] * len(pinned))) if pinned else ""
        cursor.execute(_NEAR + of_pinned, [article.pk, *pinned])
        for place, other, is_live in sorted(cursor.fetchall()):
            live[other] = is_live
            if place >= 0:
                near.append(other)
    depends_on(tags.of_related(article.pk))
    chosen, asked = read_next(pinned, near, {pk for pk in live if live[pk]}, count)
    depends_on(*(tag_of(Article, pk) for pk in asked))  # that one is published is a change too
    return chosen


# By hand: every article's page asks this, and Django takes longer to compose it than it takes.
_NEAR = f"""
SELECT r.place, r.other_id, p.live FROM {Related._meta.db_table} r
JOIN {Page._meta.db_table} p ON p.id = r.other_id WHERE r.article_id = %s"""  # noqa: S608  our own
_LIVE = f"""
UNION ALL SELECT -1, id, live FROM {Page._meta.db_table} WHERE id IN ({{}})"""  # noqa: S608


def keep(found: Mapping[int, Sequence[int]]) -> set[int]:
    """Keep what these articles (ids) lead on to, the nearest first; says for which it is other than
    before. What is not published leads nowhere, and nothing leads there.

    The caller's transaction holds back others who would keep the same. Tells which pages, of all
    that are kept, show other articles now.
    """
    with transaction.atomic():
        before = kept_for(found)
        pinned: dict[int, list[int]] = {pk: [] for pk in found}
        rows = PinnedArticle.objects.filter(article__in=found).order_by("sort_order", "pk")
        for article, other in rows.values_list("article", "related"):
            if other != article:
                pinned[article].append(other)
        lists = (*found.values(), *before.values(), *pinned.values(), found)
        ids = {pk for some in lists for pk in some}
        live = set(Article.objects.filter(pk__in=ids, live=True).values_list("pk", flat=True))
        wanted = {
            article: [pk for pk in others if pk in live and pk != article][:KEPT]
            if article in live
            else []
            for article, others in found.items()
        }
        other = {article for article, others in wanted.items() if others != before[article]}
        Related.objects.filter(article__in=other).delete()
        Related.objects.bulk_create(
            Related(article_id=article, other_id=pk, place=place)
            for article in sorted(other)
            for place, pk in enumerate(wanted[article])
        )
        told = {
            tags.of_related(article)
            for article in other & live
            if read_next(pinned[article], before[article], live, SHOWN)[0]
            != read_next(pinned[article], wanted[article], live, SHOWN)[0]
        }
        if told:
            happened(ListsChanged(tags=frozenset(told)))
    return other


def kept_for(articles: Mapping[int, object] | Sequence[int]) -> dict[int, list[int]]:
    """What each of these articles leads on to, as it is kept."""
    kept: dict[int, list[int]] = {pk: [] for pk in articles}
    rows = Related.objects.filter(article__in=list(articles)).order_by("place")
    for article, other in rows.values_list("article", "other"):
        kept[article].append(other)
    return kept


def leading_to(articles: Sequence[int], most: int) -> list[int]:
    """Articles that lead on to one of these, at most so many."""
    rows = Related.objects.filter(other__in=articles).order_by("article")
    return list(rows.values_list("article", flat=True).distinct()[:most])
