"""A newsletter, and its editions: one dated issue each, a Wagtail page."""

from datetime import date, timedelta
from itertools import chain
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, MultipleChooserPanel, PageChooserPanel
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Orderable, Page, PagePermissionTester

from standfirst.access.rules import Terms
from standfirst.articles.blocks import INLINE
from standfirst.articles.models import TERMS, AboveArticles
from standfirst.members.consent import ALERTS, AT_JOINING, CHOICES, was_spoken_of
from standfirst.newsletters.blocks import RadarBlock, TakeBlock
from standfirst.newsletters.rules import Stage, stage_of, weekdays_written

NOT_LETTERS = {CHOICES, ALERTS}  # consents of their own, see members.models.Consent


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
    slug = models.SlugField("address", max_length=40, unique=True)
    description = models.CharField(
        max_length=200, blank=True, help_text="One line for readers who think of signing up."
    )
    audience = models.CharField(
        max_length=12, choices=Audience.choices, default=Audience.MEMBERS.value
    )
    topic = models.ForeignKey(
        "articles.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    terms = models.CharField(
        "terms of its editions on the web",
        max_length=12,
        # Choices are of articles: none is spent on an edition.
        choices=[choice for choice in TERMS if choice[0] != Terms.METERED],
        default=Terms.MEMBERS.value,
    )
    weekdays = models.CharField(max_length=7, blank=True, default="12345")  # ISO 8601: Monday is 1
    hour = models.TimeField(
        default="06:00",
        help_text="Where the publication is. An edition that is drafted already keeps its hour.",
    )
    drafted_minutes_before = models.PositiveSmallIntegerField(
        default=120,
        validators=[MaxValueValidator(24 * 60)],
        help_text="How long before its hour an edition is drafted.",
    )
    most_articles = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="The most that are drafted under “Latest analysis”: the newest.",
    )
    unapproved = models.CharField(
        "if nobody approved it by its hour",
        max_length=4,
        choices=Unapproved.choices,
        default=Unapproved.HOLD.value,
    )
    late_hours = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(23)],
        help_text="An edition later than this is held: it never goes out hours late by itself.",
    )
    sender_name = models.CharField(max_length=80, blank=True)
    sender_address = models.EmailField(max_length=254, blank=True)
    reply_to = models.EmailField(max_length=254, blank=True)
    offered = models.BooleanField(default=True, help_text="Readers can sign up for it.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in lists.")
    since = models.DateTimeField(default=timezone.now, editable=False)  # no turn was missed before

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        before = Newsletter.objects.filter(pk=self.pk).values("weekdays", "hour").first()
        if before and before != {"weekdays": self.weekdays, "hour": self.hour}:
            self.since = timezone.now()  # an hour that it did not have then was not missed
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("newsletter", args=[self.slug])

    def clean(self) -> None:
        super().clean()
        before = Newsletter.objects.filter(pk=self.pk).values_list("slug", flat=True).first()
        if before and before != self.slug:
            raise ValidationError(
                {"slug": "It names what readers said yes to, so it cannot change any more."}
            )
        if self.slug in NOT_LETTERS:
            raise ValidationError({"slug": "This address is taken. Choose another."})
        # A yes was said to one newsletter, not to a word; by joining it is said to ours beforehand.
        if before is None and self.slug not in AT_JOINING and was_spoken_of(self.slug):
            raise ValidationError(
                {
                    "slug": "Readers have said yes or no to another newsletter of this address, "
                    "and what they said is not of this one. Choose another."
                }
            )
        if not set(self.weekdays) <= set("1234567"):
            raise ValidationError({"weekdays": "Write weekdays as 1 (Monday) to 7 (Sunday)."})
        self.weekdays = "".join(sorted(set(self.weekdays)))
        if self.audience == Audience.TOPIC and self.topic_id is None:
            raise ValidationError({"topic": "Say which topic its readers follow."})
        if self.audience != Audience.TOPIC and self.topic_id is not None:
            raise ValidationError({"topic": "Only a newsletter for those who follow a topic."})

    @property
    def rhythm_written(self) -> str:
        """Such as: Monday to Friday at 06:00."""
        days = weekdays_written(self.weekdays)
        return f"{days} at {self.hour:%H:%M}" if days else "only by hand"

    @property
    def limit(self) -> timedelta:
        """How long after its hour an edition may still go out by itself."""
        return timedelta(hours=self.late_hours)

    @property
    def drafted_before(self) -> timedelta:
        return timedelta(minutes=self.drafted_minutes_before)


