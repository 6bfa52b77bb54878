"""What has changed for the library's indexes, and what members saved for later."""

from django.conf import settings
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
