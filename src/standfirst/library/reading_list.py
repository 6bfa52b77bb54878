"""The reading list: what a member saved for later. It opens nothing; `decide` does."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from django.core.paginator import InvalidPage, Page, Paginator
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404

from standfirst.access.rules import Standing, decide
from standfirst.articles.models import Article, Byline
from standfirst.articles.queries import published
from standfirst.library.models import Saved
from standfirst.library.results import Badge, badge
from standfirst.members.models import Member

MOST_SAVED = 500
PER_PAGE = 20


class Saving(StrEnum):
    """What became of a wish to save an article. FULL: the list holds as much as it may."""

    SAVED = "saved"
    ALREADY = "already"
    FULL = "full"


def save_for_later(member: Member, article: Article, now: datetime) -> Saving:
    """Put an article on a member's list, once, however often it is asked for."""
    with transaction.atomic():
        # One at a time for each member, so that none of several at once goes beyond the bound.
        Member.objects.select_for_update().filter(pk=member.pk).first()
        mine = Saved.objects.filter(member=member)
        if mine.filter(article=article).exists():
            return Saving.ALREADY
        if mine.count() >= MOST_SAVED:
            return Saving.FULL
        _, new = Saved.objects.get_or_create(
            member=member, article=article, defaults={"saved_at": now}
        )
    return Saving.SAVED if new else Saving.ALREADY


def move_saved(left: Member, kept: Member) -> int:
    """Put what `left` saved on `kept`'s list, the newest first, up to its bound. Says how much."""
    with transaction.atomic():
        Member.objects.select_for_update().filter(pk=kept.pk).first()
        mine = set(Saved.objects.filter(member=kept).values_list("article_id", flat=True))
        count = 0
        for row in Saved.objects.filter(member=left).order_by("-saved_at"):
            if row.article_id not in mine and len(mine) + count < MOST_SAVED:
                row.member = kept
                row.save(update_fields=["member"])
                count += 1
    return count


def take_off(member: Member, article: int) -> bool:
    """Take an article off a member's list. Says whether it was on it."""
    count, _ = Saved.objects.filter(member=member, article=article).delete()
    return bool(count)


def saved_of(member: Member) -> list[int]:
    """Ids of the articles on a member's list that are published, the newest first."""
    return list(_published(member).values_list("article_id", flat=True))


def withdrawn_of(member: Member) -> int:
    """How many on the list are not published at present."""
    return Saved.objects.filter(member=member, article__live=False).count()


def reading_list(
    member: Member, standing: Standing, number: str | None, now: datetime
) -> tuple[Page[Saved], Sequence[tuple[Article, Badge]]]:
    """A page of the list, and its articles, the newest first, each with what this reader can do
    with it now. Raises Http404 for a page that does not exist."""
    try:
        page = Paginator(_published(member), PER_PAGE).page(number or 1)
    except InvalidPage as error:
        raise Http404("There is no such page of your list.") from error
    keys = [row.article_id for row in page.object_list]
    bylines = Byline.objects.select_related("author").order_by("sort_order")
    articles = published().filter(pk__in=keys).select_related("section").defer("body")
    found = {
        article.pk: article for article in articles.prefetch_related(Prefetch("bylines", bylines))
    }
    return page, [
        (article, badge(decide(article.effective_terms, standing, article.pk, now)))
        for article in (found[key] for key in keys if key in found)
    ]


def _published(member: Member) -> QuerySet[Saved]:
    return Saved.objects.filter(member=member, article__live=True).order_by("-saved_at", "-pk")
