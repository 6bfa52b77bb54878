"""What is wrong with the magazine's newsletters, for `standfirst check`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from standfirst.newsletters.delivery.chunks import provider_named
from standfirst.newsletters.figures import progress_of
from standfirst.newsletters.models import Batch, Newsletter, Sending, SendingState
from standfirst.newsletters.senders import domain_of, key_for, sender_of

STANDS_STILL = timedelta(minutes=15)
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about letters that somebody must look at. `grave`: readers get none, or could be
    written to who must not be."""

    sentence: str
    grave: bool


def troubles(now: datetime) -> Iterator[Trouble]:
    """What is wrong, in sentences that name the next step."""
    yield from _of_the_key()
    if not Newsletter.objects.exists():
        return
    yield from _of_what_comes_back()
    yield from _of_sendings(now)


def _of_the_key() -> Iterator[Trouble]:
    try:
        key_for(sender_of(None)[1])
    except (OSError, ValueError) as error:
        yield Trouble(
            f"The key that DKIM_KEY names cannot be used ({error}), so no newsletter is sent. Name "
            "a PEM file that the worker may read, with an RSA key of 2048 bits, or take DKIM_KEY "
            "out and let the relay sign.",
            True,
        )


def _of_what_comes_back() -> Iterator[Trouble]:
    sent_away = ".smtp." in settings.EMAIL_BACKEND or provider_named(settings.EMAIL_BACKEND)
    if sent_away and not settings.BOUNCE_MAILBOX and not settings.MAIL_WEBHOOK_SECRET:
        yield Trouble(
            "Nobody hears of bounces and complaints, so dead addresses are written to for ever, "
            "and providers block who does that. Set BOUNCE_MAILBOX, or MAIL_WEBHOOK_SECRET for "
            "what your provider tells.",
            False,
        )
    elif settings.BOUNCE_MAILBOX and not settings.MAIL_BOUNCES:
        address = sender_of(None)[1]
        yield Trouble(
            f"BOUNCE_MAILBOX is read, but bounces go to {address}, unless that is its address. "
            f"Set MAIL_BOUNCES, such as bounces@{domain_of(address)}.",
            False,
        )


def _of_sendings(now: datetime) -> Iterator[Trouble]:
    for sending in Sending.objects.filter(state=SendingState.SENDING):
        progress = progress_of(sending, now)
        moved = Batch.objects.filter(sending=sending, settled_at__gt=now - STANDS_STILL).exists()
        if sending.begun_at < now - STANDS_STILL and progress.queued and not moved:
            why = progress.waits or "is `standfirst worker` running?"
            yield Trouble(
                f"“{sending}” stands still with {progress.queued:,} letters to go: {why} See "
                "`standfirst mail status`.",
                True,
            )
    for sending in Sending.objects.filter(begun_at__gt=now - LATELY):
        if doubtful := progress_of(sending, now).uncertain:
            are = "s are" if doubtful > 1 else " is"
            yield Trouble(
                f"Of “{sending}”, {doubtful:,} letter{are} in doubt: "
                "a connection broke while they were leaving. Look at them in the newsroom "
                "(Reports → Sent), and send again whom you would rather write to twice than never.",
                False,
            )
