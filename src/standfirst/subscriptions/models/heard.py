"""What providers tell, and how ours was compared with theirs."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class WebhookEvent(models.Model):
    """One event as a provider sent it. Kept before it is answered, handled once, or parked."""

    class Progress(models.TextChoices):
        NEW = "new", "waiting"
        HANDLED = "handled", "handled"
        IGNORED = "ignored", "of no concern"
        PARKED = "parked", "parked: needs a look"

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=100)
    subject = models.CharField(max_length=255, blank=True)  # the provider's subscription, if told
    bill = models.CharField(max_length=255, blank=True)
    payment = models.CharField(max_length=255, blank=True)
    checkout = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()  # by the provider's clock
    received_at = models.DateTimeField(default=timezone.now)
    body = models.TextField(blank=True)  # forgotten after a while
    progress = models.CharField(max_length=8, choices=Progress, default=Progress.NEW)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    handled_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "event_id"], name="each_event_of_a_provider_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(progress="new"), name="webhook_events_waiting"
            ),
            models.Index(fields=["received_at"], name="webhook_events_by_time"),
            models.Index(
                fields=["received_at"],
                condition=Q(progress="parked"),
                name="webhook_events_parked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class Reconciliation(models.Model):
    """One comparison of everything with a provider, and what was left of it."""

    provider = models.CharField(max_length=20)
    night = models.DateField(null=True)  # of those the worker makes by itself
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    subscriptions = models.PositiveIntegerField(default=0)
    bills = models.PositiveIntegerField(default=0)
    mended = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)  # differences that remain
    trouble = models.TextField(blank=True)  # why it did not come to its end

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "night"], name="one_reconciliation_a_night"
            ),
        ]
        indexes = [models.Index(fields=["began_at"], name="reconciliations_by_time")]

    def __str__(self) -> str:
        return f"{self.provider}, {self.began_at:%Y-%m-%d %H:%M}"
