"""What somebody has, owes and is on the way to buy."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from standfirst.subscriptions.models.sold import Plan, Price
from standfirst.subscriptions.models.words import COMPLIMENTARY, choices_of
from standfirst.subscriptions.providers.base import BillStatus, Progress
from standfirst.subscriptions.rules import RUNNING, Dates, State


class Subscription(models.Model):
    """All-Access for one reader. Kept without its member when an account is deleted.

    What the provider says stands in `state` and the dates; `starts_at` to `ends_at` is what
    follows from it, the window in which everything is open (`rules.window`), and all that access
    asks. Only `actions` write them, each change beside its row in the ledger.
    """

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="subscriptions",
    )
    # Who pays, where that is somebody else (a gift, a firm); empty for the reader.
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="pays_for",
    )
    provider = models.CharField(max_length=20, default=COMPLIMENTARY, editable=False)
    provider_id = models.CharField(max_length=255, blank=True, editable=False)
    customer = models.CharField(max_length=255, blank=True, editable=False)
    plan = models.ForeignKey(
        Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="subscriptions"
    )
    price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="subscriptions"
    )

    state = models.CharField(
        max_length=12, choices=choices_of(State), default=State.CANCELLED, editable=False
    )
    begun_at = models.DateTimeField(null=True, editable=False)
    paid_through = models.DateTimeField(null=True, blank=True, editable=False)
    trial_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(help_text="All-Access ends at this moment.")

    amount = models.PositiveBigIntegerField(default=0, editable=False)  # for each interval
    currency = models.CharField(max_length=3, blank=True, editable=False)
    interval = models.CharField(max_length=5, blank=True, editable=False)
    next_amount = models.BigIntegerField(null=True, editable=False)
    next_at = models.DateTimeField(null=True, editable=False)
    card = models.CharField(max_length=80, blank=True, editable=False)

    note = models.CharField(max_length=200, blank=True, help_text="Why, for colleagues.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("starts_at")),
                name="subscription_ends_after_it_starts",
                violation_error_message="A subscription must end after it starts.",
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_id"],
                condition=~Q(provider_id=""),
                name="one_subscription_an_id_at_a_provider",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "ends_at"], name="subscription_of_member"),
            models.Index(fields=["state", "ends_at"], name="subscription_in_state"),
            models.Index(fields=["customer"], name="subscription_of_customer"),
            models.Index(fields=["ends_at"], name="subscription_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.plan.name if self.plan else 'All-Access'} until {self.ends_at:%Y-%m-%d}"

    @property
    def is_running(self) -> bool:
        """Does it go on, so that its member need not, and must not, buy another?"""
        return self.provider != COMPLIMENTARY and self.state in RUNNING

    @property
    def dates(self) -> Dates:
        """What `rules.window` needs beside the state."""
        return Dates(
            starts_at=self.begun_at or self.starts_at,
            paid_through=self.paid_through,
            cancel_at=self.cancel_at,
            ended_at=self.ended_at,
        )


class Bill(models.Model):
    """One bill, the provider's or our own: what was asked, paid and given back, and for when."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="bills")
    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=255)
    number = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=14, choices=choices_of(BillStatus))
    currency = models.CharField(max_length=3)
    total = models.BigIntegerField()
    paid = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    is_disputed = models.BooleanField("disputed", default=False)
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    period_from = models.DateTimeField()
    period_until = models.DateTimeField()
    page = models.URLField(max_length=600, blank=True)
    pdf = models.URLField(max_length=600, blank=True)

    class Meta:
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_id"], name="one_bill_an_id_at_a_provider"
            ),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("paid")),
                name="no_more_given_back_than_was_paid",
            ),
        ]
        indexes = [models.Index(fields=["paid_at"], name="bill_by_payment")]

    def __str__(self) -> str:
        return self.number or self.provider_id


class Checkout(models.Model):
    """A member on the way to pay. At most one at a time is open, so that two tabs, two devices
    and twenty clicks lead to one page at the provider, which can be paid once."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="checkouts"
    )
    price = models.ForeignKey(Price, on_delete=models.CASCADE)
    provider = models.CharField(max_length=20)
    key = models.UUIDField(unique=True)  # the provider does for one key one thing
    provider_id = models.CharField(max_length=255, blank=True, db_index=True)
    url = models.URLField(max_length=1000, blank=True)
    progress = models.CharField(max_length=8, choices=choices_of(Progress), default=Progress.OPEN)
    onward = models.CharField(max_length=400, blank=True)  # the path to read on at
    subscription = models.ForeignKey(Subscription, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(progress=Progress.OPEN.value),
                name="one_open_checkout_a_member",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.price} ({self.progress})"
