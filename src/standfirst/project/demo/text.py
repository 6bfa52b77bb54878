"""Reading a sample article's file: front matter between two +++ lines, then a light mark-up.

Blocks stand between blank lines: paragraphs, `## heading`, `> quote` with `> — attribution`,
`- list`, `[table: caption]` … `[/table]`, `[image: article | caption | credit | alt text]`,
`[cut]`, and footnotes `[^1]: text`. Inside: *italic*, **bold**, [text](address).
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5

_LINK = re.compile(r"\[([^\]^]+)\]\((https?://[^\s)]+)\)")
_QUOTE = '"'
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ITALIC = re.compile(r"\*(.+?)\*")
_FOOTNOTE = re.compile(r"\[\^(\w+)\]:\s*(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sample:
    """One file: what stands in its front matter, and its body as raw blocks of an article."""

    slug: str
    facts: dict[str, Any]
    body: list[dict[str, Any]]


def read(slug: str, text: str, image_id: Callable[[str], int | None]) -> Sample:
    """Read one file's text. `image_id` gives the picture of another article, if there is one."""
    _, front, body = text.split("+++\n", 2)
    blocks = [
        {"type": kind, "value": value, "id": str(uuid5(NAMESPACE_URL, f"meridian:{slug}:{i}"))}
        for i, (kind, value) in enumerate(_blocks(body, image_id))
    ]
    return Sample(slug=slug, facts=tomllib.loads(front), body=blocks)


def _blocks(body: str, image_id: Callable[[str], int | None]) -> Iterator[tuple[str, Any]]:
    footnotes: list[dict[str, Any]] = []
    paragraphs: list[str] = []
    for chunk in re.split(r"\n\s*\n", body.strip()):
        chunk = chunk.strip()
        if not chunk or chunk == "+++":
            continue
        if note := _FOOTNOTE.match(chunk):
            for line in re.split(r"\n(?=\[\^)", chunk):
                if note := _FOOTNOTE.match(line):
                    footnotes.append({"mark": note[1], "text": f"<p>{inline(note[2])}</p>"})
            continue
        special = _special(chunk, image_id)
        if special is None:
            paragraphs.append(f"<p>{inline(chunk)}</p>")
            continue
        if paragraphs:
            yield "paragraph", "".join(paragraphs)
            paragraphs = []
        if special[1] is not ...:
            yield special
    if paragraphs:
        yield "paragraph", "".join(paragraphs)
    if footnotes:
        yield "footnotes", footnotes


def _special(chunk: str, image_id: Callable[[str], int | None]) -> tuple[str, Any] | None:
    """The chunk as a block other than a paragraph; None if it is one. `...`: to be left out."""
    if chunk == "[cut]":
        return "cut", None
    if chunk.startswith("## "):
        return "heading", chunk[3:].strip()
    if chunk.startswith("> "):
        lines = [line.lstrip("> ").strip() for line in chunk.split("\n")]
        said = [line for line in lines if line and not line.startswith("—")]
        by = next((line.lstrip("— ") for line in lines if line.startswith("—")), "")
        return "quote", {"text": " ".join(said), "attribution": by}
    if chunk.startswith("- "):
        items = re.split(r"\n?^- ", chunk, flags=re.MULTILINE)[1:]
        return "list", "<ul>" + "".join(f"<li>{inline(i.strip())}</li>" for i in items) + "</ul>"
    if chunk.startswith("[table:"):
        return "table", _table(chunk)
    if chunk.startswith("[image:"):
        name, caption, credit, alt = (p.strip() for p in chunk[7:].rstrip("]").split("|", 3))
        found = image_id(name)
        value = {"image": found, "alt": alt, "caption": caption, "credit": credit}
        return "image", value if found else ...
    return None


def _table(chunk: str) -> dict[str, Any]:
    head, *lines = chunk.split("\n")
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    return {
        "data": [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)],
        "cell": [],
        "mergeCells": [],
        "table_caption": head[7:].strip().rstrip("]").strip(),
        "table_header_choice": "row",
        "first_row_is_table_header": True,
        "first_col_is_header": False,
    }


def inline(text: str) -> str:
    """Rich text for a line of the mark-up."""
    html = escape(" ".join(text.split()), quote=False)
    html = _LINK.sub(lambda m: f'<a href="{m[2].replace(_QUOTE, "%22")}">{m[1]}</a>', html)
    return _ITALIC.sub(r"<i>\1</i>", _BOLD.sub(r"<b>\1</b>", html))
