"""A road in memory, for tests of what drives it: it keeps what it takes, and misbehaves when told.

What it takes it also appends to `record` (a file), one recipient a line, as the sink does: so a
proof by counting leans on nobody's ledger.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standfirst.newsletters.delivery.road import Answer, Driver, Outcome, Outgoing, Unreachable
from standfirst.newsletters.delivery.values import Recipient

Says = Callable[[Outgoing], Answer | None]


@dataclass
class MemoryRoad:
    """`says` answers instead of taking a letter (None: it is taken); it may raise ConnectionError,
    which breaks the line while that body is leaving. `slow` is seconds a letter."""

    record: Path | None = None
    says: Says = lambda letter: None
    before: Callable[[Outgoing], None] = lambda letter: None  # at each letter, before it is handed
    slow: float = 0.0
    closed: bool = False
    name: str = "locmem"  # as `road_in_use` calls it in tests
    taken: list[Outgoing] = field(default_factory=list)

    def line(self, sending: int) -> "MemoryLine":
        return MemoryLine(self)

    def letter(
        self, sending: int, variant: str
    ) -> Callable[[Recipient, Mapping[str, str]], Outgoing]:
        def make(who: Recipient, values: Mapping[str, str]) -> Outgoing:
            body = (
                f"{variant}: {values['greeting']} | {values['choices']} | {values['unsubscribe']}"
            )
            return Outgoing(who.delivery, who.address, body.encode())

        return make

    @property
    def counts(self) -> Counter[str]:
        return Counter(letter.recipient for letter in self.taken)

    def take(self, letter: Outgoing) -> None:
        self.taken.append(letter)
        if self.record:
            with self.record.open("ab", buffering=0) as file:
                file.write(letter.recipient.encode() + b"\n")


@dataclass
class MemoryLine:
    """A line that hands one letter over at a time."""

    road: MemoryRoad

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        if self.road.closed:
            raise Unreachable("The road is closed.")
        for letter in letters:
            self.road.before(letter)
            if not driver.body_leaves(letter.number):
                driver.answered(Answer(letter.number, Outcome.NOT_TRIED))
                return
            if self.road.slow:
                await asyncio.sleep(self.road.slow)
            try:
                said = self.road.says(letter)
            except ConnectionError as error:
                driver.answered(Answer(letter.number, Outcome.UNCERTAIN, 0, str(error)))
                return
            if said is None:
                self.road.take(letter)
            driver.answered(said or Answer(letter.number, Outcome.ACCEPTED, 250, "taken"))
            if len(self.road.taken) % 20 == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        pass


def kill_now() -> None:
    """End this process as kill -9 does."""
    os.kill(os.getpid(), 9)
