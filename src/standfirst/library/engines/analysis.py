"""How texts become terms in the embedded index: its fields, and what is folded away."""

import re
import unicodedata

import tantivy
from tantivy import Filter, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

FORMAT = 1  # of the fields and the analysis: an index of another format is rebuilt, never mended
LONGEST_TERM = 60

STEMMERS = {
    "ar": "arabic", "da": "danish", "nl": "dutch", "en": "english",
    "fi": "finnish", "fr": "french", "de": "german", "el": "greek",
    "hu": "hungarian", "it": "italian", "no": "norwegian", "nb": "norwegian",
    "nn": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip

# Numbers have indexes of their own, by which articles are filtered, counted and sorted.
NUMBERS = ("key", "stamp", "at", "section", "region", "topic", "author", "year")

# A dot between two single letters. It begins with the dot, since that is looked for quickest.
_DOTTED = re.compile(r"\.(?<=\b[^\W\d_]\.)(?=[^\W\d_]\b)")


def normal(text: str) -> str:
    """The text with composed letters, and U.S. as US: what analysis does not do by itself."""
    text = _DOTTED.sub("", text)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def stemmed(language: str) -> TextAnalyzer:
    """Words without case, accents and endings; for a language without a stemmer, with endings."""
    builder = _words()
    if stemmer := STEMMERS.get(language.partition("-")[0].lower()):
        builder = builder.filter(Filter.stemmer(stemmer))
    return builder.build()


def plain() -> TextAnalyzer:
    """Words without case and accents."""
    return _words().build()


def _words() -> TextAnalyzerBuilder:
    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(LONGEST_TERM))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
    )


def schema() -> Schema:
    """`text`: all of an article, headline included. `headline`: once more, at less weight (a
    strong field of its own would drown the text). `exact`: the headline as one term. `words`: what
    every reader may see, unstemmed; completions and corrections come from there alone."""
    builder = SchemaBuilder()
    for name in NUMBERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name="stemmed")
    builder.add_text_field("headline", tokenizer_name="stemmed", index_option="freq")
    builder.add_text_field("exact", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("words", tokenizer_name="plain", index_option="basic")
    builder.add_text_field("format", tokenizer_name="raw", index_option="basic", fast=True)
    return builder.build()


def register(index: tantivy.Index, language: str) -> None:
    """Tell an opened index of our analysers: they live in the process, not in the index."""
    index.register_tokenizer("stemmed", stemmed(language))
    index.register_tokenizer("plain", plain())