class EditionIndex(AboveArticles):
    """The one page that all editions lie under. It has no face of its own."""

    parent_page_types = ["articles.FrontPage"]
    subpage_types = ["newsletters.Edition"]
    max_count = 1
    preview_modes: ClassVar[list[tuple[str, str]]] = []

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("all_newsletters"))


class OnEdition(PagePermissionTester):  # type: ignore[misc]
    """An edition reaches readers by being sent, once; the page can be mended afterwards."""

    def _never(self, *args: Any, **kwargs: Any) -> bool:
        return False

    can_move = can_copy = can_reorder_children = can_set_view_restrictions = _never
    can_move_to = can_copy_to = _never

    def can_send(self) -> bool:
        """May approve, hold and send it: whoever may publish."""
        return bool(super().can_publish())

    def can_publish(self) -> bool:
        return bool(self.page.live and super().can_publish())

    def can_delete(self, ignore_bulk: bool = False) -> bool:
        if Turn.objects.filter(edition=self.page.pk, begun_at__isnull=False).exists():
            return False
        return bool(super().can_delete(ignore_bulk))


class Edition(Page):
    """One dated issue of a newsletter: our take, the latest analysis, what is on our radar,
    more. Where it stands on its way to readers says its `turn`, never the page: what a page keeps
    goes back with its history."""

    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="editions")
    day = models.DateField(default=timezone.localdate)
    subject = models.CharField(
        max_length=160,
        blank=True,
        help_text="Empty: the first headline. Mail programs show some 50 characters of it.",
    )
    take = StreamField(
        TakeBlock(),
        blank=True,
        verbose_name="our take",
        help_text="The most important news of the day, and what we make of it.",
    )
    radar = StreamField(
        RadarBlock(),
        blank=True,
        verbose_name="on our radar",
        help_text="What is coming up, with its day. What is still to come was taken over.",
    )
    more = RichTextField(
        "and more",
        blank=True,
        features=["ul", *INLINE],
        help_text="Anything else: events, a job, a book, with links.",
    )

    parent_page_types = ["newsletters.EditionIndex"]
    subpage_types: ClassVar[list[str]] = []
    is_creatable = False  # editions are drafted, by themselves or from the newsroom's page
    private_page_options: ClassVar[list[str]] = []
    template = "newsletters/edition.html"
    preview_modes = [
        ("mail-subscriber", "As mail: a subscriber"),
        ("mail-member", "As mail: a member"),
        ("dark-subscriber", "As mail in dark mode: a subscriber"),
        ("dark-member", "As mail in dark mode: a member"),
        ("text-subscriber", "Plain text: a subscriber"),
        ("text-member", "Plain text: a member"),
        ("web-visitor", "Web page: a visitor"),
        ("web-member", "Web page: a member"),
        ("web-subscriber", "Web page: a subscriber"),
    ]

    content_panels = [
        FieldPanel("subject"),
        FieldPanel("take"),
        MultipleChooserPanel(
            "latest",
            chooser_field_name="article",
            label="Article",
            heading="Latest analysis",
            help_text="Drafted from what came out since the last edition. Put it in another order, "
            "take away, add.",
            max_num=50,
        ),
        FieldPanel("radar"),
        FieldPanel("more"),
    ]
    promote_panels: ClassVar[list[Any]] = []
    settings_panels: ClassVar[list[Any]] = []
    # An editor finds editions in the newsroom's list; nothing of them goes into a search index.
    search_fields: ClassVar[list[Any]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["newsletter", "day"], name="one_edition_a_day")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def subject_line(self) -> str:
        """The editor's subject, or else the first headline, or else the newsletter and its day."""
        return self.subject.strip() or self.automatic_subject

    @property
    def automatic_subject(self) -> str:
        """What the subject is where nobody wrote one."""
        headlines = (item.value["headline"] for item in self.take)
        # An article that readers may not know of (any more) gives its title away nowhere.
        titles = (pick.article.title for pick in self.latest.all() if pick.article.live)
        first = next(chain(headlines, titles), "")
        return str(first or title_of(self.newsletter, self.day))[:160]

    @property
    def is_empty(self) -> bool:
        return not (self.take or self.radar or self.more or self.latest.all())

    def permissions_for_user(self, user: Any) -> OnEdition:
        return OnEdition(user, self)

    def get_absolute_url(self) -> str:
        """`/newsletters/daily-review/2026-11-28/`"""
        return reverse("edition", args=[self.newsletter.slug, self.day.isoformat()])

    @property
    def effective_terms(self) -> Terms:
        """What it asks of readers on the web: its newsletter's terms."""
        return Terms(self.newsletter.terms)

    def get_url_parts(self, request: HttpRequest | None = None) -> tuple[int, str, str] | None:
        parts = super().get_url_parts(request)
        return parts and (parts[0], parts[1], self.get_absolute_url())

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Wagtail's own address of the page leads to the one readers know, where it is judged."""
        return HttpResponseRedirect(self.get_absolute_url())

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """A letter, or the page as the reader named by the mode would get it; see `previews`."""
        from standfirst.newsletters.previews import preview_of

        return preview_of(self, request, mode_name)


