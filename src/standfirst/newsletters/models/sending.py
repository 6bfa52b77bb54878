"""The ledger of what is sent: a sending, its letters, its batches, and one row for each address.

The rows are written by the SQL of `delivery` alone. A delivery's id is `sending << 32 | number`, so
that a batch is a range of ids and needs no index of its own. Why nobody stands on a list twice:
decision 0028.
"""

from functools import reduce
from operator import add
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class SendingKind(models.TextChoices):
    EDITION = "edition", "an edition"
    CHOICES = "choices", "new choices"
    ALERT = "alert", "an alert"


class SendingState(models.TextChoices):
    """Where a sending stands. Nothing leaves before its list is whole."""

    FREEZING = "freezing"  # its list is being made, a part at a time
    SENDING = "sending"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class Sending(models.Model):
    """One letter to a frozen list. `key` names the occasion, so that none is begun twice."""

    key = models.CharField(max_length=80, unique=True)  # such as edition:412, choices:2026-12
    kind = models.CharField(max_length=8, choices=SendingKind.choices)
    consent = models.CharField(max_length=40)  # the letter that readers said yes to
    # Whom it is for: an Audience, with the numbers of the topics and authors that are followed.
    audience = models.CharField(max_length=12, default="members")
    topics = models.JSONField(default=list)
    authors = models.JSONField(default=list)
    newsletter = models.ForeignKey(
        "newsletters.Newsletter", null=True, on_delete=models.PROTECT, related_name="sendings"
    )
    edition = models.ForeignKey(
        "newsletters.Edition", null=True, on_delete=models.PROTECT, related_name="sendings"
    )
    state = models.CharField(
        max_length=9, choices=SendingState.choices, default=SendingState.SENDING.value
    )
    sender = models.CharField(max_length=400)  # the From header's address, with its name
    reply_to = models.CharField(max_length=254, blank=True)
    total = models.PositiveIntegerField(default=0)
    by = models.BigIntegerField(null=True)  # the colleague's number; None: by itself
    begun_at = models.DateTimeField(default=timezone.now)
    frozen_to = models.BigIntegerField(default=0)  # the list has who is on it up to this member
    frozen_at = models.DateTimeField(null=True)  # the list was whole
    ended_at = models.DateTimeField(null=True)
    forgotten_at = models.DateTimeField(null=True)  # its rows no longer say to whom it went
    why = models.CharField(max_length=400, blank=True, default="")  # it was paused or cancelled

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
    UNCONFIRMED = 10, "unconfirmed"  # with double opt-in
    OUTSIDE = 11, "no longer meant"  # the subscription ended, the topic is followed no more


# How many deliveries of a batch are in a state stands in its column of the state's name.
TALLIES: dict[DeliveryState, str] = {state: state.name.lower() for state in DeliveryState}


class Counted(models.Model):
    """How often a link of a sending's letters was followed; number 0 is the pixel. There are rows
    only where the publisher has asked for counting. It counts fetches, not readers: who followed
    what is kept nowhere."""

    sending = models.ForeignKey(Sending, on_delete=models.CASCADE, related_name="counted")
    number = models.PositiveSmallIntegerField()
    address = models.TextField(blank=True)
    times = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sending", "number"], name="counted_once")]
        ordering = ["-times", "number"]

    def __str__(self) -> str:
        return f"{self.address or 'opened'}: {self.times}"


class BatchState(models.TextChoices):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SETTLED = "settled"


def _tally() -> models.PositiveIntegerField:
    return models.PositiveIntegerField(default=0)


class Batch(models.Model):
    """Deliveries from number `first` to `last` that one sender claims at once, and how many of them
    are in each state. What somebody looks at while it is sent is the sum of these."""

    sending = models.ForeignKey(Sending, on_delete=models.CASCADE, related_name="batches")
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField()
    state = models.CharField(
        max_length=7, choices=BatchState.choices, default=BatchState.QUEUED.value
    )
    claim = models.PositiveIntegerField(default=0)  # grows with each claim: a late sender's is old
    worker = models.CharField(max_length=120, blank=True)  # the name of its journal
    leased_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    # What was put off is not tried before this; a claim at which it has come empties it.
    retry_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    queued = _tally()
    accepted = _tally()
    refused = _tally()
    uncertain = _tally()
    suppressed = _tally()
    unsubscribed = _tally()
    gone = _tally()
    cancelled = _tally()
    bounced = _tally()
    complained = _tally()
    unconfirmed = _tally()
    outside = _tally()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sending", "first"], name="one_batch"),
            models.CheckConstraint(
                condition=Q(last=F("first") - 1 + reduce(add, map(F, TALLIES.values()))),
                name="batch_counts_everybody",
            ),
            models.CheckConstraint(
                condition=Q(state=BatchState.SETTLED, queued=0)
                | Q(state__in=[BatchState.QUEUED, BatchState.CLAIMED], queued__gt=0),
                name="batch_is_settled_when_nobody_is_left",
            ),
        ]
        indexes = [
            models.Index(
                fields=["sending", "first"],
                condition=~Q(state=BatchState.SETTLED),
                name="batch_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"{self.sending_id}: {self.first} to {self.last}"


class Delivery(models.Model):
    """A letter to one address. A sending's are numbered in the order of their members' numbers, so
    that a member's letters are found without an index (`delivery.finding`)."""

    # sending << 32 | number, from 1. Given by us; a plain BigIntegerField would not be SQLite's own
    # key, and cost an index beside it.
    id = models.BigAutoField(primary_key=True)
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

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="delivery_known_state"
            )
        ]

    def __str__(self) -> str:
        return f"{self.id >> self.NUMBERS}, {self.id & 0xFFFFFFFF}: {self.address}"

    @classmethod
    def ids_of(cls, sending: int, first: int, last: int) -> tuple[int, int]:
        """The lowest and the highest id of a range of a sending's numbers."""
        return sending << cls.NUMBERS | first, sending << cls.NUMBERS | last


class Quota(models.Model):
    """How many letters left in a period for which there is a limit. A claim books them before they
    leave, in its own transaction, so that a limit holds for all senders together."""

    # 2026-11-28T13 (UTC) or 2026-11-28, and the road
    period = models.CharField(max_length=100, primary_key=True)
    letters = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.period}: {self.letters}"


REST_LENGTH = 160  # a road's name, and a host's


class Rest(models.Model):
    """The road takes no letters now: what the server said of us all, and until when we wait."""

    road = models.CharField(max_length=REST_LENGTH, primary_key=True)
    until = models.DateTimeField()
    times = models.PositiveSmallIntegerField(default=0)  # one after the other, so pauses grow
    words = models.CharField(max_length=400)
    shared = models.BooleanField(default=True)  # by all senders; else it is what one of them met
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.road}: {self.words}"
