"""Loading articles from JSON lines: `{id, title, authors, date, topics, kind, body}`, one a line.

Loading is idempotent by id: what is known and unchanged is skipped, what has changed becomes a new
revision of the same article at the same address. Each batch is one transaction, so whatever stops a
load in the middle loses nothing, and the next load goes on from there. A line that cannot be used
is reported with its number and reason; the others are loaded.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import IO, Any

from django.db import transaction
from django.utils.text import capfirst

from standfirst.articles.load_rows import NewArticle, Slugs, add_articles, slug_of
from standfirst.articles.load_text import blocks, clean, count_words, short_title, stretches
from standfirst.articles.models import Article, Author, Byline, Format, Section, Topic
from standfirst.publication.queries import the_publication

BATCH = 200
LONGEST_LINE = 20_000_000  # bytes
UNDATED = date(2000, 1, 1)

# What a kind becomes: the article's format, and the section it stands in (made when first needed).
KINDS: dict[str, tuple[Format, str]] = {
    "speech": (Format.SPEECH, "Speeches"),
    "essay": (Format.ESSAY, "History"),
    "country-profile": (Format.PROFILE, "Countries"),
    "biography": (Format.PROFILE, "People"),
    "report": (Format.REPORT, "Reports"),
    "brief": (Format.BRIEFING, "Reports"),
    "legal-brief": (Format.BRIEFING, "Reports"),
    "analysis": (Format.ANALYSIS, "Analysis"),
    "briefing": (Format.BRIEFING, "Analysis"),
    "interview": (Format.INTERVIEW, "Analysis"),
    "review": (Format.REVIEW, "Analysis"),
}
OTHER_KIND = (Format.ANALYSIS, "Analysis")
WITHOUT_HEADINGS = {"speech"}


class BadLine(ValueError):  # noqa: N818
    """A line that cannot be loaded; the text says why."""


@dataclass(slots=True)
class Report:
    """What a load has done so far."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: list[tuple[str, int, str]] = field(default_factory=list)  # file, line, reason

    @property
    def read(self) -> int:
        return self.added + self.updated + self.unchanged + len(self.bad)


@dataclass(frozen=True, slots=True)
class Line:
    """A usable line of a file. `hash` is that of all that makes the article."""

    source_id: str
    hash: str
    title: str
    authors: tuple[str, ...]
    topics: tuple[str, ...]
    kind: str
    day: date | None
    body: str


