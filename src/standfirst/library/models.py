"""What has changed for the library's indexes, what its articles are about in numbers, what members
saved for later, and what the newsroom tells the library and hears from it."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail.admin.panels import FieldPanel, InlinePanel, PageChooserPanel
from wagtail.models import Orderable

from standfirst.articles.models import Article
from standfirst.library.rules import parse
from standfirst.library.synonyms import (
    LONGEST_WORDING,
    MOST_WORDINGS,
    Group,
    folded,
    pinned_as,
    wordings_in,
)


class Kind(models.TextChoices):
    """What a note is about: one article, or all that are filed under something."""

    ARTICLE = "article"
    SECTION = "section"
    TOPIC = "topic"
    REGION = "region"
    AUTHOR = "author"
    EVERYTHING = "everything"


class Note(models.Model):
    """Something that an index must read anew; written in the transaction of its cause.

    Every host's indexer reads the notes in order and remembers how far it is. A note says only
    where to look: what is indexed is what the database holds then, so to read one twice does no
    harm, and a later note never makes an earlier one wrong.
    """

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Vectors(models.Model):
    """The vectors of one article's passages, computed once for all hosts.

    No foreign key: deleting an article asks nothing here. What has none any more is dropped later.
    """

    article = models.BigIntegerField(primary_key=True)
    model = models.CharField(max_length=40)
    stamp = models.BigIntegerField()  # of the article's document when it was last looked at
    digest = models.BigIntegerField()  # of headline and texts, and of the model
    data = models.BinaryField()  # numbers of 16 bits, passage after passage
    at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.article} by {self.model}"


class Saved(models.Model):
    """An article that a member saved for later. It opens nothing: that is for `decide` to say."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved", db_index=False
    )
    article = models.ForeignKey("articles.Article", on_delete=models.CASCADE, related_name="+")
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "article"], name="saved_an_article_once")
        ]
        indexes = [models.Index(fields=["member", "-saved_at"], name="saved_newest")]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.article_id}"


class SearchCount(models.Model):
    """How often a member, or a network, has searched in a minute or on a day; see `limits`."""

    key = models.CharField(max_length=80, primary_key=True)
    count = models.PositiveIntegerField()
    ends = models.BigIntegerField(db_index=True)  # seconds since 1970

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


# -- what an editor tells the library -----------------------------------------------------------

MOST_GROUPS, MOST_PINNINGS, MOST_PINNED = 1_000, 2_000, 6


def _bounded(wordings: list[str]) -> None:
    """Refuse more wordings than one row may have, or longer ones. Raises ValidationError."""
    if len(wordings) > MOST_WORDINGS:
        raise ValidationError({"words": f"These are more than {MOST_WORDINGS}. Leave some out."})
    for wording in wordings:
        if len(wording) > LONGEST_WORDING:
            raise ValidationError(
                {"words": f"“{wording[:30]}…” is longer than {LONGEST_WORDING} characters."}
            )


class Synonyms(models.Model):
    """Words and phrases that mean the same, between commas."""

    words = models.CharField(
        "words and phrases",
        max_length=800,
        help_text=(
            "What means the same, with commas between, such as EU, European Union. "
            "Capitals and accents make no difference; other endings of a word do."
        ),
    )
    one_way = models.BooleanField(
        "from the first to the others only",
        default=False,
        help_text=(
            "Who searches for the first finds articles with the others too, but not the other way "
            "round: ECOWAS, West Africa."
        ),
    )
    changed_at = models.DateTimeField("changed", auto_now=True)

    panels = [FieldPanel("words"), FieldPanel("one_way")]

    class Meta:
        verbose_name = "group of synonyms"
        verbose_name_plural = "groups of synonyms"
        ordering = ("words",)

    def __str__(self) -> str:
        return self.words

    @property
    def group(self) -> Group:
        """As the library looks it up."""
        return Group(tuple(wordings_in(self.words)), self.one_way)

    def clean(self) -> None:
        wordings = wordings_in(self.words)
        if len(wordings) < 2:
            raise ValidationError(
                {"words": "Write at least two that mean the same, with a comma between them."}
            )
        _bounded(wordings)
        self.words = ", ".join(wordings)
        others = Synonyms.objects.exclude(pk=self.pk)
        if others.count() >= MOST_GROUPS:
            raise ValidationError(f"There are {MOST_GROUPS:,} groups already. Delete some first.")
        mine = {folded(wording): wording for wording in self.group.asked}
        for other in others:
            for wording in other.group.asked:
                if folded(wording) in mine:
                    raise ValidationError(
                        {
                            "words": f"“{mine[folded(wording)]}” is in the group “{other.words}” "
                            "already. Add what is missing there: a word has one group."
                        }
                    )


