"""The sender: lines side by side, each with a batch, a journal and a connection of its own."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from django.db import connection

from standfirst.newsletters.delivery import rules
from standfirst.newsletters.delivery.clerk import Clerk, Turn, uptime
from standfirst.newsletters.delivery.journal import Journal
from standfirst.newsletters.delivery.ledger import Fate, Told
from standfirst.newsletters.delivery.recovery import put_off
from standfirst.newsletters.delivery.resting import Trouble
from standfirst.newsletters.delivery.road import Answer, Line, Outcome, Outgoing, Unreachable
from standfirst.newsletters.delivery.values import Recipient
from standfirst.newsletters.models import DeliveryState

log = logging.getLogger("standfirst.mail")

IDLE = 5.0  # seconds without any work before a sender ends
LOOKS = 0.5  # seconds between looks for work

P = ParamSpec("P")
R = TypeVar("R")
Make = Callable[[Recipient, Mapping[str, str]], Outgoing]


class Road(Protocol):
    """Where letters leave. `name` is whose rest all senders of it heed."""

    name: str

    def line(self, sending: int) -> Line:
        """A new connection for letters of a sending, not yet opened. May read the database."""

    def letter(self, sending: int, variant: str) -> Make:
        """What makes the finished letter of one recipient; where it raises ValueError, this one
        cannot be written to. May read the database."""


class Carried:
    """A batch on its way: gives its letters, notes what leaves, hears how each was answered."""

    def __init__(self, turn: Turn, journal: Journal, makes: Mapping[str, Make]) -> None:
        self._turn, self._journal, self._makes = turn, journal, makes
        self._leaving: deque[int] = deque()
        self._stopped = False
        self.accepted: list[int] = []
        self.fates: list[Fate] = list(turn.batch.dropped)
        self.trouble = ""  # what a server said of all of us
        self._met_trouble: list[int] = []  # to whose letters it said so

    def letters(self) -> Iterator[Outgoing]:
        values, makes = self._turn.values, self._makes
        for who in self._turn.batch.recipients:
            if self._stopped or uptime() >= self._turn.until:
                return
            try:
                letter = makes[who.variant](who, values.of(who))
            except ValueError as error:
                self.fates.append(
                    Fate(who.delivery, DeliveryState.REFUSED, str(error), tried=False)
                )
                continue
            yield letter

    def stop(self) -> None:
        """No further letter is begun."""
        self._stopped = True

    def body_leaves(self, number: int) -> bool:
        """See road.Driver."""
        if self._stopped or uptime() >= self._turn.until:
            return False
        self._journal.leaves(number)
        self._leaving.append(number)
        return True

    def answered(self, answer: Answer) -> None:
        """See road.Driver."""
        number, outcome = answer.number, answer.outcome
        if self._leaving and self._leaving[0] == number:
            self._leaving.popleft()
            self._journal.answered(answer)
        if outcome is Outcome.ACCEPTED:
            self.accepted.append(number)
            return
        words = f"{answer.code} {answer.words}".strip() if answer.code else answer.words
        if outcome is Outcome.UNCERTAIN:
            self.fates.append(Fate(number, DeliveryState.UNCERTAIN, words))
        elif answer.everyone:
            self.trouble = words
            self._stopped = True
            if outcome is Outcome.DEFERRED:
                self._met_trouble.append(number)
        elif outcome is Outcome.REFUSED:
            self.fates.append(Fate(number, DeliveryState.REFUSED, words))
        elif outcome is Outcome.DEFERRED:
            self.fates.append(put_off(number, self._tries(number), words))

    def _tries(self, number: int) -> int:
        return next(one.tries for one in self._turn.batch.recipients if one.delivery == number)

    def told(self) -> Told:
        """All that is known now."""
        held = self._turn.batch.held
        known = {*self.accepted, *(one.delivery for one in self.fates)}
        for number in self._leaving:  # a line that kept no word
            self.fates.append(Fate(number, DeliveryState.UNCERTAIN, "the line said nothing of it"))
            known.add(number)
        if len(self._met_trouble) == 1:
            # It may be about this reader after all. So those behind go first at the next try; else
            # one address that a server answers so would keep a whole list from its letters.
            (number,) = self._met_trouble
            self.fates.append(put_off(number, self._tries(number), self.trouble))
            known.add(number)
        return Told(
            batch=held.batch,
            claim=held.claim,
            accepted=self.accepted,
            fates=self.fates,
            untouched=[
                one.delivery for one in self._turn.batch.recipients if one.delivery not in known
            ],
            variants={
                number: variant
                for number, variant in self._turn.batch.variants.items()
                if number in known
            },
            booked=held.booked,
        )


class Sender:
    """Sends whatever waits, until nothing is left (or for ever, with `stay`).

    `folder` keeps the journals: on a disk of this machine. `lines` connections are used at once.
    """

    def __init__(self, road: Road, folder: Path, *, lines: int = 4, stay: bool = False) -> None:
        self._road, self._folder, self._lines, self._stay = road, folder, lines, stay
        self._stopping = False
        self._journals: list[Journal] = []
        self._carried: set[Carried] = set()
        self._makes: dict[tuple[int, str], Make] = {}
        self._busy = 0
        self._worked = time.monotonic()

    def stop(self) -> None:
        """End soon: bodies that are leaving get their answers, others stay queued."""
        self._stopping = True
        for carried in self._carried:
            carried.stop()
        if self._clerk:
            self._clerk.stop()

    _clerk: Clerk | None = None

    async def run(self) -> None:
        """Returns when nothing is left to do, or after `stop`."""
        clerk = Clerk(
            self._folder, self._road.name, names=lambda: [one.name for one in self._journals]
        )
        self._clerk = clerk
        self._worked = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._lines):
                    group.create_task(self._one_line(clerk))
        finally:
            await asyncio.to_thread(clerk.close)

    # -- one line ---------------------------------------------------------------------------------

    async def _one_line(self, clerk: Clerk) -> None:
        journal = Journal(self._folder)
        line, of = None, 0  # a connection, and the sending whose letters it carries
        self._journals.append(journal)
        told: Told | None = None
        trouble: Trouble | None = None
        size, settled, reach = rules.FIRST_BATCH, False, _Reach()
        try:
            while True:
                wanted = 0 if self._stopping or reach.waits else size
                if told or trouble or wanted:
                    turn = await clerk.turn(journal.name, told, wanted, trouble)
                    told = trouble = None
                else:
                    turn = None
                if turn is None:
                    if self._stopping or not (reach.waits or self._goes_on()):
                        break
                    await asyncio.sleep(LOOKS)
                    continue
                self._busy += 1
                try:
                    if line is None or of != turn.batch.held.sending:
                        if line:
                            await line.close()
                        of = turn.batch.held.sending
                        line = await _reading(self._road.line, of)
                    began = time.monotonic()
                    told, trouble = await self._carry(line, journal, turn, reach)
                    took = time.monotonic() - began
                finally:
                    self._busy -= 1
                    self._worked = time.monotonic()
                if not trouble:
                    size = rules.next_size(len(turn.batch.recipients), took)
            settled = True
        finally:
            if line:
                await line.close()
            if settled:  # else it tells what is not in the ledger yet
                journal.close()
                self._journals.remove(journal)

    async def _carry(
        self, line: Line, journal: Journal, turn: Turn, reach: "_Reach"
    ) -> tuple[Told, Trouble | None]:
        held = turn.batch.held
        makes = {}
        for variant in {one.variant for one in turn.batch.recipients}:
            makes[variant] = await self._make(held.sending, variant)
        journal.begin(held.batch, held.claim)
        carried = Carried(turn, journal, makes)
        if self._stopping:
            carried.stop()
        self._carried.add(carried)
        trouble = None
        try:
            if turn.batch.recipients:
                await line.carry(carried.letters(), carried)
                journal.end()
        except Unreachable as error:
            trouble = reach.failed(str(error), for_good=error.for_good)
        except Exception as error:
            log.exception("A line broke; what it sent is known, and the rest stays queued.")
            trouble = reach.failed(f"{type(error).__name__}: {error}")
            await line.close()
        else:
            if carried.accepted:
                reach.times = 0
        finally:
            self._carried.discard(carried)
        # A server may say farewell after so many letters: only who takes none wants a rest.
        if carried.trouble and not carried.accepted:
            trouble = Trouble(carried.trouble, shared=True)
        return carried.told(), trouble

    async def _make(self, sending: int, variant: str) -> Make:
        """The letters of a variant; compiled once, and forgotten when there are many."""
        known = self._makes.get((sending, variant))
        if known is None:
            if len(self._makes) >= 8:
                self._makes.clear()
            known = await _reading(self._road.letter, sending, variant)
            self._makes[sending, variant] = known
        return known

    def _goes_on(self) -> bool:
        """May there soon be something to do?"""
        return self._stay or self._busy > 0 or time.monotonic() - self._worked < IDLE


class _Reach:
    """How well one line reaches its server. Each waits by itself: a server may take two connections
    and turn the third away."""

    def __init__(self) -> None:
        self.times, self._again = 0, 0.0

    @property
    def waits(self) -> bool:
        return time.monotonic() < self._again

    def failed(self, words: str, *, for_good: bool = False) -> Trouble:
        """It was not reached: wait, longer each time; longest where trying cannot help."""
        self.times += 1
        pause = rules.longest(rules.REACHING, len(rules.REACHING) if for_good else self.times)
        self._again = time.monotonic() + pause
        log.warning("%s Next try in %d s.", words, pause)
        return Trouble(words, shared=False, seconds=pause)


async def _reading(call: Callable[P, R], *args: P.args, **more: P.kwargs) -> R:
    """Call what reads the database, in a thread that leaves no connection behind."""

    def inside() -> R:
        try:
            return call(*args, **more)
        finally:
            connection.close()

    return await asyncio.to_thread(inside)
