"""What a search says besides its page of results: feeds, suggestions, pages that say it went wrong.

For the proof that none of it shows a phrase that not everybody may read.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from urllib.parse import urlencode
from xml.etree import ElementTree

from django.test import Client

from standfirst.articles.models import Article
from standfirst.articles.texts import whole
from standfirst.library.queries import MODELS

SHORTEST_TELLING = 5  # words of the rest in a row that would show it
ENTRY = "{http://www.w3.org/2005/Atom}entry"


def runs(words: str) -> set[str]:
    """All stretches of so many words that would tell something."""
    row = words.split()
    count = len(row) - SHORTEST_TELLING + 1
    return {" ".join(row[n : n + SHORTEST_TELLING]) for n in range(count)}


def told_elsewhere(asked: str, visitor: Client, reader: Client) -> Iterator[str]:
    """Texts of the feed's entries and of pages that do not exist. The feed is the same for all."""
    query = urlencode({"q": asked})
    feeds = [client.get(f"/library/feed.atom?{query}").content for client in (visitor, reader)]
    assert feeds[0] == feeds[1]
    for entry in ElementTree.fromstring(feeds[1]).iter(ENTRY):
        yield re.sub("<.*?>", " ", " ".join(entry.itertext()))
    answer = reader.get(f"/library/?{query}&page=499")
    assert answer.status_code == 404
    yield re.sub("<.*?>", " ", answer.content.decode())


def suggested(phrase: str, visitor: Client, reader: Client) -> Iterator[str]:
    """Words that are suggested to one who types a phrase, before its last word is whole; to all the
    same ones."""
    *before, last = phrase.split()
    place = "/library/suggestions/?" + urlencode({"q": " ".join([*before, last[:2]])})
    typed, found = reader.get(place).json()
    assert [typed, found] == visitor.get(place).json()
    yield from (text.removeprefix(" ".join(before)) for text in found)


def words_that_all_may_read() -> Callable[[Iterable[str]], None]:
    """Asserts of texts that each of their words, accents apart, stands where all readers see it."""
    known = set()
    for article in Article.objects.filter(live=True):
        texts, _ = whole(list(article.body.raw_data))
        around = [article.hero_alt, article.hero_caption, article.hero_credit, article.note_text]
        everything = " ".join([article.title, article.standfirst, *texts, *around])
        known |= set(fold(plain(everything)).split())
    for model in MODELS.values():
        for row in model._default_manager.all():
            known |= set(fold(plain(row.name)).split())

    def asserted(texts: Iterable[str]) -> None:
        for text in texts:
            assert set(fold(plain(text)).split()) <= known, text

    return asserted


def plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", unescape(text))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def fold(text: str) -> str:
    return " ".join(re.findall(r"\w+", unescape(text).lower()))