def read_line(raw: bytes, today: date) -> Line:
    """Check one line. Raises BadLine with a reason that whoever made the file can act on."""
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLine(f"it is not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise BadLine(f"it is not JSON ({error})") from error
    if not isinstance(row, dict):
        raise BadLine("it is not an object in braces")
    source_id, title, body = (_text(row, name) for name in ("id", "title", "body"))
    if len(source_id) > 200:
        raise BadLine("its “id” is longer than 200 characters")
    line = Line(
        source_id=source_id,
        hash="",
        title=short_title(title),
        authors=_names(row, "authors"),
        topics=_names(row, "topics"),
        kind=str(row.get("kind") or "").strip().lower(),
        day=_day(row.get("date"), today),
        body=body,
    )
    if not line.title or not stretches(body):
        raise BadLine("nothing readable is left of its “title” or “body”")
    return replace(line, hash=hashlib.sha256(repr(line).encode("utf-8", "replace")).hexdigest())


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not clean(value).strip():
        raise BadLine(f"its “{name}” is missing or not a text")
    return clean(value).strip()


def _names(row: dict[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadLine(f"its “{name}” is not a list of texts")
    found = (short_title(item) for item in value)
    return tuple(dict.fromkeys(item for item in found if item))


def _day(value: object, today: date) -> date | None:
    if value is None or value == "":
        return None
    try:
        day = date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise BadLine(f"its “date” {value!r} is not a day like 2026-04-16") from error
    if not date(1000, 1, 1) <= day <= today:
        raise BadLine(f"its “date” {day} lies in the future or before the year 1000")
    return day


def lines_of(file: Path) -> Iterator[tuple[int, bytes, float]]:
    """The file's lines with their numbers, and how far into the file each is (0 to 1).

    `.gz` files are unpacked on the way. Raises OSError or EOFError for a broken file.
    """
    size = max(1, file.stat().st_size)
    with ExitStack() as files:
        packed = files.enter_context(file.open("rb"))
        opened: IO[bytes] | gzip.GzipFile = packed
        if file.suffix == ".gz":
            opened = files.enter_context(gzip.GzipFile(fileobj=packed))
        number = 0
        while raw := opened.readline(LONGEST_LINE):
            number += 1
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                raise OSError(f"line {number} is longer than {LONGEST_LINE:,} bytes")
            if raw.strip():
                yield number, raw, min(1.0, packed.tell() / size)


class Loader:
    """Loads files, one after the other, into the magazine.

    `undated` is the day that articles without a date are given. `progress` is called after each
    batch with the report and how far the present file is.
    """

    def __init__(
        self,
        *,
        undated: date = UNDATED,
        progress: Callable[[Report, float], None] = lambda report, share: None,
    ) -> None:
        self.report = Report()
        self._undated = undated
        self._progress = progress
        self._zone = the_publication().zone
        self._slugs = Slugs()
        self._authors: dict[str, Author] = {}
        self._topics: dict[str, Topic] = {}
        self._sections: dict[str, Section] = {}

    def load(self, file: Path) -> Report:
        """Load one file. Bad lines are noted in the report, not raised."""
        seen: dict[str, int] = {}
        batch: dict[str, Line] = {}
        share = 0.0
        today = datetime.now(UTC).astimezone(self._zone).date()
        for number, raw, share in lines_of(file):
            try:
                line = read_line(raw, today)
                if line.source_id in seen:
                    raise BadLine(
                        f"its “id” {line.source_id} stands in line {seen[line.source_id]} already"
                    )
            except BadLine as error:
                self.report.bad.append((file.name, number, str(error)))
                continue
            seen[line.source_id] = number
            batch[line.source_id] = line
            if len(batch) == BATCH:
                self._take(batch)
                self._progress(self.report, share)
                batch = {}
        self._take(batch)
        self._progress(self.report, 1.0)
        return self.report

    def _take(self, batch: dict[str, Line]) -> None:
        if not batch:
            return
        with transaction.atomic():
            known = dict(
                Article.objects.filter(source_id__in=batch).values_list("source_id", "source_hash")
            )
            fresh = [line for name, line in batch.items() if name not in known]
            changed = [
                line for name, line in batch.items() if name in known and known[name] != line.hash
            ]
            add_articles([self._new_article(line) for line in fresh], self._slugs)
            for line in changed:
                self._update(line)
        self.report.added += len(fresh)
        self.report.updated += len(changed)
        self.report.unchanged += len(batch) - len(fresh) - len(changed)

    def _new_article(self, line: Line) -> NewArticle:
        text = stretches(line.body, headings=line.kind not in WITHOUT_HEADINGS)
        kind, section = KINDS.get(line.kind, OTHER_KIND)
        at = datetime.combine(line.day or self._undated, time(6), self._zone)
        return NewArticle(
            source_id=line.source_id,
            source_hash=line.hash,
            title=line.title,
            section=self._section(section),
            format=kind,
            published_at=at,
            body=blocks(line.source_id, text),
            words=count_words(text),
            authors=[*dict.fromkeys(self._author(name) for name in line.authors)],
            topics=[*dict.fromkeys(self._topic(name) for name in line.topics)],
        )

    def _update(self, line: Line) -> None:
        """Publish the changed text as a new revision; what stood there stays in the history.

        (Wagtail keeps the state before the first revision as a revision of its own.)
        """
        new = self._new_article(line)
        article = Article.objects.select_for_update().get(source_id=line.source_id)
        article.title = article.draft_title = new.title
        article.body = json.dumps(new.body)
        article.section, article.format = new.section, new.format
        # Without a date of its own it keeps the one it has: an editor may have set it.
        if line.day:
            article.published_at = new.published_at
        article.bylines.set(
            [Byline(author=author, sort_order=i) for i, author in enumerate(new.authors)]
        )
        article.topics.set(new.topics)
        article.source_hash = line.hash
        article.save_revision(log_action=True).publish()

    # -- what articles are filed under -------------------------------------------------------

    def _section(self, name: str) -> Section:
        if name not in self._sections:
            found = Section.objects.filter(slug=slug_of(name)).first()
            self._sections[name] = found or Section.objects.create(
                name=name, slug=slug_of(name), position=100
            )
        return self._sections[name]

    def _author(self, name: str) -> Author:
        if name not in self._authors:
            self._authors[name] = _filed(Author, name, _free_slug(Author, name))
        return self._authors[name]

    def _topic(self, name: str) -> Topic:
        """Topics are one where their addresses are: “afghanistan” and “Afghanistan”."""
        slug = slug_of(name)
        if slug not in self._topics:
            found = Topic.objects.filter(slug=slug).first()
            self._topics[slug] = found or _filed(Topic, _shown(name), slug)
        return self._topics[slug]


def _filed(model: Any, name: str, slug: str) -> Any:
    """The author or topic of that name, made if there is none."""
    return model.objects.get_or_create(name=name, defaults={"slug": slug})[0]


def _free_slug(model: Any, name: str) -> str:
    """An address for a new author: two people of one spelling get two."""
    base, number = slug_of(name), 1
    slug = base
    while model.objects.filter(slug=slug).exclude(name=name).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug


def _shown(name: str) -> str:
    """A topic's name as readers see it: `diplomatic-relations` becomes Diplomatic relations."""
    if "-" in name and " " not in name and name == name.lower():
        return capfirst(name.replace("-", " "))
    return capfirst(name)
