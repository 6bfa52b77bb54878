"""The newsletters themselves: who gets them, when they go out, from whom."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from standfirst.members.consent import was_spoken_of
from standfirst.newsletters.models import Newsletter
from standfirst.newsletters.rules import WEEKDAYS


class Weekdays(forms.MultipleChoiceField):
    """Weekdays as ticked boxes, kept as 12345 (ISO 8601: Monday is 1)."""

    widget = forms.CheckboxSelectMultiple

    def prepare_value(self, value: Any) -> list[str]:
        return list(value or "")

    def clean(self, value: Any) -> str:  # type: ignore[override]
        return "".join(sorted(super().clean(value)))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return sorted(initial or "") != sorted(data or [])


class NewsletterForm(WagtailAdminModelForm):  # type: ignore[misc]
    """A newsletter's settings."""

    weekdays = Weekdays(
        choices=[(str(number), name) for number, name in WEEKDAYS.items()],
        required=False,
        help_text="None: it goes out only when an editor drafts it and sends it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "slug" in self.fields:
            self.fields["slug"].disabled = True
            self.fields["slug"].help_text = "It names what readers said yes to, so it stays."


_PANELS = [
    MultiFieldPanel(
        [
            FieldPanel("name"),
            FieldPanel("slug"),
            FieldPanel("description"),
            FieldRowPanel([FieldPanel("offered"), FieldPanel("position")]),
        ],
        "What readers see",
    ),
    MultiFieldPanel(
        [FieldPanel("audience"), FieldPanel("topic"), FieldPanel("terms")],
        "Who gets it",
        help_text="Of those who said yes to it.",
    ),
    MultiFieldPanel(
        [
            FieldPanel("weekdays"),
            FieldRowPanel([FieldPanel("hour"), FieldPanel("drafted_minutes_before")]),
            FieldRowPanel([FieldPanel("unapproved"), FieldPanel("late_hours")]),
            FieldPanel("most_articles"),
        ],
        "When it goes out",
        help_text="Public holidays and other days off stand under Settings, Newsletters.",
    ),
    MultiFieldPanel(
        [
            FieldRowPanel([FieldPanel("sender_name"), FieldPanel("sender_address")]),
            FieldPanel("reply_to"),
        ],
        "From whom",
        help_text="Empty: as it stands under Settings, Newsletters.",
    ),
]


class _Delete(generic.DeleteView):  # type: ignore[misc]
    """Only one that never went out and of which no reader said anything: editions and sendings
    stay, and so does what a yes was said to."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        why = ""
        if self.object.turns.exists() or self.object.sendings.exists():
            why = "This newsletter has editions"
        elif was_spoken_of(self.object.slug):
            why = "Readers have said yes or no to this newsletter"
        if self.user_has_permission("delete") and why:
            messages.error(request, f"{why}, so it stays. Untick “offered” and its weekdays.")
            return redirect(self.edit_url_name, self.object.pk)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response


class Newsletters(ModelViewSet):  # type: ignore[misc]
    model = Newsletter
    name = "newsletters"
    url_prefix = "newsletters/which"
    icon = "cog"
    menu_label = "Newsletters"
    add_to_reference_index = False
    copy_view_enabled = False
    delete_view_class = _Delete
    search_fields = ["name"]
    list_display = [
        "name",
        Column("rhythm", label="Goes out", accessor="rhythm_written"),
        Column("audience", label="To", accessor="get_audience_display"),
        Column("terms", label="On the web", accessor="get_terms_display"),
    ]
    edit_handler = ObjectList(_PANELS, base_form_class=NewsletterForm)
