"""What a member bought, or was given."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from wagtail.admin.panels import FieldPanel


class Subscription(models.Model):
    """All-Access for one member from one moment to another. Payment comes from a provider later;
    a complimentary one is set by staff. Kept without its member when an account is deleted."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="subscriptions",
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(help_text="All-Access ends at this moment.")
    note = models.CharField(max_length=200, blank=True, help_text="Why, for colleagues.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )

    panels = [
        FieldPanel("member"),
        FieldPanel("starts_at"),
        FieldPanel("ends_at"),
        FieldPanel("note"),
    ]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="subscription_ends_after_it_starts",
                violation_error_message="A subscription must end after it starts.",
            ),
        ]
        indexes = [models.Index(fields=["member", "ends_at"], name="subscription_of_member")]

    def __str__(self) -> str:
        return f"All-Access until {self.ends_at:%Y-%m-%d}"
