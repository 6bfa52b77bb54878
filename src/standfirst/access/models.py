"""The meter's ledger."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from standfirst.access.rules import UnlockKind


class Unlock(models.Model):
    """The record that a member may read an article. Rows are added, never changed.

    A credit takes a numbered `slot` of a `month`. The database, not the code's good will, keeps the
    meter exact: a slot is given once, an article is paid for once, and no slot lies beyond the
    allowance that was in force when it was taken. `valid_month` is empty for an unlock that lasts
    for good; otherwise it is the month whose end it ends with.

    A row is also how every host comes to know of it (see `reading.follower`). Each index is written
    with every choice, so there is none that another one can stand in for.
    """

    # Found by the constraint on slots, which begins with it.
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="unlocks", db_index=False
    )
    # The page may be deleted; what was spent on it stays in the ledger under its headline.
    article = models.ForeignKey(
        "wagtailcore.Page", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    headline = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in UnlockKind])
    month = models.DateField(null=True, help_text="First day of the month a credit belongs to.")
    slot = models.PositiveSmallIntegerField(null=True)
    allowance = models.PositiveSmallIntegerField(null=True)
    valid_month = models.DateField(null=True)
    unlocked_at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The colleague who gave it, for gifts and staff unlocks.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "month", "slot"], name="unlock_a_slot_is_given_once"
            ),
            models.UniqueConstraint(
                fields=["member", "article"],
                condition=Q(valid_month__isnull=True),
                name="unlock_an_article_once_for_good",
            ),
            models.UniqueConstraint(
                fields=["member", "article", "valid_month"],
                condition=Q(valid_month__isnull=False),
                name="unlock_an_article_once_a_month",
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind=UnlockKind.CREDIT)
                    & Q(month__isnull=False)
                    & Q(slot__isnull=False)
                    & Q(allowance__isnull=False)
                )
                | (
                    ~Q(kind=UnlockKind.CREDIT)
                    & Q(month__isnull=True)
                    & Q(slot__isnull=True)
                    & Q(allowance__isnull=True)
                    & Q(valid_month__isnull=True)
                ),
                name="unlock_only_credits_take_slots",
            ),
            models.CheckConstraint(
                condition=Q(slot__isnull=True) | Q(slot__gte=1, slot__lte=F("allowance")),
                name="unlock_no_slot_beyond_the_allowance",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[k.value for k in UnlockKind]), name="unlock_known_kind"
            ),
            models.CheckConstraint(
                condition=Q(valid_month__isnull=True) | Q(valid_month=F("month")),
                name="unlock_ends_with_its_own_month",
            ),
        ]
        indexes = [
            models.Index(fields=["by"], condition=Q(by__isnull=False), name="unlock_given_by")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.headline}"
