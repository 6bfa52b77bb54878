"""Where the preview ends, and how long a text takes. Plain values in, plain values out."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

PREVIEW_PARAGRAPHS = 3
WORDS_A_MINUTE = 230

_OPENING = re.compile(r"<p\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
_SURELY_TEXT = re.compile(r">\s*[^\s<>&]")  # found much sooner than the text is read


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of a body: the block's kind, its value, and its id in the newsroom.

    A paragraph block that holds several paragraphs becomes several pieces, so that a cut never
    depends on how an editor divided the text into blocks. A paragraph's value is its HTML.
    """

    kind: str
    value: Any
    id: str = ""


def pieces_of(blocks: Sequence[Piece]) -> list[Piece]:
    """The same body with every paragraph a piece of its own; empty paragraphs are left out."""
    pieces: list[Piece] = []
    for block in blocks:
        if block.kind != "paragraph":
            pieces.append(block)
            continue
        pieces.extend(
            Piece("paragraph", html, block.id)
            for html in _paragraphs_in(str(block.value))
            if _SURELY_TEXT.search(html) or plain_text(html)
        )
    return pieces


def _paragraphs_in(html: str) -> Iterator[str]:
    """Each `<p>`, and whatever stands between them: nothing an editor wrote is lost."""
    end = 0
    while opening := _OPENING.search(html, end):
        closed = [at for mark in ("</p>", "</P>") if (at := html.find(mark, opening.end())) >= 0]
        if not closed:
            break
        yield html[end : opening.start()].strip()
        end = min(closed) + len("</p>")
        yield html[opening.start() : end]
    yield html[end:].strip()


def split_at_cut(blocks: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Divide a body into the preview and the rest.

    The preview ends at the first `cut`; without one, after the third paragraph. Where that would
    give away the whole text, fewer paragraphs are shown, so that there is always a rest as long as
    there are two paragraphs; a text of one paragraph without a cut is all rest. A heading is never
    the last thing before a wall. A cut with no text after it counts as none; so do later cuts.
    """
    pieces = pieces_of(blocks)
    cut = next((i for i, piece in enumerate(pieces) if piece.kind == "cut"), None)
    if cut is None or all(piece.kind == "cut" for piece in pieces[cut:]):
        cut = _default_cut(pieces)
    preview = [p for p in pieces[:cut] if p.kind != "cut"]
    rest = [p for p in pieces[cut:] if p.kind != "cut"]
    while preview and preview[-1].kind == "heading":
        rest.insert(0, preview.pop())
    return preview, rest


def _default_cut(pieces: Sequence[Piece]) -> int:
    paragraphs = [i for i, piece in enumerate(pieces) if piece.kind == "paragraph"]
    shown = min(PREVIEW_PARAGRAPHS, len(paragraphs) - 1)
    return paragraphs[shown - 1] + 1 if shown > 0 else 0


def plain_text(html: str) -> str:
    """HTML without its tags, entities resolved, white space folded."""
    return " ".join(unescape(_TAG.sub(" ", html)).replace("\xa0", " ").split())


def minutes_to_read(words: int) -> int:
    """Whole minutes for a text of so many words, at least one."""
    return max(1, round(words / WORDS_A_MINUTE))


def filed_as(name: str) -> str:
    """The name as an index sorts it: without accents, case, and marks before its first letter."""
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(c for c in letters if not unicodedata.combining(c)).casefold()
    return letters.lstrip("\"'‘’“”«„( ") or letters


def letter_of(name: str) -> str:
    """The letter an index lists the name under; “#” for figures and signs."""
    first = filed_as(name)[:1].upper()
    return first if first.isalpha() else "#"


def read_next(
    pinned: Sequence[int], near: Sequence[int], live: Collection[int], count: int
) -> tuple[list[int], list[int]]:
    """Of articles that were pinned and articles that are near, in their order: so many that are
    live, none twice; and all that were looked at, which is what the choice hangs on."""
    chosen: list[int] = []
    asked: list[int] = []
    for pk in dict.fromkeys((*pinned, *near)):
        if len(chosen) == count:
            break
        asked.append(pk)
        if pk in live:
            chosen.append(pk)
    return chosen, asked
