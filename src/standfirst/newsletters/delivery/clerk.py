"""The one thread of a sender process that talks to the database, while the lines go on.

Whatever several lines have to tell and to ask at the same moment is one transaction: one batch is
settled and the next one claimed by one commit. It waits for the disk before the first byte leaves.
While the database is away it tries again, and loses nothing.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DatabaseError, InterfaceError, connection

from standfirst.newsletters.delivery import ledger, resting, rules
from standfirst.newsletters.delivery.ending import finish
from standfirst.newsletters.delivery.limits import Limits
from standfirst.newsletters.delivery.recovery import recover
from standfirst.newsletters.delivery.values import Around, Batch, Values, read
from standfirst.newsletters.models import Batch as BatchRow
from standfirst.newsletters.models import BatchState
from standfirst.publication.statements import forget_connection, transaction_in_turn

log = logging.getLogger("standfirst.mail")

RENEWED_EVERY = ledger.LEASE / 4  # seconds
LOOKED_EVERY = 15.0  # seconds between looks for what dead senders left
MARGIN = 5.0  # seconds before the lease's end in which nothing leaves any more
KNOWN_FOR = 1.0  # seconds that settings are believed
PAUSES = (1, 2, 5, 10, 20)  # seconds while the database is away


def uptime() -> float:
    """Seconds since the machine started, sleep included: no clock that is set changes them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Turn:
    """A claimed batch, what stands in its slots, until when (`uptime`) its letters may leave."""

    batch: Batch
    values: Values
    until: float


@dataclass(slots=True)
class Ask:
    """What a line has to tell and to ask. `size` 0: no batch is wanted."""

    name: str
    told: ledger.Told | None
    size: int
    trouble: resting.Trouble | None = None
    answer: "Future[Turn | None]" = field(default_factory=Future)


