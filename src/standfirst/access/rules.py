"""May this reader have the whole article, and why? Plain values in, a decision out.

Every way out of the magazine (page, feed, API, search snippet, mail, preview) asks `decide`. It is
pure and total: it reads no clock, no database and no setting, and it answers for any input of the
right types. Nothing is spent by asking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Terms(StrEnum):
    """What an article asks of a reader."""

    OPEN = "open"
    MEMBERS = "members"
    METERED = "metered"
    SUBSCRIBERS = "subscribers"


class Reason(StrEnum):
    """Why a reader has the full text. The order here is the order in which they are tried."""

    STAFF = "staff"
    OPEN = "open"
    SUBSCRIPTION = "subscription"
    INSTITUTION = "institution"
    UNLOCKED = "unlocked"
    CRAWLER = "crawler"
    SIGNED_IN = "signed_in"


class Wall(StrEnum):
    """What stands where the rest would be."""

    JOIN = "join"
    SUBSCRIBE = "subscribe"
    CONFIRM = "confirm"
    CHOOSE = "choose"
    SPENT = "spent"


class UnlockKind(StrEnum):
    """How an unlock came about."""

    CREDIT = "credit"
    WELCOME = "welcome"
    GIFT = "gift"
    STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoor:
    """One unlocked article in a standing: how it was unlocked, and until when (None: for good)."""

    kind: UnlockKind
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that access needs to know of a reader at one moment. The default is a visitor.

    `subscribed_until` is the end of what is paid for; `unlocked` maps article ids to how they were
    unlocked; `credits_left` counts the choices left in the month of the moment it was taken.
    Times are aware datetimes.
    """

    signed_in: bool = False
    verified: bool = False
    staff: bool = False
    subscribed_until: datetime | None = None
    institution: str | None = None
    crawler: str | None = None
    unlocked: Mapping[int, OpenDoor] = field(default_factory=lambda: MappingProxyType({}))
    credits_left: int = 0


VISITOR = Standing()


@dataclass(frozen=True, slots=True)
class FullText:
    """The reader may have all of it. `unlock` says how, when the reason is `unlocked`."""

    reason: Reason
    unlock: UnlockKind | None = None

    @property
    def variant(self) -> str:
        """The name of the bytes all readers with this decision get."""
        return "full"


@dataclass(frozen=True, slots=True)
class Preview:
    """The reader gets the preview and one wall. `credits_left` is set on the `choose` wall."""

    wall: Wall
    credits_left: int = 0

    @property
    def variant(self) -> str:
        """The name of the bytes all readers with this decision get."""
        if self.wall is Wall.CHOOSE:
            return f"wall-{self.wall}-{self.credits_left}"
        return f"wall-{self.wall}"


Decision = FullText | Preview


def decide(terms: Terms, standing: Standing, article: int, now: datetime) -> Decision:
    """Say whether a reader may have the whole of an article, and for which one reason.

    `terms` are the article's effective terms, `article` its id, `now` an aware datetime. The first
    reason that holds is given; where none holds, a preview with exactly one wall.
    """
    if standing.staff:
        return FullText(Reason.STAFF)
    if terms is Terms.OPEN:
        return FullText(Reason.OPEN)
    if standing.subscribed_until is not None and now < standing.subscribed_until:
        return FullText(Reason.SUBSCRIPTION)
    if standing.institution is not None:
        return FullText(Reason.INSTITUTION)
    # Asked before the credits: going back to a chosen article never costs a second one.
    unlock = standing.unlocked.get(article)
    if unlock is not None and (unlock.until is None or now < unlock.until):
        return FullText(Reason.UNLOCKED, unlock.kind)
    if standing.crawler is not None:
        return FullText(Reason.CRAWLER)
    if terms is Terms.MEMBERS and standing.signed_in:
        return FullText(Reason.SIGNED_IN)
    return Preview(*_wall(terms, standing))


def _wall(terms: Terms, standing: Standing) -> tuple[Wall, int]:
    if terms is Terms.SUBSCRIBERS:
        return Wall.SUBSCRIBE, 0
    if not standing.signed_in:
        return Wall.JOIN, 0
    if not standing.verified:
        return Wall.CONFIRM, 0
    if standing.credits_left > 0:
        return Wall.CHOOSE, standing.credits_left
    return Wall.SPENT, 0
