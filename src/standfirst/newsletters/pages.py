"""What a page may say of an edition: the whole of it, or its headlines.

`edition_page` is the only function that hands on what an edition's editors wrote, and it does so
only for a `FullText`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from standfirst.access.rules import Decision, FullText
from standfirst.articles.models import Article
from standfirst.newsletters.models import Edition, Newsletter
from standfirst.newsletters.queries import editions_of, latest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionPage:
    """An edition as one reader may have it. `take`, `radar` and `more` are empty unless `decision`
    is a FullText; the headlines are for everybody."""

    edition: Edition
    newsletter: Newsletter
    decision: Decision
    subject: str
    headlines: Sequence[str]
    latest: Sequence[Article]
    take: Sequence[Any]
    radar: Sequence[Any]
    more: str
    earlier: Edition | None
    later: Edition | None

    @property
    def is_full(self) -> bool:
        return isinstance(self.decision, FullText)

    @property
    def article(self) -> Edition:
        """What walls lead back to (see articles/walls)."""
        return self.edition

    @property
    def wall_template(self) -> str:
        """The template of the wall that stands where the text would be; "" in a full text."""
        if isinstance(self.decision, FullText):
            return ""
        return f"newsletters/walls/{self.decision.wall}.html"

    @property
    def description(self) -> str:
        """A line for search engines and cards."""
        headlines = [*self.headlines, *(article.title for article in self.latest)]
        return " · ".join(line for line in headlines if line != self.subject)


def edition_page(edition: Edition, decision: Decision) -> EditionPage:
    """The edition under a decision: the one place where its text is handed on, or is not."""
    full = isinstance(decision, FullText)
    newsletter = edition.newsletter
    others = editions_of(newsletter)
    return EditionPage(
        edition=edition,
        newsletter=newsletter,
        decision=decision,
        subject=edition.subject_line,
        headlines=[str(item.value["headline"]) for item in edition.take],
        latest=latest_of(edition),
        take=[item.value for item in edition.take] if full else (),
        radar=[item.value for item in edition.radar] if full else (),
        more=edition.more if full else "",
        earlier=others.filter(day__lt=edition.day).first(),
        later=others.filter(day__gt=edition.day).order_by("day").first(),
    )
