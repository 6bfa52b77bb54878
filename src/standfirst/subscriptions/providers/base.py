"""What the magazine asks of a provider of payments, and how it is answered: in our words.

An adapter turns these dozen verbs into its provider's calls. It touches no table. Every verb that
changes something takes a `key`: asked again with the same key, it does the thing once and gives
the same answer, also after the connection was lost in the middle.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from standfirst.subscriptions.rules import Dates, Interval, State


class ProviderError(Exception):
    """A provider did not do what it was asked. The text is a sentence for the operator."""


class Unreachable(ProviderError):  # noqa: N818
    """No answer, or an answer of trouble on their side (also too many requests): ask again later,
    with the same key. Whether the thing was done is not known."""


class Refused(ProviderError):  # noqa: N818
    """The provider said no, and will say no again. `code` is its own word for why."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class Forged(ProviderError):  # noqa: N818
    """A message that does not come from the provider, or is too old to be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a member wants to buy. `price` is the provider's id; `member` ours.

    `coupon` is the provider's id of a reduction that is given without asking (an introductory
    price); `codes` lets the reader type one. The two addresses are where the reader is sent to
    afterwards; `{CHECKOUT}` in the first stands for the checkout's id.
    """

    member: int
    customer: str
    price: str
    currency: str
    trial_days: int = 0
    coupon: str = ""
    codes: bool = False
    success_url: str
    cancel_url: str
    language: str = "en"


class Progress(StrEnum):
    """How far a checkout is."""

    OPEN = "open"
    PAID = "paid"  # or free to begin with: there is a subscription
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutTold:
    """A checkout as the provider has it now. `url` is where the reader pays while it is open;
    `subscription` the provider's id once it is paid."""

    id: str
    progress: Progress
    url: str
    expires_at: datetime
    customer: str
    subscription: str
    member: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One subscription as the provider has it now.

    `member` is our id, as we told it when it was bought; None where we did not. `email` is the
    customer's. `amount` is paid each `interval` (minor units of `currency`, reductions not
    counted); `next_amount` is what will be taken at `next_at`, both None where nothing will be.
    `card` is what a reader recognises it by, such as “Visa ending in 4242”.
    """

    id: str
    customer: str
    member: int | None
    email: str
    state: State
    dates: Dates
    price: str
    amount: int
    currency: str
    interval: Interval
    trial_ends_at: datetime | None = None
    next_amount: int | None = None
    next_at: datetime | None = None
    card: str = ""


class BillStatus(StrEnum):
    """How far a bill is."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillTold:
    """One bill (the provider's invoice) as it is now; money in minor units of `currency`.

    `period` is what it pays for. `page` and `pdf` are addresses at the provider, or "".
    """

    id: str
    subscription: str
    customer: str
    number: str
    status: BillStatus
    currency: str
    total: int
    paid: int
    refunded: int
    disputed: bool
    issued_at: datetime
    due_at: datetime | None = None
    paid_at: datetime | None
    period: tuple[datetime, datetime]
    page: str
    pdf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event of a provider's, its signature and age checked. It says only where to look: what
    is true is read again. The ids are "" for kinds that concern none; an event of a refund or a
    dispute names a `payment` alone (see `bill_of`)."""

    id: str
    kind: str
    created_at: datetime
    subscription: str = ""
    bill: str = ""
    customer: str = ""
    payment: str = ""
    checkout: str = ""


class When(StrEnum):
    """When a subscription is to end."""

    AT_THE_END = "at the end of what is paid for"
    NOW = "now"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWanted:
    """A plan as it should stand at the provider."""

    ours: int
    name: str
    text: str
    offered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWanted:
    """A price as it should stand at the provider; money in minor units.

    An introductory price takes `reduction` off each of the first `reduced_periods` payments."""

    ours: int
    plan: int
    currency: str
    amount: int
    interval: Interval
    offered: bool
    reduction: int = 0
    reduced_periods: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponWanted:
    """A code that readers type: `percent` or `amount` (of `currency`) off the first `periods`
    payments, 0 for all of them. `plans` are our ids; empty for every plan."""

    ours: int
    code: str
    percent: int = 0
    amount: int = 0
    currency: str = ""
    periods: int = 1
    until: datetime | None = None
    most: int | None = None
    offered: bool = True
    plans: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something of the catalogue that stands otherwise at the provider: what is to be done, in a
    sentence."""

    kind: str  # plan, price, intro, coupon
    ours: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that is sold. `known` maps (kind, our id) to the provider's id."""

    plans: tuple[PlanWanted, ...]
    prices: tuple[PriceWanted, ...]
    coupons: tuple[CouponWanted, ...] = ()
    known: Mapping[tuple[str, int], str] = field(default_factory=dict)


class Provider(Protocol):
    """The verbs. All of them raise Unreachable and Refused."""

    name: str  # "stripe"; kept with every subscription
    realm: str  # what its ids belong to, such as "test" or "live"

    def put_customer(self, member: int, email: str, name: str, key: str) -> str:
        """The id of a new customer."""

    def start_checkout(self, order: Order, key: str) -> CheckoutTold:
        """Begin a checkout, or give the one that was begun with this key."""

    def read_checkout(self, id: str) -> CheckoutTold | None:
        """A checkout as it is now; None for an id that the provider does not know."""

    def expire_checkout(self, id: str) -> CheckoutTold:
        """End a checkout that is open, so that nobody can pay it any more. One that is paid or
        has expired stays as it is, and is given."""

    def portal(self, customer: str, return_url: str) -> str:
        """The address of a page where the customer changes card and address."""

    def read_subscription(self, id: str) -> Told | None:
        """A subscription as it is now; None for an id that the provider does not know."""

    def subscriptions(self, customer: str = "") -> Iterator[Told]:
        """All of them, or a customer's; read page by page, so that memory stays the same."""

    def read_bill(self, id: str) -> BillTold | None:
        """A bill as it is now; None for an id that the provider does not know."""

    def bills(self, subscription: str = "") -> Iterator[BillTold]:
        """All of them, or a subscription's, newest first; read page by page."""

    def cancel(self, id: str, when: When, key: str) -> None:
        """Let it end. One that has ended, or will at that time, stays so."""

    def resume(self, id: str, key: str) -> None:
        """Take back a cancellation that has not come to pass, or a pause."""

    def pause(self, id: str, until: datetime | None, key: str) -> None:
        """Take no money until a moment, or until it is resumed."""

    def change_price(self, id: str, price: str, key: str) -> None:
        """Another price from now on; what is paid for and not used is counted."""

    def refund(self, bill: str, amount: int | None, key: str) -> None:
        """Give back what was paid, or `amount` of it (minor units)."""

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
        """Check and translate an event; nobody is asked. Raises Forged where signature or age is
        wrong."""

    def bill_of(self, payment: str) -> str:
        """The id of the bill that a payment was for; "" where it was for none."""

    def differences(self, catalogue: Catalogue) -> list[Difference]:
        """What would be done to bring the provider's catalogue in line; nothing is changed."""

    def bring_in_line(self, catalogue: Catalogue) -> Iterator[tuple[str, int, str]]:
        """Do it, giving (kind, our id, the provider's id) as each stands there."""
