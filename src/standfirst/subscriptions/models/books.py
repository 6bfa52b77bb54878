"""The ledger, and which reading of a provider counts."""

from typing import Any

from django.db import models
from django.utils import timezone

from standfirst.subscriptions.models.held import Subscription
from standfirst.subscriptions.models.words import choices_of
from standfirst.subscriptions.rules import Change, State


class AppendOnly(models.QuerySet):  # type: ignore[type-arg]
    """Rows are written once. The database holds that too (see `ledger`)."""

    def update(self, **values: Any) -> int:
        raise TypeError("The ledger is only added to.")

    def delete(self) -> Any:
        raise TypeError("The ledger is only added to.")


class Entry(models.Model):
    """One change of one subscription, with what stood after it: the ledger, only added to.

    It answers who could read everything on any day and why, and what the figures were then.
    Members are kept as numbers, which say nothing once an account is deleted.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="entries")
    member = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)
    change = models.CharField(max_length=40, choices=choices_of(Change))
    by = models.CharField(max_length=200)  # a colleague's address, “the reader”, an event
    why = models.CharField(max_length=400, blank=True)
    state = models.CharField(max_length=12, choices=choices_of(State))
    paid_through = models.DateTimeField(null=True)
    cancel_at = models.DateTimeField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    plan = models.BigIntegerField(null=True)
    price = models.BigIntegerField(null=True)
    monthly = models.BigIntegerField(default=0)  # recurring revenue a month, in minor units
    currency = models.CharField(max_length=3, blank=True)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["member", "at"], name="ledger_of_member"),
            models.Index(fields=["at"], name="ledger_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}: {self.change}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("The ledger is only added to.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("The ledger is only added to.")


class Reading(models.Model):
    """How often a subscription was asked for at its provider, and which answer counts.

    Two that read at the same time can't tell by a clock whose answer is newer. So each takes the
    next number before it asks, and an answer with a lower number than one that counted is thrown
    away and asked for again.
    """

    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255)
    taken = models.BigIntegerField(default=0)
    counted = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_id"], name="one_reading_an_id_at_a_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.counted} of {self.taken}"
