"""What comes back stops further mail: bounces and complaints, from a mailbox or from a provider."""

import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.db import transaction

from standfirst.members.consent import take_back
from standfirst.members.models import ConsentEntry, Member
from standfirst.members.queries import whoever_is
from standfirst.newsletters.actions.sending import hear as settled
from standfirst.newsletters.bounces.rules import WORDS, What, judged, read_return
from standfirst.newsletters.links import delivery_of
from standfirst.newsletters.models import (
    Delivery,
    DeliveryState,
    Returned,
    Sending,
    Suppression,
)

log = logging.getLogger("standfirst.newsletters")

# A full mailbox is not the end of an address, three in a month are.
NOT_TAKEN_MOST, NOT_TAKEN_WITHIN = 3, timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is told of one address: by a provider (whose word was authenticated), or by a mail that
    bears our own Message-ID. `delivery` where it is known which letter it was."""

    what: What
    address: str
    words: str
    by: str
    delivery: int | None = None


def hear(news: News, now: datetime) -> bool:
    """Note what came back, and stop mail to an address that refuses it or calls it spam. Says
    whether it was new; the same may be told any number of times.

    Of a letter whose reader the ledger has forgotten (`address` is "") it is counted, no more.
    """
    if not news.address:
        news = replace(news, words="")  # they may name who it was
    with transaction.atomic():
        if news.delivery is not None:
            _, new = Returned.objects.get_or_create(
                delivery=news.delivery, what=news.what, defaults=_row(news, now)
            )
        else:
            new = True
            if news.what in {What.NOT_TAKEN, What.BLOCKED}:
                # Providers tell an event again until it is answered: within a day it is the same.
                day = {"address": news.address, "at__gt": now - timedelta(days=1)}
                new = not Returned.objects.filter(delivery=None, what=news.what, **day).exists()
            new &= not Suppression.objects.filter(address__iexact=news.address).exists()
            if new:
                Returned.objects.create(delivery=None, what=news.what, **_row(news, now))
        if not new:
            return False
        if news.delivery is not None:
            complained = news.what is What.COMPLAINED
            state = DeliveryState.COMPLAINED if complained else DeliveryState.BOUNCED
            settled(news.delivery, state, news.words)
        reason = _reason(news, now)
        if reason is Suppression.Reason.COMPLAINED and news.delivery is not None:
            # What was said is kept for good, an address is not.
            words = re.sub(re.escape(news.address or "\0"), "…", news.words, flags=re.IGNORECASE)
            _say_no(news.delivery, ConsentEntry.By.COMPLAINED, words, now)
        if reason and news.address:
            suppress(news.address, reason, news.words, now, delivery=news.delivery, by=news.by)
    return True


def _row(news: News, now: datetime) -> dict[str, object]:
    return {"address": news.address, "words": news.words[:WORDS], "by": news.by, "at": now}


def _say_no(
    delivery: int, by: ConsentEntry.By, proof: str, now: datetime, *, address: str = ""
) -> bool:
    """Whoever calls a letter spam, or leaves by a provider's own button, does not want it: that is
    kept as what they said. `address` says who it is where the ledger has forgotten. Says whether
    they wanted it until now."""
    row = Delivery.objects.filter(pk=delivery).first()
    sending = Sending.objects.filter(pk=delivery >> Delivery.NUMBERS).first()
    if row is None or sending is None:
        return False
    if row.member:
        member = whoever_is(row.member)  # the account may have become part of another
    else:
        member = Member.objects.filter(email__iexact=address).first()
    if member is None:
        return False
    letters = [sending.consent]
    return bool(take_back(member, letters, by, proof=proof, delivery=row.pk, now=now))


def _reason(news: News, now: datetime) -> Suppression.Reason | None:
    match news.what:
        case What.COMPLAINED:
            return Suppression.Reason.COMPLAINED
        case What.REFUSED:
            return Suppression.Reason.BOUNCED
        case What.NOT_TAKEN:
            lately = Returned.objects.filter(
                address=news.address, what=What.NOT_TAKEN, at__gt=now - NOT_TAKEN_WITHIN
            )
            if lately.count() >= NOT_TAKEN_MOST:
                return Suppression.Reason.BOUNCED
    return None


def suppress(
    address: str,
    reason: Suppression.Reason,
    detail: str,
    now: datetime,
    *,
    delivery: int | None = None,
    by: str = "",
) -> bool:
    """Send no newsletter to an address any more; the first reason stays. `by` is the provider or
    mailbox that told of it ("": a colleague). Says whether it is new."""
    if Suppression.objects.filter(address__iexact=address).exists():
        return False
    row = Suppression(
        address=address.lower(), reason=reason, detail=detail[:WORDS], delivery=delivery, by=by,
        at=now,
    )  # fmt: skip
    Suppression.objects.bulk_create([row], ignore_conflicts=True)  # who was quicker is right too
    return True


# -- by mail -------------------------------------------------------------------------------------


def hear_mail(raw: bytes, now: datetime) -> bool:
    """A mail from the mailbox for bounces. Says whether it was a bounce or complaint about one of
    our letters; anything else, and one without our Message-ID, changes nothing."""
    found = read_return(raw)
    if found is None or found.what is What.LATE:
        return False
    delivery = delivery_of(found.message_id)
    row = Delivery.objects.filter(pk=delivery).first() if delivery else None
    if row is None:
        log.info("A bounce was not about a letter of ours, and was left alone: %s", found.words)
        return False
    # Whoever forwards mail bounces with another address than the one that we wrote to.
    hear(
        News(
            what=found.what, address=row.address, words=found.words, by="mailbox", delivery=row.pk
        ),
        now,
    )
    return True


# -- from a provider -----------------------------------------------------------------------------


def hear_event(event: AnymailTrackingEvent, provider: str, now: datetime) -> bool:
    """An event of a provider, as Anymail reads it. Says whether it stopped or noted anything."""
    number = str((event.metadata or {}).get("delivery", ""))
    delivery = int(number) if number.isascii() and number.isdigit() and len(number) < 20 else None
    delivery = delivery or delivery_of(event.message_id or "")
    row = Delivery.objects.filter(pk=delivery).first() if delivery else None
    if event.event_type in {EventType.UNSUBSCRIBED, EventType.SUBSCRIBED}:
        return _hear_wish(event, row, provider, now)
    what = _what(event)
    if what is None:
        if row is None or event.event_type not in {EventType.DELIVERED, EventType.SENT}:
            return False
        return settled(row.pk, DeliveryState.ACCEPTED, "The provider says so.")
    address = row.address if row else (event.recipient or "")
    if not address:
        return False
    words = " ".join(str(event.mta_response or event.description or what).split())
    return hear(
        News(
            what=what, address=address, words=words, by=provider, delivery=row.pk if row else None
        ),
        now,
    )


def _hear_wish(
    event: AnymailTrackingEvent, row: Delivery | None, provider: str, now: datetime
) -> bool:
    """A reader left by the provider's own button, which is a no to that letter. Postmark tells
    besides (“Subscription change”) whether it sends to an address at all: it may be a colleague's
    act there, be about no letter, and be taken back."""
    told = event.esp_event if isinstance(event.esp_event, dict) else {}
    of_address = told.get("RecordType") == "SubscriptionChange"
    address = str(event.recipient or "") if row is None or row.address else ""  # else: forgotten
    if event.event_type == EventType.SUBSCRIBED:
        return of_address and _lift(address, provider)
    by_reader = told.get("Origin", "Recipient") == "Recipient"
    new = False
    with transaction.atomic():
        if row and by_reader:
            by, proof = ConsentEntry.By.ONE_CLICK, f"{provider} says so."
            new = _say_no(row.pk, by, proof, now, address=str(event.recipient or ""))
        if of_address and address:
            reason = Suppression.Reason.LEFT if by_reader else Suppression.Reason.BY_HAND
            words = f"{provider} sends nothing there any more."
            about = row.pk if row else None
            new |= suppress(address, reason, words, now, delivery=about, by=provider)
    return new


def _lift(address: str, provider: str) -> bool:
    """A provider sends to an address again: so do we, where it was the provider that told us to
    stop, and nobody complained. What its owner wants stays as it was."""
    theirs = Suppression.objects.filter(address__iexact=address, by=provider)
    return bool(theirs.exclude(reason=Suppression.Reason.COMPLAINED).delete()[0])


def _what(event: AnymailTrackingEvent) -> What | None:
    """What an event says of an address; None for one that says nothing that stops mail.

    Anymail's SPAM is a complaint of the reader's, made before, where a provider sends nothing for
    it; beside a bounce it is the reader's server that does not like us.
    """
    reason = event.reject_reason
    if event.event_type == EventType.COMPLAINED:
        return What.COMPLAINED
    if event.event_type == EventType.BOUNCED:
        if reason in {RejectReason.SPAM, RejectReason.BLOCKED}:
            return What.BLOCKED
        if reason == RejectReason.TIMED_OUT:
            return What.NOT_TAKEN
        return _judged(event)
    if event.event_type in {EventType.REJECTED, EventType.FAILED}:
        match reason:
            case RejectReason.SPAM:
                return What.COMPLAINED
            case RejectReason.BOUNCED | RejectReason.INVALID:
                return _judged(event)
            case RejectReason.BLOCKED:
                return What.BLOCKED
        return What.NOT_TAKEN
    return None


def _judged(event: AnymailTrackingEvent) -> What:
    words = str(event.mta_response or "")
    return judged("", words) if words else What.REFUSED
