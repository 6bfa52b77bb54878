"""Searching for a reader: what is asked of the engine, what is found, and what stands beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from standfirst.access.rules import Standing
from standfirst.articles.models import Author, Filed, Format, Region, Section, Topic
from standfirst.articles.rules import filed_as
from standfirst.library import finding, house, rules
from standfirst.library.asked import LAST_PAGE, Asked
from standfirst.library.desk import pinned_to, the_desk
from standfirst.library.engine import (
    FACETS,
    Broken,
    Engine,
    Found,
    Order,
    Search,
    Unreachable,
    Value,
)
from standfirst.library.results import Place, Result, shown
from standfirst.library.semantic import meaning
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import start_of

PER_PAGE = 20
MOST_NAMED = 50  # authors, topics, ... that a name in a query may mean
YEARS_SHOWN = 40
PLACES = 6

Answer = TypeVar("Answer")

MODELS: Mapping[str, type[Filed]] = {
    "section": Section,
    "region": Region,
    "topic": Topic,
    "author": Author,
}


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
    typed; `also` what an editor says means the same as some of its words; `loosened`: no article
    held all the words, so these hold some."""

    items: Sequence[Result] = ()
    total: int = 0
    pages: int = 1
    facets: Sequence[tuple[str, Sequence[Choice]]] = ()
    corrected: str = ""
    also: Sequence[str] = ()
    loosened: bool = False
    completions: Sequence[str] = ()
    places: Sequence[Place] = ()
    unknown: Sequence[rules.Filed] = field(default_factory=tuple)


class NotNow(Exception):  # noqa: N818
    """Nothing can be searched for some moments; the text tells a reader why."""


IN_ORDER = "The library is being put in order and can be searched again in a moment."
AWAY = "The library cannot be searched for the moment; nothing is lost."


def search(asked: Asked, standing: Standing, now: datetime) -> Results:
    """What the library holds, for a reader with this standing. Raises NotNow."""
    return _of_the_live(lambda engine: _search(engine, asked, standing, now))


def to_follow(asked: Asked, now: datetime, count: int) -> Found:
    """A page of keys that answer, word for word as it was typed: for one who comes again, and to
    whom a corrected spelling must not bring other articles than last time. Raises NotNow."""
    wanted = _to_search(asked, rules.parse(asked.text), now)
    wanted = replace(wanted, start=(asked.page - 1) * count, count=count, facets=False)
    return _of_the_live(lambda engine: engine.search(wanted))


def suggested(text: str) -> list[str]:
    """How what was typed may go on, and what is called so: from what every reader may see."""
    found = _of_the_live(lambda engine: _completions(engine, text))
    return list(dict.fromkeys([*found, *(place.name for place in _places(text))]))


def _of_the_live(ask: Callable[[Engine], Answer]) -> Answer:
    try:
        try:
            return ask(house.live())
        except Broken:
            house.reopen()  # the index was swapped or deleted between two looks
        return ask(house.live())
    except Broken as error:
        house.damaged(error)
        raise NotNow(IN_ORDER) from error
    except Unreachable as error:
        raise NotNow(AWAY) from error


