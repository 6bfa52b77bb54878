"""Reading newsletters: their rhythm, what is due, what an edition says, what readers may see."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import holidays
from django.db.models import Prefetch, QuerySet

from standfirst.articles.models import Article, Place
from standfirst.articles.on_shelves import shelf_of
from standfirst.articles.queries import cards
from standfirst.newsletters.models import Edition, MailSettings, Newsletter, Turn
from standfirst.newsletters.models.settings import country_and_part
from standfirst.newsletters.rules import Due, Rhythm, begins, belonging, days_in, next_due
from standfirst.publication.queries import the_publication

log = logging.getLogger("standfirst.newsletters")

# -- when ---------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _public_holidays(code: str, years: tuple[int, ...]) -> frozenset[date]:
    try:
        country, part = country_and_part(code)
    except ValueError as error:  # another version of the library may know less: see `troubles`
        log.error("The public holidays of %s are not known, and count as none: %s", code, error)
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=part, years=years))


def days_off(house: MailSettings, years: Iterable[int]) -> frozenset[date]:
    """The days of these years without an edition: public holidays and those written by hand."""
    public = (
        _public_holidays(house.holidays, tuple(sorted(set(years))))
        if house.holidays
        else frozenset()
    )
    return public | days_in(house.days_off)


def rhythm_of(newsletter: Newsletter, near: datetime) -> Rhythm:
    """When it goes out; its days off are known for the year of `near` (aware) and those beside."""
    zone, year = the_publication().zone, near.year
    return Rhythm(
        weekdays=frozenset(int(day) for day in newsletter.weekdays),
        hour=newsletter.hour,
        zone=zone,
        off=days_off(MailSettings.load(), (year - 1, year, year + 1)),
    )


def next_turn(newsletter: Newsletter, now: datetime) -> Due | None:
    """The newsletter's next day and moment after `now` (aware)."""
    return next_due(rhythm_of(newsletter, now), now)


def open_turns(now: datetime) -> QuerySet[Turn]:
    """Turns whose edition waits for its hour or has just passed it; those held wait for people."""
    return Turn.objects.filter(
        edition__isnull=False,
        begun_at__isnull=True,
        held_at__isnull=True,
        due_at__lte=now,
    ).order_by("due_at", "pk")


# -- what belongs in an edition -----------------------------------------------------------------


def articles_for(newsletter: Newsletter, now: datetime) -> list[int]:
    """The ids of all that belongs in an edition drafted `now` (aware), the newest first: what came
    out since the last edition that was sent."""
    sent = newsletter.turns.filter(begun_at__isnull=False, drafted_at__isnull=False)
    last = sent.order_by("-drafted_at").first()
    cut = last.drafted_at if last else None
    shelf = shelf_of(newsletter.topic)
    places = Place.objects.filter(
        shelf=shelf.pk, published_at__gt=begins(cut, now), published_at__lte=now
    )
    rows = places.order_by("-published_at").values_list("article", "published_at")
    lately = sent.filter(drafted_at__gt=begins(cut, now)).values_list("offered", flat=True)
    offered = frozenset(chain.from_iterable(lately))
    return belonging(rows, last_cut=cut, now=now, offered=offered)


def coming_up(newsletter: Newsletter, day: date) -> list[dict[str, object]]:
    """The raw blocks of the last sent edition's radar that are not over on `day`."""
    sent = newsletter.turns.filter(begun_at__isnull=False, edition__isnull=False)
    last = sent.order_by("-day").select_related("edition").first()
    if last is None or last.edition is None:
        return []
    kept = list(last.edition.radar.raw_data)
    return [one for one in kept if str(one["value"]["day"]) >= day.isoformat()]


# -- what an edition says -----------------------------------------------------------------------


def as_written(edition: Edition) -> Edition:
    """The edition as its editors last left it: a draft's page does not hold what they wrote, its
    newest revision does."""
    if edition.latest_revision_id is None:
        return edition
    latest: Edition = edition.get_latest_revision_as_object()
    return latest


def latest_of(edition: Edition) -> list[Article]:
    """The articles under “Latest analysis” that readers may know of, in the edition's order."""
    return cards([pick.article_id for pick in edition.latest.all()])


def says_nothing(edition: Edition) -> bool:
    """Has an edition nothing to say to readers (any more)? Articles can be withdrawn."""
    return not (edition.take or edition.radar or edition.more or latest_of(edition))


def headlines_in(latest: str = "latest") -> Prefetch[Any]:
    """To prefetch with editions of which the subject is shown; `latest` is the way to their
    articles."""
    return Prefetch(f"{latest}__article", Article.objects.only("title", "live"))


def fingerprint(edition: Edition) -> str:
    """A print of what an edition says to readers. Two that differ anywhere have different ones."""
    said = [
        edition.subject_line,
        [_without_ids(block) for block in edition.take.get_prep_value()],
        [_without_ids(block) for block in edition.radar.get_prep_value()],
        edition.more,
        [pick.article_id for pick in edition.latest.all()],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _without_ids(block: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in block.items() if name != "id"}


# -- what readers may see -----------------------------------------------------------------------


def editions_of(newsletter: Newsletter) -> QuerySet[Edition]:
    """The editions that readers may know of: those that were sent, the newest first."""
    live: QuerySet[Edition] = newsletter.editions.filter(live=True).order_by("-day")
    return live


@dataclass(frozen=True, slots=True)
class Shown:
    """A newsletter for readers, and its newest edition."""

    newsletter: Newsletter
    newest: Edition | None


def newsletters_for_readers() -> Sequence[Shown]:
    """Those that one can sign up for, or that have an archive."""
    found = []
    for one in Newsletter.objects.all():
        newest = editions_of(one).select_related("newsletter").first()
        if one.offered or newest:
            found.append(Shown(one, newest))
    return found
