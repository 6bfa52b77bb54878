"""A newsletter, and its editions: one dated issue each, a Wagtail page."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from wagtail.fields import StreamField
from wagtail.models import Page

from standfirst.access.rules import Terms
from standfirst.articles.models import TERMS, AboveArticles
from standfirst.newsletters.blocks import RadarBlock, TakeBlock


class Audience(models.TextChoices):
    """Who gets a newsletter, among those who gave their consent to it."""

    MEMBERS = "members", "every member"
    SUBSCRIBERS = "subscribers", "subscribers of All-Access"
    TOPIC = "topic", "members who follow a topic"


class Unapproved(models.TextChoices):
    """What becomes of an edition that nobody approved by its hour."""

    HOLD = "hold", "hold it and alert the editors"
    SEND = "send", "send it with what was drafted by itself"


class Newsletter(models.Model):
    """What readers sign up for, such as The Daily Review. `slug` names its consent and its
    address."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    description = models.CharField(max_length=200, blank=True)
    audience = models.CharField(
        max_length=12, choices=Audience.choices, default=Audience.MEMBERS.value
    )
    topic = models.ForeignKey(
        "articles.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    terms = models.CharField(
        "terms of its editions on the web",
        max_length=12,
        choices=TERMS,
        default=Terms.MEMBERS.value,
    )
    weekdays = models.CharField(max_length=7, blank=True, default="12345")  # ISO 8601: Monday is 1
    hour = models.TimeField(default="06:00", help_text="Where the publication is.")
    drafted_minutes_before = models.PositiveSmallIntegerField(default=120)
    unapproved = models.CharField(
        max_length=4, choices=Unapproved.choices, default=Unapproved.HOLD.value
    )
    sender_name = models.CharField(max_length=80, blank=True)
    sender_address = models.EmailField(max_length=254, blank=True)
    reply_to = models.EmailField(max_length=254, blank=True)
    offered = models.BooleanField(default=True, help_text="Readers can sign up for it.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class EditionIndex(AboveArticles):
    """The one page that all editions lie under. It has no face of its own."""

    parent_page_types = ["articles.FrontPage"]
    subpage_types = ["newsletters.Edition"]
    max_count = 1


class Edition(Page):
    """One dated issue of a newsletter: our take, the latest analysis, what is on our radar,
    more."""

    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="editions")
    day = models.DateField(default=timezone.localdate)
    subject = models.CharField(max_length=160, blank=True)
    take = StreamField(TakeBlock(), blank=True)
    radar = StreamField(RadarBlock(), blank=True)
    drafted_at = models.DateTimeField(null=True, blank=True, editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)

    parent_page_types = ["newsletters.EditionIndex"]
    subpage_types: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["newsletter", "day"], name="one_edition_a_day")
        ]
