"""Colleagues in the newsroom: who is staff, and in which group. Readers have their own list."""

from typing import Any

from django import forms
from django.apps import apps
from django.db.models import QuerySet
from wagtail.admin.ui.tables import BooleanColumn, Column, DateColumn, TitleColumn
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.permissions import register_permission_policy
from wagtail.users.views.users import EditView, IndexView, UserViewSet

from standfirst.members.models import Member
from standfirst.members.newsroom import AddColleague, EditColleague


class MemberPolicy(ModelPermissionPolicy):  # type: ignore[misc]
    """Who may do what with members in the newsroom.

    Looking at them is a permission of its own; making colleagues is for superusers alone, whatever
    a group is given, since whoever changes members could make themselves anything. Nobody deletes a
    member here: that is the member's own verb, and it has consequences.
    """

    def user_has_permission(self, user: Member, action: str) -> bool:
        if action == "delete":
            return False
        if action == "view":
            return bool(super().user_has_permission(user, "view"))
        return user.is_active and user.is_superuser


register_permission_policy(Member, MemberPolicy(Member))


class Colleagues(IndexView):  # type: ignore[misc]
    """Members who are staff."""

    page_title = "Colleagues"
    add_item_label = "Add a colleague"
    default_ordering = "email"
    any_permission_required = ["add", "change"]
    template_name = "wagtailadmin/generic/index.html"
    results_template_name = "wagtailadmin/generic/index_results.html"

    @property
    def columns(self) -> list[Any]:
        return [
            TitleColumn("email", label="Address", get_url=self.get_edit_url, sort_key="email"),
            Column("name", sort_key="name"),
            BooleanColumn("is_superuser", label="Administrator"),
            DateColumn("last_login", label="Last here", sort_key="last_login"),
        ]

    def get_base_queryset(self) -> QuerySet[Member]:
        return Member.objects.filter(is_staff=True)

    def order_queryset(self, members: QuerySet[Member]) -> QuerySet[Member]:
        return members.order_by(self.ordering)  # Wagtail's would ask for first and last names


class OneColleague(EditView):  # type: ignore[misc]
    """A member as a colleague. Any member can be made one here."""


class ColleagueViewSet(UserViewSet):  # type: ignore[misc]
    menu_label = "Colleagues"
    index_view_class = Colleagues
    edit_view_class = OneColleague
    template_prefix = ""
    copy_view_enabled = False
    filterset_class = None

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        return EditColleague if for_update else AddColleague


# Wagtail's own setting for this is an attribute of its app's configuration.
apps.get_app_config("wagtailusers").user_viewset = f"{__name__}.ColleagueViewSet"  # type: ignore[attr-defined]
