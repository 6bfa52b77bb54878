"""From the plain text of a loaded article to the blocks of a body. Plain values in and out."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

LONG_PARAGRAPH = 260  # words; a longer one is divided at its sentences' ends
GOOD_PARAGRAPH = 120
HEADING_CHARACTERS, HEADING_WORDS = 90, 12
WORDS_UNDER_A_HEADING = 25
MOST_HEADINGS = 2  # directly below one another
TITLE_LENGTH = 255

_SENTENCE_END = re.compile(r"(?<=[.!?…])[”’\"')\]]*\s+(?=[“‘\"'(\[]*[A-Z0-9À-Þ])")
_HONORIFIC = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|No|Nos|H\.E|U\.S|U\.N|vs|Sen|Rep|Gen|[A-Z])\.$")
_LINE_END = re.compile("\r\n|[\r\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufeff]")
# _Emphasis_ as plain text has it: whole words, never the underscores inside a name_of_a_file.
_EMPHASIS = re.compile(r"(?<![\w_])_(?=\S)([^_]{1,120})(?<=\S)_(?![\w_])")
_CELL = " | "
_BULLETS = ("- ", "• ", "● ", "▪ ")
# What a printer put at the head and foot of pages, left in by whoever took the text off them:
# lines of nothing but document numbers, page numbers and dates.
_FURNITURE = re.compile(r"(?:(?:\d+/\d+|\d\d-\d{5}(?: \(E\))?|[AS]/\d+/PV\.\d+|[\d/.]{8,10})\s*)+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a text: `paragraph` or `heading` with its line; `list` or `table` with theirs."""

    kind: str
    lines: tuple[str, ...]
    title: str = ""  # of a table


def clean(text: str) -> str:
    """The text in composed characters, with one kind of line end and of blank.

    Control characters, private ones and half characters, which no database takes or no reader can
    see, are dropped.
    """
    text = unicodedata.normalize("NFC", _LINE_END.sub("\n", text))
    return _UNWANTED.sub("", text.replace("\t", " "))


