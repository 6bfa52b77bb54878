"""From templates to a letter: MJML to HTML, the text beside it, and our slots in both."""

import re
import secrets
from typing import Any

import mrml
from django.template.loader import render_to_string
from django.utils import timezone, translation

from standfirst.newsletters.letters.contents import House
from standfirst.newsletters.letters.richtext import clean
from standfirst.newsletters.letters.source import Source, defused, one_line
from standfirst.newsletters.slots import WORDS
from standfirst.publication.queries import the_publication

FOLDER = "newsletters/mail"
SUBJECT = 200  # characters, as many as models.Letter keeps
_OPTIONS = mrml.RenderOptions(fonts={})  # none is fetched from elsewhere
_LINES = re.compile(r"\s*\n\s*")
_EMPTY_LINES = re.compile(r"\n{3,}")


def render(kind: str, house: House, subject: str, **context: Any) -> Source:
    """The letter `newsletters/mail/<kind>`, from `.mjml` and `.txt`, in the magazine's language.

    Templates write `{{ slots.greeting }}`. Until all is rendered this is a word that nobody can
    know; so a word of a slot that stands in an editor's text is never taken for one, however it was
    spelt. Raises RuntimeError where MJML cannot be read, which is a fault of the template.
    """
    secret = secrets.token_hex(8)
    slots = {slot: f"zq{secret}{slot}{secret}qz" for slot in WORDS}
    subject = shortened(one_line(subject), SUBJECT)
    context = {**context, "house": house, "subject": subject, "slots": slots}
    zone = the_publication().zone
    with timezone.override(zone), translation.override(house.language):
        mjml = clean(render_to_string(f"{FOLDER}/{kind}.mjml", context))
        text = render_to_string(f"{FOLDER}/{kind}.txt", context)
    try:
        html = mrml.to_html(mjml, None, _OPTIONS).content
    except OSError as error:
        raise RuntimeError(f"The letter {kind}.mjml is no MJML: {error}.") from error
    parts = (subject, _LINES.sub("\n", html), _tidy(clean(text)))
    return Source(*(_with_slots(defused(part), slots) for part in parts))


def shortened(text: str, length: int) -> str:
    """The text, cut at a word where it has more characters than this."""
    if len(text) <= length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0].rstrip(" ,;:–—") + "…"


def _with_slots(text: str, slots: dict[str, str]) -> str:
    for slot, word in slots.items():
        text = text.replace(word, WORDS[slot])
    return text


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _EMPTY_LINES.sub("\n\n", lines).strip() + "\n"
