"""The ledger of what is sent: a sending, its letters, its batches, and one row for each address.

The rows are written by the SQL of `delivery` alone. A delivery's id is `sending << 32 | number`, so
that a batch is a range of ids and needs no index of its own.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class SendingKind(models.TextChoices):
    EDITION = "edition", "an edition"
    CHOICES = "choices", "new choices"
    ALERT = "alert", "an alert"


class SendingState(models.TextChoices):
    """Where a sending stands. `FREEZING` is before its list is complete; nothing leaves then."""

    FREEZING = "freezing"
    SENDING = "sending"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class Sending(models.Model):
    """One letter to a frozen list. `key` names the occasion, so that none is begun twice."""

    key = models.CharField(max_length=80, unique=True)  # such as edition:412, choices:2026-12
    kind = models.CharField(max_length=8, choices=SendingKind.choices)
    consent = models.CharField(max_length=40)  # the letter that readers said yes to
    newsletter = models.ForeignKey(
        "newsletters.Newsletter", null=True, on_delete=models.PROTECT, related_name="sendings"
    )
    edition = models.ForeignKey(
        "newsletters.Edition", null=True, on_delete=models.PROTECT, related_name="sendings"
    )
    state = models.CharField(
        max_length=9, choices=SendingState.choices, default=SendingState.FREEZING.value
    )
    sender = models.CharField(max_length=400)  # the From header's address, with its name
    reply_to = models.CharField(max_length=254, blank=True)
    total = models.PositiveIntegerField(default=0)
    by = models.BigIntegerField(null=True)  # the colleague's number; None: by itself
    begun_at = models.DateTimeField(default=timezone.now)
    frozen_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-begun_at"]

    def __str__(self) -> str:
        return self.key


class Letter(models.Model):
    """What a sending says to those of one variant, with the words of its slots still in it. It is
    written when the sending begins, and never again: an edition edited later changes no mail."""

    sending = models.ForeignKey(Sending, on_delete=models.CASCADE, related_name="letters")
    variant = models.CharField(max_length=12)  # subscriber, member
    subject = models.CharField(max_length=200)
    html = models.TextField()
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sending", "variant"], name="one_letter")]

    def __str__(self) -> str:
        return f"{self.sending_id} to {self.variant}s"


class BatchState(models.TextChoices):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SETTLED = "settled"


class Batch(models.Model):
    """Deliveries from number `first` to `last` that one sender claims at once."""

    sending = models.ForeignKey(Sending, on_delete=models.CASCADE, related_name="batches")
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField()
    state = models.CharField(
        max_length=7, choices=BatchState.choices, default=BatchState.QUEUED.value
    )
    claim = models.PositiveIntegerField(default=0)  # grows with each claim: a late sender's is old
    worker = models.CharField(max_length=120, blank=True)
    leased_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sending", "first"], name="one_batch")]

    def __str__(self) -> str:
        return f"{self.sending_id}: {self.first} to {self.last}"


class DeliveryState(models.IntegerChoices):
    """What became of one letter to one address; small numbers, since there are many."""

    QUEUED = 0, "queued"
    ACCEPTED = 1, "accepted"
    REFUSED = 2, "refused"
    UNCERTAIN = 3, "uncertain"
    SUPPRESSED = 4, "suppressed"  # bounced or complained before
    UNSUBSCRIBED = 5, "unsubscribed"  # between the freeze and the sending
    GONE = 6, "gone"  # the account was deleted or closed meanwhile
    CANCELLED = 7, "cancelled"
    BOUNCED = 8, "bounced"  # accepted at first
    COMPLAINED = 9, "complained"


class Delivery(models.Model):
    """A letter to one address."""

    id = models.BigIntegerField(primary_key=True)  # sending << 32 | number, from 1
    member = models.BigIntegerField()
    address = models.CharField(max_length=254)
    name = models.CharField(max_length=120)
    variant = models.CharField(max_length=12)
    state = models.SmallIntegerField(
        choices=DeliveryState.choices, default=DeliveryState.QUEUED.value
    )
    tries = models.SmallIntegerField(default=0)
    why = models.CharField(max_length=400, blank=True, default="")

    NUMBERS: ClassVar[int] = 32  # bits

    def __str__(self) -> str:
        return f"{self.id >> self.NUMBERS}, {self.id & 0xFFFFFFFF}: {self.address}"
