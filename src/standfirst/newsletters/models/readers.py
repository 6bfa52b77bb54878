"""What readers follow, what they were told once, and addresses that get no more mail."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class Follow(models.Model):
    """A member wants to hear of new articles on a topic or by an author."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows"
    )
    topic = models.ForeignKey("articles.Topic", null=True, on_delete=models.CASCADE)
    author = models.ForeignKey("articles.Author", null=True, on_delete=models.CASCADE)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(topic__isnull=False, author__isnull=True)
                | Q(topic__isnull=True, author__isnull=False),
                name="follow_one_thing",
            ),
            models.UniqueConstraint(fields=["member", "topic"], name="follow_topic_once"),
            models.UniqueConstraint(fields=["member", "author"], name="follow_author_once"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} follows {self.topic or self.author}"


class Alerted(models.Model):
    """That followers were told of an article, or are not to be (it came with many others, or from
    elsewhere). A correction, or publishing it again, tells nobody a second time."""

    article = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.article)


class Welcomed(models.Model):
    """That a member got the welcome; a number, since an address may be confirmed more than once."""

    member = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.member)


class Suppression(models.Model):
    """An address to which no newsletter goes any more, and why."""

    class Reason(models.TextChoices):
        BOUNCED = "bounced", "its server refused it for good"
        COMPLAINED = "complained", "its owner called a letter spam"
        BY_HAND = "by_hand", "a colleague put it here"
        LEFT = "left", "its owner unsubscribed at the provider"

    address = models.EmailField(max_length=254)  # as it was written; compared in small letters
    reason = models.CharField(max_length=10, choices=Reason.choices)
    detail = models.CharField(max_length=400, blank=True)
    delivery = models.BigIntegerField(null=True)
    by = models.CharField(max_length=40, blank=True, default="")  # as Returned.by; "": a colleague
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("address"), name="suppressed_once")]
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.address
