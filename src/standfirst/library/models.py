"""What has changed for the library's indexes, and what its articles are about in numbers."""

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
