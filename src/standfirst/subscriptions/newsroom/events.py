"""What providers told, in the newsroom: a list with filters, each event whole, and for those that
could not be handled “Try again” and “Leave it”."""

import json
from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST
from wagtail import hooks
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from standfirst.publication.clock import written
from standfirst.subscriptions.actions.hearing import leave, try_again
from standfirst.subscriptions.models import WebhookEvent

MAY = "subscriptions.change_webhookevent"


class Filters(WagtailFilterSet):  # type: ignore[misc]
    progress = django_filters.ChoiceFilter(
        label="Became",
        choices=WebhookEvent.Progress.choices,
        widget=forms.RadioSelect,
        empty_label="all",
    )
    kind = django_filters.CharFilter(label="Kind begins with", lookup_expr="startswith")
    since = django_filters.DateFilter(
        label="Since", field_name="received_at", lookup_expr="date__gte"
    )

    class Meta:
        model = WebhookEvent
        fields: list[str] = []


class _List(generic.IndexView):  # type: ignore[misc]
    any_permission_required = ["view", "change"]
    page_title = "Events"

    @property
    def columns(self) -> list[Any]:
        return [
            TitleColumn("kind", label="Kind", get_url=self.get_inspect_url, sort_key="kind"),
            Column("progress", label="Became", accessor="get_progress_display"),
            Column("subject", label="About", accessor=_about),
            Column(
                "received_at",
                label="Came",
                accessor=lambda one: written(one.received_at),
                sort_key="received_at",
            ),
            Column("trouble", accessor=lambda one: one.trouble[:120]),
        ]

    def get_base_queryset(self) -> QuerySet[WebhookEvent]:
        return WebhookEvent.objects.defer("body")

    def get_edit_url(self, instance: WebhookEvent) -> None:
        return None


def _about(event: WebhookEvent) -> str:
    return event.subject or event.bill or event.payment or event.checkout


class _One(generic.InspectView):  # type: ignore[misc]
    any_permission_required = ["view", "change"]
    page_title = "Event"

    def get_created_at_display_value(self) -> str:
        return written(self.object.created_at)

    def get_received_at_display_value(self) -> str:
        return written(self.object.received_at)

    def get_handled_at_display_value(self) -> str:
        return written(self.object.handled_at)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        may = self.request.user.has_perm(MAY)
        parked = self.object.progress == WebhookEvent.Progress.PARKED
        return {
            **super().get_context_data(**kwargs),
            "body": _laid_out(self.object.body),
            "to_decide": parked and may,
        }


def _laid_out(body: str) -> str:
    """A body for people to read; one that is no JSON as it came."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


class Events(ModelViewSet):  # type: ignore[misc]
    """Nobody adds to it or changes it."""

    model = WebhookEvent
    name = "webhook_events"
    icon = "mail"
    menu_label = "Events"
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    inspect_view_class = _One
    inspect_template_name = "subscriptions/newsroom/event.html"
    inspect_view_fields = [
        *("provider", "event_id", "kind", "progress", "trouble", "subject", "bill", "payment"),
        *("checkout", "created_at", "received_at", "handled_at", "tries"),
    ]
    index_view_class = _List
    filterset_class = Filters
    search_fields = ["event_id", "subject", "bill", "kind"]
    ordering = "-received_at"
    list_per_page = 50
    form_fields = ["kind"]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("inspect/<int:pk>/", self.inspect_view, name="inspect"),
        ]

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        gone = {f"{name}_url_name" for name in ("add", "edit", "delete", "history", "usage")}
        given = super().get_common_view_kwargs(**kwargs)
        return {name: None if name in gone else value for name, value in given.items()}


@require_POST
def decide(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Let a parked event be tried again (`again`), or leave it as it is (`leave`)."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    event = get_object_or_404(WebhookEvent, pk=pk)
    one, now = WebhookEvent.objects.filter(pk=pk), timezone.now()
    done = try_again(one, now) if verb == "again" else leave(one, str(request.user), now)
    if not done:
        messages.warning(request, "It was not parked any more.")
    elif verb == "again":
        messages.success(request, f"{event.kind} is tried again in a moment.")
    else:
        messages.success(request, f"{event.kind} is left as it is.")
    return redirect("webhook_events:inspect", pk)


@hooks.register("register_admin_urls")
def decide_one() -> list[URLPattern]:
    return [
        path(f"webhook_events/{verb}/<int:pk>/", decide, {"verb": verb}, name=f"event_{verb}")
        for verb in ("again", "leave")
    ]
