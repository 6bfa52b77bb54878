"""Members in the newsroom: who they are, what they may read and why, and notes about them."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from wagtail import hooks
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from standfirst.access import member_page
from standfirst.access.members_list import (
    HEADS,
    Filters,
    Had,
    Pages,
    as_rows,
    in_order,
    what_they_have,
    who_have_it,
)
from standfirst.members.models import Member
from standfirst.publication.clock import day_of
from standfirst.publication.spreadsheets import csv_response


class _List(generic.IndexView):  # type: ignore[misc]
    paginator_class = Pages
    list_export = HEADS
    is_export = False

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()
        self.had: dict[int, Had] = {}

    @property
    def columns(self) -> list[Any]:
        def had(name: str) -> Any:
            return lambda one: getattr(self.had[one.pk], name)

        def moment(name: str) -> Any:
            return lambda one: day_of(getattr(self.had[one.pk], name))

        return [
            TitleColumn("email", label="Address", get_url=self.get_inspect_url, sort_key="email"),
            Column("name"),
            Column(
                "joined_at",
                label="Joined",
                accessor=lambda one: day_of(one.joined_at),
                sort_key="joined_at",
            ),
            Column("standing", label="Standing", accessor=had("standing")),
            Column("plan", label="Plan", accessor=had("plan")),
            Column("since", label="Since", accessor=moment("since")),
            Column("until", label="Until", accessor=moment("until"), sort_key="until"),
            Column("noted", label="Note", accessor=lambda o: "✎" if self.had[o.pk].noted else ""),
        ]

    def get_base_queryset(self) -> QuerySet[Member]:
        return Member.objects.all()

    def get_valid_orderings(self) -> list[str]:
        return [f"{way}{key}" for key in ("email", "joined_at", "until") for way in ("", "-")]

    def order_queryset(self, members: QuerySet[Member]) -> QuerySet[Member]:
        return in_order(members, self.ordering, self.now)

    def get_paginator(self, members: Any, *args: Any, **kwargs: Any) -> Pages:
        pages: Pages = super().get_paginator(members, *args, **kwargs)
        if self.ordering.removeprefix("-") == "until":
            those = who_have_it(self.get_base_queryset(), self.now)
            pages.counted = self.search_queryset(self.filter_queryset(those))
        return pages

    def get_table(self, members: Any) -> Any:
        self.had = what_they_have(members, self.now)
        return super().get_table(members)

    @property
    def header_more_buttons(self) -> list[Any]:
        # A spreadsheet of many members would be made in memory: CSV alone.
        return [b for b in super().header_more_buttons if "export=xlsx" not in (b.url or "")]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.GET.get("export") == "csv":
            return csv_response(as_rows(self.get_queryset(), self.now), "members")
        answer: HttpResponseBase = super().get(request, *args, **kwargs)
        return answer


class Members(ModelViewSet):  # type: ignore[misc]
    """All members. Their accounts are theirs to change; a colleague may write notes."""

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
    inspect_view_class = member_page.OneMember
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


@hooks.register("register_admin_urls")
def pages_of_a_member() -> list[URLPattern]:
    return [
        path("members/<int:pk>/trail/", member_page.trail_page, name="member_trail"),
        path("members/<int:pk>/note/", member_page.note, name="member_note"),
    ]