def _search(engine: Engine, asked: Asked, standing: Standing, now: datetime) -> Results:
    query = rules.parse(asked.text)
    thesaurus = the_desk().thesaurus
    answer = finding.find(engine, _to_search(asked, query, now), thesaurus, asked.exactly)
    found = meaning.fused(engine, answer, asked.text)
    first = asked.page == 1
    keys, total, pinned = found.keys, found.total, _pinned(asked, answer.meant, now)
    if pinned:
        keys, total = _after(engine, answer, asked.text, pinned)
    return Results(
        items=shown(engine, answer.search.query, keys, standing, now, pinned),
        total=total,
        pages=min(LAST_PAGE, max(1, -(-total // PER_PAGE))),
        facets=_facets(found.facets, asked),
        corrected=rules.written(answer.meant) if answer.corrected else "",
        also=answer.also,
        loosened=answer.loosened,
        completions=_completions(engine, asked.text),
        places=_places(asked.text) if first else (),
        unknown=[row for row in query.filed if not _named(row)],
    )


def _pinned(asked: Asked, query: rules.Query, now: datetime) -> list[int]:
    """What an editor wants first where this is asked for and nothing narrows it down."""
    if asked.order is not Order.RELEVANCE or asked.chosen or asked.since or asked.until:
        return []
    return pinned_to(query, now.astimezone(the_publication().zone).date())


def _after(
    engine: Engine, answer: finding.Answer, typed: str, pinned: Sequence[int]
) -> tuple[list[int], int]:
    """The page's keys where the pinned ones stand before all others, and how many there are."""
    wanted = answer.search
    end = wanted.start + wanted.count
    others = replace(
        wanted,
        without=[*wanted.without, ("key", frozenset(pinned))],
        start=max(0, wanted.start - len(pinned)),
        count=max(1, end - max(wanted.start, len(pinned))),
        facets=False,
    )
    found = meaning.fused(
        engine, replace(answer, found=engine.search(others), search=others), typed
    )
    keys = [*pinned[wanted.start : end], *found.keys][: wanted.count]
    return keys, len(pinned) + found.total


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


# -- what stands beside it --------------------------------------------------------------------


def _facets(
    counted: Mapping[str, Sequence[tuple[Value, int]]], asked: Asked
) -> list[tuple[str, list[Choice]]]:
    counts: dict[str, dict[Value, int]] = {}
    for facet in FACETS:
        chosen = _ids(facet, asked.chosen.get(facet, ()))
        counts[facet] = dict(counted.get(facet, ()))
        counts[facet] |= dict.fromkeys(chosen - counts[facet].keys(), 0)
    years = sorted(counts["year"], key=int, reverse=True)[:YEARS_SHOWN]
    counts["year"] = {year: counts["year"][year] for year in years}
    names = _names({kind: [int(key) for key in counts[kind]] for kind in MODELS})
    names["format"] = {key: (key, str(label)) for key, label in Format.choices}
    names["year"] = {year: (str(year), str(year)) for year in years}
    facets = []
    for facet in FACETS:
        ticked = asked.chosen.get(facet, ())
        choices = [
            Choice(value=slug, name=name, count=count, chosen=slug in ticked)
            for key, count in counts[facet].items()
            for slug, name in [names[facet].get(key, ("", ""))]
            if slug
        ]
        if choices:
            facets.append((facet, choices))
    return facets


def _names(keys: Mapping[str, Sequence[int]]) -> dict[str, dict[Value, tuple[str, str]]]:
    """By kind and id: what stands in addresses, and the name."""
    found: dict[str, dict[Value, tuple[str, str]]] = {kind: {} for kind in keys}
    wanted = {kind: some for kind, some in keys.items() if some}
    parts = [
        f"SELECT '{kind}', id, slug, name FROM {MODELS[kind]._meta.db_table}"  # noqa: S608
        f" WHERE id IN ({', '.join(['%s'] * len(some))})"
        for kind, some in wanted.items()
    ]
    for kind, pk, slug, name in _union(parts, [pk for some in wanted.values() for pk in some]):
        found[kind][pk] = slug, name
    return found


def _union(parts: Sequence[str], values: Sequence[int | str]) -> list[tuple[Any, ...]]:
    """Rows of several tables in one question, which Django would take longer to compose than the
    database to answer."""
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _completions(engine: Engine, text: str) -> list[str]:
    """The text as typed with its last word completed, from what every reader may see."""
    head, blank, last = text.rpartition(" ")
    return [f"{head}{blank}{word}" for word in engine.complete(last)]


def _places(text: str) -> list[Place]:
    """Sections, topics, regions and authors whose names begin with what was typed."""
    name = filed_as(" ".join(text.split()))[:100]
    if len(name) < 3:
        return []
    parts = [
        f"SELECT * FROM (SELECT '{kind}', name, slug FROM {model._meta.db_table}"  # noqa: S608
        f" WHERE filed_as LIKE %s ESCAPE '!' ORDER BY filed_as LIMIT {PLACES}) AS few"
        for kind, model in MODELS.items()
    ]
    beginning = "".join(f"!{c}" if c in "!%_" else c for c in name) + "%"
    rows = _union(parts, [beginning] * len(parts))
    return [Place(*row) for row in rows[:PLACES]]
