"""What is wrong with the magazine's newsletters, for `standfirst check`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from standfirst.newsletters.delivery.chunks import provider_named
from standfirst.newsletters.figures import progress_of
from standfirst.newsletters.models import Batch, MailSettings, Newsletter, Sending, SendingState
from standfirst.newsletters.models.settings import country_and_part
from standfirst.newsletters.senders import domain_of, key_for, sender_of

STANDS_STILL, FORGOTTEN = timedelta(minutes=15), timedelta(hours=1)
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
    yield from _of_holidays()
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


def _of_holidays() -> Iterator[Trouble]:
    code = MailSettings.load().holidays
    try:
        if code:
            country_and_part(code)
    except ValueError as error:
        yield Trouble(
            f"The public holidays of “{code}” are not known ({error}), so editions are drafted on "
            "them. Write it anew under Settings → Newsletters.",
            False,
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
    for sending in Sending.objects.filter(
        state=SendingState.FREEZING, begun_at__lt=now - STANDS_STILL
    ):
        yield Trouble(
            f"The list of “{sending}” is not whole, so nobody gets it: is `standfirst worker` "
            "running? If it is, its log says what is wrong.",
            True,
        )
    for sending in Sending.objects.filter(state=SendingState.PAUSED):
        progress = progress_of(sending, now)
        lately = Batch.objects.filter(sending=sending, settled_at__gt=now - FORGOTTEN).exists()
        if sending.begun_at < now - FORGOTTEN and progress.queued and not lately:
            yield Trouble(
                f"“{sending}” is paused with {progress.queued:,} letters to go. {sending.why} Let "
                "it go on, or cancel it, in the newsroom (Reports → Sent).",
                False,
            )
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
