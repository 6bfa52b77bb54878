"""The letters: an edition, new choices, an alert, a welcome. Each is composed once, for all."""

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urljoin

from django.urls import reverse
from django.utils import timezone

from standfirst.access.queries import shelf_of as shelf_of_member
from standfirst.access.rules import FullText, Terms, decide
from standfirst.articles.models import Article, Author, Topic
from standfirst.articles.on_shelves import newest, shelf_of
from standfirst.members.models import Member
from standfirst.newsletters.delivery.values import Recipient, Values
from standfirst.newsletters.letters.contents import Contents, House, as_preview, shorter
from standfirst.newsletters.letters.counting import counted
from standfirst.newsletters.letters.gathering import (
    contents_of,
    standing_in,
    story_of,
    the_articles,
    the_house,
)
from standfirst.newsletters.letters.rendering import render
from standfirst.newsletters.letters.source import (
    CLIPPED_AT,
    Source,
    encoded_size,
    in_words,
    one_line,
)
from standfirst.newsletters.models import Edition, MailSettings
from standfirst.publication.models import Publication, UnlockLasts
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of

VARIANTS = ("subscriber", "member")
TO_CHOOSE_FROM = 5
HEADLINES = 6  # of the latest edition, in a welcome
TOO_LONG = "This letter is longer than mail programs show, whatever is left out: shorten it."


@dataclass(frozen=True, slots=True)
class Composed:
    """An edition's letters by variant, and a sentence for its editor for each that was too long."""

    letters: dict[str, Source]
    notes: dict[str, str]


def compose(edition: Edition, now: datetime | None = None) -> dict[str, Source]:
    """What an edition says to readers of each variant (`subscriber`, `member`), at `now` (aware).

    The edition need not be saved. No letter is longer than mail programs show: see `composed`.
    """
    return composed(edition, now).letters


def compose_to_send(
    edition: Edition, now: datetime | None = None
) -> tuple[dict[str, Source], dict[int, str]]:
    """The letters of `compose` as they leave, and the addresses of links that are counted by their
    numbers: none, unless the publisher has asked for it."""
    return _counted(compose(edition, now), MailSettings.load())


def _counted(
    letters: Mapping[str, Source], asked: MailSettings
) -> tuple[dict[str, Source], dict[int, str]]:
    return counted(letters, links=asked.counted_links, pixel=asked.open_pixel)


def composed(edition: Edition, now: datetime | None = None) -> Composed:
    """The letters of `compose`, with a sentence for the editor where one had to be shortened."""
    now = now or timezone.now()
    house = the_house()
    letters: dict[str, Source] = {}
    notes: dict[str, str] = {}
    for variant in VARIANTS:
        letters[variant], note = _fitting(_for(edition, variant, house, now), house, variant, now)
        if note:
            notes[variant] = note
    return Composed(letters, notes)


def _for(edition: Edition, variant: str, house: House, now: datetime) -> Contents:
    standing = standing_in(variant, now)
    contents = contents_of(edition, house, standing, now)
    terms = Terms(edition.newsletter.terms)
    if isinstance(decide(terms, standing, edition.pk or 0, now), FullText):
        return contents
    return as_preview(contents)


def _fitting(contents: Contents, house: House, variant: str, now: datetime) -> tuple[Source, str]:
    """The letter, shortened until it fits, and what to tell its editor ("" where it fitted)."""
    steps = [(contents, ""), *shorter(contents)]
    fits = _Measure(variant, now).fits

    def letter_of(step: tuple[Contents, str]) -> Source:
        return _edition_letter(step[0], house, variant, now)

    # Each is shorter than the one before, so that few of them need be tried.
    letter = letter_of(steps[0])
    if fits(letter):
        return letter, ""
    first = bisect(steps, False, key=lambda step: fits(letter_of(step)))
    if first == len(steps):
        return letter_of(steps[-1]), TOO_LONG
    return letter_of(steps[first]), steps[first][1]


