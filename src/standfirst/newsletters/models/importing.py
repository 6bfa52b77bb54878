"""Lists of addresses on their way in."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class ImportState(models.TextChoices):
    """Where a list stands. Nothing is changed before `TAKING_IN`."""

    LOOKING = "looking", "is looked at"
    LOOKED_AT = "looked_at", "waits for your word"
    TAKING_IN = "taking_in", "is taken in"
    DONE = "done", "is taken in"
    DROPPED = "dropped", "was dropped"


class AddressImport(models.Model):
    """A list of addresses: looked at first, then taken in by the worker, so many rows at once.

    `rows_done` and the counts are written with the rows that they count, so that a worker that is
    killed leaves nothing half done and the next goes on where it was.
    """

    RUNNING: ClassVar[tuple[str, ...]] = (ImportState.LOOKING.value, ImportState.TAKING_IN.value)

    name = models.CharField(max_length=120)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)
    state = models.CharField(
        max_length=9, choices=ImportState.choices, default=ImportState.LOOKING.value
    )
    content = models.BinaryField()  # zlib; emptied once the list is taken in or dropped
    rows = models.PositiveIntegerField()
    rows_done = models.PositiveIntegerField(default=0)
    looked = models.JSONField(default=dict)  # how many of each kind there would be
    taken = models.JSONField(default=dict)  # and how many there were
    refused = models.JSONField(default=list)  # rows and sentences, the first ones
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "list of addresses"
        verbose_name_plural = "lists of addresses"

    def __str__(self) -> str:
        return self.name

    @property
    def runs(self) -> bool:
        return self.state in self.RUNNING
