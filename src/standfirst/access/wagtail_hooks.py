"""Members in the newsroom: what they may read and why. Their accounts are theirs to change."""

from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from wagtail import hooks
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import BooleanColumn, Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from standfirst.access.queries import credits_of, shelf_of, standing_of
from standfirst.members.models import Member
from standfirst.subscriptions.models import Subscription


class Filters(WagtailFilterSet):  # type: ignore[misc]
    kind = django_filters.ChoiceFilter(
        label="Kind",
        choices=[("subscribers", "subscribers"), ("free", "free members"), ("staff", "staff")],
        widget=forms.RadioSelect,
        empty_label="all",
        method="of_kind",
    )

    def of_kind(self, members: QuerySet[Member], name: str, value: str) -> QuerySet[Member]:
        if value == "staff":
            return members.filter(is_staff=True)
        return members.filter(subscribed=value == "subscribers")  # type: ignore[misc]

    class Meta:
        model = Member
        fields: list[str] = []


class _List(generic.IndexView):  # type: ignore[misc]
    @property
    def columns(self) -> list[Any]:
        return [
            TitleColumn("email", label="Address", get_url=self.get_inspect_url, sort_key="email"),
            Column("name", sort_key="name"),
            DateColumn("joined_at", label="Joined", sort_key="joined_at"),
            BooleanColumn("subscribed", label="Subscriber"),
            BooleanColumn("is_staff", label="Staff"),
        ]

    def get_base_queryset(self) -> QuerySet[Member]:
        now = timezone.now()
        running = Subscription.objects.filter(
            member=OuterRef("pk"), starts_at__lte=now, ends_at__gt=now
        )
        return Member.objects.annotate(subscribed=Exists(running))


class _One(generic.InspectView):  # type: ignore[misc]
    """A member's standing, credits, shelf and subscriptions."""

    page_title = "Member"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = timezone.now()
        user, member = self.request.user, self.object
        return {
            **super().get_context_data(**kwargs),
            "member": member,
            "standing": standing_of(member, now),
            "credits": credits_of(member, now),
            "shelf": shelf_of(member),
            "subscriptions": member.subscriptions.order_by("-ends_at"),
            "colleague_url": reverse("wagtailusers_users:edit", args=[member.pk])
            if user.is_superuser
            else "",
            "subscribe_url": reverse("subscriptions:add")
            if user.has_perm("subscriptions.add_subscription")
            else "",
        }


class Members(ModelViewSet):  # type: ignore[misc]
    """All members, to look at only."""

    model = Member
    name = "members"
    icon = "group"
    menu_label = "Members"
    menu_order = 200
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    ordering = "-joined_at"
    list_per_page = 50
    filterset_class = Filters
    search_fields = ["email", "name"]
    form_fields = ["name"]
    index_view_class = _List
    inspect_view_class = _One
    inspect_view_fields = ["email"]
    inspect_template_name = "access/newsroom/member.html"

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        given = super().get_common_view_kwargs(**kwargs)
        for name in ("add", "edit", "delete", "history", "usage"):
            given.pop(f"{name}_url_name", None)
        return given

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("<int:pk>/", self.inspect_view, name="inspect"),
        ]

    def register_admin_url_finder(self) -> None:
        """A member is edited as a colleague, see `members.wagtail_hooks`, or not at all."""


@hooks.register("register_admin_viewset")
def members_in_the_newsroom() -> Members:
    return Members()
