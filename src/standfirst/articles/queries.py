"""What pages, feeds and mails may say of articles.

`article_page` is the only function that hands on an article's rest, and it does so only for a
`FullText` decision. Everything else here works from previews and what stands around them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.paginator import InvalidPage, Paginator
from django.core.paginator import Page as ListPage
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet
from django.db.models.functions import TruncMonth
from django.http import Http404

from standfirst.access.rules import Decision, FullText
from standfirst.articles.models import (
    Article,
    Author,
    Byline,
    FrontPage,
    Region,
    Section,
    Topic,
)
from standfirst.articles.rules import Piece, plain_text
from standfirst.publication.kept import depends_on
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import next_month, start_of

PER_PAGE = 24
FRONT_PICKS = 10  # the lead and nine more
LATEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """An article as one reader may have it. `rest` is empty unless `decision` is a FullText."""

    article: Article
    decision: Decision
    preview: Sequence[Piece]
    rest: Sequence[Piece]
    authors: Sequence[Author]
    related: Sequence[Article]
    topics: Sequence[Topic]
    regions: Sequence[Region]

    @property
    def is_full(self) -> bool:
        return isinstance(self.decision, FullText)

    @property
    def wall_template(self) -> str:
        """The template of the wall that stands where the rest would be; "" in a full text."""
        if isinstance(self.decision, FullText):
            return ""
        return f"articles/walls/{self.decision.wall}.html"

    @property
    def description(self) -> str:
        """A line for search engines and cards: the editor's own, or else the standfirst, or else
        the preview's beginning."""
        return self.article.search_description or self.article.standfirst or excerpt(self.preview)


def excerpt(preview: Sequence[Piece], length: int = 220) -> str:
    """The beginning of a preview as plain text, cut at a word, at most `length` characters."""
    text = " ".join(plain_text(str(p.value)) for p in preview if p.kind == "paragraph")
    if len(text) <= length:
        return text
    return text[:length].rsplit(" ", 1)[0].rstrip(",;:–— ") + "…"


def for_cards(articles: QuerySet[Article]) -> QuerySet[Article]:
    """With all that a list of articles shows, in a fixed number of queries, without the bodies."""
    return (
        articles.select_related("section", "hero")
        .prefetch_related(
            "hero__renditions",
            Prefetch("bylines", Byline.objects.select_related("author").order_by("sort_order")),
        )
        .defer("body", "hero__description")
    )


def published() -> QuerySet[Article]:
    """Every article that readers may know of, the newest first."""
    return Article.objects.filter(live=True).order_by("-published_at", "-pk")


def find_article(slug: str) -> Article:
    """The published article with this slug. Raises Http404."""
    article = (
        Article.objects.filter(live=True, slug=slug)
        .select_related("section", "hero")
        .prefetch_related(
            Prefetch("bylines", Byline.objects.select_related("author").order_by("sort_order")),
        )
        .order_by("pk")
        .first()
    )
    if article is None:
        raise Http404("There is no article at this address.")
    return article


def article_page(article: Article, decision: Decision) -> ArticlePage:
    """The article under a decision: the one place where the rest is handed on, or is not."""
    preview, rest = article.preview_and_rest()
    return ArticlePage(
        article=article,
        decision=decision,
        preview=preview,
        rest=rest if isinstance(decision, FullText) else (),
        authors=[b.author for b in article.bylines.all()],
        related=related_to(article),
        topics=article.topics.all(),
        regions=article.regions.all(),
    )


def related_to(article: Article, count: int = 3) -> list[Article]:
    """Pinned ones first; then the newest that share a topic; then of the section."""
    if not article.pk:
        return []
    pinned = [p.related_id for p in article.pinned.all()]
    found = {a.pk: a for a in for_cards(published().filter(pk__in=pinned))}
    related = [found[pk] for pk in pinned if pk in found][:count]
    topics = list(article.topics.all())
    for more, tags in (
        (published().filter(topics__in=topics), [f"in:topic:{topic.pk}" for topic in topics]),
        (published().filter(section=article.section_id), [f"in:section:{article.section_id}"]),
    ):
        if len(related) < count:
            depends_on(*tags)
            known = [article.pk, *(a.pk for a in related)]
            # Through a subquery: DISTINCT over whole rows is slow with a large archive.
            fresh = list(dict.fromkeys(more.values_list("pk", flat=True)[: 12 * count]))
            fresh = [pk for pk in fresh if pk not in known][: count - len(related)]
            related += for_cards(published().filter(pk__in=fresh))
    return related


def menu() -> QuerySet[Section]:
    """The sections that have articles, in the menu's order."""
    return Section.objects.filter(Exists(published().filter(section=OuterRef("pk"))))


def front_page(page: FrontPage) -> dict[str, Any]:
    """What stands on the front page: the lead, the editor's picks, then the latest and sections."""
    picked = [p.article_id for p in page.picks.all()]
    found = {a.pk: a for a in for_cards(published().filter(pk__in=picked))}
    picks = [found[pk] for pk in picked if pk in found]
    newest = list(for_cards(published().exclude(pk__in=list(found)))[: FRONT_PICKS + LATEST])
    if not picks:
        picks, newest = newest[:1], newest[1:]
    # Where the editor has picked little, what follows the latest fills the page.
    latest = newest[:LATEST]
    picks += newest[LATEST:][: max(0, FRONT_PICKS - len(picks))]
    shown = {a.pk for a in picks}
    sections = []
    for section in Section.objects.all():
        articles = list(for_cards(published().filter(section=section).exclude(pk__in=shown))[:4])
        if articles:
            sections.append((section, articles))
    return {
        "lead": picks[0] if picks else None,
        "picks": picks[1:],
        "latest": latest,
        "sections": sections,
    }


def listing(articles: QuerySet[Article], page: str | None) -> ListPage:
    """One page of a list. Raises Http404 for a page that does not exist."""
    try:
        return Paginator(for_cards(articles), PER_PAGE).page(page or 1)
    except InvalidPage as error:
        raise Http404("There is no such page of this list.") from error


def published_in(month: date) -> QuerySet[Article]:
    """What was published in a month (its first day), as counted where the publication is."""
    zone = the_publication().zone
    return published().filter(
        published_at__gte=start_of(month, zone), published_at__lt=start_of(next_month(month), zone)
    )


def months_of_archive() -> list[tuple[int, list[tuple[date, int]]]]:
    """Years, newest first, each with its months (first day, number of articles)."""
    months = (
        Article.objects.filter(live=True, published_at__isnull=False)
        .annotate(month=TruncMonth("published_at", tzinfo=the_publication().zone))
        .values_list("month")
        .annotate(count=Count("pk"))
        .order_by("-month")
    )
    years: dict[int, list[tuple[date, int]]] = {}
    for month, count in months:
        years.setdefault(month.year, []).append((month.date(), count))
    return list(years.items())


def changed_at(articles: QuerySet[Article]) -> datetime | None:
    """When anything in the list last changed."""
    return (
        articles.order_by("-last_published_at").values_list("last_published_at", flat=True).first()
    )
