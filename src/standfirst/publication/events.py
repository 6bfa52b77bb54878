"""What has happened, said once by the app where it happened.

An action calls `happened(...)` inside its transaction; what follows from it stands in one place,
`standfirst.project.reactions`. Reactions run at once and in the same transaction, so a reaction
that must not be lost (a mail) puts a row in the task queue and is kept or undone with its cause.
`ArticleUnlocked` is the exception, see there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined:
    """Someone created a free account; `article` is the id of the article they joined at. `quiet`
    where a colleague made it, so that no mail is sent."""

    member: int
    article: int | None
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedAgain:
    """Someone 'joined' with an address that already has an account: it gets a sign-in mail."""

    member: int
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInWanted:
    """Someone asked for a sign-in mail. `code` is empty where no account has the address."""

    email: str
    code: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationWanted:
    """A member asked for another mail that confirms their address."""

    member: int
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChangeWanted:
    """A member wants `email` to be their address; it must be confirmed first."""

    member: int
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChanged:
    """A member's address is another one now; `old` is told so."""

    member: int
    old: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressConfirmed:
    """A member proved that the address is theirs."""

    member: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleUnlocked:
    """A member may from now on read an article. `kind` is an access.rules.UnlockKind.

    A credit is spent by one statement without a transaction around it, so this may be said after
    the commit: a reaction is lost if the process dies between the two. Nothing may hang on it that
    the ledger itself does not tell again (see docs/decisions/0012).
    """

    member: int
    article: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted:
    """A member left for good; `member` was the number, `email` the address, for the last mail;
    `earlier` the numbers and addresses of accounts that had become part of it."""

    member: int
    email: str
    earlier: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsMerged:
    """An account became part of another: `kept` is the member that stays, `email` the address of
    the one that is gone."""

    kept: int
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlesLoaded:
    """Many articles (ids) were added or changed at once, past their models."""

    articles: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillToMail:
    """A bill is to be mailed to whom it bills; `letter` is bill, credit, or a reminder's days."""

    bill: int
    letter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChanged:
    """A subscription's standing changed. `change` is a subscriptions.rules.Change, `entry` its row
    in the ledger; `member` is None where the account is gone."""

    subscription: int
    member: int | None
    change: str
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrew:
    """A reader withdrew from a purchase: `ending` is the row that carries it out, `email` where the
    receipt goes."""

    ending: int
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalWanted:
    """Someone asked for a link to withdraw by, naming an address and a bill's number or a day."""

    email: str
    named: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutLeft:
    """Someone who left for good was on the way to pay: `checkout` is the provider's id of a page
    that nobody may pay at any more."""

    provider: str
    checkout: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsChanged:
    """Lists of articles are not what they were: those that `articles.shelves` names by `tags`."""

    tags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapsWritten:
    """Pages of the sitemap were written anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZoneChanged:
    """The publication has another time zone: months and days begin at other moments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorsNeeded:
    """A newsletter's turn (its id) has no edition, or its edition was held: the editors are to
    know."""

    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TestWanted:
    """A colleague wants an edition (its page's id) mailed to themselves, as it is now."""

    edition: int
    member: int


Reaction = Callable[[Any], object]
_reactions: Mapping[type, Iterable[Reaction]] = {}


def react_with(reactions: Mapping[type, Iterable[Reaction]]) -> None:
    """Set the whole table of reactions; called once, by the project when it starts."""
    global _reactions
    _reactions = reactions


def happened(event: object) -> None:
    """Run the reactions to an event, in order, in the caller's transaction."""
    for reaction in _reactions.get(type(event), ()):
        reaction(event)
