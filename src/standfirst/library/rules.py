"""What a reader asks of the library: their words, read into a small tree. Plain values only.

    words                any of them; the more of them stand together, the better
    "exact phrase"       these words in this order
    -word  -"a phrase"   not these
    one OR other         either
    author: topic: region: section: format:     filed so; -topic:x not so
    after:2019  before:2020-06                  published then; year, month or day
    nucl*                words that begin so

Any text gives a query: what cannot be meant as an operator is searched as words. Whoever pastes a
paragraph (more than MOST_PARTS words) means no operators at all.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta
from itertools import islice
from typing import TypeGuard

LONGEST = 2_500  # characters that are read: a pasted paragraph finds what is about the same
MOST_PARTS = 40
MOST_WORDS = 400  # of a pasted text
MOST_IN_A_PHRASE = 30  # words
SHORTEST_PREFIX = 2
MOST_PREFIXES = 5  # beginnings of words: each stands for many words
MOST_ROWS = 5  # phrases, and words joined by signs: of frequent words each is slow to look up

FIELDS = ("author", "topic", "region", "section", "format")


@dataclass(frozen=True, slots=True)
class Word:
    """One word; `prefix`: every word that begins so. `also`: what means the same, so that an
    article with it answers too, but comes after one with the word (see `library.synonyms`)."""

    text: str
    prefix: bool = False
    also: tuple["Word | Phrase", ...] = ()


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in this order, with a blank between each two."""

    text: str


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of these, of which there are two or more."""

    parts: tuple[Word | Phrase, ...]


@dataclass(frozen=True, slots=True)
class Filed:
    """Filed under something whose name holds these words; `field` is one of FIELDS."""

    field: str
    name: str


Part = Word | Phrase | Either


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for. `after` is the first day that counts, `before` the first that does not."""

    wanted: tuple[Part, ...] = ()
    unwanted: tuple[Word | Phrase, ...] = ()
    filed: tuple[Filed, ...] = ()
    not_filed: tuple[Filed, ...] = ()
    after: date | None = None
    before: date | None = None

    def __bool__(self) -> bool:
        return self != Query()

    @property
    def words(self) -> tuple[str, ...]:
        """The single whole words that are wanted, in order."""
        return tuple(
            word.text
            for part in self.wanted
            for word in (part.parts if isinstance(part, Either) else (part,))
            if isinstance(word, Word) and not word.prefix
        )


_DOTTED = re.compile(r"\.(?<=\b[^\W\d_]\.)(?=[^\W\d_]\b)")

