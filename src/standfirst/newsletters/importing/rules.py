"""Reading a list of addresses. Lines of CSV in; what can be taken in, or why not, out."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from standfirst.members.rules import Unusable, address_from, name_from

MOST_ROWS = 500_000
LONGEST_SOURCE = 300
# What spreadsheets call the columns.
COLUMNS: Mapping[str, frozenset[str]] = {
    "address": frozenset({"address", "email", "e-mail", "mail", "email address", "e-mail address"}),
    "name": frozenset({"name", "full name"}),
    "letters": frozenset({"letters", "letter", "newsletters", "newsletter", "lists", "list"}),
    "given": frozenset({"given"}),
    "date": frozenset(
        {"consent date", "consent_date", "date", "consented", "consented at", "since"}
    ),
    "by": frozenset({"by"}),
    "source": frozenset({"source", "consent source", "consent_source", "proof"}),
}
NEEDED = ("address", "letters", "date", "source")
YES = frozenset({"yes", "y", "true", "1"})
_BETWEEN = re.compile(r"[;,|\n]")
_NO_FORMULA = re.compile(r"'(?= *[=+\-@|%\t\r\n])")  # see publication.spreadsheets


class Unreadable(ValueError):  # noqa: N818
    """A file that is no list of addresses; the text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody who said yes to letters (their names in Consent) on a day, and where."""

    number: int
    address: str
    name: str
    letters: tuple[str, ...]
    said_on: date
    source: str
    again: bool = False  # a row before it has the address, for other letters


@dataclass(frozen=True, slots=True)
class Refused:
    """A row (1 is the first after the heading) that cannot be taken in, and why. The sentence
    holds nothing of the row."""

    number: int
    why: str


def text_of(data: bytes) -> str:
    """The text of a file. Raises Unreadable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            "The file is not in UTF-8. Save it once more as “CSV UTF-8”, and try again."
        ) from error
    if "\0" in text:
        raise Unreadable("This is no CSV file. Save the list as CSV, and try again.")
    return text


def rows_in(text: str) -> int:
    """How many rows a list has, whatever they say. Raises Unreadable."""
    _, rows = _table(text)
    return sum(1 for _ in rows)


def read(
    text: str, letters: Mapping[str, str], today: date, after: int = 0
) -> Iterator[Row | Refused]:
    """Every row of a list from the one after row `after`, in its order. `letters` gives the consent
    for what readers or the newsroom call a letter, in small letters. Raises Unreadable."""
    place, rows = _table(text)
    seen: dict[tuple[str, str], int] = {}
    met: set[str] = set()
    for number, cells in rows:
        if cells is None:
            if number > after:
                why = "The row is too long to be one. A quotation mark may be missing."
                yield Refused(number, why)
            continue
        # Which row has an address and a letter first is told without judging the row, so that a
        # list that is gone on with skips what is done quickly and comes to the same.
        known = _known_as(_cell(cells, place, "address"))
        named = _named(_cell(cells, place, "letters")) or [""]
        first = max(seen.setdefault((known, one), number) for one in named)
        again = known in met
        met.add(known)
        if number <= after:
            continue
        try:
            row = _row(number, cells, place, letters, today)
        except Unusable as error:
            yield Refused(number, str(error))
            continue
        if first != number:
            yield Refused(number, f"The address stands in row {first} already.")
            continue
        yield replace(row, again=True) if again else row


def _table(text: str) -> tuple[dict[str, int], Iterator[tuple[int, list[str] | None]]]:
    """Where each column is, and the rows with their numbers; None for one that is none."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    return _places(next(table, [])), _rows(table)


def _rows(table: Iterator[list[str]]) -> Iterator[tuple[int, list[str] | None]]:
    number = 0
    while True:
        cells: list[str] | None
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        if cells is not None and not any(cell.strip() for cell in cells):
            continue
        number += 1
        if number > MOST_ROWS:
            raise Unreadable(f"The list has more than {MOST_ROWS:,} rows. Cut it into parts.")
        yield number, cells


def _known_as(typed: str) -> str:
    """One text for an address however it is written."""
    if typed.isascii():
        return typed.lower()
    try:
        return address_from(typed)
    except Unusable:
        return typed


def _cell(cells: Sequence[str], place: Mapping[str, int], column: str) -> str:
    at = place.get(column, len(cells))
    return _NO_FORMULA.sub("", cells[at].strip(), count=1) if at < len(cells) else ""


def _named(letters: str) -> list[str]:
    """What a cell calls the letters, in small letters."""
    return [told for one in _BETWEEN.split(letters) if (told := " ".join(one.split()).lower())]


def _delimiter(text: str) -> str:
    heading = text.partition("\n")[0]
    return max(",;\t", key=heading.count)


def _places(heading: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(heading):
        told = " ".join(cell.strip().lower().split())
        for column, names in COLUMNS.items():
            if told in names:
                found.setdefault(column, place)
    missing = [column for column in NEEDED if column not in found]
    if missing:
        raise Unreadable(
            "The first row must name the columns: address, name, letters, date, source. Missing: "
            f"{', '.join(missing)}."
        )
    return found


def _row(
    number: int,
    cells: Sequence[str],
    place: Mapping[str, int],
    letters: Mapping[str, str],
    today: date,
) -> Row:
    def cell(column: str) -> str:
        return _cell(cells, place, column)

    address = address_from(cell("address")) if cell("address") else ""
    if not address:
        raise Unusable("The address is missing.")
    if "given" in place and cell("given").lower() not in YES:
        raise Unusable("It does not say yes under “given”.")
    wanted: dict[str, None] = {}
    for told in _named(cell("letters")):
        if told not in letters:
            raise Unusable("It names a newsletter that there is not.")
        wanted[letters[told]] = None
    if not wanted:
        raise Unusable("It does not say which newsletter was wanted.")
    source = " ".join((cell("source") or cell("by")).split())
    if not source:
        raise Unusable("It does not say where the reader said yes (source).")
    return Row(
        number,
        address,
        name_from(cell("name")),
        tuple(wanted),
        _day(cell("date"), today),
        source[:LONGEST_SOURCE],
    )


def _day(text: str, today: date) -> date:
    if not text:
        raise Unusable("It does not say when the reader said yes (date).")
    try:
        day = date.fromisoformat(text[:10])
    except ValueError as error:
        raise Unusable("The date is not written as 2024-05-31.") from error
    if day > today:
        raise Unusable("The date lies in the future.")
    return day
