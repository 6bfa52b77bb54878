"""What came back of what was sent."""

from django.db import models
from django.utils import timezone

from standfirst.newsletters.bounces.rules import What


class Returned(models.Model):
    """That a letter was refused after it had been accepted, or called spam. One row for each letter
    and kind, however often it is told. `delivery` is None for mail that is no newsletter's."""

    WHAT = ((What.REFUSED.value, "refused for good"), (What.NOT_TAKEN.value, "not taken"),
            (What.BLOCKED.value, "not taken for what we are"),
            (What.COMPLAINED.value, "called spam"))  # fmt: skip

    delivery = models.BigIntegerField(null=True)
    address = models.EmailField(max_length=254)
    what = models.CharField(max_length=10, choices=WHAT)
    words = models.CharField(max_length=400, blank=True)
    by = models.CharField(max_length=40)  # the provider, or mailbox
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "what"],
                condition=models.Q(delivery__isnull=False),
                name="returned_once",
            )
        ]
        indexes = [models.Index(fields=["address", "what", "at"], name="returned_of_address")]

    def __str__(self) -> str:
        return f"{self.address}: {self.what}"
