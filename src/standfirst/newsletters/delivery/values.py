"""Who of a claimed batch still gets the letter, and what stands in its slots for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import connection

from standfirst.access.models import Unlock
from standfirst.access.queries import month_for_all
from standfirst.access.rules import UnlockKind
from standfirst.members.models import Consent, Member
from standfirst.newsletters.delivery import limits, rules
from standfirst.newsletters.delivery.freezing import MEMBER, SUBSCRIBER, follows
from standfirst.newsletters.delivery.ledger import Fate, Held
from standfirst.newsletters.links import token_for
from standfirst.newsletters.models import (
    Audience,
    Delivery,
    DeliveryState,
    MailSettings,
    Sending,
    Suppression,
)
from standfirst.publication.queries import the_publication
from standfirst.publication.statements import transaction_in_turn
from standfirst.subscriptions.models import Subscription

_MEMBER = Member._meta.db_table

WHY = {
    DeliveryState.GONE: "the account was closed after the list was made",
    DeliveryState.UNSUBSCRIBED: "unsubscribed after the list was made",
    DeliveryState.SUPPRESSED: "its address bounced or complained after the list was made",
    DeliveryState.UNCONFIRMED: "its address was not confirmed",
    DeliveryState.OUTSIDE: "no longer among those it is for",
}


@dataclass(slots=True)
class Recipient:
    """One letter that leaves."""

    delivery: int
    member: int
    address: str
    name: str
    variant: str
    tries: int
    used: int  # choices of this month


@dataclass(slots=True)
class Batch:
    """A claimed batch as it is at the claim: who gets the letter, and who no longer does.
    `variants` are those that changed since the freeze."""

    held: Held
    recipients: list[Recipient]
    dropped: list[Fate]
    variants: dict[int, str]


class Around:
    """What is true for everybody, as it was at `now` (aware): the settings, the month, and what is
    sent to whom. A sender asks anew every second; `road` is the name of the one it sends by."""

    def __init__(self, now: datetime, road: str) -> None:
        self.in_force = limits.periods(now, road)
        self.values = Values(now)
        self.month = month_for_all(now).month
        self.double_opt_in = MailSettings.load().double_opt_in
        self._sendings: dict[int, tuple[Sending, set[str]]] = {}

    def sending(self, number: int) -> tuple[Sending, set[str]]:
        """A sending, and the variants that have a letter."""
        if number not in self._sendings:
            sending = Sending.objects.get(pk=number)
            has = set(sending.letters.values_list("variant", flat=True))
            if sending.audience == Audience.SUBSCRIBERS:
                has &= {SUBSCRIBER}
            self._sendings[number] = sending, has
        return self._sendings[number]


def read(held: Held, now: datetime, around: Around) -> Batch:
    """The deliveries of a claimed batch, with what is true of their members at `now` (aware).

    Who has another address by now gets the letter there: its links are for nobody who reads the old
    one. It is written before the letter leaves, so that a bounce is that address's.
    """
    sending, has = around.sending(held.sending)
    sql, values = _statement(sending, held, now, around)
    batch = Batch(held, [], [], {})
    moved: list[tuple[str, int]] = []
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for row in cursor.fetchall():
            delivery, member, frozen, address, name, was, tries, fate, variant, used = row
            if not fate and variant not in has:
                fate = DeliveryState.OUTSIDE
            if fate:
                state = DeliveryState(fate)
                batch.dropped.append(Fate(delivery, state, WHY[state], tried=False))
                continue
            if variant != was:
                batch.variants[delivery] = variant
            if address != frozen:
                moved.append((address, delivery))
            batch.recipients.append(
                Recipient(delivery, member, address, name, variant, tries, used)
            )
    if moved:
        with transaction_in_turn(), connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {Delivery._meta.db_table} SET address = %s WHERE id = %s",  # noqa: S608
                moved,
            )
    # One after the other, since a provider's request has one text.
    batch.recipients.sort(key=lambda who: who.variant)
    return batch


def _statement(
    sending: Sending, held: Held, now: datetime, around: Around
) -> tuple[str, list[Any]]:
    """One query a batch, so that an unsubscribe counts for the very next one.

    No EXISTS and no JOIN: PostgreSQL would often read all members and all consent for them, where
    a thousand look-ups by key take a quarter of the time."""
    state = DeliveryState
    more = ""
    numbers: list[Any] = []
    if around.double_opt_in:
        more += (
            f"WHEN (SELECT 1 FROM {EmailAddress._meta.db_table} e WHERE "  # noqa: S608
            "e.user_id = d.member AND e.verified AND lower(e.email) = lower(d.present) LIMIT 1) "
            f"IS NULL THEN {state.UNCONFIRMED} "
        )
    if sending.audience == Audience.TOPIC:
        condition, numbers = follows(sending, "d.member")
        more += f"WHEN NOT {condition} THEN {state.OUTSIDE} "
    moment = connection.ops.adapt_datetimefield_value(now)
    month = connection.ops.adapt_datefield_value(around.month)
    low, high = Delivery.ids_of(held.sending, held.first, held.last)
    sql = f"""
