"""How letters leave: what a road takes, and what it answers. It imports no framework.

A **compiled** letter (`delivery.message`) makes the finished bytes of one recipient. A **line** is
one open connection of a road. Whoever drives it gives it letters and hears of two things: that a
body is about to leave, and how each letter was answered.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol


class Outgoing(NamedTuple):
    """One letter to one address. `number` is the caller's (that of the delivery); `body` is the
    whole message with CRLF line ends, dots not yet stuffed. `dotless`: no line of it begins with a
    dot, as a compiled message promises; so nobody need look, which costs more than sending it."""

    number: int
    recipient: str
    body: bytes
    dotless: bool = False


class Outcome(StrEnum):
    """What is known of a letter."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good: no such address, or no to this letter
    DEFERRED = "deferred"  # not now; certain not to have been taken
    UNCERTAIN = "uncertain"  # its body was leaving when the line broke
    NOT_TRIED = "not_tried"  # no byte of its body left


class Answer(NamedTuple):
    """The outcome of a letter, with the server's own words (one line, at most 400 characters) and
    its code (0 where it gave none). `everyone`: the words are about us, not about this address (too
    fast, no quota, not allowed), so that a pause is due before anything else is sent. Such a letter
    is never REFUSED, whatever the code: its address did nothing wrong, as far as is known."""

    number: int
    outcome: Outcome
    code: int = 0
    words: str = ""
    everyone: bool = False


class Driver(Protocol):
    """What a line tells whoever drives it. Both are called in the line's own event loop and must
    not wait for anything."""

    def body_leaves(self, number: int) -> bool:
        """The first byte of a body leaves next: note it. False forbids it (the lease has run out):
        the line then sends no body any more and gives this letter and the rest as NOT_TRIED."""

    def answered(self, answer: Answer) -> None:
        """A letter has its outcome; each given letter gets exactly one. Answers come in the order
        of the letters whose bodies left."""


class Line(Protocol):
    """One connection of a road."""

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """Hand all letters over; returns when each has its answer. A line that breaks in the middle
        answers for all that it took from the iterator (UNCERTAIN for one whose body was leaving,
        NOT_TRIED for others), takes no more, and is closed; the next call opens it anew.

        Raises Unreachable where it could not be opened: then no letter was taken."""

    async def close(self) -> None:
        """End it politely."""


class Unreachable(Exception):  # noqa: N818
    """The server could not be reached, or would not let us in; the text says why in a sentence.
    `for_good` where trying again cannot help (a wrong password, a certificate)."""

    def __init__(self, text: str, *, for_good: bool = False) -> None:
        super().__init__(text)
        self.for_good = for_good
