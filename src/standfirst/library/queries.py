"""Searching for a reader: what is found, what of it they may see, and what they can open now."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F, Prefetch, TextField
from django.db.models.functions import Cast
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from standfirst.access.rules import Decision, FullText, Reason, Standing, Wall, decide
from standfirst.articles.models import (
    Article,
    Author,
    Byline,
    Filed,
    Format,
    Region,
    Section,
    Topic,
)
from standfirst.articles.queries import published
from standfirst.articles.rules import filed_as
from standfirst.articles.texts import readable
from standfirst.library import finding, house, rules
from standfirst.library.asked import LAST_PAGE, Asked
from standfirst.library.engine import FACETS, Broken, Engine, Fragment, Highlighter, Search, Value
from standfirst.library.semantic import meaning
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import start_of

PER_PAGE = 20
EXCERPT = 260  # characters
WHOLE = 100_000  # a headline is never cut
MOST_NAMED = 50  # authors, topics, ... that a name in a query may mean
YEARS_SHOWN = 40
PLACES = 6

MODELS: Mapping[str, type[Filed]] = {
    "section": Section,
    "region": Region,
    "topic": Topic,
    "author": Author,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What a reader can do with an article now; `opens`: all of it is theirs to read."""

    text: str
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An article that was found, as one reader may see it."""

    article: Article
    headline: SafeString
    excerpt: SafeString
    badge: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of a facet: what stands in addresses, its name, how many articles, is it chosen?"""

    value: str
    name: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A page of what was found. `corrected` is the query that was searched instead of the one
    typed; `loosened`: no article held all the words, so these hold some."""

    items: Sequence[Result] = ()
    total: int = 0
    pages: int = 1
    facets: Sequence[tuple[str, Sequence[Choice]]] = ()
    corrected: str = ""
    loosened: bool = False
    completions: Sequence[str] = ()
    places: Sequence[Filed] = ()
    unknown: Sequence[rules.Filed] = field(default_factory=tuple)


class NotNow(Exception):  # noqa: N818
    """The index is being built: nothing can be searched for some moments."""


def search(asked: Asked, standing: Standing, now: datetime) -> Results:
    """What the library holds, for a reader with this standing. Raises NotNow."""
    try:
        return _search(house.live(), asked, standing, now)
    except Broken:
        house.reopen()  # the index was swapped or deleted between two looks
    try:
        return _search(house.live(), asked, standing, now)
    except Broken as error:
        house.damaged(error)
        raise NotNow from error


def _search(engine: Engine, asked: Asked, standing: Standing, now: datetime) -> Results:
    query = rules.parse(asked.text)
    wanted = _to_search(asked, query, now)
    answer = finding.find(engine, wanted, asked.exactly)
    found = meaning.fused(engine, answer, asked.text)
    first = asked.page == 1
    return Results(
        items=_items(engine, answer.query, found.keys, standing, now),
        total=found.total,
        pages=min(LAST_PAGE, max(1, -(-found.total // PER_PAGE))),
        facets=_facets(found.facets, asked),
        corrected=rules.written(answer.query) if answer.corrected else "",
        loosened=answer.loosened,
        completions=_completions(engine, asked.text),
        places=_places(asked.text) if first else (),
        unknown=[row for row in query.filed if not _named(row)],
    )


# -- what to look for -------------------------------------------------------------------------


def _to_search(asked: Asked, query: rules.Query, now: datetime) -> Search:
    zone = the_publication().zone
    since, before = asked.span(zone)
    only = [(row.field, _named(row)) for row in query.filed]
    only += [(facet, ids) for facet, slugs in asked.chosen.items() if (ids := _ids(facet, slugs))]
    after = start_of(query.after, zone) if query.after else None
    until = start_of(query.before, zone) if query.before else None
    return Search(
        query=query,
        only=only,
        without=[(row.field, _named(row)) for row in query.not_filed],
        since=max((m for m in (since, after) if m), default=None),
        before=min((m for m in (before, until) if m), default=None),
        order=asked.order,
        start=(asked.page - 1) * PER_PAGE,
        count=PER_PAGE,
        facets=True,
        freshness=settings.LIBRARY_FRESHNESS,
        now=now,
    )


def _named(row: rules.Filed) -> frozenset[Value]:
    """What a name in a query means: that which is called so, or else all whose names hold it."""
    name = filed_as(row.name)
    if row.field == "format":
        return frozenset(f.value for f in Format if f.label.lower().startswith(name))
    subjects = MODELS[row.field]._default_manager.order_by()
    exact = subjects.filter(filed_as=name) | subjects.filter(slug=row.name.lower())
    found = list(exact.values_list("pk", flat=True)[:MOST_NAMED])
    if not found:
        holding = subjects.filter(filed_as__contains=name)
        found = list(holding.values_list("pk", flat=True)[:MOST_NAMED])
    return frozenset(found)


def _ids(facet: str, values: Sequence[str]) -> frozenset[Value]:
    if not values:
        return frozenset()
    if facet == "format":
        return frozenset(v for v in values if v in Format.values)
    if facet == "year":
        return frozenset(int(v) for v in values if v.isascii() and v.isdigit() and len(v) < 5)
    subjects = MODELS[facet]._default_manager.filter(slug__in=values)
    return frozenset(subjects.values_list("pk", flat=True))


# -- what was found ---------------------------------------------------------------------------


def _items(
    engine: Engine, query: rules.Query, keys: Sequence[int], standing: Standing, now: datetime
) -> list[Result]:
    """The articles with these keys that are published at this moment, in their order."""
    rows = (
        published()
        .filter(pk__in=keys)
        .select_related("section")
        .prefetch_related(
            Prefetch("bylines", Byline.objects.select_related("author").order_by("sort_order"))
        )
        .defer("body")
        .annotate(as_kept=Cast(F("body"), TextField()))
    )
    found: dict[int, Any] = {article.pk: article for article in rows}
    headlines = engine.highlighter(query, WHOLE)
    excerpts = engine.highlighter(query, EXCERPT)
    items = []
    for article in (found[key] for key in keys if key in found):
        decision = decide(article.effective_terms, standing, article.pk, now)
        items.append(
            Result(
                article=article,
                headline=_headline(article.title, headlines),
                excerpt=_excerpt(article, decision, excerpts),
                badge=badge(decision),
            )
        )
    return items


def _excerpt(article: Any, decision: Decision, find: Highlighter) -> SafeString:
    """The stretch that answers best of what this reader may see; else the standfirst."""
    texts = readable(json.loads(article.as_kept or "[]"), decision)
    whole = " ".join([article.standfirst, *texts])
    fragment = find(whole)
    if not fragment.marks:
        return escape(article.standfirst or whole[:EXCERPT].rsplit(" ", 1)[0])
    before, _, after = whole.partition(fragment.text)
    tail = escape(after) if not any(c.isalnum() for c in after) else " …"
    return mark_safe(("… " if before else "") + _marked(fragment) + tail)  # noqa: S308  escaped


def _headline(title: str, find: Highlighter) -> SafeString:
    """All of a headline: a fragment ends with its last word, without what follows."""
    fragment = find(title)
    if not fragment.marks or not title.startswith(fragment.text):
        return escape(title)
    return mark_safe(_marked(fragment) + escape(title[len(fragment.text) :]))  # noqa: S308  escaped


def _marked(fragment: Fragment) -> SafeString:
    """The fragment as HTML with its matches in <mark>."""
    parts, end = [], 0
    for start, stop in fragment.marks:
        if start < end:
            continue
        parts += [escape(fragment.text[end:start]), "<mark>", escape(fragment.text[start:stop])]
        parts.append("</mark>")
        end = stop
    parts.append(escape(fragment.text[end:]))
    return mark_safe("".join(parts))  # noqa: S308  every part is escaped


_OPENS = {
    Reason.STAFF: "Staff",
    Reason.OPEN: "Open to all",
    Reason.SUBSCRIPTION: "All-Access",
    Reason.INSTITUTION: "All-Access",
    Reason.UNLOCKED: "Unlocked",
    Reason.CRAWLER: "Open",
    Reason.SIGNED_IN: "Open to members",
}
_CLOSED = {
    Wall.JOIN: "Opens when you join, free",
    Wall.SUBSCRIBE: "With All-Access",
    Wall.CONFIRM: "Once your address is confirmed",
    Wall.SPENT: "No choice left this month",
}


def badge(decision: Decision) -> Badge:
    """What a reader with this decision can do now."""
    if isinstance(decision, FullText):
        return Badge(text=_OPENS[decision.reason], opens=True)
    if decision.wall is Wall.CHOOSE:
        left = decision.credits_left
        text = "Your last choice this month" if left == 1 else f"One of your {left} choices"
        return Badge(text=text, opens=False)
    return Badge(text=_CLOSED[decision.wall], opens=False)


# -- what stands beside it --------------------------------------------------------------------


def _facets(
    counted: Mapping[str, Sequence[tuple[Value, int]]], asked: Asked
) -> list[tuple[str, list[Choice]]]:
    facets = []
    for facet in FACETS:
        counts = dict(counted.get(facet, ()))
        chosen = _ids(facet, asked.chosen.get(facet, ()))
        values = [*counts, *sorted(chosen - set(counts), key=str)]
        if facet == "year":
            values = sorted(values, key=int, reverse=True)[:YEARS_SHOWN]
        choices = [
            Choice(
                value=value,
                name=name,
                count=counts.get(key, 0),
                chosen=key in chosen,
            )
            for key, value, name in _names(facet, values)
        ]
        if choices:
            facets.append((facet, choices))
    return facets


def _names(facet: str, values: Iterable[Value]) -> list[tuple[Value, str, str]]:
    if facet == "year":
        return [(value, str(value), str(value)) for value in values]
    if facet == "format":
        labels = dict(Format.choices)
        return [(value, str(value), str(labels[str(value)])) for value in values if value in labels]
    rows = MODELS[facet]._default_manager.in_bulk([int(value) for value in values])
    return [
        (value, row.slug, row.name) for value in values if (row := rows.get(int(value))) is not None
    ]


def _completions(engine: Engine, text: str) -> list[str]:
    """The text as typed with its last word completed, from what every reader may see."""
    head, blank, last = text.rpartition(" ")
    return [f"{head}{blank}{word}" for word in engine.complete(last)]


def _places(text: str) -> list[Filed]:
    """Sections, topics, regions and authors whose names begin with what was typed."""
    name = filed_as(" ".join(text.split()))[:100]
    if len(name) < 3:
        return []
    found: list[Filed] = []
    for model in MODELS.values():
        named = model._default_manager.filter(filed_as__startswith=name).order_by("filed_as")
        found += named[: PLACES - len(found)]
    return found[:PLACES]
