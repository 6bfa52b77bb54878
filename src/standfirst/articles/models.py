"""The newsroom's pages and what they are filed under.

Articles lie flat under one index page and are found by their own indexed columns: the section is a
foreign key, so nothing ever has to be moved (docs/decisions/0004).
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from wagtail.admin.panels import (
    FieldPanel,
    FieldRowPanel,
    MultiFieldPanel,
    MultipleChooserPanel,
    PageChooserPanel,
    TitleFieldPanel,
)
from wagtail.fields import RichTextField, StreamField
from wagtail.log_actions import LogContext
from wagtail.models import COMMENTS_RELATION_NAME, Orderable, Page, PagePermissionTester, Revision
from wagtail.search import index

from standfirst.access.rules import Terms
from standfirst.articles.blocks import INLINE, BodyBlock
from standfirst.articles.forms import ArticleForm, Chips
from standfirst.articles.rules import (
    Piece,
    filed_as,
    minutes_to_read,
    plain_text,
    split_at_cut,
)
from standfirst.publication.queries import the_publication

TERMS = [
    (Terms.OPEN.value, "open: everybody reads it"),
    (Terms.MEMBERS.value, "members: a free account is enough"),
    (Terms.METERED.value, "metered: one of the month's choices, or All-Access"),
    (Terms.SUBSCRIBERS.value, "subscribers: All-Access only"),
]


class Filed(models.Model):
    """Something with a name, an address made from it, and a line about it."""

    name = models.CharField(max_length=255, unique=True)
    slug = models.SlugField(max_length=255, unique=True, blank=True, allow_unicode=True)
    description = models.TextField(blank=True)
    filed_as = models.CharField(max_length=255, db_index=True, editable=False, default="")

    kind: ClassVar[str]
    panels: ClassVar[list[Any]] = [
        FieldPanel("name"),
        FieldPanel("description"),
        FieldPanel("slug", help_text="Part of the address. Empty: made from the name."),
    ]

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.filed_as = filed_as(self.name)[:255]
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return address_of_filed(self.kind, self.slug)

    def clean(self) -> None:
        super().clean()
        self.slug = self.slug or slugify(self.name, allow_unicode=True)


class Section(Filed):
    """A part of the magazine; its terms are the default of its articles."""

    kind = "section"

    terms = models.CharField(max_length=12, choices=TERMS, default=Terms.METERED.value)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in the menu.")

    panels = [
        FieldPanel("name"),
        FieldPanel("description"),
        FieldPanel(
            "terms", help_text="What its articles ask of readers, unless they say otherwise."
        ),
        FieldPanel("position"),
        FieldPanel("slug", help_text="Part of the address. Empty: made from the name."),
    ]

    class Meta(Filed.Meta):
        ordering = ["position", "name"]


class Region(Filed):
    kind = "region"


class Topic(Filed):
    kind = "topic"


class Author(index.Indexed, Filed):
    kind = "author"

    role = models.CharField(max_length=160, blank=True, help_text="Such as: on ports and shipping.")
    biography = RichTextField(blank=True, features=INLINE)
    portrait = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    panels = [
        FieldPanel("name"),
        FieldPanel("role"),
        FieldPanel("biography"),
        FieldPanel("portrait"),
        FieldPanel("slug", help_text="Part of the address. Empty: made from the name."),
    ]
    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]


class AboveArticles(Page):
    """A page that all articles lie under: what is done to it would be done to each of them.

    Nobody may move, copy, withdraw or delete it, or put articles in an order by hand; and its slug
    stays, for every article's own address in Wagtail begins with it. (Readers see none of it.)
    """

    promote_panels = [
        panel for panel in Page.promote_panels if not isinstance(panel, MultiFieldPanel)
    ]
    private_page_options: ClassVar[list[str]] = []

    class Meta:
        abstract = True

    def permissions_for_user(self, user: Any) -> "OnArticles":
        return OnArticles(user, self)

    def clean(self) -> None:
        super().clean()
        before = Page.objects.filter(pk=self.pk).values_list("slug", flat=True).first()
        if before and self.slug != before and self.numchild:
            raise ValidationError(
                {"slug": "This page's address cannot change: that of every article begins with it."}
            )


class OnArticles(PagePermissionTester):  # type: ignore[misc]
    """No, to what would be done to every article in one request."""

    def _never(self, *args: Any, **kwargs: Any) -> bool:
        return False

    can_reorder_children = can_move = can_copy = can_delete = can_unpublish = _never
    can_move_to = can_copy_to = _never


class FrontPage(AboveArticles):
    """The front page. The editor sets the lead and what stands below it; the rest is the latest."""

    content_panels = [
        *Page.content_panels,
        MultipleChooserPanel(
            "picks",
            chooser_field_name="article",
            label="Article",
            heading="On the front page: the lead first",
            help_text="What is not picked here follows by itself, the newest first.",
            max_num=12,
        ),
    ]
    parent_page_types = ["wagtailcore.Page"]
    subpage_types = ["articles.ArticleIndex", "newsletters.EditionIndex"]
    max_count = 1
    template = "articles/front.html"

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from standfirst.articles.queries import front_page

        return {**super().get_context(request, *args, **kwargs), **front_page(self)}


class FrontPagePick(Orderable):
    page = ParentalKey(FrontPage, on_delete=models.CASCADE, related_name="picks")
    article = models.ForeignKey("articles.Article", on_delete=models.CASCADE, related_name="+")

    panels = [PageChooserPanel("article", "articles.Article")]


class ArticleIndex(AboveArticles):
    """The one page that all articles lie under. It has no face of its own."""

    parent_page_types = ["articles.FrontPage"]
    subpage_types = ["articles.Article"]
    max_count = 1
    preview_modes: ClassVar[list[tuple[str, str]]] = []

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponsePermanentRedirect(reverse("archive"))


class Format(models.TextChoices):
    ANALYSIS = "analysis", "Analysis"
    BRIEFING = "briefing", "Briefing"
    INTERVIEW = "interview", "Interview"
    ESSAY = "essay", "Essay"
    REVIEW = "review", "Review"
    REPORT = "report", "Report"
    SPEECH = "speech", "Speech"
    PROFILE = "profile", "Profile"


def put_on_shelves(articles: list[int]) -> None:
    from standfirst.articles.shelves import put

    put(articles)


class NoteKind(models.TextChoices):
    CORRECTION = "correction", "Correction"
    UPDATE = "update", "Update"


# What Wagtail and the newsroom note at an article; no reader sees any of it.
OF_THE_DESK = {
    *("draft_title", "has_unpublished_changes", "latest_revision", "latest_revision_created_at"),
    *("live_revision", "locked", "locked_at", "locked_by", "go_live_at", "expire_at", "expired"),
    *("first_published_at", "owner", "edited_at", "desk_at", "state", "source_id", "source_hash"),
    COMMENTS_RELATION_NAME,
}
NOT_YET = datetime(9999, 1, 1, tzinfo=UTC)  # stands first in a list of the newest


class Article(Page):
    """A piece of analysis. Its text is the preview (before the cut) and the rest (after it)."""

    standfirst = models.TextField(
        blank=True, max_length=500, help_text="The paragraph under the headline."
    )
    section = models.ForeignKey(Section, on_delete=models.PROTECT, related_name="articles")
    topics = ParentalManyToManyField(Topic, blank=True, related_name="articles")
    regions = ParentalManyToManyField(Region, blank=True, related_name="articles")
    format = models.CharField(max_length=12, choices=Format.choices, default=Format.ANALYSIS)
    published_at = models.DateTimeField(
        "publication time",
        null=True,
        blank=True,
        help_text="Shown to readers and part of the address. Empty: the moment it goes live.",
    )
    hero = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    hero_alt = models.CharField("alt text", max_length=300, blank=True)
    hero_caption = models.CharField("caption", max_length=400, blank=True)
    hero_credit = models.CharField("credit", max_length=160, blank=True)
    body = StreamField(BodyBlock(), blank=True)
    terms = models.CharField(
        max_length=12, choices=TERMS, blank=True, help_text="What readers need to read all of it."
    )
    note_kind = models.CharField("note", max_length=12, choices=NoteKind.choices, blank=True)
    note_text = models.TextField("text of the note", blank=True)
    note_date = models.DateField("date of the note", null=True, blank=True)
    source_id = models.CharField(max_length=200, null=True, unique=True, editable=False)  # noqa: DJ001
    source_hash = models.CharField(max_length=64, blank=True, editable=False)
    words = models.PositiveIntegerField(default=0, editable=False)

    # What the newsroom's lists sort and filter by, in indexes of our own.
    desk_at = models.DateTimeField(default=NOT_YET, editable=False)
    edited_at = models.DateTimeField(default=timezone.now, editable=False)
    state = models.CharField(max_length=4, default="", editable=False)  # "live" or ""

    parent_page_types = ["articles.ArticleIndex"]
    subpage_types: ClassVar[list[str]] = []
    template = "articles/article.html"

    # Who reads what is said by the terms alone, never by Wagtail's own page privacy.
    private_page_options: ClassVar[list[str]] = []
    base_form_class = ArticleForm
    preview_modes = [
        ("", "Full text, as staff read it"),
        ("visitor", "A visitor"),
        ("unverified", "A member whose address is not confirmed"),
        ("credits", "A member with choices left"),
        ("spent", "A member with no choice left"),
        ("subscriber", "A subscriber"),
    ]

    content_panels = [
        TitleFieldPanel("title", heading="Headline", placeholder="Headline", help_text=" "),
        FieldPanel("standfirst"),
        MultiFieldPanel(
            [
                FieldRowPanel(
                    [
                        FieldPanel("section", widget=forms.Select),
                        FieldPanel("format"),
                        FieldPanel("terms"),
                    ]
                ),
                FieldPanel("topics", widget=Chips("topic")),
                FieldPanel("regions", widget=Chips("region")),
            ],
            "Filed under",
        ),
        MultipleChooserPanel(
            "bylines", chooser_field_name="author", label="Author", heading="Authors, in order"
        ),
        MultiFieldPanel(
            [
                FieldPanel("hero"),
                FieldPanel(
                    "hero_alt",
                    help_text="What the picture shows, for those who cannot see it.",
                ),
                FieldRowPanel([FieldPanel("hero_caption"), FieldPanel("hero_credit")]),
            ],
            "Photo",
        ),
        FieldPanel(
            "body",
            help_text="Place the cut where the preview ends. Without one, it ends after the third "
            "paragraph.",
        ),
        MultiFieldPanel(
            [
                FieldRowPanel([FieldPanel("note_kind"), FieldPanel("note_date")]),
                FieldPanel("note_text"),
            ],
            "Correction or update",
            help_text="Stands at the article with its date.",
        ),
        MultipleChooserPanel(
            "pinned",
            chooser_field_name="related",
            label="Article",
            heading="Related articles",
            help_text="These stand first under the article; others follow by what they are about.",
            max_num=6,
        ),
    ]
    promote_panels = [
        FieldPanel("published_at"),
        MultiFieldPanel(
            [FieldPanel("slug"), FieldPanel("seo_title"), FieldPanel("search_description")],
            "Address and search engines",
        ),
    ]
    search_fields = [
        *Page.search_fields,
        index.SearchField("standfirst"),
        index.FilterField("section_id"),
        index.FilterField("published_at"),
    ]

    class Meta:
        indexes = [
            models.Index(fields=["-published_at"], name="article_newest"),
            models.Index(fields=["-desk_at", "-page_ptr"], name="article_on_desk"),
            models.Index(fields=["section", "-desk_at", "-page_ptr"], name="article_of_section"),
            models.Index(fields=["state", "-desk_at", "-page_ptr"], name="article_in_state"),
            models.Index(fields=["-edited_at", "-page_ptr"], name="article_edited"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.live and self.published_at is None:
            self.published_at = self.first_published_at or timezone.now()
        self.words = sum(len(plain_text(str(b.value)).split()) for b in self.body if _is_text(b))
        with transaction.atomic():
            super().save(*args, **kwargs)
            only = kwargs.get("update_fields")
            if only is None or not OF_THE_DESK.issuperset(only):
                put_on_shelves([self.pk])

    def save_revision(self, *args: Any, **kwargs: Any) -> Revision:
        """A revision; an article that was put in without one gets one of its live state first.

        Without a live revision Wagtail would take the article off the page while a change waits
        for its time.
        """
        if self.pk and self.live and self.live_revision_id is None:
            live = Article.objects.filter(pk=self.pk, live=True).first()
            if live:
                with LogContext():  # an entry of its own in the history: one can go back to it
                    first = super(Article, live).save_revision(log_action="wagtail.create")
                self.live_revision = first
                Page.objects.filter(pk=self.pk).update(live_revision=self.live_revision)
        revision: Revision = super().save_revision(*args, **kwargs)
        Article.objects.filter(pk=self.pk).update(edited_at=revision.created_at)
        return revision

    def get_descendants(self, inclusive: bool = False) -> Any:
        """None: nothing lies under an article, so the tree need not be asked."""
        return Page.objects.filter(pk=self.pk) if inclusive else Page.objects.none()

    @property
    def effective_terms(self) -> Terms:
        """The article's own terms, or else its section's."""
        return Terms(self.terms or self.section.terms)

    @property
    def minutes(self) -> int:
        """How long it takes to read."""
        return minutes_to_read(self.words)

    def preview_and_rest(self) -> tuple[list[Piece], list[Piece]]:
        """The body, divided at the cut. Only `queries.article_page` hands the rest on."""
        return split_at_cut([Piece(b.block_type, _value_of(b), b.id or "") for b in self.body])

    # -- where it stands ---------------------------------------------------------------------

    def get_absolute_url(self) -> str:
        """`/2026/11/slug/`, the month being that of the publication time where the magazine is."""
        moment = self.published_at or self.go_live_at or timezone.now()
        return address_of(self.slug or "draft", moment, the_publication().zone)

    def get_url_parts(self, request: HttpRequest | None = None) -> tuple[int, str, str] | None:
        parts = super().get_url_parts(request)
        return parts and (parts[0], parts[1], self.get_absolute_url())

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Wagtail's own address of the page leads to the one readers know."""
        return HttpResponsePermanentRedirect(urlsplit(self.get_absolute_url()).path)

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """The page as the reader named by the mode would get it; see `previews`."""
        from standfirst.articles.previews import preview_context

        context = preview_context(self, mode_name, timezone.now())
        return TemplateResponse(request, self.template, context)


