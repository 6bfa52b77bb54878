"""The road of chunks, as a sender drives it: a line whose letters leave many at once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol, cast

from standfirst.newsletters.delivery.chunks import ChunkLetter, Provider, Reader, send_chunk
from standfirst.newsletters.delivery.road import Answer, Driver, Outcome, Outgoing


class Recipient(Protocol):
    """Whom a letter is for."""

    delivery: int
    address: str
    name: str


class Worded(NamedTuple):
    """A letter as a provider takes it, in an Outgoing's place: what all get, and one reader."""

    letter: ChunkLetter
    reader: Reader


def worded(letter: ChunkLetter) -> Callable[[Recipient, Mapping[str, str]], Outgoing]:
    """What makes the letter of each recipient."""

    def make(who: Recipient, values: Mapping[str, str]) -> Outgoing:
        # Only `ProviderLine` is given it.
        return cast(Outgoing, Worded(letter, Reader(who.delivery, who.name, who.address, values)))

    return make


class ProviderLine:
    """One request after the other to a provider; see `road.Line`. All of a request leave together,
    so where its answer is lost all of them are in doubt."""

    def __init__(
        self,
        provider: Provider,
        send: Callable[[ChunkLetter, Sequence[Reader]], list[Answer]] = send_chunk,
    ) -> None:
        self._provider, self._send = provider, send

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """See `road.Line`. A batch may hold letters of two variants, each with requests of its
        own."""
        groups: dict[ChunkLetter, list[Reader]] = {}
        for one in cast(Iterator[Worded], letters):
            groups.setdefault(one.letter, []).append(one.reader)
        for letter, readers in groups.items():
            rest = iter(readers)
            while chunk := list(islice(rest, self._provider.most)):
                await self._hand_over(letter, chunk, driver)

    async def _hand_over(self, letter: ChunkLetter, chunk: list[Reader], driver: Driver) -> None:
        leaving = [one for one in chunk if driver.body_leaves(one.number)]
        answers = {one.number: Answer(one.number, Outcome.NOT_TRIED) for one in chunk}
        words = "The request broke off, so nobody knows whether it arrived."
        try:
            if leaving:
                answers |= _alike(leaving, Outcome.UNCERTAIN, words)
                said = await asyncio.to_thread(self._send, letter, leaving)
                answers |= {one.number: one for one in said}
        except (LookupError, ValueError) as error:  # before anything left
            answers |= _alike(leaving, Outcome.DEFERRED, str(error), everyone=True)
        finally:  # also when we are told to stop in the middle
            for answer in answers.values():
                driver.answered(answer)

    async def close(self) -> None:
        """Nothing is kept open between two requests."""


def _alike(
    readers: list[Reader], outcome: Outcome, words: str, *, everyone: bool = False
) -> dict[int, Answer]:
    return {one.number: Answer(one.number, outcome, 0, words, everyone) for one in readers}
