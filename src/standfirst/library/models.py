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


class SearchCount(models.Model):
    """How often a member, or a network, has searched in a minute or on a day; see `limits`."""

    key = models.CharField(max_length=80, primary_key=True)
    count = models.PositiveIntegerField()
    ends = models.BigIntegerField(db_index=True)  # seconds since 1970

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
