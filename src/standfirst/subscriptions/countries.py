"""Countries by their codes (ISO 3166-1), and by the names CLDR gives them."""

import re

from standfirst.publication.money import locale_of

_NO_COUNTRIES = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}  # which CLDR names too


def names(language: str) -> dict[str, str]:
    """Every country's name in a language, by its code."""
    known = {str(code): str(name) for code, name in locale_of(language).territories.items()}
    return {
        code: name
        for code, name in known.items()
        if re.fullmatch(r"[A-Z]{2}", code) and code not in _NO_COUNTRIES
    }


def codes_in(text: str, language: str = "en") -> list[str]:
    """The codes in what a person wrote between commas, in order, each once: codes, or names in the
    magazine's language or in English. Raises ValueError with a sentence."""
    named = names("en") | names(language)
    by_name = {
        name.casefold(): code
        for known in (names("en"), names(language))
        for code, name in known.items()
    }
    found: dict[str, None] = {}
    for part in re.split(r"[,;\n]", text):
        word = " ".join(part.split())
        if not word:
            continue
        code = word.upper() if word.upper() in named else by_name.get(word.casefold())
        if code is None:
            raise ValueError(f"“{word}” is not a country. Write codes or names, such as AT, India.")
        found[code] = None
    return list(found)


def in_words(codes: str, language: str = "en") -> str:
    """“Austria, India or Nigeria” for “AT, IN, NG”."""
    known = names(language)
    *first, last = [known.get(code, code) for code in codes_in(codes)] or [""]
    return f"{', '.join(first)} or {last}" if first else last
