"""Where mail providers tell what became of letters. Anymail reads and authenticates each."""

from typing import Any

from anymail import urls
from anymail.signals import AnymailTrackingEvent, tracking
from django.conf import settings
from django.urls import URLPattern
from django.utils import timezone

from standfirst.newsletters.actions.hearing import hear_event


def addresses() -> list[URLPattern]:
    """The webhooks of the providers whose events can be believed: all of them where they carry
    MAIL_WEBHOOK_SECRET, Mailgun's alone where that is its key for signing, and else none."""
    secret = settings.MAIL_WEBHOOK_SECRET
    if not secret:
        return []
    every = [one for one in urls.urlpatterns if "tracking" in str(one.pattern)]
    return every if ":" in secret else [one for one in every if "mailgun" in str(one.pattern)]


def listen() -> None:
    """Hear what Anymail's webhooks read; called once, when the program starts."""
    tracking.connect(_told, dispatch_uid="standfirst.newsletters")


def _told(event: AnymailTrackingEvent, esp_name: str, **more: Any) -> None:
    hear_event(event, esp_name, timezone.now())