SELECT d.id, d.member, d.address, d.present, d.name, d.variant, d.tries,
       CASE WHEN d.present IS NULL THEN {state.GONE}
            WHEN (SELECT 1 FROM {Consent._meta.db_table} c
                  WHERE c.letter = %s AND c.member_id = d.member AND c.given LIMIT 1)
                 IS NULL THEN {state.UNSUBSCRIBED}
            WHEN (SELECT 1 FROM {Suppression._meta.db_table} x
                  WHERE lower(x.address) = lower(d.present) LIMIT 1)
                 IS NOT NULL THEN {state.SUPPRESSED}
            {more} ELSE 0 END,
       CASE WHEN d.staff OR (
                 SELECT 1 FROM {Subscription._meta.db_table} s WHERE s.member_id = d.member
                 AND s.starts_at <= %s AND s.ends_at > %s LIMIT 1) IS NOT NULL
            THEN '{SUBSCRIBER}' ELSE '{MEMBER}' END,
       (SELECT count(*) FROM {Unlock._meta.db_table} u WHERE u.member_id = d.member
        AND u.month = %s AND u.kind = '{UnlockKind.CREDIT.value}')
FROM (SELECT d.*, (SELECT m.is_staff FROM {_MEMBER} m WHERE m.id = d.member) AS staff,
             (SELECT m.email FROM {_MEMBER} m WHERE m.id = d.member AND m.is_active) AS present
      FROM {Delivery._meta.db_table} d WHERE d.id BETWEEN %s AND %s AND d.state = {state.QUEUED}
      {"AND d.tries = 0" if held.untried_only else ""}) d
ORDER BY d.id
"""  # noqa: S608  our own tables' names and numbers
    return sql, [sending.consent, *numbers, moment, moment, month, low, high]


class Values:
    """What stands in the slots of a batch's letters."""

    def __init__(self, now: datetime) -> None:
        """`now` is aware; the greeting is for the hour where the publication is."""
        month = month_for_all(now)
        self._hour = now.astimezone(the_publication().zone).hour
        self._allowance = month.allowance
        self._renewed = month.renews_at.date()
        self._mail = f"{settings.WAGTAILADMIN_BASE_URL}/mail/"
        self._choices: dict[int, str] = {}

    def of(self, who: Recipient) -> Mapping[str, str]:
        """The value of each slot, not yet escaped."""
        choices = ""
        if who.variant == MEMBER:
            choices = self._choices.get(who.used, "")
            if not choices:
                choices = rules.choices(who.used, self._allowance, self._renewed)
                self._choices[who.used] = choices
        page = f"{self._mail}{token_for(who.member, who.delivery)}/"
        return {
            "greeting": rules.greeting(who.name, self._hour),
            "address": who.address,
            "choices": choices,
            "preferences": page,
            "unsubscribe": f"{page}off/",
            "links": f"{page}to/",
        }
