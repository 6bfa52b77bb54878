"""Putting many articles into the magazine at once.

Wagtail's way of adding a page costs some thirty queries; here a batch costs about as many. What
comes out is the same: an editor may open, change, publish and move what was put in. The rows of the
pages and of the articles are written with paths computed beforehand, all in one transaction that
holds the index page, so that nobody else can add a page meanwhile.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from anyascii import anyascii
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils.text import slugify
from modelsearch.backends import get_search_backends
from wagtail.images import get_image_model
from wagtail.models import Page, ReferenceIndex

from standfirst.articles.models import (
    Article,
    ArticleIndex,
    Author,
    Byline,
    Region,
    Section,
    Topic,
)
from standfirst.articles.shelves import put
from standfirst.publication.events import ArticlesLoaded, happened

SLUG_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArticle:
    """An article to put in. `body` is the raw list of blocks; `published_at` is aware."""

    source_id: str
    source_hash: str
    title: str
    standfirst: str = ""
    section: Section
    format: str
    published_at: datetime
    body: list[dict[str, Any]]
    words: int
    terms: str = ""
    authors: Sequence[Author] = ()
    topics: Sequence[Topic] = ()
    regions: Sequence[Region] = ()
    hero: dict[str, Any] = field(default_factory=dict)


def slug_of(title: str) -> str:
    """The words of a title as they stand in an address: Latin letters, cut at a word."""
    slug = slugify(anyascii(title)) or "article"
    if len(slug) > SLUG_LENGTH:
        slug = slug[:SLUG_LENGTH].rpartition("-")[0] or slug[:SLUG_LENGTH]
    return slug


class Slugs:
    """Addresses that are taken. Reads them all once, for asking one by one would be slow."""

    def __init__(self) -> None:
        self._taken = set(Article.objects.values_list("slug", flat=True))
        self._next: dict[str, int] = {}

    def free(self, title: str) -> str:
        """An address for this title that no article has, taken from now on."""
        slug = base = slug_of(title)
        while slug in self._taken:
            self._next[base] = self._next.get(base, 1) + 1
            slug = f"{base}-{self._next[base]}"
        self._taken.add(slug)
        return slug

    def refuse(self, slugs: Iterable[str]) -> None:
        """Take note of addresses that somebody else took in the meantime."""
        self._taken.update(slugs)


def add_articles(new: Sequence[NewArticle], slugs: Slugs) -> list[Article]:
    """Put articles in, published, in one transaction. None of their source ids may be known."""
    if not new:
        return []
    with transaction.atomic():
        index = ArticleIndex.objects.select_for_update().get()
        named = [slugs.free(a.title) for a in new]
        taken = set(Article.objects.filter(slug__in=named).values_list("slug", flat=True))
        if taken:
            slugs.refuse(taken)
            named = [
                slugs.free(a.title) if slug in taken else slug
                for a, slug in zip(new, named, strict=True)
            ]
        articles = _pages(index, new, named)
        _insert(articles)
        _file(articles, new)
        put([article.pk for article in articles])
        happened(ArticlesLoaded(articles=tuple(article.pk for article in articles)))
        Page.objects.filter(pk=index.pk).update(numchild=index.numchild + len(new))
        _note_references(articles)
        for backend in get_search_backends(with_auto_update=True):
            backend.add_bulk(Article, articles)
    return articles


def _pages(index: ArticleIndex, new: Sequence[NewArticle], slugs: Sequence[str]) -> list[Article]:
    """Write the pages' own rows and return the articles that belong on them, not yet written."""
    last = index.get_last_child()
    step = Page._str2int(last.path[-Page.steplen :]) + 1 if last else 1
    kind = ContentType.objects.get_for_model(Article)
    pages = []
    for number, (item, slug) in enumerate(zip(new, slugs, strict=True)):
        pages.append(
            Page(
                title=item.title,
                draft_title=item.title,
                slug=slug,
                path=Page._get_path(index.path, index.depth + 1, step + number),
                depth=index.depth + 1,
                url_path=f"{index.url_path}{slug}/",
                content_type=kind,
                locale_id=index.locale_id,
                live=True,
                first_published_at=item.published_at,
                last_published_at=item.published_at,
            )
        )
    Page.objects.bulk_create(pages)
    articles = []
    for page, item in zip(pages, new, strict=True):
        article = Article(
            page_ptr=page,
            standfirst=item.standfirst,
            section=item.section,
            format=item.format,
            published_at=item.published_at,
            body=json.dumps(item.body),
            terms=item.terms,
            source_id=item.source_id,
            source_hash=item.source_hash,
            words=item.words,
            desk_at=item.published_at,
            edited_at=item.published_at,
            state="live",
            **item.hero,
        )
        for column in Page._meta.concrete_fields:
            setattr(article, column.attname, getattr(page, column.attname))
        articles.append(article)
    return articles


def _insert(articles: Sequence[Article]) -> None:
    """Write the articles' own columns; bulk_create does not do that for a model with a parent."""
    columns = Article._meta.local_concrete_fields
    size = connection.ops.bulk_batch_size(columns, articles)
    for start in range(0, len(articles), size):
        Article._base_manager._insert(
            articles[start : start + size], fields=columns, using=connection.alias
        )


def _file(articles: Sequence[Article], new: Sequence[NewArticle]) -> None:
    """Write who wrote them and what they are filed under."""
    pairs = list(zip(articles, new, strict=True))
    Byline.objects.bulk_create(
        Byline(article=article, author=author, sort_order=order)
        for article, item in pairs
        for order, author in enumerate(item.authors)
    )
    for relation, name in ((Article.topics, "topics"), (Article.regions, "regions")):
        through = relation.through
        column = name[:-1]
        through.objects.bulk_create(
            through(article_id=article.pk, **{f"{column}_id": subject.pk})
            for article, item in pairs
            for subject in getattr(item, name)
        )


def _note_references(articles: Sequence[Article]) -> None:
    """Tell Wagtail what the articles point to, so that deleting a section in use is warned of."""
    image = get_image_model()
    kinds = {
        model: ContentType.objects.get_for_model(model)
        for model in (Article, Page, Section, Author, image)
    }
    bylines: dict[int, list[Byline]] = {}
    for byline in Byline.objects.filter(article__in=articles):
        bylines.setdefault(byline.article_id, []).append(byline)
    rows: list[ReferenceIndex] = []

    def refer(article: Article, model: type, key: Any, model_path: str, path: str) -> None:
        rows.append(
            ReferenceIndex(
                content_type=kinds[Article],
                base_content_type=kinds[Page],
                object_id=article.pk,
                to_content_type=kinds[model],
                to_object_id=key,
                model_path=model_path,
                content_path=path,
                content_path_hash=ReferenceIndex._get_content_path_hash(path),
            )
        )

    for article in articles:
        refer(article, Section, article.section_id, "section", "section")
        if article.hero_id:
            refer(article, image, article.hero_id, "hero", "hero")
        for byline in bylines.get(article.pk, ()):
            path = f"bylines.{byline.pk}.author"
            refer(article, Author, byline.author_id, "bylines.item.author", path)
    ReferenceIndex.objects.bulk_create(rows)