@lru_cache(maxsize=5_000)
def address_of_filed(kind: str, slug: str) -> str:
    """The path of a section, topic, region or author."""
    return reverse(kind, args=[slug])


def address_of(slug: str, published_at: datetime, zone: ZoneInfo) -> str:
    """The path of an article: its month where the magazine is, and its slug."""
    local = published_at.astimezone(zone)
    return reverse("article", args=[f"{local:%Y}", f"{local:%m}", slug])


def _is_text(block: Any) -> bool:
    return block.block_type in {"paragraph", "heading", "list"}


def _value_of(block: Any) -> Any:
    return block.value.source if block.block_type == "paragraph" else block


# -- where readers find it -----------------------------------------------------------------------


class Shelf(models.Model):
    """A list that readers have: all articles, or those of a section, topic, region or author."""

    class Kind(models.TextChoices):
        ALL = "all"
        SECTION = "section"
        TOPIC = "topic"
        REGION = "region"
        AUTHOR = "author"

    kind = models.CharField(max_length=7, choices=Kind.choices)
    subject = models.BigIntegerField(default=0, help_text="The id of the section, topic, ...")
    count = models.IntegerField(default=0)
    changed_at = models.DateTimeField(default=datetime(1970, 1, 1, tzinfo=UTC))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_shelf")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class ShelfMonth(models.Model):
    """How many articles of a shelf came out in a month, where the publication is."""

    shelf = models.ForeignKey(
        Shelf, on_delete=models.CASCADE, related_name="months", db_index=False
    )
    month = models.DateField()
    count = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shelf", "month"], name="one_month")]

    def __str__(self) -> str:
        return f"{self.shelf_id}, {self.month:%Y-%m}: {self.count}"


