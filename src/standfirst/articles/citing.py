"""How an article is cited. Plain values in, text out; no framework.

Chicago is the bibliography entry of its notes style (18th edition, as for a magazine read online),
APA the reference of the 7th edition. Neither asks for a day of access where there is a date. BibTeX
and RIS are what reference managers read; `meta_of` is what Zotero and Google Scholar look for in a
page's head.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
MOST_IN_CHICAGO = 6  # with more authors, the first three and “et al.”
MOST_IN_APA = 20  # with more, the first nineteen and the last

SUFFIXES = {"jr", "sr", "ii", "iii", "iv", "md", "phd"}
# An author called so is not a person with a family name.
BODIES = {
    *("agency", "association", "board", "bureau", "center", "centre", "committee", "council"),
    *("desk", "editorial", "editors", "foundation", "group", "institute", "ministry", "newsroom"),
    *("society", "staff", "team", "university", "and", "&", "for", "of"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is cited. `authors` are names as they stand in the byline, `published` the day where the
    magazine is; `address` is absolute, `summary` a line that every reader may see."""

    title: str
    authors: Sequence[str] = ()
    magazine: str
    published: date | None = None
    address: str
    language: str = "en"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation in three parts; the middle one, the magazine's name, stands in italics."""

    before: str
    magazine: str
    after: str

    def __str__(self) -> str:
        return self.before + self.magazine + self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A person's name, or in `family` alone that of a body or of one who has a single name."""

    family: str
    given: str = ""
    suffix: str = ""
    is_body: bool = False

    @property
    def turned(self) -> str:
        """Family name first."""
        return ", ".join(part for part in (self.family, self.given, self.suffix) if part)

    @property
    def straight(self) -> str:
        return " ".join(part for part in (self.given, self.family, self.suffix) if part)

    @property
    def with_initials(self) -> str:
        given = " ".join(
            "-".join(f"{part[0].upper()}." for part in word.split("-") if part[:1].isalpha())
            for word in self.given.split()
        )
        return ", ".join(
            part for part in (self.family, " ".join(given.split()), self.suffix) if part
        )


def name_of(text: str, magazine: str = "") -> Name:
    """Read a name from a byline. Small words before the family name belong to it (van, de la)."""
    text = _line(text)
    head, comma, tail = text.partition(",")
    words = head.split()
    suffix = ""
    if comma and _bare(tail) in SUFFIXES:
        suffix = tail.strip()
    elif not comma and len(words) > 2 and _bare(words[-1]) in SUFFIXES:
        suffix = words.pop()
    elif comma:
        return Name(family=text, is_body=True)
    known = {_bare(word) for word in words}
    if not words or text == magazine or known & BODIES or words[0] == "The":
        return Name(family=text, is_body=True)
    first = len(words) - 1
    while first > 1 and words[first - 1][:1].islower():
        first -= 1
    return Name(family=" ".join(words[first:]), given=" ".join(words[:first]), suffix=suffix)


def _bare(word: str) -> str:
    return word.strip(" .,").replace(".", "").casefold()


def _line(text: str) -> str:
    """The text on one line, without control characters and soft hyphens."""
    text = text.replace("\u00ad", "")
    return " ".join(
        "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text).split()
    )


def _names(work: Work) -> list[Name]:
    return [name_of(author, work.magazine) for author in work.authors if _line(author)]


def _ended(text: str) -> str:
    """With a full stop, unless it ends a sentence already."""
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


# -- styles -----------------------------------------------------------------------------------


def chicago(work: Work) -> Citation:
    """Sample, Ada, and Ben Other. “Salt Roads.” *The Meridian*, November 24, 2026. https://…"""
    names = _names(work)
    parts = [name.turned if n == 0 else name.straight for n, name in enumerate(names)]
    if len(parts) > MOST_IN_CHICAGO:
        authors = ", ".join([*parts[:3], "et al."])
    elif len(parts) > 1:
        authors = f"{', '.join(parts[:-1])}, and {parts[-1]}"
    else:
        authors = "".join(parts)
    title = f"“{_ended(_within_quotes(_line(work.title)))}”"
    day = work.published
    when = f"{MONTHS[day.month - 1]} {day.day}, {day.year:04}" if day else "n.d."
    before = f"{_ended(authors)} {title} " if authors else f"{title} "
    return Citation(before, _line(work.magazine), f", {_ended(when)} {work.address}.")


def apa(work: Work) -> Citation:
    """Sample, A., & Other, B. (2026, November 24). Salt roads. *The Meridian*. https://…"""
    names = [name.family if name.is_body else name.with_initials for name in _names(work)]
    if len(names) > MOST_IN_APA:
        authors = f"{', '.join(names[: MOST_IN_APA - 1])}, . . . {names[-1]}"
    elif len(names) > 1:
        authors = f"{', '.join(names[:-1])}, & {names[-1]}"
    else:
        authors = "".join(names)
    day = work.published
    when = f"({day.year:04}, {MONTHS[day.month - 1]} {day.day})." if day else "(n.d.)."
    title = _ended(_line(work.title))
    first = f"{_ended(authors)} {when} {title}" if authors else f"{title} {when}"
    return Citation(f"{first} ", _line(work.magazine), f". {work.address}")