class Clerk:
    """Serves the lines of one process. `road` names whose rest is heeded."""

    def __init__(self, folder: Path, road: str, *, names: Callable[[], Sequence[str]]) -> None:
        self._folder, self._road, self._names = folder, road, names
        self._asked: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
        self._turns: dict[str, Turn] = {}
        self._stopping = threading.Event()
        self._in_doubt = False  # did a commit perhaps succeed whose answer was lost?
        self._unfinished = True  # may a sending have come to its end?
        self._renewed = self._looked = self._asked_around = 0.0
        self._around: Around | None = None
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)
        self._thread.start()

    async def turn(
        self,
        name: str,
        told: ledger.Told | None,
        size: int,
        trouble: resting.Trouble | None = None,
    ) -> Turn | None:
        """Settle what `told` says, and claim a batch of at most `size` letters for the journal
        `name`; None where there is none. Returns once both are durable."""
        ask = Ask(name, told, size, trouble)
        self._asked.put(ask)
        return await asyncio.wrap_future(ask.answer)

    def stop(self) -> None:
        """Give up what the database does not take now; the journals tell it to who comes next."""
        self._stopping.set()

    def close(self) -> None:
        """End the thread, after all it was asked."""
        self._asked.put(None)
        self._thread.join()

    # -- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                asks, ended = self._next()
                if asks:
                    self._serve(asks)
                self._look_after()
                if ended:
                    return
        finally:
            connection.close()

    def _next(self) -> tuple[list[Ask], bool]:
        """All that waits."""
        asks: list[Ask] = []
        with suppress(queue.Empty):
            one = self._asked.get(timeout=1.0)
            while one is not None:
                asks.append(one)
                one = self._asked.get_nowait()
            return asks, True
        return asks, False

    def _serve(self, asks: list[Ask]) -> None:
        tries = 0
        while True:
            try:
                turns = self._work(asks)
                break
            except (DatabaseError, InterfaceError) as error:
                self._in_doubt = True
                tries += 1
                forget_connection(connection)
                pause = rules.longest(PAUSES, tries)
                log.error(
                    "The database cannot be used (%s); nothing is lost. Next look in %d s.",
                    " ".join(str(error).split()),
                    pause,
                )
                if self._stopping.wait(pause) and tries > 1:
                    _fail(asks, error)
                    return
            except BaseException as error:
                _fail(asks, error)
                if not isinstance(error, Exception):
                    raise
                return
        self._in_doubt = False
        self._unfinished |= any(ask.told for ask in asks)
        for ask, turn in zip(asks, turns, strict=True):
            self._turns.pop(ask.name, None)
            if turn:
                self._turns[ask.name] = turn
            with suppress(InvalidStateError):  # whoever asked has gone
                ask.answer.set_result(turn)

    def _work(self, asks: list[Ask]) -> list[Turn | None]:
        _wait_for_the_disk()
        if not any(ask.told or ask.trouble for ask in asks) and not self._worth_a_try(asks):
            return [None] * len(asks)
        began = uptime()
        with transaction_in_turn():
            now = ledger.database_now()
            for ask in asks:
                if self._in_doubt:
                    self._let_go(ask)
                if ask.told:
                    ledger.settle(ask.told, now)
            troubles = [ask.trouble for ask in asks if ask.trouble]
            well = any(ask.told and ask.told.accepted for ask in asks)
            rests = resting.note(self._road, troubles, now, well=well)
            wishes = [(ask.name, ask.size) for ask in asks if ask.size]
            if self._around is None or began - self._asked_around > KNOWN_FOR:
                self._around, self._asked_around = Around(now, self._road), began
            around = self._around
            limits = Limits(around.in_force)
            held = iter([] if rests or not wishes else ledger.claim(wishes, now, limits))
        found = [next(held, None) if ask.size else None for ask in asks]
        until = began + ledger.LEASE - MARGIN
        return [
            Turn(read(one, now, around), around.values, until) if one else None for one in found
        ]

    def _worth_a_try(self, asks: list[Ask]) -> bool:
        """A look that writes nothing, before a transaction that would take SQLite's only turn."""
        return any(ask.size for ask in asks) and ledger.anything_due(ledger.database_now())

    def _let_go(self, ask: Ask) -> None:
        """Claims of ours whose commit was not confirmed: nothing of them left."""
        current = ask.told.batch if ask.told else 0
        lost = BatchRow.objects.filter(worker=ask.name, state=BatchState.CLAIMED)
        for pk, claim in lost.exclude(pk=current).values_list("pk", "claim"):
            ledger.settle(ledger.Told(pk, claim), ledger.database_now())

    def _look_after(self) -> None:
        """Lengthen leases, settle what dead senders left, mark what is done."""
        try:
            if uptime() - self._renewed > RENEWED_EVERY and self._turns:
                self._renew()
            if uptime() - self._looked > LOOKED_EVERY:
                self._looked = uptime()
                self._unfinished |= bool(recover(self._folder, mine=self._names()))
            if self._unfinished and not self._turns:
                with transaction_in_turn():
                    finish(ledger.database_now())
                self._unfinished = False
        except (DatabaseError, InterfaceError) as error:
            forget_connection(connection)
            log.warning("The database cannot be used (%s).", " ".join(str(error).split()))
        except Exception:  # this thread is the only one that settles anything
            log.exception("What dead senders left could not be settled.")

    def _renew(self) -> None:
        began = uptime()
        turns = dict(self._turns)
        with transaction_in_turn():
            held = [(one.batch.held.batch, one.batch.held.claim) for one in turns.values()]
            kept = ledger.renew(held, ledger.database_now())
        for turn in turns.values():
            if turn.batch.held.batch in kept:
                turn.until = began + ledger.LEASE - MARGIN
        self._renewed = began


def _fail(asks: Sequence[Ask], error: BaseException) -> None:
    for ask in asks:
        with suppress(InvalidStateError):
            ask.answer.set_exception(error)


def _wait_for_the_disk() -> None:
    """SQLite in WAL mode loses the last commits when power fails; a claim must not be lost."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
