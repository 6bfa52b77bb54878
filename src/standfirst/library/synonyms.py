"""Words that an editor says mean the same. Plain values in, a wider query out; no engine is asked.

A query is widened where a run of its words is one of a group's wordings: each of these words then
carries the other wordings (`Word.also`). What was typed stays as it was, so that a group never
makes a search find less. Phrases and beginnings of words are asked for as they stand.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from standfirst.library.rules import ENDING, Either, Part, Phrase, Query, Word, in_a_row, words_of

MOST_WORDINGS = 12  # of one group
LONGEST_WORDING = 60  # characters
MOST_ALSO = 24  # wordings that are added to one query

Folded = tuple[str, ...]


def folded(text: str) -> Folded:
    """The text's words without case, accents, quotes and signs; U.S. is us."""
    letters = unicodedata.normalize("NFKD", text)
    letters = "".join(c for c in letters if not unicodedata.combining(c)).casefold()
    return tuple(words_of(letters))


def wordings_in(text: str) -> list[str]:
    """What an editor wrote between commas or in lines, blanks folded, nothing twice."""
    found: dict[Folded, str] = {}
    for part in re.split(r"[,;\n]", text):
        found.setdefault(folded(part), " ".join(part.replace('"', " ").split()))
    return [wording for words, wording in found.items() if words]


@dataclass(frozen=True, slots=True)
class Group:
    """Wordings that mean the same. `one_way`: who types the first finds the others too, but not
    the other way round."""

    wordings: tuple[str, ...]
    one_way: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """Those that are widened when a reader types them."""
        return self.wordings[:1] if self.one_way else self.wordings


class Thesaurus:
    """All groups, to look wordings up in. Of two groups that ask for the same, the first counts."""

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._others: dict[Folded, tuple[str, ...]] = {}
        for group in groups:
            for asked in group.asked:
                others = tuple(w for w in group.wordings if folded(w) != folded(asked))
                self._others.setdefault(folded(asked), others)
        self._longest = max(map(len, self._others), default=0)

    def __bool__(self) -> bool:
        return bool(self._others)

    def of(self, words: Sequence[Word]) -> tuple[int, tuple[str, ...]]:
        """How many of the first of these words are a wording, the longest one, and the others."""
        run: Folded = ()
        best: tuple[int, tuple[str, ...]] = (0, ())
        for count, word in enumerate(words, start=1):
            if word.prefix or len(run) >= self._longest:
                break
            run += folded(word.text)
            if others := self._others.get(run):
                best = (count, others)
        return best


def widened(query: Query, thesaurus: Thesaurus) -> tuple[Query, tuple[str, ...]]:
    """The query with the other wordings of what is typed, and these wordings, each once."""
    added: dict[str, None] = {}

    def several(words: Sequence[Word]) -> list[Word]:
        found: list[Word] = []
        while len(found) < len(words):
            at = len(found)
            count, others = thesaurus.of(words[at:])
            if not count or len(added.keys() | set(others)) > MOST_ALSO:
                found.append(words[at])
                continue
            added.update(dict.fromkeys(others))
            also = tuple(Word(o) if len(folded(o)) == 1 else Phrase(o) for o in others)
            found += [replace(word, also=also) for word in words[at : at + count]]
        return found

    def one(part: Word | Phrase) -> Word | Phrase:
        return several([part])[0] if isinstance(part, Word) else part

    wanted: list[Part] = []
    run: list[Word] = []
    for part in query.wanted:
        if isinstance(part, Word):
            run.append(part)
            continue
        wanted += several(run)
        run = []
        wanted.append(Either(tuple(map(one, part.parts))) if isinstance(part, Either) else part)
    wanted += several(run)
    return (replace(query, wanted=tuple(wanted)), tuple(added)) if added else (query, ())


def to_correct(query: Query) -> list[str]:
    """The single words of a widened query that may be misspelt: no editor has named them."""
    words = [
        word
        for part in query.wanted
        for word in (part.parts if isinstance(part, Either) else (part,))
        if isinstance(word, Word) and not word.prefix
    ]
    return [word.text for word in words if not word.also]


def pinned_as(query: Query) -> str:
    """What a query is called where results are pinned to it; "" for one that excludes, narrows or
    offers a choice, since nobody pins anything to that."""
    found: list[str] = []
    for part in query.wanted:
        if isinstance(part, Either) or (isinstance(part, Word) and part.prefix):
            return ""
        found += folded(part.text)
    return " ".join(found) if replace(query, wanted=()) == Query() else ""


def rows_in(query: Query) -> list[str]:
    """Of what a query asks whether it stands in a row, also where it is excluded or offered as a
    choice. What follows an apostrophe (China’s) is no word of its own."""
    parts = [
        one
        for part in (*query.wanted, *query.unwanted)
        for one in (part.parts if isinstance(part, Either) else (part,))
    ]
    rows = [" ".join(folded(ENDING.sub("", part.text))) for part in parts if in_a_row(part)]
    return list(dict.fromkeys(row for row in rows if " " in row))
