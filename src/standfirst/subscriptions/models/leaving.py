"""What readers end, and what they are reminded of."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from standfirst.subscriptions.models.held import Subscription
from standfirst.subscriptions.models.words import choices_of
from standfirst.subscriptions.rules import Notice


class Ending(models.Model):
    """What its reader ended at once, by withdrawing or by deleting the account, until that has come
    to pass at the provider. The row is written before anything is asked there."""

    class Kind(models.TextChoices):
        WITHDRAWN = "withdrawn", "withdrawn from"  # what was paid is given back
        LEFT = "left", "account deleted"

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="endings")
    kind = models.CharField(max_length=9, choices=Kind)
    declared_at = models.DateTimeField()
    amount = models.BigIntegerField(default=0)  # to be given back, as far as was known then
    currency = models.CharField(max_length=3, blank=True)
    done_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    trouble = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "kind"], name="each_ending_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(done_at=None), name="endings_to_be_done"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """What a reader names it by."""
        return f"W{self.declared_at:%Y}-{self.pk:05d}"


class Reminder(models.Model):
    """One reader was reminded, once, of what happens at the end of one period."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="reminders"
    )
    notice = models.CharField(max_length=12, choices=choices_of(Notice))
    period = models.DateTimeField()  # its end
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "notice", "period"], name="one_reminder_a_period"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice} {self.period:%Y-%m-%d}"
