"""From the database to plain values: what a letter says of the magazine, an article, an edition."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import AbstractImage, SourceImageIOError
from wagtail.rich_text import expand_db_html

from standfirst.access.rules import FullText, Standing, Wall, decide
from standfirst.articles.models import Article
from standfirst.articles.queries import for_cards, published
from standfirst.newsletters.letters.colours import palette
from standfirst.newsletters.letters.contents import Contents, Dated, House, Item, Photo, Story
from standfirst.newsletters.letters.richtext import NOTHING, Passage, absolute, read
from standfirst.newsletters.letters.source import one_line
from standfirst.newsletters.models import Edition, MailSettings
from standfirst.publication.queries import the_publication

PHOTO = "fill-1200x675|format-jpeg|jpegquality-70"  # twice as wide as it is shown
SHOWN = 552  # CSS pixels: the letter's 600 without its margins


def the_house() -> House:
    """The magazine as letters show it, now."""
    publication = the_publication()
    return House(
        name=one_line(publication.name),
        tagline=one_line(publication.tagline),
        imprint=publication.imprint.strip(),
        contact=publication.contact,
        language=publication.language,
        base_url=settings.WAGTAILADMIN_BASE_URL.rstrip("/"),
        colours=palette(MailSettings.load().accent),
        allowance=publication.allowance,
    )


def standing_in(variant: str, now: datetime) -> Standing:
    """The least standing that any of a letter's readers has. `subscriber` is one whose subscription
    runs at `now` (aware); every other variant is that of members, here one with no choice left."""
    paid_until = now + timedelta(days=1) if variant == "subscriber" else None
    return Standing(signed_in=True, verified=True, subscribed_until=paid_until)


def contents_of(edition: Edition, house: House, standing: Standing, now: datetime) -> Contents:
    """All that an edition says, with the articles as readers of this standing have them. Articles
    that are not published are left out. Who may read it in full is not asked here."""
    articles = the_articles([pick.article_id for pick in edition.latest.all()])
    stories = [
        story_of(article, house, terms=_terms_for(article, standing, now), photo=place == 0)
        for place, article in enumerate(articles)
    ]
    return Contents(
        newsletter=one_line(edition.newsletter.name),
        day=edition.day,
        subject=one_line(edition.subject_line),
        web_url=absolute(edition.get_absolute_url(), house.base_url),
        take=tuple(_item(block.value, house) for block in edition.take),
        stories=tuple(stories),
        radar=tuple(
            Dated(block.value["day"], _passage(block.value["text"].source, house))
            for block in edition.radar
            if isinstance(block.value["day"], date)
        ),
        more=_passage(edition.more, house),
    )


def the_articles(ids: Sequence[int]) -> list[Article]:
    """The published ones of these articles in this order, with all that a letter shows of them."""
    articles = for_cards(published().filter(pk__in=ids), whole=True).defer("body")
    found = {article.pk: article for article in articles}
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found]


def story_of(article: Article, house: House, *, terms: str = "", photo: bool = False) -> Story:
    """An article's headline and standfirst with what stands around them, its photo if wanted."""
    return Story(
        headline=one_line(article.title),
        url=absolute(article.get_absolute_url(), house.base_url),
        standfirst=one_line(article.standfirst),
        authors=_joined([one_line(byline.author.name) for byline in article.bylines.all()]),
        minutes=article.minutes,
        section=one_line(article.section.name),
        photo=photo_of(article.hero, article.hero_alt, house) if photo else None,
        terms=terms,
    )


def photo_of(image: AbstractImage | None, alt: str, house: House) -> Photo | None:
    """The picture in the size of letters, or None where there is none or its file is not to be
    read. Its address is on our own host or where the magazine keeps its pictures."""
    if image is None:
        return None
    try:
        made = image.get_rendition(PHOTO)
    except (SourceImageIOError, InvalidFilterSpecError, OSError):
        return None
    width = min(SHOWN, made.width)
    return Photo(
        url=absolute(made.url, house.base_url),
        width=width,
        height=round(made.height * width / made.width),
        alt=one_line(alt),
    )


def _terms_for(article: Article, standing: Standing, now: datetime) -> str:
    """What a member is told of an article; whoever reads everything is told nothing."""
    if standing.subscribed_until:
        return ""
    decision = decide(article.effective_terms, standing, article.pk, now)
    if isinstance(decision, FullText):
        return "Free to read"
    return "All-Access" if decision.wall is Wall.SUBSCRIBE else ""


def _joined(people: Sequence[str]) -> str:
    *first, last = people or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _item(value: Any, house: House) -> Item:
    return Item(
        headline=one_line(value["headline"]),
        text=_passage(value["text"].source, house),
        source_name=one_line(value.get("source_name") or ""),
        source_url=absolute(value.get("source_url") or "", house.base_url),
    )


def _passage(source: str, house: House) -> Passage:
    return read(expand_db_html(source), house.base_url) if source else NOTHING