def short_title(title: str, length: int = TITLE_LENGTH) -> str:
    """The title on one line, cut at a word where it is longer than `length` characters."""
    line = " ".join(clean(title).split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(",;:–— ") + "…"


def stretches(body: str, *, headings: bool = True) -> list[Stretch]:
    """The text's paragraphs (one a line), headings, lists and tables, in order.

    A heading is a short line without final punctuation before a real paragraph; with
    `headings=False` there is none (in speeches such lines are forms of address). Lines with cells
    between bars are a table where at least two have equally many cells; lines that begin with a
    dash or a bullet are a list, and so are many short lines in a row.
    """
    lines = [" ".join(line.split()) for line in clean(body).split("\n")]
    lines = [line for line in lines if line and not _FURNITURE.fullmatch(line)]
    found: list[Stretch] = []
    for kind, group in groupby(lines, key=_kind):
        rows = tuple(group)
        if kind == "list":
            found.append(Stretch("list", tuple(row[1:].strip() for row in rows)))
        elif kind and len(rows) > 1:
            found.append(Stretch("table", rows))
        else:
            for row in rows:
                found.extend(Stretch("paragraph", (part,)) for part in _divided(row))
    return _with_headings(found) if headings else found


def _kind(line: str) -> str:
    """What the line looks like by itself: an item, a row of so many cells, or nothing special."""
    if line.startswith(_BULLETS) and len(line) > 2:
        return "list"
    cells = line.count(_CELL)
    return f"table of {cells}" if cells else ""


def blocks(source: str, text: Sequence[Stretch]) -> list[dict[str, Any]]:
    """The raw value of a body. Equal texts of one `source` give equal ids.

    Paragraphs between two headings share a block: a speech of a hundred paragraphs would be a
    hundred small editors in the newsroom.
    """
    return [
        {"type": kind, "value": value, "id": str(uuid5(_TEXTS, f"{source} {number}"))}
        for number, (kind, value) in enumerate(_raw(text))
    ]


_TEXTS: UUID = uuid5(NAMESPACE_URL, "standfirst:texts")


def count_words(text: Iterable[Stretch]) -> int:
    """Words in paragraphs and headings; tables are looked at rather than read."""
    return sum(len(line.split()) for s in text if s.kind != "table" for line in s.lines)


def _raw(text: Sequence[Stretch]) -> Iterator[tuple[str, Any]]:
    for kind, group in groupby(text, key=lambda stretch: stretch.kind):
        if kind == "paragraph":
            yield kind, "".join(f"<p>{_rich(s.lines[0])}</p>" for s in group)
        elif kind == "heading":
            for stretch in group:
                yield kind, _EMPHASIS.sub(r"\1", stretch.lines[0])
        elif kind == "list":
            items = (_rich(line) for s in group for line in s.lines)
            yield kind, "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"
        else:
            for stretch in group:
                yield kind, _table(stretch)


def _rich(line: str) -> str:
    """A line of plain text as rich text."""
    return _EMPHASIS.sub(r"<i>\1</i>", escape(line, quote=False))


def _table(stretch: Stretch) -> dict[str, Any]:
    return {
        "data": [
            [_EMPHASIS.sub(r"\1", c.strip()) for c in row.split(_CELL.strip())]
            for row in stretch.lines
        ],
        "cell": [],
        "mergeCells": [],
        "table_caption": stretch.title,
        "table_header_choice": "row",
        "first_row_is_table_header": True,
        "first_col_is_header": False,
    }


def _with_headings(found: Sequence[Stretch]) -> list[Stretch]:
    """The same stretches, those that are headings marked as such.

    One or two short lines above a real paragraph, a list or a table are headings (the title of a
    part, and that of its first chapter); a longer run of them is a list of names.
    """
    marked: list[Stretch] = []
    runs = [(short, list(run)) for short, run in groupby(found, key=_may_be_a_heading)]
    for (short, run), following in zip(runs, [*runs[1:], None], strict=True):
        if short and len(run) > MOST_HEADINGS:
            marked.append(Stretch("list", tuple(stretch.lines[0] for stretch in run)))
        elif short and following and _stands_under_a_heading(following[1][0]):
            marked.extend(Stretch("heading", stretch.lines) for stretch in run)
        else:
            first = run[0]
            if first.kind == "table" and marked and marked[-1].kind == "heading":
                title = marked[-1].lines[0]
                if title.startswith("Table "):
                    marked.pop()
                    run[0] = Stretch("table", first.lines, title)
            marked.extend(run)
    return marked


def _may_be_a_heading(stretch: Stretch) -> bool:
    return stretch.kind == "paragraph" and _looks_like_a_heading(stretch.lines[0])


def _stands_under_a_heading(stretch: Stretch) -> bool:
    if stretch.kind != "paragraph":
        return True
    line = stretch.lines[0]
    return len(line.split()) >= WORDS_UNDER_A_HEADING or line.endswith(":")


def _looks_like_a_heading(line: str) -> bool:
    return (
        3 <= len(line) <= HEADING_CHARACTERS
        and len(line.split()) <= HEADING_WORDS
        and (line[0].isupper() or line[0].isdigit())
        and (line[-1].isalnum() or line[-1] in "?)’")
        and any(c.isalpha() for c in line)
        and _CELL not in line
    )


def _divided(line: str) -> Iterator[str]:
    """The line; or, where it is very long, paragraphs of about GOOD_PARAGRAPH words."""
    if len(line.split()) <= LONG_PARAGRAPH:
        yield line
        return
    held: list[str] = []
    words = 0
    for sentence in _sentences(line):
        held.append(sentence)
        words += len(sentence.split())
        if words >= GOOD_PARAGRAPH:
            yield " ".join(held)
            held, words = [], 0
    if held:
        yield " ".join(held)


def _sentences(line: str) -> Iterator[str]:
    """The line's sentences. A full stop after an initial or an honorific ends none."""
    start = 0
    for match in _SENTENCE_END.finditer(line):
        sentence = line[start : match.end()].strip()
        if _HONORIFIC.search(sentence):
            continue
        yield sentence
        start = match.end()
    if line[start:].strip():
        yield line[start:].strip()
