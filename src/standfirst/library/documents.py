"""Articles as the index gets them, read from the database many at a time."""

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast

from standfirst.articles.models import Article, Author, Byline, Region, Section, Topic
from standfirst.articles.texts import whole
from standfirst.library.engine import Document, Value
from standfirst.library.models import Kind

BATCH = 250

_COLUMNS = (
    *("pk", "title", "standfirst", "section", "format", "published_at"),
    *("hero_alt", "hero_caption", "hero_credit", "note_text"),
)


def indexed() -> QuerySet[Article]:
    """The articles that belong into the index."""
    return Article.objects.filter(live=True, published_at__isnull=False).order_by()


def filed_under(kind: Kind, subject: int) -> QuerySet[Article]:
    """The articles that a note is about, published or not."""
    articles = Article.objects.order_by("pk")
    match kind:
        case Kind.ARTICLE:
            return articles.filter(pk=subject)
        case Kind.SECTION:
            return articles.filter(section=subject)
        case Kind.TOPIC:
            return articles.filter(topics=subject)
        case Kind.REGION:
            return articles.filter(regions=subject)
        case Kind.AUTHOR:
            return articles.filter(pk__in=Byline.objects.filter(author=subject).values("article"))
        case Kind.EVERYTHING:
            return articles


def documents(keys: Sequence[int], zone: ZoneInfo) -> Iterator[Document]:
    """Documents of those articles that belong into the index, in no order."""
    rows = list(
        indexed()
        .filter(pk__in=keys)
        .values(*_COLUMNS, text=Cast("body", TextField()))  # not parsed by Wagtail: that is slow
    )
    found = [row["pk"] for row in rows]
    filed: dict[str, dict[int, list[int]]] = {
        "topic": _pairs(Article.topics.through.objects, found, "topic"),
        "region": _pairs(Article.regions.through.objects, found, "region"),
        "author": _pairs(Byline.objects.order_by("sort_order"), found, "author"),
        "section": {row["pk"]: [row["section"]] for row in rows},
    }
    names = {
        kind: dict(
            model._default_manager.filter(
                pk__in={pk for some in filed[kind].values() for pk in some}
            ).values_list("pk", "name")
        )
        for kind, model in (
            ("topic", Topic),
            ("region", Region),
            ("author", Author),
            ("section", Section),
        )
    }
    for row in rows:
        yield _document(row, {k: sorted(filed[k].get(row["pk"], [])) for k in filed}, names, zone)


def _pairs(rows: Any, articles: list[int], column: str) -> dict[int, list[int]]:
    pairs: dict[int, list[int]] = {}
    found = rows.filter(article__in=articles).values_list(F("article_id"), F(f"{column}_id"))
    for article, subject in found:
        pairs.setdefault(article, []).append(subject)
    return pairs


def _document(
    row: dict[str, Any],
    filed: dict[str, list[int]],
    names: dict[str, dict[int, str]],
    zone: ZoneInfo,
) -> Document:
    preview, rest = whole(json.loads(row["text"] or "[]"))
    around = [row[name] for name in ("hero_alt", "hero_caption", "hero_credit", "note_text")]
    values: dict[str, list[Value]] = {kind: [*found] for kind, found in filed.items()}
    values["format"] = [row["format"]]
    values["year"] = [row["published_at"].astimezone(zone).year]
    parts = (
        row["title"],
        [row["standfirst"], *preview, *(text for text in around if text)],
        rest,
        [names[kind][pk] for kind in filed for pk in filed[kind] if pk in names[kind]],
        values,
        int(row["published_at"].timestamp()),
    )
    digest = blake2b(json.dumps(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return Document(
        key=row["pk"],
        headline=parts[0],
        open_text=parts[1],
        rest=rest,
        names=parts[3],
        filed=values,
        published_at=row["published_at"],
        stamp=int.from_bytes(digest, "big", signed=True),
    )