class EditionArticle(Orderable):
    """An article under “Latest analysis”."""

    edition = ParentalKey(Edition, on_delete=models.CASCADE, related_name="latest")
    article = models.ForeignKey("articles.Article", on_delete=models.CASCADE, related_name="+")

    panels = [PageChooserPanel("article", "articles.Article")]

    def __str__(self) -> str:
        return f"{self.article_id} in {self.edition_id}"


def title_of(newsletter: Newsletter, day: date) -> str:
    """What an edition is called: The Daily Review, 28 November 2026."""
    return f"{newsletter}, {date_format(day, 'j F Y')}"


class Outcome(models.TextChoices):
    """Why a turn has no edition."""

    NOTHING = "nothing", "nothing was published since the last edition, so nothing is sent"
    MISSED = "missed", "its hour was long past when the worker came to it, so nothing was drafted"


class Turn(models.Model):
    """A newsletter's day, and what came of it. There is one row for a newsletter and day: whoever
    inserts it drafts. It holds what must not go back when an edition's page is reverted."""

    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="turns")
    day = models.DateField()
    due_at = models.DateTimeField(null=True)  # None: it goes out only by hand
    edition = models.OneToOneField(
        Edition, null=True, on_delete=models.SET_NULL, related_name="turn"
    )
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    drafted_at = models.DateTimeField(null=True)  # articles are looked at until this moment
    offered = models.JSONField(
        default=list
    )  # articles it was drafted with, or left out as too many
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved = models.CharField(max_length=64, blank=True)  # the print of what was approved
    held_at = models.DateTimeField(null=True)
    held_why = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField(null=True)  # the editors were, once
    begun_at = models.DateTimeField(null=True)
    begun_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    automatic = models.BooleanField(default=False)  # sent without what nobody approved

    class Meta:
        constraints = [models.UniqueConstraint(fields=["newsletter", "day"], name="one_turn_a_day")]
        ordering = ["-day", "newsletter"]

    def __str__(self) -> str:
        return f"{self.newsletter_id}, {self.day}"

    def stage(self, fingerprint: str) -> Stage:
        """Where it stands; `fingerprint` is that of what the edition says now."""
        return stage_of(
            sent=self.begun_at is not None,
            outcome=self.outcome,
            has_edition=self.edition_id is not None,
            held=self.held_at is not None,
            approved=self.approved_at is not None,
            changed=self.approved != fingerprint,
        )
