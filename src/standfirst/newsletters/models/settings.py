"""What all newsletters share: sender, limits, what is counted."""

import holidays
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

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
class MailSettings(BaseGenericSetting):
    """Sender, limits and counting of the newsletters, edited in the newsroom under Settings."""

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
    an_hour = models.PositiveIntegerField(
        "letters an hour", null=True, blank=True, help_text="The most your provider takes."
    )
    warm_up = models.BooleanField(
        default=False, help_text="Begin with few letters a day from a new address, then double."
    )
    warm_up_from = models.DateField(null=True, blank=True)
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
        MultiFieldPanel(
            [
                FieldPanel("an_hour"),
                FieldRowPanel([FieldPanel("warm_up"), FieldPanel("warm_up_from")]),
            ],
            "How fast",
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
        if self.warm_up and not self.warm_up_from:
            wrong["warm_up_from"] = "Say on which day it begins."
        if wrong:
            raise ValidationError(wrong)
