"""Bank transfer: what colleagues and the calendar do. One verb, one transaction.

Each writes the books of bank transfer and lets ours follow, so that the ledger says who and why.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from standfirst.members.models import Member
from standfirst.publication.events import BillToMail, happened
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions.following import follow, follow_all
from standfirst.subscriptions.models import INVOICE, Plan, Subscription
from standfirst.subscriptions.models.billing import BilledTo, BillReminder, IssuedBill
from standfirst.subscriptions.providers.base import Refused
from standfirst.subscriptions.providers.invoice import Invoice, begin_of
from standfirst.subscriptions.providers.invoice.issuing import credit, give_back, issue, note_paid
from standfirst.subscriptions.providers.invoice.rules import reminders_due, renewed_on
from standfirst.subscriptions.rules import RUNNING, State

CALENDAR = "the calendar"


def bill_member(
    member: Member,
    *,
    plan: Plan | None,
    agreed: Mapping[str, Any],
    by: Member,
    now: datetime,
) -> IssuedBill:
    """A subscription by bank transfer, with its first bill, which is mailed.

    `agreed` holds the fields of `BilledTo`. Raises Refused where the member has a subscription
    that runs on, so that nobody pays twice.
    """
    with transaction.atomic():
        Member.objects.select_for_update().get(pk=member.pk)
        running = member.subscriptions.exclude(provider="complimentary").filter(
            Q(state__in=[one.value for one in RUNNING])
            | Q(provider=INVOICE, state=State.INCOMPLETE, billed_to__stopped_at=None)
        )
        begins_at = begin_of(agreed["begins_on"])
        for one in running:
            if not (one.cancel_at and one.cancel_at <= begins_at):
                raise Refused(
                    f"{member.email} has a subscription that runs on ({one.provider}, {one}). "
                    "Cancel it first, or bill for what comes after its end.",
                    "twice",
                )
        subscription = Subscription.objects.create(
            member=member,
            payer=Member.objects.filter(email__iexact=agreed["email"])
            .exclude(pk=member.pk)
            .first(),
            provider=INVOICE,
            provider_id=f"bt_{uuid4().hex}",
            plan=plan,
            state=State.INCOMPLETE,
            begun_at=begins_at,
            starts_at=begins_at,
            ends_at=begins_at,
            created_by=by,
        )
        billed = BilledTo.objects.create(subscription=subscription, **agreed)
        bill = issue(billed, 0, by=by.email, now=now)
        _follow(bill, by=by.email, why=f"Bill {bill} was issued.")
        happened(BillToMail(bill=bill.pk, letter="bill"))
    return bill


def mark_paid(
    bill: IssuedBill, *, on: date, amount: int, all_the_same: bool, by: Member, now: datetime
) -> None:
    """The money for a bill came on a day. Raises Refused for another amount than the bill's,
    unless that is to count `all_the_same`."""
    with transaction.atomic():
        note_paid(bill.number, on=on, amount=amount, all_the_same=all_the_same, now=now)
        _follow(bill, by=by.email, why=f"Bill {bill} was paid.")


def cancel_bill(bill: IssuedBill, *, why: str, by: Member, now: datetime) -> IssuedBill:
    """Cancel a bill by a credit note, which is mailed. Where no other bill counts, the
    subscription ends."""
    with transaction.atomic():
        note = credit(bill, by=by.email, why=why, now=now)
        _follow(bill, by=by.email, why=why)
    return note


def note_refund(
    bill: IssuedBill, *, amount: int | None, why: str, key: str, by: Member, now: datetime
) -> None:
    """Money was sent back: `amount`, or all that is left, by which the bill is cancelled."""
    with transaction.atomic():
        give_back(bill.number, amount, by=by.email, why=why, key=key, now=now)
        _follow(bill, by=by.email, why=why)


def mail_again(bill: IssuedBill) -> None:
    """Mail a bill or credit note once more."""
    with transaction.atomic():
        happened(BillToMail(bill=bill.pk, letter="credit" if bill.is_credit_note else "bill"))


def _follow(bill: IssuedBill, *, by: str, why: str) -> None:
    follow_all(Invoice(), bill.subscription.provider_id, by=by, why=why)


# -- what the calendar does -------------------------------------------------------------------


def see_to_bills(now: datetime | None = None) -> None:
    """Issue the bills of next periods, send the reminders that are due, and let what has come to
    its day follow. May be broken off and done again at any time."""
    now = now or timezone.now()
    renew_due(now)
    remind_due(now)
    follow_the_calendar(now)


def renew_due(now: datetime) -> int:
    """Issue the next bill wherever a period nears its end and the subscription goes on; not while
    a bill is unpaid. Says how many."""
    count = 0
    today = timezone.localdate(now, the_publication().zone)
    agreements = BilledTo.objects.filter(goes_on=True, stopped_at=None)
    for id in agreements.values_list("pk", flat=True):
        count += _renew(id, today, now)
    return count


def _renew(id: int, today: date, now: datetime) -> bool:
    with transaction.atomic():
        agreed = BilledTo.objects.select_for_update().get(pk=id)
        if not agreed.goes_on or agreed.stopped_at:
            return False
        if agreed.subscription.member_id is None:  # whoever read has deleted their account
            agreed.goes_on = False
            agreed.save(update_fields=["goes_on"])
            id_there = agreed.subscription.provider_id
            follow(Invoice(), id_there, by=CALENDAR, why="The reader’s account was deleted.")
            return False
        bills = list(
            IssuedBill.objects.filter(subscription=agreed.subscription_id, cancels=None)
            .select_related("credit_note")
            .order_by("period_from")
        )
        if not bills or any(bill.is_waiting for bill in bills):
            return False
        last = bills[-1]
        if last.is_cancelled or today < renewed_on(last.period_from, last.period_until):
            return False
        try:
            with transaction.atomic():
                bill = issue(agreed, len(bills), by=CALENDAR, now=now)
        except IntegrityError:  # another host was quicker
            return False
        _follow(bill, by=CALENDAR, why=f"Bill {bill} was issued.")
        happened(BillToMail(bill=bill.pk, letter="bill"))
    return True


def remind_due(now: datetime) -> int:
    """Note each reminder whose day has come, and mail the latest of a bill. Says how many are
    mailed."""
    count = 0
    today = timezone.localdate(now, the_publication().zone)
    waiting = IssuedBill.objects.filter(
        cancels=None, credit_note=None, paid_on=None, due_on__lt=today
    )
    for id in waiting.values_list("pk", flat=True):
        count += _remind(id, today, now)
    return count


def _remind(id: int, today: date, now: datetime) -> bool:
    with transaction.atomic():
        bill = IssuedBill.objects.select_for_update(of=("self",)).get(pk=id)
        if not bill.is_waiting:
            return False
        gone = set(bill.reminders.values_list("days", flat=True))
        due = [days for days in reminders_due(bill.due_on, today) if days not in gone]
        try:
            with transaction.atomic():
                BillReminder.objects.bulk_create(
                    BillReminder(bill=bill, days=n, at=now) for n in due
                )
        except IntegrityError:  # another host was quicker
            return False
        if due:
            happened(BillToMail(bill=bill.pk, letter=str(due[-1])))
    return bool(due)


def follow_the_calendar(now: datetime) -> int:
    """Let every subscription follow whose day has come: to pay, to end. Says how many."""
    come = Subscription.objects.filter(provider=INVOICE).exclude(
        state__in=[State.ENDED, State.REFUNDED]
    )
    come = come.filter(
        Q(paid_through__lte=now)
        | Q(cancel_at__lte=now)
        | Q(bills__status="open", bills__due_at__lte=now, state=State.ACTIVE)
    ).distinct()
    ids = list(come.values_list("provider_id", flat=True))
    for id in ids:
        follow(Invoice(), id, by=CALENDAR, why="The day has come.")
    return len(ids)
