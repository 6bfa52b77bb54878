"""What an editor wrote, made fit for mail: a few tags, absolute links, no pictures.

The HTML is read into paragraphs, and both parts of a letter are written from these: nothing that is
not known here reaches a reader, and what is written is well formed, as MJML wants it. It imports no
framework.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

WIDTH = 72
SCHEMES = {"http", "https", "mailto"}
INLINE = {"b": "b", "strong": "b", "i": "i", "em": "i", "sup": "sup", "sub": "sub"}
UNSEEN = {"script", "style", "template", "head", "title", "noscript", "svg", "math"}
BREAKS = {
    *("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "hr"),
    *("table", "tr", "td", "th", "section", "article", "figure", "figcaption", "pre", "dl", "dt"),
    "dd",
}
_IN_ADDRESSES = "%/:?#[]@!$&'()*+,;=~"  # RFC 3986, 2.2; what is escaped already stays so
# Not in XML at all (XML 1.0, 2.2), so that MJML could not be read; some are no text anyway.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """The text without the characters that no XML may hold."""
    return _FORBIDDEN.sub("", text)


def absolute(address: str, base_url: str) -> str:
    """The address in full and in ASCII, seen from the front page; "" for none, and for one that a
    mail must not lead to."""
    address = clean(address).strip()
    if not address:
        return ""
    try:
        parts = urlsplit(urljoin(f"{base_url}/", address))
        host = parts.netloc.encode("idna").decode()  # RFC 3490
    except ValueError:  # UnicodeError is one
        return ""
    if parts.scheme not in SCHEMES or (parts.scheme != "mailto" and not host):
        return ""
    return quote(urlunsplit(parts._replace(netloc=host)), safe=_IN_ADDRESSES)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text with the tags (`b`, `i`, `sup`, `sub`) and the link it stands in."""

    text: str
    tags: tuple[str, ...] = ()
    href: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Runs, in a list (`mark` is "•" or its number) or not (`mark` is "")."""

    runs: tuple[Run, ...]
    mark: str = ""

    @property
    def words(self) -> str:
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of an editor. False where nothing is in it."""

    paragraphs: tuple[Paragraph, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paragraphs)

    @property
    def html(self) -> str:
        """Well-formed mark-up, escaped: paragraphs of the class `text`."""
        return "".join(_paragraph_html(one) for one in self.paragraphs)

    @property
    def text(self) -> str:
        """Lines of at most 72 characters; each paragraph's links follow it, one a line."""
        return "\n\n".join(_paragraph_text(one) for one in self.paragraphs)

    def first(self, count: int) -> "Passage":
        """Its first paragraphs alone."""
        return Passage(self.paragraphs[:count])


NOTHING = Passage()


def read(html: str, base_url: str) -> Passage:
    """An editor's HTML as a passage. It reads anything; tags that are not known count as none."""
    reader = _Reader(base_url)
    # What is no HTML and stops the parser (Python 3.11 asserts what stands after it).
    reader.feed(clean(html).replace("<![", "&lt;!["))
    reader.close()
    reader.end_paragraph()
    return Passage(tuple(reader.paragraphs))


def wrapped(text: str, indent: str = "") -> str:
    """One paragraph in lines of at most 72 characters; addresses are never broken."""
    return "\n".join(
        textwrap.wrap(
            text,
            WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


class _Reader(HTMLParser):
    def __init__(self, base_url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base_url = base_url
        self.paragraphs: list[Paragraph] = []
        self._runs: list[Run] = []
        self._tags: list[str] = []
        self._href = ""
        self._unseen = 0
        self._lists: list[int | None] = []  # the number last given; None: a list without
        self._mark = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen += 1
        elif tag in BREAKS:
            self.end_paragraph()
            self._open_block(tag)
        elif tag == "br":
            self._runs.append(Run("\n"))
        elif tag == "a":
            self._href = absolute(dict(attrs).get("href") or "", self.base_url)
        elif tag in INLINE:
            self._tags.append(INLINE[tag])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in UNSEEN:  # `<script/>` opens nothing that would be closed
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in BREAKS:
            self.end_paragraph()
            if tag in {"ul", "ol"} and self._lists:
                self._lists.pop()
        elif tag == "a":
            self._href = ""
        elif tag in INLINE and INLINE[tag] in self._tags:
            self._tags.reverse()
            self._tags.remove(INLINE[tag])
            self._tags.reverse()

    def handle_data(self, data: str) -> None:
        text = re.sub(r"[ \t\r\n\f]+", " ", data)
        if text and not self._unseen:
            self._runs.append(Run(text, tuple(dict.fromkeys(self._tags)), self._href))

    def end_paragraph(self) -> None:
        runs, self._runs = self._runs, []
        while runs and not runs[0].text.strip():
            runs.pop(0)
        while runs and not runs[-1].text.strip():
            runs.pop()
        if runs:
            first = runs[0]
            runs[0] = Run(first.text.lstrip(), first.tags, first.href)
            last = runs[-1]
            runs[-1] = Run(last.text.rstrip(), last.tags, last.href)
            self.paragraphs.append(Paragraph(tuple(runs), self._mark))
            self._mark = ""

    def _open_block(self, tag: str) -> None:
        if tag in {"ul", "ol"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            if number is None:
                self._mark = "•"
            else:
                self._lists[-1] = number + 1
                self._mark = f"{number + 1}."


def _paragraph_html(paragraph: Paragraph) -> str:
    inside = "".join(_run_html(run) for run in paragraph.runs)
    mark = f"{paragraph.mark}&nbsp; " if paragraph.mark else ""
    return f'<p class="text ink serif" dir="auto">{mark}{inside}</p>'


def _run_html(run: Run) -> str:
    html = escape(run.text).replace("\n", "<br/>")
    for tag in run.tags:
        html = f"<{tag}>{html}</{tag}>"
    return f'<a class="ink" href="{escape(run.href)}">{html}</a>' if run.href else html


def _paragraph_text(paragraph: Paragraph) -> str:
    mark = f"{paragraph.mark} " if paragraph.mark else ""
    lines = (mark + paragraph.words).split("\n")
    text = "\n".join(wrapped(line, " " * len(mark)) for line in lines)
    return "\n".join((text, *links_of(paragraph.runs)))


def links_of(runs: Sequence[Run]) -> Iterator[str]:
    """The addresses that runs lead to, in their order, none twice."""
    yield from dict.fromkeys(run.href.removeprefix("mailto:") for run in runs if run.href)