class Place(models.Model):
    """That a published article stands on a shelf, and where: by its publication time.

    Only `shelves` writes these rows. Every list of readers is read from them, in the order of
    their index, so that none grows slower with the archive.
    """

    shelf = models.ForeignKey(
        Shelf, on_delete=models.CASCADE, related_name="places", db_index=False
    )
    article = models.ForeignKey(
        Article, on_delete=models.CASCADE, related_name="places", db_index=False
    )
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "shelf"], name="one_place")]
        indexes = [models.Index(fields=["shelf", "-published_at", "-article"], name="place_newest")]

    def __str__(self) -> str:
        return f"{self.article_id} on {self.shelf_id}"


class Related(models.Model):
    """That an article leads on to another, as the library found their texts to be near.

    Written by the worker (`standfirst.library.related`) through `articles.related` alone; `place`
    counts from 0. What the editor pinned stands before these.
    """

    article = models.ForeignKey(
        Article, on_delete=models.CASCADE, related_name="near", db_index=False
    )
    other = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="near_to")
    place = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["article", "place"], name="one_in_a_place"),
            models.UniqueConstraint(fields=["article", "other"], name="related_once"),
            models.CheckConstraint(
                condition=~models.Q(article=models.F("other")), name="related_to_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article_id} leads on to {self.other_id}"


class SitemapPage(models.Model):
    """A page of the sitemap as the worker wrote it, for the articles of a range of ids.

    `stale` means that something in it has changed: until the worker has written it anew, it is
    made for who asks.
    """

    number = models.PositiveIntegerField(primary_key=True)
    body = models.TextField(blank=True)
    changed_at = models.DateTimeField(null=True)
    stale = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"sitemap {self.number}"


class Byline(Orderable):
    article = ParentalKey(Article, on_delete=models.CASCADE, related_name="bylines")
    author = models.ForeignKey(Author, on_delete=models.PROTECT, related_name="bylines")

    panels = [FieldPanel("author")]


class PinnedArticle(Orderable):
    article = ParentalKey(Article, on_delete=models.CASCADE, related_name="pinned")
    related = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="+")

    panels = [PageChooserPanel("related", "articles.Article")]
