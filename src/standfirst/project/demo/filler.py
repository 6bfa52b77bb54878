"""Filling the sample's library to any size, with recombined paragraphs of the sample.

The same number gives the same articles on every machine, so a fill that was stopped goes on where
it was, and may be made larger later.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from django.utils import timezone

from standfirst.articles.load_rows import NewArticle, Slugs, add_articles
from standfirst.articles.load_text import Stretch, blocks
from standfirst.articles.models import Article, Author, Format, Region, Section, Topic
from standfirst.articles.rules import plain_text
from standfirst.project.commands.load import Progress
from standfirst.publication.queries import the_publication

SOURCE = "meridian-filler:"
BATCH = 250
YEARS = 20

_OPENINGS = (
    "The Long Road to", "What Everyone Misses About", "The Quiet Politics of", "A Short History of",
    "The Price of", "Who Pays for", "The Case Against", "Living With", "The Trouble With",
    "How to Read", "After", "Before", "The Limits of", "The Return of", "Notes on", "Against",
    "The New Map of", "The Arithmetic of", "Why Nobody Owns", "The Second Life of",
)  # fmt: skip
_SUBJECTS = (
    "the Cheap Crossing", "Borrowed Water", "the Patient Creditor", "an Open Port", "Dry Canals",
    "the Rented Fleet", "Cold Storage", "the Slow Train", "Small Islands", "the Spare Grid",
    "a Treaty Without Teeth", "the Honest Broker", "Late Payments", "the Empty Warehouse",
    "Silent Cables", "the Weak Currency", "Salt and Silt", "the Night Shift", "Paper Borders",
    "the Third Bidder", "Old Pipelines", "the Census Taker", "Inland Harbours", "the Standing Army",
    "Shared Rivers", "the Last Refinery", "Rare Metals", "the Unread Report", "Soft Guarantees",
    "the Price Cap",
)  # fmt: skip
_PLACES = (
    "on the Danube", "in the Gulf", "in the Sahel", "east of Suez", "in the Andes",
    "on the Black Sea", "in the Baltic", "along the Mekong", "in Central Asia", "on the Horn",
    "in the Pacific", "under the Ice", "in the Delta", "at the Border", "in a Dry Year",
    "After the Summit", "Before the Vote", "in Lean Times", "at Sea", "in the Capital",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Stock:
    """What articles are recombined from."""

    paragraphs: list[str]
    headings: list[str]
    standfirsts: list[str]
    sections: list[Section]
    authors: list[Author]
    topics: list[Topic]
    regions: list[Region]
    formats: list[str]


def fill(total: int) -> None:
    """Add articles until the magazine has `total`; says how far it is on the terminal."""
    missing = total - Article.objects.filter(live=True).count()
    if missing <= 0:
        return
    begun = Article.objects.filter(source_id__startswith=SOURCE).count()
    stock, slugs, bar = _stock(), Slugs(), Progress("library")
    now = timezone.now().astimezone(the_publication().zone)
    for start in range(begun, begun + missing, BATCH):
        numbers = range(start, min(start + BATCH, begun + missing))
        add_articles([_article(number, stock, now) for number in numbers], slugs)
        bar.show_count(numbers.stop - begun, missing)
    bar.end()
    print(f"The library is filled to {total:,} articles.", file=sys.stderr)


def _stock() -> _Stock:
    paragraphs: list[str] = []
    headings: list[str] = []
    sample = list(Article.objects.filter(source_id__startswith="meridian:").order_by("pk"))
    for article in sample:
        for block in article.body.raw_data:
            if block["type"] == "paragraph":
                parts = str(block["value"]).split("</p>")
                paragraphs += [text for part in parts if (text := plain_text(part))]
            elif block["type"] == "heading":
                headings.append(str(block["value"]))
    return _Stock(
        paragraphs=[p for p in paragraphs if "[^" not in p],
        headings=headings or ["What Follows"],
        standfirsts=[a.standfirst for a in sample],
        sections=list(Section.objects.order_by("pk")),
        authors=list(Author.objects.order_by("pk")),
        topics=list(Topic.objects.order_by("pk")),
        regions=list(Region.objects.order_by("pk")),
        formats=[Format.ANALYSIS, Format.ANALYSIS, Format.BRIEFING, Format.ESSAY, Format.REVIEW],
    )


def _article(number: int, stock: _Stock, now: datetime) -> NewArticle:
    chance = random.Random(number)  # noqa: S311  the same on every machine, not secret
    text = list(_text(chance, stock))
    source = f"{SOURCE}{number}"
    return NewArticle(
        source_id=source,
        source_hash=str(number),
        title=_headline(chance),
        standfirst=chance.choice(stock.standfirsts),
        section=chance.choice(stock.sections),
        format=chance.choice(stock.formats),
        published_at=_moment(number, chance, now),
        body=blocks(source, text),
        words=sum(len(s.lines[0].split()) for s in text),
        authors=chance.sample(stock.authors, chance.choice((1, 1, 1, 2))),
        topics=chance.sample(stock.topics, chance.randint(2, 4)),
        regions=chance.sample(stock.regions, chance.randint(1, 2)),
    )


def _text(chance: random.Random, stock: _Stock) -> Iterator[Stretch]:
    for part in range(chance.randint(2, 4)):
        if part:
            yield Stretch("heading", (chance.choice(stock.headings),))
        for paragraph in chance.sample(stock.paragraphs, chance.randint(3, 4)):
            yield Stretch("paragraph", (paragraph,))


def _headline(chance: random.Random) -> str:
    words = [chance.choice(_OPENINGS), chance.choice(_SUBJECTS)]
    if chance.random() < 0.7:
        words.append(chance.choice(_PLACES))
    return " ".join(words)


def _moment(number: int, chance: random.Random, now: datetime) -> datetime:
    """Some working hour of the last twenty years, before the sample's own weeks begin.

    `now` is in the publication's time zone.
    """
    day = now.replace(minute=0, second=0, microsecond=0)
    day -= timedelta(days=45 + chance.randrange(YEARS * 365))
    if day.weekday() > 4:
        day -= timedelta(days=2)
    return day.replace(hour=5 + crc32(str(number).encode()) % 12, minute=chance.randrange(0, 60, 5))
