"""Subscriptions in the newsroom: staff give All-Access with an end, and end it early."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from wagtail import hooks
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets import AdminDateTimeInput

from standfirst.members.models import Member
from standfirst.publication.clock import written
from standfirst.subscriptions.actions import change_end, give_all_access
from standfirst.subscriptions.models import COMPLIMENTARY, Subscription
from standfirst.subscriptions.newsroom import selling  # noqa: F401 (its hooks)
from standfirst.subscriptions.newsroom.at_provider import AtTheProvider
from standfirst.subscriptions.newsroom.bank_transfer import Bills
from standfirst.subscriptions.newsroom.coupons import Coupons
from standfirst.subscriptions.newsroom.events import Events
from standfirst.subscriptions.newsroom.one import One, provider_name, state_of
from standfirst.subscriptions.newsroom.plans import Plans


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
    """What was given can be given longer. What is paid for is changed by its own page's verbs."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        paid_for = Subscription.objects.filter(pk=self.kwargs["pk"]).exclude(provider=COMPLIMENTARY)
        if paid_for.exists():
            return redirect("subscriptions:inspect", self.kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]

    def get_success_url(self) -> str:
        return reverse("subscriptions:inspect", args=[self.object.pk])

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
                get_url=self.get_inspect_url,
            ),
            Column("provider", label="Paid by", accessor=provider_name, sort_key="provider"),
            Column("plan", label="Plan", accessor=lambda it: it.plan or ""),
            Column("state", label="State", accessor=state_of, sort_key="state"),
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
        ]

    def get_base_queryset(self) -> QuerySet[Subscription]:
        return Subscription.objects.select_related("member", "plan")


class Subscriptions(ModelViewSet):  # type: ignore[misc]
    model = Subscription
    name = "subscriptions"
    icon = "key"
    menu_label = "All subscriptions"
    add_to_reference_index = False
    copy_view_enabled = False
    ordering = "-ends_at"
    list_per_page = 50
    filterset_class = Filters
    search_fields = ["member__email", "note"]
    index_view_class = _List
    add_view_class = _Add
    edit_view_class = _Edit
    inspect_view_enabled = True
    inspect_view_class = One
    inspect_view_fields = ["note"]
    inspect_template_name = "subscriptions/newsroom/one.html"

    def get_edit_handler(self) -> None:
        return None

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        return ChangeAllAccess if for_update else GiveAllAccess


class AllOfIt(ViewSetGroup):  # type: ignore[misc]
    """What somebody has, what is billed, what is sold, and what providers told."""

    menu_label = "Subscriptions"
    menu_name = "subscriptions"
    menu_icon = "key"
    menu_order = 210
    items = (Subscriptions, Bills, Plans, Coupons, AtTheProvider, Events)


@hooks.register("register_admin_viewset")
def subscriptions_in_the_newsroom() -> AllOfIt:
    return AllOfIt()