class Pinning(ClusterableModel):
    """Articles that come first when readers search for certain words."""

    words = models.CharField(
        "searched words",
        max_length=800,
        help_text=(
            "What readers type, whole; several with commas between, such as election, elections. "
            "Capitals, accents and quotation marks make no difference."
        ),
    )
    until = models.DateField(
        "until", null=True, blank=True, help_text="The last day on which they come first."
    )
    changed_at = models.DateTimeField("changed", auto_now=True)

    panels = [
        FieldPanel("words"),
        InlinePanel(
            "articles", heading="Articles", label="Article", min_num=1, max_num=MOST_PINNED
        ),
        FieldPanel(
            "until",
            help_text="The last day on which they come first. Empty: until you end it.",
        ),
    ]

    class Meta:
        verbose_name = "pinned result"
        ordering = ("words",)

    def __str__(self) -> str:
        return self.words

    @property
    def names(self) -> list[str]:
        """The searches this is about, as `pinned_as` calls them."""
        return [pinned_as(parse(wording)) for wording in wordings_in(self.words)]

    def clean(self) -> None:
        wordings = wordings_in(self.words)
        _bounded(wordings)
        for wording in wordings:
            if not pinned_as(parse(wording)):
                raise ValidationError(
                    {"words": f"“{wording}” is more than words. Write them without signs."}
                )
        if not wordings:
            raise ValidationError({"words": "Write what readers type, such as election."})
        self.words = ", ".join(wordings)
        others = Pinning.objects.exclude(pk=self.pk)
        if others.count() >= MOST_PINNINGS:
            raise ValidationError(f"There are {MOST_PINNINGS:,} of these. Delete some first.")
        mine = set(self.names)
        for other in others:
            if both := mine.intersection(other.names):
                raise ValidationError(
                    {
                        "words": f"“{both.pop()}” has pinned results already, under "
                        f"“{other.words}”. Change those."
                    }
                )


class PinnedResult(Orderable):
    pinning = ParentalKey(Pinning, on_delete=models.CASCADE, related_name="articles")
    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="+")

    panels = [PageChooserPanel("article", "articles.Article")]


# -- what it hears from the library -------------------------------------------------------------


class Outcome(models.TextChoices):
    NOTHING = "nothing", "nothing"
    SOME_WORDS = "some", "with fewer words"


class Missed(models.Model):
    """A search that found nothing, or not all of its words in one article. Nothing is kept of who
    searched; a row is made, and grows, only by at least three networks in one week (decision 0017).
    """

    query = models.CharField("searched", max_length=80, unique=True)
    outcome = models.CharField("found", max_length=8, choices=Outcome.choices)
    times = models.PositiveIntegerField(default=0)
    first = models.DateField("first")
    last = models.DateField("last", db_index=True)

    class Meta:
        verbose_name = "search without a result"
        verbose_name_plural = "searches without a result"
        ordering = ("-times", "query")
        default_permissions = ("view", "delete")

    def __str__(self) -> str:
        return self.query


class Due(models.Model):
    """An article whose related ones are to be found anew; see `library.related`.

    Whoever works on it has put a word of their own into `taken_by`. What changes meanwhile takes
    the word away, so that the row outlives the work and is worked on once more.
    """

    class Why(models.IntegerChoices):
        """The first come first."""

        CHANGED = 1, "changed"
        NEAR = 2, "near to what changed"
        ALL = 3, "all of them"

    article = models.BigIntegerField(primary_key=True)
    why = models.PositiveSmallIntegerField(choices=Why.choices)
    since = models.DateTimeField()
    taken_by = models.CharField(max_length=32, default="", blank=True)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["why", "since", "article"], name="due_first")]

    def __str__(self) -> str:
        return f"{self.article} {self.get_why_display()}"
