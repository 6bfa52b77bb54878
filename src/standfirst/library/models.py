"""What has changed for the library's indexes."""

from django.db import models


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
