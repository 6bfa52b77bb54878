"""Letters to members: plain text with a simple HTML twin, made from two templates each."""

from email.utils import make_msgid
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from standfirst.publication.queries import the_publication

REMEMBERED = 7 * 24 * 60 * 60
HEADERS = {
    "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers, please
    "X-Auto-Response-Suppress": "All",
}


def send_letter(kind: str, to: str, *, folder: str = "members/mail", **context: Any) -> None:
    """Send the letter `<folder>/<kind>` to one address.

    The first line of the text template is the subject. The context's values stand in the letter as
    they are; nothing of them can start a new header. Raises what the mail server raises.
    """
    publication = the_publication()
    with timezone.override(publication.zone), translation.override(publication.language):
        context = {
            **context,
            "publication": publication,
            "base_url": settings.WAGTAILADMIN_BASE_URL,
            "to": to,
        }
        text = render_to_string(f"{folder}/{kind}.txt", context)
        subject, _, body = text.lstrip().partition("\n")
        subject = one_line(subject)
        page = render_to_string(f"{folder}/{kind}.html", {**context, "subject": subject})
    host = urlsplit(settings.WAGTAILADMIN_BASE_URL).hostname or "localhost"
    letter = EmailMultiAlternatives(
        subject=subject,
        body=body.strip() + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        reply_to=[publication.contact] if publication.contact else None,
        headers={**HEADERS, "Message-ID": make_msgid(domain=host)},
    )
    letter.attach_alternative(page, "text/html")
    letter.send()


def send_once(job: str, kind: str, to: str, **told: Any) -> None:
    """`send_letter` for a job (its id) of the task queue, which may be run twice: it is noted
    before the letter is sent, and the note taken back where it could not be."""
    mark = f"letter:{job}"
    if not cache.add(mark, kind, REMEMBERED):
        return
    try:
        send_letter(kind, to, **told)
    except BaseException:
        cache.delete(mark)  # it was not sent, and may be tried again
        raise


def one_line(text: str) -> str:
    """The text without line ends and other controls, as a header needs it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def link_to(name: str, token: str, next: str = "") -> str:
    """The full address of a page that a mail leads to; `next` is where it goes on to after."""
    query = f"?{urlencode({'next': next})}" if next else ""
    return f"{settings.WAGTAILADMIN_BASE_URL}{reverse(name, args=[token])}{query}"
