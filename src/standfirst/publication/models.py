"""The magazine itself: one row, edited in the newsroom under Settings."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models, transaction
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

from standfirst.publication.events import TimeZoneChanged, happened


def known_zone(name: str) -> None:
    """Refuse a time zone that the tz database does not know (IANA name, such as Europe/Vienna)."""
    if name not in available_timezones():
        raise ValidationError(
            "“%(name)s” is not a time zone. Use an IANA name such as Europe/Vienna.",
            params={"name": name},
        )


class UnlockLasts(models.TextChoices):
    FOR_GOOD = "for_good", "for good"
    MONTH = "month", "until the month ends"


@register_setting(icon="site")
class Publication(BaseGenericSetting):
    """Name, time zone, language, currency, allowance: what the whole magazine agrees on."""

    name = models.CharField(max_length=80, default="The Meridian")
    tagline = models.CharField(max_length=160, blank=True, default="Analysis of world affairs")
    description = models.TextField(
        blank=True, help_text="One or two sentences for search engines and feeds."
    )
    contact = models.EmailField(
        blank=True, help_text="Where readers write to; shown in the footer and on All-Access."
    )
    imprint = models.TextField(
        blank=True, help_text="Publisher and postal address, shown in the footer and under mails."
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[known_zone],
        help_text="IANA name, such as Europe/Vienna. Months, dates and schedules follow it.",
    )
    language = models.CharField(
        max_length=12,
        default="en",
        validators=[RegexValidator(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")],
        help_text="Language tag (BCP 47), such as en or en-GB.",
    )
    currency = models.CharField(
        max_length=3, default="EUR", validators=[RegexValidator(r"^[A-Z]{3}$")]
    )
    allowance = models.PositiveSmallIntegerField(
        default=3,
        validators=[MaxValueValidator(31)],
        help_text="How many articles of their own choice members may open each month.",
    )
    unlock_lasts = models.CharField(
        "a chosen article stays open",
        max_length=10,
        choices=UnlockLasts.choices,
        default=UnlockLasts.FOR_GOOD,
    )
    crawlers_read_all = models.BooleanField(
        "search engines read full texts",
        default=False,
        help_text=(
            "Only crawlers whose address is verified: by reverse DNS confirmed forward, "
            "or by a network listed below."
        ),
    )
    crawler_networks = models.TextField(
        blank=True, help_text="One network a line, such as 66.249.64.0/27, with an optional name."
    )
    grace_days = models.PositiveSmallIntegerField(
        "grace in days",
        default=7,
        validators=[MaxValueValidator(60)],
        help_text="How long a subscriber goes on reading when a payment is late.",
    )

    panels = [
        MultiFieldPanel(
            [
                FieldPanel("name"),
                FieldPanel("tagline"),
                FieldPanel("description"),
                FieldPanel("contact"),
                FieldPanel("imprint"),
            ],
            "Name and address",
        ),
        MultiFieldPanel(
            [FieldPanel("time_zone"), FieldPanel("language"), FieldPanel("currency")],
            "Place",
        ),
        MultiFieldPanel(
            [
                FieldPanel("allowance"),
                FieldPanel("unlock_lasts"),
                FieldPanel("grace_days"),
            ],
            "What readers get",
        ),
        MultiFieldPanel(
            [FieldPanel("crawlers_read_all"), FieldPanel("crawler_networks")],
            "Search engines",
        ),
    ]

    class Meta:
        verbose_name = "publication"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        before = Publication.objects.filter(pk=self.pk).values_list("time_zone", flat=True).first()
        with transaction.atomic():
            super().save(*args, **kwargs)
            if before not in {None, self.time_zone}:
                happened(TimeZoneChanged())

    @property
    def zone(self) -> ZoneInfo:
        """The publication's time zone; UTC for one that this machine does not know, so that the
        newsroom can still be entered to put it right."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")