class _Measure:
    """Do letters fit as they leave: with what is counted, and to the reader of the longest name,
    address and links?"""

    def __init__(self, variant: str, now: datetime) -> None:
        self._asked = MailSettings.load()
        most = 2**63 - 1
        longest = Recipient(most, most, "a" * 254, "م" * 120, variant, tries=0, used=1)
        self._values = Values(now).of(longest)

    def fits(self, letter: Source) -> bool:
        (sent,) = _counted({"": letter}, self._asked)[0].values()
        return encoded_size(sent, self._values) < CLIPPED_AT


def _edition_letter(contents: Contents, house: House, variant: str, now: datetime) -> Source:
    return render(
        "edition",
        house,
        contents.subject,
        it=contents,
        preheader=contents.preheader,
        for_member=variant == "member",
        why=f"You get {contents.newsletter} because you asked for it at {house.host}.",
        links=_links(house),
        month=month_of(now, the_publication().zone),
        allowance=in_words(house.allowance),
    )


def compose_choices(publication: Publication, month: date) -> Source:
    """“Three new choices”, to members when a month (its first day) begins: how many, and what came
    out lately to choose from."""
    house = the_house()
    number = publication.allowance
    choices = f"{in_words(number)} new choice{'' if number == 1 else 's'}"
    articles = [
        article
        for article in the_articles(newest(shelf_of(), 4 * TO_CHOOSE_FROM))
        if article.effective_terms is Terms.METERED
    ][:TO_CHOOSE_FROM]
    return render(
        "choices",
        house,
        choices.capitalize(),
        choices=choices,
        until_month_ends=publication.unlock_lasts == UnlockLasts.MONTH,
        month=month,
        stories=[story_of(one, house, photo=not place) for place, one in enumerate(articles)],
        preheader=" · ".join(article.title for article in articles[:3]),
        why=f"You get this letter because you asked {house.host} to tell you of new choices.",
        links=_links(house),
    )


def compose_alert(article: Article, *followed: Topic | Author) -> Source:
    """A new article on topics or by authors that readers follow, each of them at least one: never
    more than every visitor may see, so that one letter is right for all of them."""
    house = the_house()
    (whole,) = the_articles([article.pk]) or [article]
    story = story_of(whole, house, photo=True)
    told = [
        {
            "by": "by" if isinstance(one, Author) else "on",
            "name": one_line(one.name),
            "url": urljoin(house.base_url, one.get_absolute_url()),
        }
        for one in followed
    ]
    new = f"New {told[0]['by']} {told[0]['name']}" if len(told) == 1 else "New"
    names = " or ".join(one["name"] for one in told)
    return render(
        "alert",
        house,
        f"{new}: {story.headline}",
        story=story,
        followed=told,
        preheader=story.standfirst,
        why=f"You get this letter because you follow {names} at {house.host}.",
        links=_links(house),
    )


def compose_welcome(member: Member, edition: Edition | None) -> Source:
    """After joining: the article that is open already, what the account brings, and the headlines
    of the latest edition of the free newsletter. Name and address stand in the slots, as always."""
    now = timezone.now()
    house = the_house()
    latest = None
    if edition is not None:
        standing = standing_in("member", now)
        latest = as_preview(contents_of(edition, house, standing, now))
    headlines = [
        *((one.headline, "") for one in (latest.take if latest else ())),
        *((one.headline, one.url) for one in (latest.stories if latest else ())),
    ]
    return render(
        "welcome",
        house,
        f"Welcome to {house.name}",
        opened=[one_line(unlock.headline) for unlock in shelf_of_member(member)[:1]],
        latest=latest,
        headlines=headlines[:HEADLINES],
        allowance=in_words(house.allowance),
        preheader=house.tagline,
        why=f"You get this letter because you opened an account at {house.host}.",
        links=_links(house),
    )


def _links(house: House) -> dict[str, str]:
    """Where letters lead to, besides articles. None of them signs anybody in."""
    names = ("account", "all_access", "library")
    return {name: urljoin(house.base_url, reverse(name)) for name in names}
