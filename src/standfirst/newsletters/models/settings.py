"""What all newsletters share: sender, limits, what is counted."""

from typing import Any, Self

import holidays
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail.admin.panels import FieldPanel, FieldRowPanel, InlinePanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

from standfirst.newsletters.delivery.in_use import ROAD_LENGTH, road_in_use
from standfirst.newsletters.delivery.rules import WARM_UP_BEGINS
from standfirst.newsletters.rules import days_in

HEX = RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write a colour as # and six digits, such as #7a1f2b.")


def country_and_part(code: str) -> tuple[str, str | None]:
    """`DE-BE` as (DE, BE), `AT` as (AT, None). Raises ValueError for one that `holidays` does not
    know, saying what to write."""
    country, _, part = code.strip().partition("-")
    country, known = country.upper(), holidays.list_supported_countries()
    if country not in known:
        raise ValueError(f"“{code}” is no country that is known. Write its ISO code, such as AT.")
    part = part if part in known.get(country, ()) else part.upper()
    if part and part not in known[country]:
        parts = ", ".join(known[country]) or "none"
        raise ValueError(f"“{part}” is no part of {country}. Its parts are: {parts}.")
    return country, part or None


@register_setting(icon="mail")
class MailSettings(ClusterableModel, BaseGenericSetting):  # type: ignore[misc]
    """Sender, limits and counting of the newsletters, edited in the newsroom under Settings."""

    ONLY = 1  # the one row's number, so that two never make two

    sender_name = models.CharField(
        max_length=80, blank=True, help_text="Empty: the publication’s name."
    )
    sender_address = models.EmailField(
        max_length=254, blank=True, help_text="Empty: the program’s own (EMAIL_FROM)."
    )
    reply_to = models.EmailField(
        max_length=254, blank=True, help_text="Where answers go to. Empty: the contact address."
    )
    double_opt_in = models.BooleanField(
        default=False, help_text="Send newsletters only to addresses that were confirmed."
    )
    holidays = models.CharField(
        "public holidays of",
        max_length=12,
        blank=True,
        help_text="ISO country, or country and part, such as AT or DE-BE; no edition on them.",
    )
    days_off = models.TextField(
        blank=True,
        help_text="More days without an edition, one a line: 2026-12-24, or "
        "2026-12-24 to 2027-01-01.",
    )
    open_pixel = models.BooleanField(
        default=False, help_text="Count how often an edition’s letters are opened."
    )
    counted_links = models.BooleanField(
        default=False, help_text="Count how often a link of an edition’s letters is followed."
    )
    accent = models.CharField(
        "colour", max_length=7, default="#8a2432", validators=[HEX], help_text="Of rules and links."
    )

    panels = [
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("sender_name"), FieldPanel("sender_address")]),
                FieldPanel("reply_to"),
            ],
            "From whom",
            help_text="A newsletter may have its own.",
        ),
        MultiFieldPanel(
            [FieldPanel("holidays"), FieldPanel("days_off")], "Days without an edition"
        ),
        MultiFieldPanel([FieldPanel("double_opt_in")], "To whom"),
        InlinePanel(
            "limits",
            heading="How fast",
            label="Provider",
            help_text="The most that a provider takes. One that is not named here has no limit.",
        ),
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel("open_pixel"), FieldPanel("counted_links")])],
            "What is counted",
            help_text="Nothing, unless you say so here.",
        ),
        FieldPanel("accent"),
    ]

    class Meta:
        verbose_name = "newsletters"

    def clean(self) -> None:
        super().clean()
        wrong: dict[str, str] = {}
        try:
            days_in(self.days_off)
        except ValueError as error:
            wrong["days_off"] = str(error)
        try:
            if self.holidays:
                country_and_part(self.holidays)
        except ValueError as error:
            wrong["holidays"] = str(error)
        if wrong:
            raise ValidationError(wrong)

    @classmethod
    def load(cls, request_or_site: Any = None) -> Self:
        """The one there is, or what holds where nobody has made one yet. Writes nothing: Wagtail's
        own makes the row when a page is looked at."""
        return cls.objects.first() or cls(pk=cls.ONLY)


class _Told(FieldPanel):  # type: ignore[misc]
    """What a property says, to be read."""

    def format_value_for_display(self, value: str) -> str:
        return value


PROVIDER = RegexValidator(
    r"^[a-z0-9.:_-]+$", "Write it in small letters and without blanks, such as mailgun."
)


class ProviderLimit(models.Model):
    """How fast letters may leave by one road: a provider, or a mail server of ours."""

    settings = ParentalKey(MailSettings, on_delete=models.CASCADE, related_name="limits")
    provider = models.CharField(
        max_length=ROAD_LENGTH,
        unique=True,
        validators=[PROVIDER],
        help_text="mailgun, sparkpost, mailjet or brevo; by SMTP the server’s name (EMAIL_URL).",
    )
    an_hour = models.PositiveIntegerField(
        "letters an hour", null=True, blank=True, help_text="Empty: no limit."
    )
    warm_up_from = models.DateField(
        "warm-up begins on",
        null=True,
        blank=True,
        help_text="Few letters a day from an address that it does not know. Empty: no warm-up.",
    )
    first_day = models.PositiveIntegerField(
        "letters on the first day",
        default=WARM_UP_BEGINS,
        validators=[MinValueValidator(1)],
        help_text="And twice as many each day after it.",
    )

    panels = [
        FieldRowPanel(
            [
                FieldPanel("provider"),
                _Told(
                    "now",
                    read_only=True,
                    heading="In use",
                    help_text="What EMAIL_URL says.",
                    icon="mail",
                ),
            ]
        ),
        FieldRowPanel([FieldPanel("an_hour"), FieldPanel("warm_up_from"), FieldPanel("first_day")]),
    ]

    def __str__(self) -> str:
        return self.provider

    @property
    def now(self) -> str:
        """Do letters leave by this one, in words for the newsroom."""
        used = road_in_use()
        return "Yes: letters leave by it" if self.provider == used else f"No: they leave by {used}"
