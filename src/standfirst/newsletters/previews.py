"""An edition as its editor looks at it: each letter, and its page for each kind of reader.

Nothing is stored. What a page may show is decided by `access.rules.decide` for a made-up standing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from standfirst.access.rules import VISITOR, Standing, decide
from standfirst.members.forms import JoinForm
from standfirst.newsletters.letters.previews import Kind, Look, preview
from standfirst.newsletters.models import Edition
from standfirst.newsletters.pages import edition_page

# By the mode's name: variant of the letter, its part, how it is looked at.
LETTERS: Mapping[str, tuple[str, Kind, Look]] = {
    "mail-subscriber": ("subscriber", "html", "desktop"),
    "mail-member": ("member", "html", "desktop"),
    "dark-subscriber": ("subscriber", "html", "dark"),
    "dark-member": ("member", "html", "dark"),
    "text-subscriber": ("subscriber", "text", "desktop"),
    "text-member": ("member", "text", "desktop"),
}


def standing_in(mode: str, now: datetime) -> Standing:
    """The made-up standing of a mode that shows the web page."""
    if mode == "web-subscriber":
        until = now + timedelta(days=30)
        return Standing(signed_in=True, verified=True, subscribed_until=until)
    if mode == "web-member":
        return Standing(signed_in=True, verified=True)
    return VISITOR


def preview_of(edition: Edition, request: HttpRequest, mode: str) -> HttpResponse:
    """What an editor sees in one of `Edition.preview_modes`; a mode we don't know: a visitor's."""
    edition.pk = edition.pk or 0
    if mode in LETTERS:
        variant, kind, look = LETTERS[mode]
        body = preview(edition, variant, kind, look)
        content_type = "text/plain" if kind == "text" else "text/html"
        return HttpResponse(body, content_type=f"{content_type}; charset=utf-8")
    now = timezone.now()
    decision = decide(edition.effective_terms, standing_in(mode, now), edition.pk, now)
    context: dict[str, Any] = {
        "page": edition_page(edition, decision),
        "decision": decision,
        "seen_as": mode.removeprefix("web-"),
        "form": JoinForm(),
    }
    return TemplateResponse(request, "newsletters/edition.html", context)
