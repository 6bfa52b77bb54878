"""Who gets a letter: the list of a sending, frozen by one statement; a long one by several, each in
a transaction of its own, so that nobody waits long who wants to write to SQLite meanwhile."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.db import connection
from django.db.backends.utils import CursorWrapper

from standfirst.members.models import Consent, Member
from standfirst.newsletters.delivery import rules
from standfirst.newsletters.models import (
    TALLIES,
    Audience,
    Batch,
    BatchState,
    Delivery,
    DeliveryState,
    Follow,
    MailSettings,
    Sending,
    Suppression,
)
from standfirst.subscriptions.models import Subscription

MEMBER, SUBSCRIBER = "member", "subscriber"
# How many who said yes are frozen at once: SQLite has one writer, and is held for some 0.2 seconds.
# In PostgreSQL nobody waits for this writer, and one statement for all is several times as quick.
PARTS = {"sqlite": 25_000}
ROOM = "256MB"  # PostgreSQL may sort and join a million in; its own measure is 4 MB


def freeze(sending: Sending, variants: Collection[str], now: datetime) -> bool:
    """Write the next part of a sending's deliveries and batches at `now` (aware), and note in it
    how far the list goes, unsaved. Says whether the list is whole.

    On it are active members with consent, of its audience, whose variant is one of `variants`.
    Whoever is not written to (suppressed; with double opt-in not confirmed) is on it with the
    reason. In a transaction that has the sending's row.
    """
    end = _end_of_part(sending)
    before = sending.total
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL work_mem = '{ROOM}'")
        sql, values = _statement(sending, variants, now, end)
        cursor.execute(sql, values)
        sending.total += cursor.rowcount
        left_out = _left_out(cursor, sending.pk, before + 1, sending.total)
    Batch.objects.bulk_create(
        (_batch(sending, first, min(first + rules.BATCH - 1, sending.total), left_out[number])
         for number, first in enumerate(range(before + 1, sending.total + 1, rules.BATCH))),
        batch_size=1000,
    )  # fmt: skip
    sending.frozen_to = sending.frozen_to if end is None else end
    return end is None


def _end_of_part(sending: Sending) -> int | None:
    """The last member of the next part; None where it is the last one, or there are no parts."""
    most = PARTS.get(connection.vendor)
    if most is None:
        return None
    asked = Consent.objects.filter(letter=sending.consent, given=True)
    rest = asked.filter(member__gt=sending.frozen_to).order_by("member")
    return rest.values_list("member", flat=True)[most - 1 : most].first()


def _batch(sending: Sending, first: int, last: int, tally: Mapping[DeliveryState, int]) -> Batch:
    queued = last - first + 1 - sum(tally.values())
    return Batch(
        sending=sending,
        first=first,
        last=last,
        queued=queued,
        state=BatchState.QUEUED if queued else BatchState.SETTLED,
        **{TALLIES[state]: count for state, count in tally.items()},
    )


def _left_out(
    cursor: CursorWrapper, sending: int, first: int, last: int
) -> Mapping[int, dict[DeliveryState, int]]:
    """How many of each future batch of these numbers are not written to, by state."""
    low, high = Delivery.ids_of(sending, first, last)
    cursor.execute(
        f"SELECT (id - {low}) / {rules.BATCH}, state, count(*) FROM {_DELIVERY} "  # noqa: S608
        "WHERE id BETWEEN %s AND %s AND state <> 0 GROUP BY 1, 2",
        (low, high),
    )
    found: dict[int, dict[DeliveryState, int]] = defaultdict(dict)
    for batch, state, count in cursor.fetchall():
        found[batch][DeliveryState(state)] = count
    return found


_DELIVERY = Delivery._meta.db_table
_WHY = " ".join(
    f"WHEN '{reason.value}' THEN '{reason.label}'" for reason in Suppression.Reason
)  # our own words, without a quotation mark


def _statement(
    sending: Sending, variants: Collection[str], now: datetime, end: int | None
) -> tuple[str, list[Any]]:
    moment = connection.ops.adapt_datetimefield_value(now)
    confirmed, audience = "", ""
    values: list[Any] = [moment, moment, sending.consent]
    part = ""
    if sending.frozen_to:
        part += " AND c.member_id > %s"
        values.append(sending.frozen_to)
    if end is not None:
        part += " AND c.member_id <= %s"
        values.append(end)
    if MailSettings.load().double_opt_in:
        confirmed = (
            f"WHEN NOT EXISTS (SELECT 1 FROM {EmailAddress._meta.db_table} e "  # noqa: S608
            "WHERE e.user_id = m.id AND e.verified AND lower(e.email) = lower(m.email)) "
            f"THEN {DeliveryState.UNCONFIRMED} "
        )
    if sending.audience == Audience.TOPIC:
        condition, numbers = follows(sending, "m.id")
        audience = f"AND {condition}"
        values += numbers
    if sending.audience == Audience.SUBSCRIBERS:
        variants = set(variants) & {SUBSCRIBER}
    wanted = sorted(variants)
    marks = ", ".join(["%s"] * len(wanted))
    # In the order of the members' numbers, by which `finding` finds somebody.
    sql = f"""
INSERT INTO {_DELIVERY} (id, member, address, name, variant, state, tries, why)
SELECT {(sending.pk << Delivery.NUMBERS) + sending.total} + row_number() OVER (ORDER BY id),
       id, email, name, variant, state, 0,
       CASE state WHEN {DeliveryState.SUPPRESSED} THEN CASE reason {_WHY} ELSE '' END
                  WHEN {DeliveryState.UNCONFIRMED} THEN 'its address was not confirmed'
                  ELSE '' END
FROM (
    SELECT m.id, m.email, m.name, x.reason,
           CASE WHEN m.is_staff OR s.member_id IS NOT NULL
                THEN '{SUBSCRIBER}' ELSE '{MEMBER}' END AS variant,
           CASE WHEN x.id IS NOT NULL THEN {DeliveryState.SUPPRESSED} {confirmed}
                ELSE {DeliveryState.QUEUED} END AS state
    FROM {Consent._meta.db_table} c
    JOIN {Member._meta.db_table} m ON m.id = c.member_id
    LEFT JOIN (SELECT DISTINCT member_id FROM {Subscription._meta.db_table}
               WHERE starts_at <= %s AND ends_at > %s) s ON s.member_id = m.id
    LEFT JOIN {Suppression._meta.db_table} x ON lower(x.address) = lower(m.email)
    WHERE c.letter = %s AND c.given {part} AND m.is_active {audience}
) AS everybody
WHERE variant IN ({marks or "NULL"})
"""  # noqa: S608  our own tables' names and numbers
    return sql, [*values, *wanted]


def follows(sending: Sending, member: str) -> tuple[str, list[Any]]:
    """The SQL that says whether `member` (an expression) follows what a sending is about."""
    sets, values = [], []
    for column, numbers in (("topic_id", sending.topics), ("author_id", sending.authors)):
        if numbers:
            sets.append(f"f.{column} IN ({', '.join(['%s'] * len(numbers))})")
            values += numbers
    condition = " OR ".join(sets) or "1 = 0"
    return (
        f"EXISTS (SELECT 1 FROM {Follow._meta.db_table} f "  # noqa: S608
        f"WHERE f.member_id = {member} AND ({condition}))",
        values,
    )
