"""What is sold."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from standfirst.subscriptions.models.words import CURRENCY, choices_of
from standfirst.subscriptions.rules import Interval


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
    interval = models.CharField(max_length=5, choices=choices_of(Interval), default=Interval.MONTH)
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
