"""The letters as their editor looks at them, and the values of a test to oneself."""

import re
from datetime import datetime
from html import escape
from typing import Literal

from django.conf import settings
from django.utils import timezone

from standfirst.access.queries import Credits, credits_of, month_for_all
from standfirst.members.models import Member
from standfirst.newsletters.delivery import rules
from standfirst.newsletters.letters.composing import composed
from standfirst.newsletters.letters.source import filled
from standfirst.newsletters.models import Edition
from standfirst.publication.queries import the_publication

Kind = Literal["html", "text"]
Look = Literal["desktop", "phone", "dark"]
SAMPLE = ("Ada", "ada@example.org")
NOTE = (
    '<p style="margin:0;padding:12px 24px;background-color:#f0c33c;color:#161513;'
    'font:15px/22px sans-serif">{}</p>'
)
_BODY = re.compile("<body[^>]*>")
_DARK = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")


def preview(edition: Edition, variant: str, kind: Kind = "html", look: Look = "desktop") -> str:
    """An edition's letter to a sample reader, as a whole HTML page or as text. Where it had to be
    shortened, a sentence for the editor stands above it.

    The letter of a phone is that of a desktop: whoever shows it gives the frame its width (390 CSS
    pixels). `dark` is what a mail program in dark mode shows, whatever the browser prefers. Raises
    KeyError for a variant that there is not.
    """
    found = composed(edition)
    letter = filled(found.letters[variant], sample_values())
    note = found.notes.get(variant, "")
    if kind == "text":
        return f"[{note}]\n\n{letter.text}" if note else letter.text
    html = in_the_dark(letter.html) if look == "dark" else letter.html
    if note:
        html = _BODY.sub(lambda body: f"{body[0]}{NOTE.format(escape(note))}", html, count=1)
    return html


def in_the_dark(html: str) -> str:
    """A letter's page with the rules for dark mode always on."""
    return _DARK.sub("@media all", html)


def sample_values() -> dict[str, str]:
    """What stands in the slots for a sample reader, who made one choice this month. Its links lead
    to the front page, so that no editor unsubscribes anybody by trying them."""
    name, address = SAMPLE
    now = timezone.now()
    return _values(name, address, month_for_all(now), 1, now)


def test_values(member: Member) -> dict[str, str]:
    """What stands in the slots of a test that a colleague sends to their own address. As in a
    preview, its links change nothing."""
    now = timezone.now()
    month = credits_of(member, now)
    return _values(member.name, member.email, month, len(month.chosen), now)


def _values(name: str, address: str, month: Credits, used: int, now: datetime) -> dict[str, str]:
    zone = the_publication().zone
    front = f"{settings.WAGTAILADMIN_BASE_URL}/"
    return {
        "greeting": rules.greeting(name, now.astimezone(zone).hour),
        "address": address,
        "choices": rules.choices(used, month.allowance, month.renews_at.date()),
        "preferences": front,
        "unsubscribe": front,
    }
