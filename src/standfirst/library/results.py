"""What was found, as one reader may see it: excerpts of what they may read, and a badge that says
what they can open now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from standfirst.access.rules import Decision, FullText, Reason, Standing, Terms, Wall, decide
from standfirst.articles.models import Byline, Format, address_of, address_of_filed
from standfirst.articles.queries import published
from standfirst.articles.rules import minutes_to_read
from standfirst.articles.texts import readable
from standfirst.library import rules
from standfirst.library.engine import Engine, Fragment, Highlighter
from standfirst.publication.queries import the_publication

EXCERPT = 260  # characters
WHOLE = 100_000  # a headline is never cut

_SHOWN = (
    *("pk", "title", "slug", "standfirst", "terms", "format", "words", "published_at"),
    *("section__name", "section__slug", "section__terms"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What a reader can do with an article now; `opens`: all of it is theirs to read."""

    text: str
    opens: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A section, topic, region or author: of what kind, its name, its part of the address."""

    kind: str
    name: str
    slug: str

    def get_absolute_url(self) -> str:
        return address_of_filed(self.kind, self.slug)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An article that was found, as one reader may see it. `key` is its id; `kind` says what it is
    where that is no analysis."""

    key: int
    address: str
    title: str
    headline: SafeString
    excerpt: SafeString
    badge: Badge
    section: Place
    authors: Sequence[Place]
    kind: str
    published_at: datetime
    minutes: int
    pinned: bool = False  # an editor wants it first for this query


def shown(
    engine: Engine,
    query: rules.Query,
    keys: Sequence[int],
    standing: Standing,
    now: datetime,
    pinned: Sequence[int] = (),
) -> list[Result]:
    """The articles with these keys that are published at this moment, in their order."""
    # Plain rows: a page of models takes longer to make than to find.
    rows = published().filter(pk__in=keys).values(*_SHOWN, text=Cast("body", TextField()))
    found = {row["pk"]: row for row in rows}
    bylines = Byline.objects.filter(article__in=list(found)).order_by("sort_order")
    authors: dict[int, list[Place]] = {}
    for key, name, slug in bylines.values_list("article_id", "author__name", "author__slug"):
        authors.setdefault(key, []).append(Place("author", name, slug))
    headlines = engine.highlighter(query, WHOLE)
    excerpts = engine.highlighter(query, EXCERPT)
    labels, zone = dict(Format.choices), the_publication().zone
    items = []
    for row in (found[key] for key in keys if key in found):
        terms = Terms(row["terms"] or row["section__terms"])
        decision = decide(terms, standing, row["pk"], now)
        items.append(
            Result(
                key=row["pk"],
                address=address_of(row["slug"], row["published_at"], zone),
                title=row["title"],
                headline=_headline(row["title"], headlines),
                excerpt=_excerpt(row, decision, excerpts),
                badge=badge(decision),
                section=Place("section", row["section__name"], row["section__slug"]),
                authors=authors.get(row["pk"], ()),
                kind="" if row["format"] == Format.ANALYSIS else str(labels[row["format"]]),
                published_at=row["published_at"],
                minutes=minutes_to_read(row["words"]),
                pinned=row["pk"] in pinned,
            )
        )
    return items


def _excerpt(row: Mapping[str, Any], decision: Decision, find: Highlighter) -> SafeString:
    """The stretch that answers best of what this reader may see; else the standfirst."""
    texts = readable(json.loads(row["text"] or "[]"), decision)
    whole = " ".join([row["standfirst"], *texts])
    fragment = find(whole)
    if not fragment.marks:
        return escape(row["standfirst"] or whole[:EXCERPT].rsplit(" ", 1)[0])
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