# What follows an apostrophe (China’s) is no word that one looks for.
ENDING = re.compile(r"['’](?:s|t|d|m|ll|re|ve)\b", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """The words in a text, as they are written; U.S. is one."""
    return re.findall(r"[^\W_]+", _DOTTED.sub("", text))


def in_a_row(part: object) -> TypeGuard[Word | Phrase]:
    """Does this ask whether words stand in a row, as a phrase and well-being do?"""
    if isinstance(part, Phrase) or (isinstance(part, Word) and not part.prefix):
        return len(words_of(part.text)) > 1
    return False


# -- reading ----------------------------------------------------------------------------------

_QUOTES = re.compile("[“”„‟«»＂]")
_INNER_STAR = re.compile(r"\*+(?=[^\s*])")
_EDGES = ".,;:!?()[]{}<>…/\\|'’‘‚`´-–—*\""
_NAMES = "|".join((*FIELDS, "after", "before"))
_TOKEN = re.compile(
    rf"(?P<no>-+)?(?:[^\w\s\"]+(?=(?:{_NAMES}):))?"
    rf'(?P<field>(?:{_NAMES}):(?=[^\s"]|"[^"]))?'
    r'(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))',
    re.IGNORECASE,
)


def parse(text: str) -> Query:
    """Read a reader's words. Total: every text has a query, at worst an empty one."""
    items = list(_items(_clean(text)))
    if items and all(item in {"OR", "AND"} for item in items):
        items = [Word(str(item).lower()) for item in items]
    wanted: list[Part] = []
    unwanted: list[Word | Phrase] = []
    filed: list[Filed] = []
    not_filed: list[Filed] = []
    after = before = None
    joining = False  # the item before was an OR that has a part on its left
    last_is_part = False
    for item in items:
        match item:
            case Word() | Phrase() if joining:
                left = wanted.pop()
                parts = left.parts if isinstance(left, Either) else (left,)
                wanted.append(Either((*parts, item)))
            case Word() | Phrase():
                wanted.append(item)
            case ("not", Filed() as row):
                not_filed.append(row)
            case ("not", Word() | Phrase() as part):
                unwanted.append(part)
            case Filed():
                filed.append(item)
            case ("after", date() as day):
                after = max(after or day, day)
            case ("before", date() as day):
                before = min(before or day, day)
        joining = item == "OR" and last_is_part
        last_is_part = isinstance(item, Word | Phrase)
    return Query(
        wanted=tuple(wanted),
        unwanted=tuple(unwanted),
        filed=tuple(dict.fromkeys(filed)),
        not_filed=tuple(dict.fromkeys(not_filed)),
        after=after,
        before=before,
    )


def _clean(text: str) -> str:
    """The text within bounds, with one kind of quotes in pairs, one kind of blank."""
    text = _bounded(text)
    # As the engines do: what is one word here must be one there, or a phrase would not be counted.
    text = _bounded(unicodedata.normalize("NFKC", text))
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    text = _QUOTES.sub('"', text).replace("−", "-")
    text = re.sub(r"[(){}\[\]]", " ", text)
    text = _INNER_STAR.sub(" ", text)
    if text.count('"') % 2:
        head, _, tail = text.rpartition('"')
        text = f"{head} {tail}"
    return text


def _bounded(text: str) -> str:
    """As many characters as are read, without a word that is cut through."""
    if len(text) <= LONGEST:
        return text
    cut = text[:LONGEST]
    return cut if cut.isspace() else cut.rsplit(None, 1)[0]


def _items(text: str) -> "Iterable[object]":
    tokens = text.replace('"', " ").replace("*", " ").split()
    if len(tokens) > MOST_PARTS:
        pasted = (word for token in tokens for word in words_of(ENDING.sub("", token)))
        yield from (_single(word) for word in islice(pasted, MOST_WORDS))
        return
    count = prefixes = rows = 0
    for found in _TOKEN.finditer(text):
        item = _item(found)
        if item is None:
            continue
        no = isinstance(item, tuple) and item[0] == "not"
        part = item[1] if no and isinstance(item, tuple) else item
        if isinstance(part, Word) and part.prefix:
            prefixes += 1
            if prefixes > MOST_PREFIXES:
                part = Word(part.text)
                item = _negated(part, no)
        several: list[object] = [item]
        if in_a_row(part):
            rows += 1
            if rows > MOST_ROWS:
                words = words_of(ENDING.sub("", part.text))
                several = [] if no else [Word(word) for word in words]
        for one in several:
            yield one
            count += 1
            if count == MOST_WORDS:
                return


def _item(found: re.Match[str]) -> object:
    field, no = (found["field"] or "")[:-1].lower(), bool(found["no"])
    plain = found["plain"]
    value = plain if plain is not None else " ".join(found["quoted"].replace("*", " ").split())
    if field in FIELDS:
        name = value.strip(_EDGES + " ")
        if not name:
            return _negated(_word(field), no)
        row = Filed(field, name)
        return ("not", row) if no else row
    if field and not no and (span := period(value.strip(_EDGES + " "))):
        return (field, span[0])
    if plain is None:
        phrase = " ".join(value.split()[:MOST_IN_A_PHRASE])
        if not phrase.strip(_EDGES + " "):
            return _negated(_word(field), no) if field else None
        # after:"the war" names no day
        return _negated(Phrase(f"{field} {phrase}" if field else phrase), no)
    if not no and not field and plain in {"OR", "AND", "|"}:
        return "OR" if plain == "|" else plain
    return _negated(_word(f"{field}:{value}" if field else value), no)


def _word(text: str) -> Word | None:
    word = text.strip(_EDGES)
    prefix = text.rstrip(_EDGES.replace("*", "")).endswith("*") and len(word) >= SHORTEST_PREFIX
    return _single(word, prefix) if word else None


def _single(word: str, prefix: bool = False) -> Word:
    return Word(word.lower() if word in {"OR", "AND"} else word, prefix)


def _negated(item: Word | Phrase | None, no: bool) -> object:
    return ("not", item) if no and item else item


def period(text: str) -> tuple[date, date] | None:
    """The first day of a year, month or day (2019, 2019-05, 2019-05-17) and the day after it;
    None for anything else."""
    found = re.fullmatch(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", text.strip(), re.ASCII)
    if not found:
        return None
    year, month, day = (int(part) if part else 0 for part in found.groups())
    try:
        first = date(year, month or 1, day or 1)
        last = first if day else date(year, month or 12, monthrange(year, month or 12)[1])
    except ValueError:
        return None
    return None if year == MAXYEAR else (first, last + timedelta(days=1))


# -- writing ----------------------------------------------------------------------------------


def written(query: Query) -> str:
    """The query as a reader could have typed it: `parse` reads it back into the same."""
    parts = [_part(part) for part in query.wanted]
    parts += [f"-{_part(part)}" for part in query.unwanted]
    parts += [_filed(row) for row in query.filed]
    parts += [f"-{_filed(row)}" for row in query.not_filed]
    parts += [
        f"{name}:{day.isoformat()}"
        for name, day in (("after", query.after), ("before", query.before))
        if day
    ]
    return " ".join(parts)


def _part(part: Part) -> str:
    match part:
        case Word(text, prefix):
            return f"{text}*" if prefix else text
        case Phrase(text):
            return f'"{text}"'
        case Either(parts):
            return " OR ".join(_part(one) for one in parts)


def _filed(row: Filed) -> str:
    return f'{row.field}:"{row.name}"' if " " in row.name else f"{row.field}:{row.name}"


def with_words(query: Query, instead: Mapping[str, str]) -> Query:
    """The same query with some of its single words replaced."""

    def one(part: Word | Phrase) -> Word | Phrase:
        if isinstance(part, Word) and not part.prefix and part.text in instead:
            return Word(instead[part.text])
        return part

    wanted: list[Part] = [
        Either(tuple(one(p) for p in part.parts)) if isinstance(part, Either) else one(part)
        for part in query.wanted
    ]
    return Query(
        wanted=tuple(wanted),
        unwanted=query.unwanted,
        filed=query.filed,
        not_filed=query.not_filed,
        after=query.after,
        before=query.before,
    )
