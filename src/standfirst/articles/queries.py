"""What pages, feeds and mails may say of articles.

`article_page` is the only function that hands on an article's rest, and it does so only for a
`FullText` decision. Everything else here works from previews and what stands around them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.paginator import InvalidPage
from django.core.paginator import Page as ListPage
from django.db.models import Model, Prefetch, QuerySet
from django.http import Http404

from standfirst.access.rules import Decision, FullText
from standfirst.articles.models import (
    Article,
    Author,
    Byline,
    Filed,
    FrontPage,
    Region,
    Section,
    Shelf,
    ShelfMonth,
    Topic,
)
from standfirst.articles.on_shelves import ALL, OnShelf, newest, newest_in, shelf_of
from standfirst.articles.related import SHOWN, next_to
from standfirst.articles.rules import Piece, plain_text
from standfirst.articles.tags import CHANGED, depends_on_names, depends_on_shelf
from standfirst.publication.kept import depends_on, noting, tag_of

PER_PAGE = 24
FRONT_PICKS = 10  # the lead and nine more
LATEST = 8

# What is not shown where a row is only named or shown as a card. A page that reads none of these of
# a row stays true when nothing else of it changes (see `reading.freshness`).
LONG: dict[type[Model], tuple[str, ...]] = {
    Article: (
        *("body", "terms", "search_description", "seo_title", "hero_alt", "hero_caption"),
        *("hero_credit", "note_kind", "note_text", "note_date", "last_published_at"),
    ),
    Author: ("biography", "portrait", "description"),
    Section: ("terms", "description"),
    Region: ("description",),
    Topic: ("description",),
}


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


def in_short(model: type[Model]) -> QuerySet[Any]:
    """All rows of a table, without what is LONG in it."""
    return model._default_manager.defer(*LONG[model])


def _with_authors() -> Prefetch[Any]:
    authors = (f"author__{name}" for name in LONG[Author])
    bylines = Byline.objects.select_related("author").defer(*authors)
    return Prefetch("bylines", bylines.order_by("sort_order"))


def filed_under() -> list[Prefetch[Any]]:
    """To prefetch with articles: their topics and regions in short."""
    return [Prefetch("topics", in_short(Topic)), Prefetch("regions", in_short(Region))]


def for_cards(articles: QuerySet[Article], *, whole: bool = False) -> QuerySet[Article]:
    """With all that a list of articles shows, in a fixed number of queries; without what is LONG in
    the articles, unless they are wanted `whole`."""
    of_sections = (f"section__{name}" for name in LONG[Section])
    return (
        articles.select_related("section", "hero")
        .prefetch_related("hero__renditions", _with_authors())
        .defer(*(() if whole else LONG[Article]), *of_sections, "hero__description")
    )


def published() -> QuerySet[Article]:
    """Every article that readers may know of, to be looked up by id or address. Lists are read
    from `shelves`: to sort or count these takes the longer, the more there are."""
    return Article.objects.filter(live=True).order_by()


def cards(ids: Sequence[int]) -> list[Article]:
    """These articles in this order, with all that a list shows; without what is not published."""
    depends_on(*(tag_of(Article, pk) for pk in ids))  # that one is published is a change too
    found = {article.pk: article for article in for_cards(published().filter(pk__in=ids))}
    return [found[pk] for pk in ids if pk in found]


def find_article(slug: str) -> Article:
    """The published article with this slug. Raises Http404."""
    article = (
        Article.objects.filter(live=True, slug=slug)
        .select_related("section", "hero")
        .prefetch_related(_with_authors(), *filed_under())
        .order_by("pk")
        .first()
    )
    if article is None:
        raise Http404("There is no article at this address.")
    return article


def article_page(article: Article, decision: Decision) -> ArticlePage:
    """The article under a decision: the one place where the rest is handed on, or is not."""
    preview, rest = article.preview_and_rest()
    topics = list(article.topics.all())
    return ArticlePage(
        article=article,
        decision=decision,
        preview=preview,
        rest=rest if isinstance(decision, FullText) else (),
        authors=[b.author for b in article.bylines.all()],
        related=related_to(article, topics),
        topics=topics,
        regions=article.regions.all(),
    )


def related_to(article: Article, topics: Sequence[Topic], count: int = SHOWN) -> list[Article]:
    """Pinned ones first; then the nearest. Where the library has not found enough (yet), the newest
    that share a topic, then those of the section."""
    if not article.pk:
        return []
    found = next_to(article, count)
    for subjects in (topics, [article.section]):
        if len(found) >= count:
            break
        known = {article.pk, *found}
        found += [pk for pk in newest_in(subjects, count + len(known)) if pk not in known]
    return cards(found[:count])


def menu() -> list[Section]:
    """The sections that have articles, in the menu's order: their names and addresses."""
    depends_on_names(Section)
    with noting():  # apart: of these rows the menu needs no more than their names
        return list(_filled_sections())


def _filled_sections() -> QuerySet[Section]:
    filled = Shelf.objects.filter(kind=Shelf.Kind.SECTION, count__gt=0)
    return in_short(Section).filter(pk__in=filled.values("subject"))


def front_page(page: FrontPage) -> dict[str, Any]:
    """What stands on the front page: the lead, the editor's picks, then the latest and sections."""
    picks = cards([p.article_id for p in page.picks.all()])
    picked = {a.pk for a in picks}
    ids = newest(shelf_of(), FRONT_PICKS + LATEST + len(picked))
    latest = cards([pk for pk in ids if pk not in picked][: FRONT_PICKS + LATEST])
    if not picks:
        picks, latest = latest[:1], latest[1:]
    # Where the editor has picked little, what follows the latest fills the page.
    picks += latest[LATEST:][: max(0, FRONT_PICKS - len(picks))]
    shown = {a.pk for a in picks}
    depends_on_names(Section)
    shelves = {s.subject: s for s in Shelf.objects.filter(kind=Shelf.Kind.SECTION, count__gt=0)}
    rows = {
        section: [pk for pk in newest(shelves[section.pk], 4 + len(shown)) if pk not in shown][:4]
        for section in _filled_sections()
    }
    found = {a.pk: a for a in cards([pk for row in rows.values() for pk in row])}
    return {
        "lead": picks[0] if picks else None,
        "picks": picks[1:],
        "latest": latest[:LATEST],
        "sections": [
            (section, [found[pk] for pk in row if pk in found])
            for section, row in rows.items()
            if row
        ],
    }


def listing(subject: Filed | None, page: str | None, month: date | None = None) -> ListPage[Any]:
    """One page of a subject's articles, or of all of one month (its first day). Raises Http404 for
    a page that does not exist."""
    try:
        return OnShelf(shelf_of(subject), PER_PAGE, cards, month).page(page or 1)
    except InvalidPage as error:
        raise Http404("There is no such page of this list.") from error


def months_of_archive() -> list[tuple[int, list[tuple[date, int]]]]:
    """Years, newest first, each with its months (first day, number of articles)."""
    depends_on_shelf(ALL, CHANGED)
    months = ShelfMonth.objects.filter(shelf=shelf_of().pk, count__gt=0).order_by("-month")
    years: dict[int, list[tuple[date, int]]] = {}
    for month, count in months.values_list("month", "count"):
        years.setdefault(month.year, []).append((month, count))
    return list(years.items())
