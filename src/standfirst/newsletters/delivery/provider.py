"""The road of chunks, as a sender drives it: a line whose letters leave many at once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from standfirst.newsletters.delivery.chunks import ChunkLetter, Provider, Reader, send_chunk
from standfirst.newsletters.delivery.road import Answer, Driver, Outcome, Outgoing


class Recipient(Protocol):
    """Whom a letter is for."""

    delivery: int
    address: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded(Outgoing):
    """A letter as a provider takes it: what all get, and the words of one reader."""

    letter: ChunkLetter
    reader: Reader


def worded(
    letter: ChunkLetter, ascii_address: Callable[[str], str] = str
) -> Callable[[Recipient, Mapping[str, str]], Worded]:
    """What makes the letter of each recipient."""

    def make(who: Recipient, values: Mapping[str, str]) -> Worded:
        address = ascii_address(who.address)
        reader = Reader(who.delivery, who.name, address, dict(values))
        return Worded(who.delivery, address, b"", letter=letter, reader=reader)

    return make


class ProviderLine:
    """One request after the other to a provider; see `road.Line`. All of a request leave together,
    so where its answer is lost all of them are in doubt."""

    def __init__(
        self,
        provider: Provider,
        send: Callable[[ChunkLetter, list[Reader]], list[Answer]] = send_chunk,
    ) -> None:
        self._provider, self._send = provider, send

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """See `road.Line`. A batch may hold letters of two variants, each with requests of its
        own."""
        groups: dict[ChunkLetter, list[Reader]] = {}
        for one in letters:
            if not isinstance(one, Worded):
                raise TypeError("A provider takes letters that are not put together yet.")
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
