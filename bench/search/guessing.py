"""How long does it take to guess a text that one may search but not read?

The attacker knows the preview and searches the last words known and one word more as a phrase, in
quotation marks, until the article answers: `"of the canal" "the canal was"`. Two attackers: one
tries the 5,000 most frequent words of all other texts in order of frequency; the other tries first
what followed the same one and two words there. Each try is a search of the real index. A word that
neither knows is passed over (as if it were told them for nothing). A third, who knows English as a
language model does, is supposed to need ten tries a word.

Then readers search phrases against the real limits (`LIBRARY_LIMITS`) for a day in which the clock
is turned by hand: how many tries does a day allow a member, a visitor, 256 addresses?
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from itertools import count as count_up
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

DICTIONARY = 5_000  # words
TEXTS, WORDS = 4, 100  # texts that are guessed, words of each
CONTEXT = 3  # words that stand before the one that is guessed
A_TEXT = 1_000  # words
MIDNIGHT = 29_000_160  # in minutes since 1970


def measure(folder: Path) -> dict[str, object]:
    """Tries for a word, words a day, and days for a text of a thousand words."""
    from standfirst.library.engine import Document, Search
    from standfirst.library.engines.embedded import Index
    from standfirst.library.rules import Phrase, Query

    texts = _texts()
    index = Index.create(folder / "guessing", "en")
    index.write(building=True)
    index.put(
        Document(
            key=key,
            headline=f"Text {key}",
            open_text=[],
            rest=[" ".join(words)],
            names=[],
            filed={},
            published_at=datetime(2026, 11, 1, tzinfo=UTC),
            stamp=key,
        )
        for key, words in enumerate(texts, start=1)
    )
    index.commit("")
    index.close()
    index = Index.open(folder / "guessing")

    def answers(words: Sequence[str], key: int) -> bool:
        query = Query(wanted=(Phrase(" ".join(words)),))
        found = index.search(Search(query=query, only=[("key", frozenset({key}))], count=1))
        return bool(found.total)

    tries: dict[str, list[int]] = {"dictionary": [], "what followed elsewhere": []}
    unknown = 0
    for key in range(1, TEXTS + 1):
        words = texts[key - 1]
        learnt = _Learnt(text for n, text in enumerate(texts, start=1) if n != key)
        begin = max(CONTEXT, len(words) // 3)
        for at in range(begin, min(begin + WORDS, len(words))):
            if words[at] not in learnt.known:
                unknown += 1
                continue
            before = words[at - CONTEXT : at]
            for name, guesses in (
                ("dictionary", learnt.frequent),
                ("what followed elsewhere", learnt.likely(before)),
            ):
                for count, guess in enumerate(guesses, start=1):
                    if answers([*before, guess], key):
                        tries[name].append(count)
                        break
    allowed = {name: _allowed(name) for name in ("a member", "a visitor", "256 addresses")}
    per_word = {name: sum(counts) / len(counts) for name, counts in tries.items()}
    per_word["ten tries a word"] = 10.0
    return {
        "guessed": len(tries["dictionary"]),
        "unknown": unknown,
        "tries_a_word": per_word,
        "tries_a_day": allowed,
        "days_for_a_text": {
            f"{who}, {name}": A_TEXT * count / a_day
            for who, a_day in allowed.items()
            for name, count in per_word.items()
        },
    }


def _texts() -> list[list[str]]:
    """The sample's articles, each as its words."""
    from standfirst.articles.rules import plain_text
    from standfirst.project.demo.sample import CONTENT
    from standfirst.project.demo.text import read

    found = []
    for file in sorted(CONTENT.glob("articles/*.md")):
        sample = read(file.stem, file.read_text(encoding="utf-8"), lambda _: None)
        text = " ".join(
            plain_text(str(block["value"])) for block in sample.body if block["type"] == "paragraph"
        )
        found.append(re.findall(r"[^\W_]+", text.lower()))
    return sorted(found, key=len, reverse=True)


class _Learnt:
    """What an attacker knows of the magazine's way of writing."""

    def __init__(self, texts: Iterator[list[str]]) -> None:
        self._after: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        counts: Counter[str] = Counter()
        for words in texts:
            counts.update(words)
            for n in (1, 2):
                for at in range(n, len(words)):
                    self._after[tuple(words[at - n : at])][words[at]] += 1
        self.frequent = [word for word, _ in counts.most_common(DICTIONARY)]
        self.known = set(self.frequent)

    def likely(self, before: Sequence[str]) -> Iterator[str]:
        """What followed two words, then one word, then all others; each once."""
        two, one = self._after[tuple(before[-2:])], self._after[tuple(before[-1:])]
        said = (word for counter in (two, one) for word, _ in counter.most_common())
        return iter(dict.fromkeys(chain(said, self.frequent)))


def _allowed(who: str) -> int:
    """Phrases that the limits let through in one day, each sent as soon as it may be."""
    from django.contrib.auth.models import AnonymousUser
    from django.db import connection
    from django.http import HttpRequest, QueryDict
    from django.test import RequestFactory, override_settings

    from standfirst.library import limits
    from standfirst.library.models import SearchCount
    from standfirst.members.models import Member

    if SearchCount._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(SearchCount)
    SearchCount.objects.all().delete()
    addresses = [f"203.0.113.{n}" for n in range(256 if who == "256 addresses" else 1)]
    requests = []
    for address in addresses:
        request = RequestFactory().get("/library/", REMOTE_ADDR=address)
        request.user = Member(pk=1) if who == "a member" else AnonymousUser()
        requests.append(request)
    numbers = count_up()

    def asking(request: HttpRequest) -> HttpRequest:
        request.GET = QueryDict(mutable=True)  # type: ignore[assignment]
        request.GET["q"] = f'"the canal {next(numbers)}"'
        return request

    clock = SimpleNamespace()
    memory = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    with (
        override_settings(CACHES=memory),
        patch.object(limits, "time", clock),
        patch.object(limits, "_reads_everything", lambda _: False),  # asks the database
    ):
        passed = 0
        for minute in range(MIDNIGHT, MIDNIGHT + 1_440):
            clock.time = partial(float, 60 * minute)
            before = passed
            for request in requests:
                while not limits.too_often(asking(request)):
                    passed += 1
            if passed == before:  # and so it is until midnight
                break
        return passed


def report(found: dict[str, object]) -> None:
    """The figures as sentences."""
    print(f"\nguessing a text: {found['guessed']} words, {found['unknown']} more were unknown")
    for name, count in found["tries_a_word"].items():  # type: ignore[attr-defined]
        print(f"{name:28}{count:9,.0f} tries for a word")
    for name, count in found["tries_a_day"].items():  # type: ignore[attr-defined]
        print(f"{name:28}{count:9,} tries a day")
    for name, days in found["days_for_a_text"].items():  # type: ignore[attr-defined]
        print(f"{name:38}{days:9,.0f} days for {A_TEXT:,} words")
