"""The tables of what is paid by bank transfer: who is billed, our bills, our reminders.

They are to `providers.invoice` what Stripe's own are to Stripe: what Subscription, Bill and the
ledger follow. Bills are never deleted, and their texts never change.
"""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class BilledTo(models.Model):
    """What was agreed with a firm or school: whom to bill, how much, how often, and whether it
    goes on."""

    subscription = models.OneToOneField(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="billed_to"
    )
    name = models.CharField("billed to", max_length=200)
    address = models.TextField("postal address", max_length=600)
    email = models.EmailField("bills go to")
    tax_number = models.CharField("VAT number", max_length=40, blank=True)
    order = models.CharField("purchase order", max_length=120, blank=True)
    wording = models.CharField(max_length=200)
    net = models.PositiveBigIntegerField(validators=[MinValueValidator(1)])
    tax_rate = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(0), validators=[MaxValueValidator(100)]
    )
    currency = models.CharField(max_length=3)
    begins_on = models.DateField("from")
    months = models.PositiveSmallIntegerField(
        default=12, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    days_to_pay = models.PositiveSmallIntegerField(default=30, validators=[MaxValueValidator(120)])
    at_once = models.BooleanField("reading begins at once", default=True)
    goes_on = models.BooleanField(default=True)
    stopped_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Series(models.Model):
    """The last number given in a year. It is taken in the transaction of its bill, so that none
    is left out; bills and credit notes are counted together."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Kept(models.QuerySet):  # type: ignore[type-arg]
    """Rows stay, also where many are meant."""

    def delete(self) -> Any:
        raise TypeError("Bills are never deleted. Cancel them by credit notes.")


class IssuedBill(models.Model):
    """A bill, or the credit note that cancels one, as it was sent out; and what became of it."""

    subscription = models.ForeignKey(
        "subscriptions.Subscription", on_delete=models.PROTECT, related_name="issued"
    )
    year = models.PositiveSmallIntegerField()
    serial = models.PositiveIntegerField()
    number = models.CharField(max_length=20, unique=True)
    cancels = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="credit_note"
    )
    issued_at = models.DateTimeField(default=timezone.now)
    issued_on = models.DateField()
    issued_by = models.CharField(max_length=200)
    why = models.CharField(max_length=400, blank=True)

    # What is printed, kept as it was on that day.
    seller = models.TextField(blank=True)
    bank_details = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    billed_to = models.CharField(max_length=200)
    address = models.TextField()
    tax_number = models.CharField(max_length=40, blank=True)
    order = models.CharField(max_length=120, blank=True)
    wording = models.CharField(max_length=200)
    period_from = models.DateField()
    period_until = models.DateField()  # the first day after it
    due_on = models.DateField()
    currency = models.CharField(max_length=3)
    net = models.PositiveBigIntegerField()
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    tax = models.PositiveBigIntegerField()

    # What became of it.
    paid_on = models.DateField(null=True)
    paid_noted_at = models.DateTimeField(null=True)
    paid = models.PositiveBigIntegerField(default=0)
    refunded = models.PositiveBigIntegerField(default=0)

    objects = Kept.as_manager()

    class Meta:
        verbose_name = "bill"
        ordering = ["-year", "-serial"]
        constraints = [
            models.UniqueConstraint(fields=["year", "serial"], name="each_number_of_a_bill_once"),
            models.UniqueConstraint(
                fields=["subscription", "period_from"],
                condition=Q(cancels=None),
                name="one_bill_a_period",
            ),
            models.CheckConstraint(
                condition=Q(refunded__lte=F("paid")), name="gives_back_at_most_what_was_paid"
            ),
            models.CheckConstraint(
                condition=Q(paid_on=None, paid=0, paid_noted_at=None)
                | Q(paid_on__isnull=False, paid__gt=0, paid_noted_at__isnull=False),
                name="paid_on_a_day_or_not_at_all",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_on"], condition=Q(paid_on=None, cancels=None), name="bills_waiting"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("A bill is never deleted. Cancel it by a credit note.")

    @property
    def gross(self) -> int:
        return self.net + self.tax

    @property
    def is_credit_note(self) -> bool:
        return self.cancels_id is not None

    @property
    def is_cancelled(self) -> bool:
        return hasattr(self, "credit_note")

    @property
    def is_waiting(self) -> bool:
        """Is money still to come?"""
        return self.paid_on is None and not self.is_credit_note and not self.is_cancelled


class GivenBack(models.Model):
    """Money of a bill that was sent back. The key makes one wish one row."""

    bill = models.ForeignKey(IssuedBill, on_delete=models.PROTECT, related_name="given_back")
    amount = models.PositiveBigIntegerField(validators=[MinValueValidator(1)])
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=200)
    why = models.CharField(max_length=400, blank=True)
    key = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return f"{self.bill}: {self.amount}"


class BillReminder(models.Model):
    """A reminder of an unpaid bill; each once."""

    bill = models.ForeignKey(IssuedBill, on_delete=models.PROTECT, related_name="reminders")
    days = models.PositiveSmallIntegerField()  # after the last day to pay
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bill", "days"], name="each_reminder_of_a_bill_once"),
        ]

    def __str__(self) -> str:
        return f"{self.bill}, {self.days} days late"
