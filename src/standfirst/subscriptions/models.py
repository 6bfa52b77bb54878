"""What is sold, what a member bought or was given, and the books of it."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from standfirst.subscriptions.providers.base import BillStatus, Progress
from standfirst.subscriptions.rules import RUNNING, Change, Dates, Interval, Notice, State

COMPLIMENTARY = "complimentary"  # given by a colleague
INVOICE = "invoice"  # paid by bank transfer
STRIPE = "stripe"

CURRENCY = RegexValidator(r"^[A-Z]{3}$", "Write the three capitals of the currency, such as EUR.")


def _choices(words: Any) -> list[tuple[str, str]]:
    return [(one.value, one.value.replace("_", " ")) for one in words]


# -- what is sold -----------------------------------------------------------------------------


class OfferedTo(models.TextChoices):
    """Who may buy a plan."""

    EVERYONE = "everyone", "everyone"
    STUDENTS = "students", "students"
    REGION = "region", "readers in some countries"


class Plan(models.Model):
    """Something that can be bought. A withdrawn one is not sold; who has it keeps it."""

    name = models.CharField(max_length=60, unique=True)
    promise = models.TextField(
        blank=True, help_text="What the reader gets: one line for each point on the plans page."
    )
    offered_to = models.CharField(max_length=10, choices=OfferedTo, default=OfferedTo.EVERYONE)
    countries = models.CharField(
        max_length=400, blank=True, help_text="For a regional plan: codes such as AT, IN, NG."
    )
    trial_days = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(365)], help_text="Free to begin with; 0 for none."
    )
    is_offered = models.BooleanField(
        "offered", default=True, help_text="A withdrawn plan is not sold; old subscribers keep it."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower comes first.")

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """What a plan costs in one currency for one interval. The amount of a price that was ever
    sold does not change: it is withdrawn, and another one made."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(max_length=3, validators=[CURRENCY])
    interval = models.CharField(max_length=5, choices=_choices(Interval), default=Interval.MONTH)
    amount = models.PositiveBigIntegerField(
        validators=[MinValueValidator(1)], help_text="In minor units, such as cents."
    )
    introductory_amount = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="What the first payments cost, in minor units."
    )
    introductory_periods = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(36)], help_text="How many payments cost that."
    )
    is_offered = models.BooleanField("offered", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["currency", "interval"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "currency", "interval"],
                condition=Q(is_offered=True),
                name="one_offered_price_a_currency_and_interval",
                violation_error_message="This plan is offered in this currency and interval.",
            ),
            models.CheckConstraint(
                condition=Q(introductory_amount=None, introductory_periods=0)
                | Q(introductory_amount__lt=F("amount"), introductory_periods__gt=0),
                name="introductory_price_is_lower_for_some_payments",
                violation_error_message=(
                    "An introductory price is lower than the price and holds for some payments."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan}, {self.currency}, {self.interval}"


class Coupon(models.Model):
    """A code that takes something off what a reader pays."""

    code = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9-]+$", "Use capitals, digits and - alone.")],
    )
    percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    amount = models.PositiveBigIntegerField(default=0, help_text="In minor units, such as cents.")
    currency = models.CharField(max_length=3, blank=True, validators=[CURRENCY])
    periods = models.PositiveSmallIntegerField(
        "months", default=1, help_text="How long it counts, in months; 0 for ever."
    )
    until = models.DateTimeField(null=True, blank=True)
    most = models.PositiveIntegerField(
        "how often", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    plans = models.ManyToManyField(Plan, blank=True, help_text="None chosen: every plan.")
    is_offered = models.BooleanField("offered", default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__gt=0, amount=0, currency="")
                | (Q(percent=0, amount__gt=0) & ~Q(currency="")),
                name="coupon_takes_a_percentage_or_an_amount",
                violation_error_message="Say a percentage, or an amount with its currency.",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class AtProvider(models.Model):
    """Under which id something of ours stands at a provider. `realm` keeps test and live apart."""

    provider = models.CharField(max_length=20)
    realm = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)  # plan, price, intro, coupon, customer (a member's)
    ours = models.BigIntegerField()
    theirs = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "realm", "kind", "ours"], name="one_id_at_a_provider"
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "kind", "theirs"], name="ours_from_theirs"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ours}: {self.theirs}"


# -- what somebody has ------------------------------------------------------------------------


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
        max_length=12, choices=_choices(State), default=State.CANCELLED, editable=False
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
    status = models.CharField(max_length=14, choices=_choices(BillStatus))
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
    progress = models.CharField(max_length=8, choices=_choices(Progress), default=Progress.OPEN)
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
    notice = models.CharField(max_length=12, choices=_choices(Notice))
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


# -- the books --------------------------------------------------------------------------------


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
    change = models.CharField(max_length=40, choices=_choices(Change))
    by = models.CharField(max_length=200)  # a colleague's address, “the reader”, an event
    why = models.CharField(max_length=400, blank=True)
    state = models.CharField(max_length=12, choices=_choices(State))
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


from standfirst.subscriptions import billing  # noqa: E402, F401 (its tables are this app's)
