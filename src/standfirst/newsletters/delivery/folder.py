"""Lines that lead nowhere: into a folder, as the demo's outbox and tests want it, or onto the
screen. Both are road.Line. They import no framework."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from standfirst.newsletters.delivery.road import Answer, Driver, Outcome, Outgoing, Unreachable

A_BREATH = 16  # letters, after which others in the same loop have their turn


class FolderLine:
    """Each letter becomes a file whose name sorts by time: as Django's own file backend names
    them, so that letters of both stand in one outbox. A file is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """See road.Line."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unreachable(
                f"Letters cannot be written to {self._folder}: {error.strerror}."
                " Is EMAIL_URL right, and may the program write there?"
            ) from error
        for count, letter in enumerate(letters, 1):
            if not driver.body_leaves(letter.number):
                driver.answered(Answer(letter.number, Outcome.NOT_TRIED))
                return
            driver.answered(self._write(letter))
            if count % A_BREATH == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """See road.Line."""

    def _write(self, letter: Outgoing) -> Answer:
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{letter.number}.log"
        part = self._folder / f".{name}.part"
        try:
            part.write_bytes(letter.body)
            os.replace(part, self._folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            why = f"It could not be written: {error.strerror}."
            return Answer(letter.number, Outcome.DEFERRED, 0, why, everyone=True)
        return Answer(letter.number, Outcome.ACCEPTED, 250, name)


class ConsoleLine:
    """Each letter is written out, with its address above it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """See road.Line."""
        for letter in letters:
            if not driver.body_leaves(letter.number):
                driver.answered(Answer(letter.number, Outcome.NOT_TRIED))
                return
            stream = self._stream or sys.stdout
            text = letter.body.decode("utf-8", "replace").replace("\r\n", "\n")
            stream.write(f"To <{letter.recipient}>\n{text}\n{'-' * 79}\n")
            stream.flush()
            driver.answered(Answer(letter.number, Outcome.ACCEPTED, 250))
            await asyncio.sleep(0)

    async def close(self) -> None:
        """See road.Line."""