def _within_quotes(text: str) -> str:
    """Double quotes as single ones, since the whole will stand in double ones."""
    opening = True

    def single(_: re.Match[str]) -> str:
        nonlocal opening
        opening = not opening
        return "’" if opening else "‘"

    text = text.replace("“", "‘").replace("”", "’")
    return re.sub('"', single, text)


# -- files ------------------------------------------------------------------------------------


def bibtex(work: Work) -> str:
    """One entry for BibTeX and biblatex. What LaTeX would misread is written for it; letters of
    other scripts stay as they are (UTF-8). Braces are always in pairs, for BibTeX counts them."""
    names = [
        f"{{{_for_latex(name.family)}}}" if name.is_body or not name.given else _bibtex_name(name)
        for name in _names(work)
    ]
    day = work.published
    fields = [
        ("author", f"{{{' and '.join(names)}}}" if names else ""),
        ("title", f"{{{{{_for_latex(work.title)}}}}}"),
        ("journal", f"{{{_for_latex(work.magazine)}}}"),
        ("year", f"{{{day.year:04}}}" if day else ""),
        ("month", MONTHS[day.month - 1][:3].lower() if day else ""),
        ("date", f"{{{day.isoformat()}}}" if day else ""),
        ("url", f"{{{work.address}}}"),
    ]
    lines = [f"  {name} = {value}," for name, value in fields if value]
    return "\n".join([f"@article{{{key_of(work)},", *lines, "}", ""])


def _bibtex_name(name: Name) -> str:
    # By “and” BibTeX divides authors, by a comma the parts of a name.
    parts = [name.family, name.suffix, name.given] if name.suffix else [name.family, name.given]
    written = [_for_latex(part) for part in parts]
    return ", ".join(
        f"{{{text}}}" if " and " in f" {text.lower()} " or "," in text else text for text in written
    )


def key_of(work: Work) -> str:
    """Such as sample2026salt: of ASCII letters and digits only, and never empty."""
    family = next((name.family for name in _names(work)), work.magazine)
    words = [word for word in map(_plain, work.title.split()) if len(word) > 3]
    year = f"{work.published.year:04}" if work.published else ""
    return f"{_plain(family)}{year}{words[0] if words else ''}" or "article"


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text).lower()
    return "".join(c for c in apart if c.isascii() and c.isalnum())


def ris(work: Work) -> str:
    """One reference in the RIS format, a magazine article; lines end as it asks (CR LF)."""
    day = work.published
    rows = [
        ("TY", "MGZN"),
        *(("AU", name.family if name.is_body else name.turned) for name in _names(work)),
        ("TI", work.title),
        ("T2", work.magazine),
        ("PY", f"{day.year:04}" if day else ""),
        ("DA", f"{day.year:04}/{day:%m/%d}/" if day else ""),
        ("UR", work.address),
        ("LA", work.language),
        ("AB", work.summary),
    ]
    lines = [f"{tag}  - {_line(value)}" for tag, value in rows if _line(value)]
    return "\r\n".join([*lines, "ER  - ", ""])


def meta_of(work: Work) -> list[tuple[str, str]]:
    """Names and contents of <meta> elements that reference managers read."""
    day = work.published
    rows = [
        ("citation_title", work.title),
        *(("citation_author", name.turned) for name in _names(work)),
        ("citation_publication_date", f"{day.year:04}/{day:%m/%d}" if day else ""),
        ("citation_journal_title", work.magazine),
        ("citation_language", work.language),
        ("citation_public_url", work.address),
    ]
    return [(name, _line(value)) for name, value in rows if _line(value)]


# -- LaTeX ------------------------------------------------------------------------------------

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    **{sign: f"\\{sign}" for sign in "$&%#_"},
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "ß": r"{\ss}",
    "ø": r"{\o}",
    "Ø": r"{\O}",
    "æ": r"{\ae}",
    "Æ": r"{\AE}",
    "œ": r"{\oe}",
    "Œ": r"{\OE}",
    "ł": r"{\l}",
    "Ł": r"{\L}",
    "ı": r"{\i}",
}
_DRAWN_AS_ONE = {"--", "''", "``", "<<", ">>", ",,", "?`", "!`"}
# Combining accents and the LaTeX commands for them, in the same order.
_ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0308\u0304\u0307\u0306\u030a\u030b\u030c\u0327\u0328",
        "`'^~\"=.urHvck",
        strict=True,
    )
)


def _for_latex(text: str) -> str:
    written = ""
    for piece in map(_letter, unicodedata.normalize("NFC", _line(text))):
        # Signs that LaTeX would draw as one are kept apart.
        if written[-1:] + piece[0] in _DRAWN_AS_ONE:
            written += "{}"
        written += piece
    return written


def _letter(letter: str) -> str:
    if letter in _SIGNS:
        return _SIGNS[letter]
    apart = unicodedata.normalize("NFD", letter)
    if len(apart) == 2 and apart[0].isascii() and apart[0].isalpha() and apart[1] in _ACCENTS:
        accent = _ACCENTS[apart[1]]
        return f"{{\\{accent}{{{apart[0]}}}}}"
    return letter
