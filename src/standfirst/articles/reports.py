"""Wagtail's reports as a large archive bears them.

Each of Wagtail's own asks every page whether this colleague may see it, and counts and sorts all
that was ever done. In this magazine all articles lie under one page: who may work there sees them
all, so that nothing need be asked of each, and a report shows the newest of what there is.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.db.models import IntegerField, QuerySet, Value
from django.db.models.functions import Coalesce, Concat
from django_filters import ModelChoiceFilter, MultipleChoiceFilter
from wagtail.admin.filters import ContentTypeFilter, MultipleUserFilter
from wagtail.admin.views.reports.audit_logging import LogEntriesView, SiteHistoryReportFilterSet
from wagtail.admin.views.reports.locked_pages import LockedPagesReportFilterSet, LockedPagesView
from wagtail.admin.views.reports.workflows import (
    WorkflowReportFilterSet,
    WorkflowTasksReportFilterSet,
    WorkflowTasksView,
    WorkflowView,
)
from wagtail.admin.views.workflows import Index
from wagtail.images.models import Image
from wagtail.images.views import images
from wagtail.log_actions import registry as log_models
from wagtail.models import Collection, Page, PageLogEntry, TaskState, WorkflowState
from wagtail.permission_policies.collections import CollectionOwnershipPermissionPolicy
from wagtail.permissions import policy_registry

from standfirst.articles.models import Author, Region, Section, Topic
from standfirst.members.models import Member

MOST = 10_000  # rows of what a report is about, the newest


def _colleagues(request: Any) -> QuerySet[Member]:
    return Member.objects.filter(is_staff=True).order_by("email")


def _newest(rows: QuerySet[Any], column: str) -> QuerySet[Any]:
    """The newest rows by an indexed column."""
    last = rows.order_by(f"-{column}").values_list(column, flat=True)[MOST : MOST + 1].first()
    return rows.filter(**{f"{column}__gt": last}) if last else rows


# -- what was done ----------------------------------------------------------------------------


class HistoryFilters(SiteHistoryReportFilterSet):  # type: ignore[misc]
    """What there is to choose from, without looking through everything that was ever done."""

    # For each column that is filtered by, what the database has no index for: by an index it would
    # read all that was ever published, say, to find what is among the last.
    _PLAIN: ClassVar[dict[str, Any]] = {
        "action": Concat("action", Value("")),
        "user": Coalesce("user_id", Value(0)),
        "content_type": Coalesce("content_type_id", Value(0)),
    }

    action = MultipleChoiceFilter(
        label="Action", widget=forms.CheckboxSelectMultiple, method="one_of"
    )
    user = MultipleUserFilter(label="User", widget=forms.CheckboxSelectMultiple, method="one_of")
    object_type = ContentTypeFilter(
        label="Type",
        method="filter_object_type",
        queryset=lambda request: ContentType.objects.filter(
            pk__in=[
                kind.pk
                for kind in ContentType.objects.get_for_models(
                    Page, Section, Topic, Region, Author, Image, Member
                ).values()
            ]
        ),
    )

    def one_of(self, rows: QuerySet[Any], name: str, values: Any) -> QuerySet[Any]:
        wanted = [getattr(value, "pk", value) for value in values]
        return rows.alias(plain=self._PLAIN[name]).filter(plain__in=wanted) if wanted else rows

    def filter_object_type(self, rows: QuerySet[Any], name: str, kind: ContentType) -> Any:
        if rows.model is PageLogEntry:  # whatever page it was
            return rows if kind.model_class() is Page else rows.none()
        return self.one_of(rows, "content_type", [kind])

    def get_action_choices(self) -> list[tuple[str, str]]:
        return list(log_models.get_choices())

    def get_users_queryset(self) -> QuerySet[Member]:
        return _colleagues(self.request)


class History(LogEntriesView):  # type: ignore[misc]
    """What was done last, and by whom."""

    filterset_class = HistoryFilters

    def get_page_subtitle(self) -> str:
        return f"the last {MOST:,} changes"

    def get_filtered_queryset(self) -> QuerySet[Any]:
        # The shape that `decorate_paginated_queryset` expects.
        self.log_models = list(log_models.get_log_entry_models())
        found: list[QuerySet[Any]] = []
        for number, model in enumerate(self.log_models):
            rows = _newest(self._shown(model), "timestamp").values("pk", "timestamp")
            rows = rows.annotate(log_model_index=Value(number, output_field=IntegerField()))
            found.append(self.filter_queryset(rows).order_by())
        return found[0].union(*found[1:], all=True).order_by("-timestamp")

    def _shown(self, model: Any) -> QuerySet[Any]:
        if model is not PageLogEntry:
            rows: QuerySet[Any] = model.objects.viewable_by_user(self.request.user)
            return rows
        policy = policy_registry.get_by_type(Page)
        may = policy.user_has_any_permission(self.request.user, {"add", "change", "publish"})
        return PageLogEntry.objects.all() if may else PageLogEntry.objects.none()


class LockFilters(LockedPagesReportFilterSet):  # type: ignore[misc]
    locked_by = ModelChoiceFilter(label="Locked by", empty_label="Anyone", queryset=_colleagues)


class Locked(LockedPagesView):  # type: ignore[misc]
    """All that is locked, for those who may unlock."""

    filterset_class = LockFilters

    def get_queryset(self) -> QuerySet[Page]:
        self.queryset = Page.objects.filter(locked=True).order_by("-locked_at").specific(defer=True)
        return super(LockedPagesView, self).get_queryset()  # type: ignore[no-any-return]


# -- reviews ----------------------------------------------------------------------------------


class ReviewFilters(WorkflowReportFilterSet):  # type: ignore[misc]
    requested_by = ModelChoiceFilter(field_name="requested_by", queryset=_colleagues)


class Reviews(WorkflowView):  # type: ignore[misc]
    """The last reviews, for all who write."""

    filterset_class = ReviewFilters

    def get_queryset(self) -> QuerySet[WorkflowState]:
        states = _newest(WorkflowState.objects.all(), "pk").order_by("-created_at")
        states = states.select_related("workflow", "requested_by")
        return states.prefetch_related("content_object", "content_object__latest_revision")


class ReviewTasks(WorkflowTasksView):  # type: ignore[misc]
    """The last steps of reviews."""

    filterset_class = WorkflowTasksReportFilterSet

    def get_queryset(self) -> QuerySet[TaskState]:
        states = _newest(TaskState.objects.all(), "pk").order_by("-started_at")
        states = states.select_related("workflow_state", "task")
        return states.prefetch_related(
            "workflow_state__content_object", "workflow_state__content_object__latest_revision"
        )


class Workflows(Index):  # type: ignore[misc]
    """Without how many pages each is for: all articles, always."""

    columns = [column for column in Index.columns if column.name != "usage"]


# -- pictures ---------------------------------------------------------------------------------


class PicturePolicy(CollectionOwnershipPermissionPolicy):  # type: ignore[misc]
    """Wagtail's; but who may do something with all pictures is shown all, none of them asked."""

    def instances_user_has_any_permission_for(
        self, user: Member, actions: Iterable[str]
    ) -> QuerySet[Image]:
        verbs = {"change" if verb == "delete" else verb for verb in actions} & {"choose", "change"}
        if verbs and self._check_perm(user, verbs, collection=Collection.get_first_root_node()):
            return Image.objects.all()
        pictures: QuerySet[Image] = super().instances_user_has_any_permission_for(user, actions)
        return pictures


class PictureFilters(images.IndexView.filterset_class):  # type: ignore[misc]
    usage_count = None


class Pictures(images.IndexView):  # type: ignore[misc]
    """Not in order of how often each is used: that is counted for those which are shown."""

    ORDERING_OPTIONS = {
        name: label
        for name, label in images.IndexView.ORDERING_OPTIONS.items()
        if "usage_count" not in name
    }
    filterset_class = PictureFilters
    needs_usage_count_subquery = False
