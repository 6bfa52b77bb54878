"""The article's form in the newsroom."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils import timezone
from wagtail.admin.forms import WagtailAdminPageForm


class Chips(forms.CheckboxSelectMultiple):
    """Some of thousands: those chosen as ticked boxes, others found by typing their name.

    `kind` is the kind of thing that is chosen (`topic`, `region`). Without script, what is ticked
    can be taken away.
    """

    template_name = "articles/newsroom/chips.html"

    class Media:
        js = ["articles/chips.js"]
        css = {"all": ["articles/newsroom.css"]}

    def __init__(self, kind: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.kind = kind

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        keys = [key for key in value or () if str(key).isdigit()]
        chosen = self.choices.queryset.filter(pk__in=keys)  # type: ignore[attr-defined, union-attr]
        return {
            "widget": {
                "name": name,
                "attrs": self.build_attrs(self.attrs, attrs),
                "chosen": [(one.pk, str(one)) for one in chosen],
                "kind": self.kind,
                "source": reverse("newsroom_names", args=[self.kind]),
            }
        }

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return id_


class ArticleForm(WagtailAdminPageForm):  # type: ignore[misc]
    """What an article must have before it goes to review or to readers. A draft may lack it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if terms := self.fields.get("terms"):
            named = [choice for choice in terms.choices if choice[0]]
            terms.choices = [("", "as the section says"), *named]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if self.is_deferred_validation:
            return cleaned
        if cleaned.get("hero") and not cleaned.get("hero_alt"):
            self.add_error("hero_alt", "Say what the picture shows, for those who cannot see it.")
        if cleaned.get("note_kind"):
            if not cleaned.get("note_text"):
                self.add_error("note_text", "Say what was corrected or added.")
            if not cleaned.get("note_date"):
                self.add_error("note_date", "Say when.")
        elif cleaned.get("note_text"):
            self.add_error("note_kind", "Is it a correction or an update?")
        self._refuse_a_time_to_come(cleaned)
        return cleaned

    def _refuse_a_time_to_come(self, cleaned: dict[str, Any]) -> None:
        shown, live = cleaned.get("published_at"), cleaned.get("go_live_at")
        if shown and shown > max(timezone.now(), live or timezone.now()):
            self.add_error(
                "published_at",
                "This time is still to come. Leave it empty and set a schedule "
                "(Status, “Set schedule”): the article then bears the time it goes live.",
            )
