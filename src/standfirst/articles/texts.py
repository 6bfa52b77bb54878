"""An article's words without their layout: for the library's index, and for excerpts.

`readable` is what an excerpt may be made of: the rest is part of it only for a `FullText`.
`whole` is for an index that shows nothing of it; what it gives never goes to a reader.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from standfirst.access.rules import Decision, FullText
from standfirst.articles.rules import Piece, plain_text, split_at_cut

_MARK = re.compile(r"\s*\[\^[\w*†‡-]{1,8}\]")

Blocks = Sequence[dict[str, Any]]  # a body as it is kept: type, value, id


def readable(body: Blocks, decision: Decision) -> list[str]:
    """The texts of a body that a reader with this decision may see, in order."""
    preview, rest = _divided(body)
    return list(_texts([*preview, *rest] if isinstance(decision, FullText) else preview))


def whole(body: Blocks) -> tuple[list[str], list[str]]:
    """The texts of the preview, and those of the rest; nothing without words in it."""
    preview, rest = _divided(body)
    return list(_texts(preview)), list(_texts(rest))


def _divided(body: Blocks) -> tuple[list[Piece], list[Piece]]:
    return split_at_cut([Piece(block["type"], block["value"]) for block in body])


def _texts(pieces: Sequence[Piece]) -> Iterator[str]:
    for piece in pieces:
        for html in _strings(piece.kind, piece.value):
            if text := _MARK.sub("", plain_text(html)):
                yield text


def _strings(kind: str, value: Any) -> Iterator[str]:
    match kind:
        case "paragraph" | "heading" | "list":
            yield str(value or "")
        case "image":
            yield from (str(value.get(name) or "") for name in ("alt", "caption", "credit"))
        case "quote":
            yield from (str(value.get(name) or "") for name in ("text", "attribution"))
        case "table":
            rows = (value or {}).get("data") or []
            yield from (" ".join(str(cell) for cell in row if cell) for row in rows)
            yield str((value or {}).get("table_caption") or "")
        case "footnotes":
            for note in value or []:
                yield str(note.get("value", note).get("text") or "")
