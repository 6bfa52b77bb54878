"""Subscriptions in the newsroom: staff give All-Access with an end, and end it early."""

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
from wagtail.admin.widgets import AdminDateTimeInput

from standfirst.members.models import Member
from standfirst.publication.clock import written
from standfirst.subscriptions import newsroom  # noqa: F401  registers what is sold
from standfirst.subscriptions.actions import change_end, end_early, give_all_access
from standfirst.subscriptions.models import Subscription


class GiveAllAccess(forms.ModelForm):  # type: ignore[type-arg]
    """All-Access for the member with an address."""

    email = forms.EmailField(label="Member’s address", max_length=254)
    field_order = ("email", "starts_at", "ends_at", "note")

    class Meta:
        model = Subscription
        fields = ("starts_at", "ends_at", "note")
        widgets = {"starts_at": AdminDateTimeInput, "ends_at": AdminDateTimeInput}

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        self.instance.member = Member.objects.filter(email__iexact=email).first()
        if self.instance.member is None:
            raise forms.ValidationError(
                "No member has this address. They must join first, which is free."
            )
        return email


class ChangeAllAccess(forms.ModelForm):  # type: ignore[type-arg]
    """Another end, another note; whose it is and since when stays."""

    class Meta:
        model = Subscription
        fields = ("ends_at", "note")
        widgets = {"ends_at": AdminDateTimeInput}


class _Add(generic.CreateView):  # type: ignore[misc]
    page_title = "Give All-Access"

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "email": self.request.GET.get("member", "")}

    def save_instance(self) -> Subscription:
        cleaned = self.form.cleaned_data
        return give_all_access(
            self.form.instance.member,
            starts_at=cleaned["starts_at"],
            ends_at=cleaned["ends_at"],
            note=cleaned["note"],
            by=self.request.user,
            now=timezone.now(),
        )


class _Edit(generic.EditView):  # type: ignore[misc]
    def save_instance(self) -> Subscription:
        cleaned = self.form.cleaned_data
        change_end(
            self.object,
            ends_at=cleaned["ends_at"],
            note=cleaned["note"],
            by=self.request.user,
            now=timezone.now(),
        )
        return self.object

    def get_page_subtitle(self) -> str:
        return str(self.object.member or "a former member")


class Filters(WagtailFilterSet):  # type: ignore[misc]
    state = django_filters.ChoiceFilter(
        label="State",
        choices=[("running", "running"), ("ended", "ended"), ("coming", "not yet begun")],
        widget=forms.RadioSelect,
        empty_label="all",
        method="in_state",
    )

    def in_state(
        self, subscriptions: QuerySet[Subscription], name: str, value: str
    ) -> QuerySet[Subscription]:
        now = timezone.now()
        if value == "ended":
            return subscriptions.filter(ends_at__lte=now)
        if value == "coming":
            return subscriptions.filter(starts_at__gt=now)
        return subscriptions.filter(starts_at__lte=now, ends_at__gt=now)

    class Meta:
        model = Subscription
        fields: list[str] = []


class _List(generic.IndexView):  # type: ignore[misc]
    add_item_label = "Give All-Access"

    @property
    def columns(self) -> list[Any]:
        return [
            TitleColumn(
                "member",
                label="Member",
                accessor=lambda it: it.member or "a former member",
                get_url=self.get_edit_url,
            ),
            Column(
                "starts_at",
                label="From",
                accessor=lambda one: written(one.starts_at),
                sort_key="starts_at",
            ),
            Column(
                "ends_at",
                label="Until",
                accessor=lambda one: written(one.ends_at),
                sort_key="ends_at",
            ),
            Column("note"),
            Column("created_by", label="Given by", accessor=lambda it: it.created_by or ""),
        ]

    def get_base_queryset(self) -> QuerySet[Subscription]:
        return Subscription.objects.select_related("member", "created_by")


class Subscriptions(ModelViewSet):  # type: ignore[misc]
    model = Subscription
    name = "subscriptions"
    icon = "key"
    menu_label = "Subscriptions"
    menu_order = 210
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    ordering = "-ends_at"
    list_per_page = 50
    filterset_class = Filters
    search_fields = ["member__email", "note"]
    index_view_class = _List
    add_view_class = _Add
    edit_view_class = _Edit
    edit_template_name = "subscriptions/newsroom/edit.html"

    def get_edit_handler(self) -> None:
        return None

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        return ChangeAllAccess if for_update else GiveAllAccess


@require_POST
def end_now(request: HttpRequest, pk: int) -> HttpResponse:
    """End one subscription at this moment."""
    if not request.user.has_perm("subscriptions.change_subscription"):
        raise PermissionDenied
    subscription = get_object_or_404(Subscription, pk=pk)
    if end_early(subscription, timezone.now(), by=str(request.user)):
        messages.success(request, f"All-Access of {subscription.member} has ended.")
    else:
        messages.warning(request, "It had ended already.")
    return redirect("subscriptions:index")


@hooks.register("register_admin_viewset")
def subscriptions_in_the_newsroom() -> Subscriptions:
    return Subscriptions()


@hooks.register("register_admin_urls")
def end_one() -> list[URLPattern]:
    return [path("subscriptions/end/<int:pk>/", end_now, name="subscription_end_now")]
