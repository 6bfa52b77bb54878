"""Issuing bills and credit notes, and noting what was paid: the books of bank transfer.

These write the tables of `subscriptions.models.billing` alone, inside their caller's transaction.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from standfirst.publication.events import BillToMail, happened
from standfirst.publication.money import written
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.models.billing import BilledTo, GivenBack, IssuedBill, Series
from standfirst.subscriptions.providers.base import Refused
from standfirst.subscriptions.providers.invoice.rules import number_of, period, taxed

# What a credit note says as its bill did.
_COPIED = (
    *("seller", "bank_details", "notes", "billed_to", "address", "tax_number", "order"),
    *("wording", "period_from", "period_until", "currency", "net", "tax_rate", "tax"),
)


def issue(agreed: BilledTo, which: int, *, by: str, now: datetime) -> IssuedBill:
    """The bill for a subscription's period number `which` (from 0), with the next number.

    A second bill for one period is refused by the database.
    """
    publication = the_publication()
    today = timezone.localdate(now, publication.zone)
    first, until = period(agreed.begins_on, agreed.months, which)
    sums = taxed(agreed.net, agreed.tax_rate)
    due_on = today + timedelta(days=agreed.days_to_pay)
    with transaction.atomic():
        return IssuedBill.objects.create(
            subscription_id=agreed.subscription_id,
            **_next_number(today),
            issued_at=now,
            issued_on=today,
            issued_by=by,
            seller=publication.imprint or publication.name,
            bank_details=publication.bank_details,
            notes=publication.invoice_notes,
            billed_to=agreed.name,
            address=agreed.address,
            tax_number=agreed.tax_number,
            order=agreed.order,
            wording=agreed.wording,
            period_from=first,
            period_until=until,
            due_on=max(due_on, first) if which else due_on,
            currency=agreed.currency,
            net=sums.net,
            tax_rate=agreed.tax_rate,
            tax=sums.tax,
        )


def _next_number(today: date) -> dict[str, object]:
    """The next number of the year. The row stays locked until the bill is there, or is not."""
    Series.objects.get_or_create(year=today.year)
    Series.objects.filter(year=today.year).update(last=F("last") + 1)
    serial = Series.objects.get(year=today.year).last
    return {"year": today.year, "serial": serial, "number": number_of(today.year, serial)}


def credit(bill: IssuedBill, *, by: str, why: str, now: datetime) -> IssuedBill:
    """The credit note over the whole of a bill, which then asks nothing and pays for nothing. It
    is mailed.

    Where no other bill counts, the subscription is over.
    """
    with transaction.atomic():
        bill = _locked(bill.number)
        if bill.is_credit_note or bill.is_cancelled:
            raise Refused(f"{bill} is cancelled already, or is a credit note itself.", "cancelled")
        publication = the_publication()
        today = timezone.localdate(now, publication.zone)
        note = IssuedBill.objects.create(
            subscription_id=bill.subscription_id,
            **_next_number(today),
            cancels=bill,
            issued_at=now,
            issued_on=today,
            issued_by=by,
            why=why,
            due_on=today,
            **{name: getattr(bill, name) for name in _COPIED},
        )
        happened(BillToMail(bill=note.pk, letter="credit"))
        counting = IssuedBill.objects.filter(
            subscription=bill.subscription_id, cancels=None, credit_note=None
        )
        if not counting.exists():
            BilledTo.objects.filter(subscription=bill.subscription_id, stopped_at=None).update(
                stopped_at=now, goes_on=False
            )
    return note


def note_paid(number: str, *, on: date, amount: int, all_the_same: bool, now: datetime) -> None:
    """Note that a bill was paid on a day. Another amount than it asks is refused with a sentence,
    unless it is to count all the same."""
    with transaction.atomic():
        bill = _locked(number)
        if not bill.is_waiting:
            raise Refused(f"{bill} is paid or cancelled, or is a credit note.", "not waiting")
        if on > timezone.localdate(now, the_publication().zone):
            raise Refused("That day has not come yet.", "day")
        if amount != bill.gross and not all_the_same:
            asks, came = (written(sum, bill.currency) for sum in (bill.gross, amount))
            raise Refused(
                f"{bill} asks {asks}, and {came} came. Ask for the rest, or send back what is too "
                "much; or say that it counts as paid all the same.",
                "amount",
            )
        bill.paid_on, bill.paid, bill.paid_noted_at = on, amount, now
        bill.save(update_fields=["paid_on", "paid", "paid_noted_at"])


def give_back(
    number: str, amount: int | None, *, by: str, why: str, key: str, now: datetime
) -> None:
    """Note that money was sent back: `amount` of it, or all that is left; once for each key.

    A bill of which nothing is left is cancelled by a credit note.
    """
    with transaction.atomic():
        bill = _locked(number)
        if GivenBack.objects.filter(key=key).exists():
            return
        left = bill.paid - bill.refunded
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise Refused(
                f"Of {bill}, {written(left, bill.currency)} is left to give back.",
                "amount",
            )
        GivenBack.objects.create(bill=bill, amount=amount, at=now, by=by, why=why, key=key)
        bill.refunded += amount
        bill.save(update_fields=["refunded"])
        if bill.refunded == bill.paid and not bill.is_cancelled:
            credit(bill, by=by, why=why, now=now)


def is_over(agreed: BilledTo, now: datetime) -> bool:
    """Was it stopped, or did it run out?"""
    if agreed.stopped_at:
        return True
    if agreed.goes_on:
        return False
    until = (
        IssuedBill.objects.filter(
            subscription=agreed.subscription_id, cancels=None, credit_note=None
        )
        .order_by("-period_until")
        .values_list("period_until", flat=True)
        .first()
    )
    return until is None or until <= timezone.localdate(now, the_publication().zone)


def _locked(number: str) -> IssuedBill:
    """The bill with a number, locked together with what was agreed on, so that two colleagues at
    one bill act one after the other."""
    bill = IssuedBill.objects.filter(number=number).first()
    if bill is None:
        raise Refused(f"No bill has the number {number}.", "unknown")
    BilledTo.objects.select_for_update().get(subscription=bill.subscription_id)
    return IssuedBill.objects.select_for_update().get(pk=bill.pk)
