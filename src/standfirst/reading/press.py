"""Makes kept pages smaller when nobody else needs the processor: `press FOLDER`.

A reader waits for a page that is being rendered, so it is kept with quick compression. This process
of `standfirst serve` compresses it again as well as can be, one page at a time. It may be killed at
any moment: a page is the one or the other. No Django in it.
"""

import os
import sqlite3
import sys
import time
from pathlib import Path

from standfirst.reading.generations import Generations
from standfirst.reading.store import Writer

LOOK_EVERY = 5.0  # seconds
PAGES_AT_ONCE = 500  # before doors are told to forget what they hold


def press_all(folder: Path) -> int:
    """Compress what is there, up to PAGES_AT_ONCE, then let doors fetch it; says how many.

    `folder` holds the page store and the file of generations. Raises OSError where there is no such
    file yet, sqlite3.Error as `Writer.press`.
    """
    generations = Generations(folder / "generations", make=False)
    writer = Writer(folder / "pages.sqlite3", generations, 0)
    count = 0
    while count < PAGES_AT_ONCE and writer.press():
        count += 1
    if count:
        generations.raise_pages()
    return count


def main() -> None:
    """Press what is kept in the folder named by the first argument, until killed."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):  # Linux: only where a processor would stand idle (sched(7))
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        try:
            count = press_all(Path(sys.argv[1]))
        except (OSError, sqlite3.Error):
            count = 0  # away, or being made: the next look finds it
        if not count:
            time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main()
