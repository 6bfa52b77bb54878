"""What all newsletters share: sender, limits, what is counted."""

from django.core.validators import RegexValidator
from django.db import models
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

HEX = RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write a colour as # and six digits, such as #7a1f2b.")


@register_setting(icon="mail")
class MailSettings(BaseGenericSetting):
    """Sender, limits and counting of the newsletters, edited in the newsroom under Settings."""

    sender_name = models.CharField(max_length=80, blank=True)
    sender_address = models.EmailField(max_length=254, blank=True)
    reply_to = models.EmailField(max_length=254, blank=True)
    double_opt_in = models.BooleanField(
        default=False, help_text="Send newsletters only to addresses that were confirmed."
    )
    holidays = models.CharField(
        "public holidays of",
        max_length=12,
        blank=True,
        help_text="ISO country, or country and part, such as AT or DE-BE; no edition on them.",
    )
    days_off = models.TextField(blank=True, help_text="More days without an edition, one a line.")
    an_hour = models.PositiveIntegerField(
        "letters an hour", null=True, blank=True, help_text="The most your provider takes."
    )
    warm_up = models.BooleanField(
        default=False, help_text="Begin with few letters a day from a new address, then double."
    )
    warm_up_from = models.DateField(null=True, blank=True)
    open_pixel = models.BooleanField(default=False, help_text="Count who opens a letter.")
    counted_links = models.BooleanField(default=False, help_text="Count who follows a link.")
    accent = models.CharField(max_length=7, default="#8a2432", validators=[HEX])

    class Meta:
        verbose_name = "newsletters"
