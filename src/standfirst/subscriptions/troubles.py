"""What is wrong with what providers tell, for `standfirst check`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache

from standfirst.publication.clock import written
from standfirst.subscriptions.models import STRIPE, Reconciliation, Subscription, WebhookEvent

FORGED_SEEN = "standfirst-forged-event-seen"
WAITS_LONG = timedelta(minutes=10)
OLD = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about payments that somebody must look at. `grave`: a reader may be wronged."""

    sentence: str
    grave: bool


def troubles(now: datetime) -> Iterator[Trouble]:
    """What is wrong with what providers tell, in sentences that name the next step."""
    events = WebhookEvent.objects
    if parked := events.filter(progress=WebhookEvent.Progress.PARKED).count():
        yield Trouble(
            f"{parked:,} event{'s' if parked > 1 else ''} of a provider could not be handled. See "
            "them with `standfirst subscriptions events --parked` or in the newsroom "
            "(Subscriptions → Events), then let them be tried again there.",
            True,
        )
    waiting = events.filter(
        progress=WebhookEvent.Progress.NEW, received_at__lt=now - WAITS_LONG
    ).order_by("received_at")
    if oldest := waiting.first():
        why = f" ({oldest.trouble})" if oldest.trouble else ""
        yield Trouble(
            f"Events of {oldest.provider} wait to be handled since {written(oldest.received_at)}"
            f"{why}. `standfirst worker` must run, and the provider must be in reach.",
            True,
        )
    yield from _forged()
    yield from _reconciled(now)


def _forged() -> Iterator[Trouble]:
    try:
        seen = cache.get(FORGED_SEEN)
    except Exception:  # told of by the check of the cache
        return
    if seen:
        moment, provider, sentence = seen
        when = written(datetime.fromtimestamp(moment).astimezone())
        yield Trouble(
            f"Forged events arrive at /webhooks/{provider}/ (last on {when}: {sentence}) Is "
            "STRIPE_WEBHOOK_SECRET the one that the endpoint shows, and this host's clock right?",
            False,
        )


def _reconciled(now: datetime) -> Iterator[Trouble]:
    again = "Run `standfirst subscriptions reconcile`."
    lately = Reconciliation.objects.filter(began_at__gt=now - OLD)
    last = lately.order_by("-began_at").first()
    if not lately.filter(trouble="").exclude(ended_at=None).exists() and _is_due(now):
        yield Trouble(
            "Ours was not compared with the provider for three days. The worker does it between "
            f"three and five at night: does it run then? {again}",
            False,
        )
    if last is None:
        return
    if last.trouble:
        yield Trouble(
            f"Ours was not wholly compared with {last.provider}: {last.trouble} {again}", False
        )
    elif last.left:
        yield Trouble(
            f"{last.left:,} difference{'s' if last.left > 1 else ''} from {last.provider} "
            f"remained on {written(last.began_at)}. {again}",
            False,
        )


def _is_due(now: datetime) -> bool:
    """Has there been something to compare for so long?"""
    old = Subscription.objects.filter(provider=STRIPE, created_at__lt=now - OLD)
    return bool(settings.STRIPE_KEY) and old.exists()
