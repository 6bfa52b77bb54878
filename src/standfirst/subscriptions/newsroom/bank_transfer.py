"""Bank transfer in the newsroom: bill a firm or school, mark as paid, cancel, note a refund."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import django_filters
from babel.numbers import format_decimal
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.permissions import register_permission_policy

from standfirst.publication.money import (
    decimals,
    locale_of,
    written,
)
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions import (
    bill_member,
    cancel_bill,
    mail_again,
    mark_paid,
    note_refund,
)
from standfirst.subscriptions.models import Subscription
from standfirst.subscriptions.models.billing import IssuedBill
from standfirst.subscriptions.newsroom.bill_forms import (
    BillSomebody,
    GiveBack,
    MarkPaid,
    Why,
    amount_of,
    today,
)
from standfirst.subscriptions.providers.base import Refused
from standfirst.subscriptions.providers.invoice import page_of


class _Add(generic.CreateView):  # type: ignore[misc]
    page_title = "Bill a firm or school"

    def get_initial(self) -> dict[str, Any]:
        """What is usual; and, made after another bill (`like`), what stood there."""
        publication = the_publication()
        usual = {"currency": publication.currency, "begins_on": today()}
        like = self.request.GET.get("like", "")
        bill = IssuedBill.objects.filter(number=like).select_related("subscription").first()
        if bill is None:
            return {**usual, "reader": self.request.GET.get("member", "")}
        agreed = bill.subscription.billed_to
        kept = {name: getattr(agreed, name) for name in BillSomebody.Meta.fields}
        return {**kept, "reader": bill.subscription.member or "", "plan": bill.subscription.plan}

    def form_valid(self, form: BillSomebody) -> HttpResponse:
        try:
            return super().form_valid(form)  # type: ignore[no-any-return]
        except Refused as no:
            form.add_error("reader", str(no))
            self.produced_error_message = self.get_error_message()
            return self.form_invalid(form)  # type: ignore[no-any-return]

    def save_instance(self) -> IssuedBill:
        cleaned = self.form.cleaned_data
        return bill_member(
            cleaned["reader"],
            plan=cleaned["plan"],
            agreed=self.form.agreed(),
            by=self.request.user,
            now=timezone.now(),
        )

    def get_success_buttons(self) -> list[Any]:
        return []

    def get_success_url(self) -> str:
        return reverse("bank_transfer:inspect", args=[self.object.pk])

    def get_success_message(self, instance: IssuedBill) -> str:
        to = instance.subscription.billed_to.email
        return f"Bill {instance} was issued and is mailed to {to}."


class Filters(WagtailFilterSet):  # type: ignore[misc]
    state = django_filters.ChoiceFilter(
        label="State",
        choices=[
            *(("waiting", "to be paid"), ("late", "late"), ("paid", "paid")),
            *(("cancelled", "cancelled"), ("credit", "credit notes")),
        ],
        widget=forms.RadioSelect,
        empty_label="all",
        method="in_state",
    )

    def in_state(self, bills: QuerySet[IssuedBill], name: str, value: str) -> QuerySet[IssuedBill]:
        if value == "credit":
            return bills.filter(cancels__isnull=False)
        bills = bills.filter(cancels=None)
        if value == "cancelled":
            return bills.filter(credit_note__isnull=False)
        if value == "paid":
            return bills.filter(paid_on__isnull=False)
        waiting = bills.filter(paid_on=None, credit_note=None)
        return waiting.filter(due_on__lt=today()) if value == "late" else waiting

    class Meta:
        model = IssuedBill
        fields: list[str] = []


def state_of(bill: IssuedBill) -> str:
    """What became of a bill, in words."""
    if bill.is_credit_note:
        return f"cancels {bill.cancels}"
    if bill.is_cancelled:
        return f"cancelled by {bill.credit_note}"
    if bill.paid_on:
        back = ", part given back" if bill.refunded else ""
        return f"paid on {bill.paid_on:%-d %b %Y}{back}"
    return "late" if bill.due_on < today() else "to be paid"


def _gross(bill: IssuedBill) -> str:
    sign = -1 if bill.is_credit_note else 1
    return written(sign * bill.gross, bill.currency, the_publication().language)


class _List(generic.IndexView):  # type: ignore[misc]
    page_title = "Bank transfer"
    add_item_label = "Bill a firm or school"

    @property
    def columns(self) -> list[Any]:
        return [
            TitleColumn("number", label="Number", get_url=self.get_inspect_url),
            Column("billed_to", label="Billed to", sort_key="billed_to"),
            Column("gross", label="Amount", accessor=_gross),
            Column(
                "due_on",
                label="Due",
                accessor=lambda it: f"{it.due_on:%-d %b %Y}",
                sort_key="due_on",
            ),
            Column("state", label="State", accessor=state_of),
        ]

    def get_base_queryset(self) -> QuerySet[IssuedBill]:
        return IssuedBill.objects.select_related("cancels", "credit_note")

    def get_edit_url(self, instance: IssuedBill) -> None:
        return None


class _One(generic.InspectView):  # type: ignore[misc]
    """A bill: what stands on it, what became of it, and what can be done."""

    page_title = "Bill"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        bill = self.object
        language = the_publication().language

        def money(amount: int) -> str:
            return written(amount, bill.currency, language)

        return {
            **super().get_context_data(**kwargs),
            "bill": bill,
            "state": state_of(bill),
            "gross": _gross(bill),
            "paid": money(bill.paid),
            "left": money(bill.paid - bill.refunded) if bill.paid > bill.refunded else "",
            "given_back": [(money(one.amount), one) for one in bill.given_back.order_by("pk")],
            "page": page_of(bill),
            "may_change": self.request.user.has_perm("subscriptions.change_subscription"),
            "pay": MarkPaid(initial={"on": today(), "amount": _plain(bill.gross, bill.currency)}),
            "why": Why(),
            "back": GiveBack(initial={"key": self.request.GET.get("key") or uuid4().hex}),
        }


def _plain(amount: int, currency: str) -> str:
    """An amount as it is typed: without its currency."""
    value = Decimal(amount).scaleb(-decimals(currency))
    places = decimals(currency)
    pattern = "#,##0." + "0" * places if places else "#,##0"
    return str(format_decimal(value, pattern, locale=locale_of(the_publication().language)))


register_permission_policy(IssuedBill, ModelPermissionPolicy(Subscription))


class Bills(ModelViewSet):  # type: ignore[misc]
    """All bills by bank transfer. Who may see and change subscriptions may see and issue bills."""

    model = IssuedBill
    name = "bank_transfer"
    url_prefix = "bank-transfer"
    icon = "doc-full"
    menu_label = "Bank transfer"
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    ordering = ["-year", "-serial"]
    list_per_page = 50
    filterset_class = Filters
    search_fields = ["number", "billed_to", "order", "subscription__member__email"]
    index_view_class = _List
    add_view_class = _Add
    inspect_view_class = _One
    inspect_view_fields = ["number"]
    inspect_template_name = "subscriptions/newsroom/bill.html"

    def get_edit_handler(self) -> None:
        return None

    def get_form_class(self, for_update: bool = False) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        return BillSomebody

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        given = super().get_common_view_kwargs(**kwargs)
        for name in ("edit", "delete", "history", "usage"):
            given.pop(f"{name}_url_name", None)
        return given

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("new/", self.add_view, name="add"),
            path("inspect/<int:pk>/", self.inspect_view, name="inspect"),
            path("<int:pk>/<str:verb>/", act, name="act"),
        ]

    def register_admin_url_finder(self) -> None:
        """A bill is not edited."""


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Mark as paid, cancel, note a refund, or mail again."""
    if not request.user.has_perm("subscriptions.change_subscription"):
        raise PermissionDenied
    bill = get_object_or_404(IssuedBill.objects.select_related("subscription"), pk=pk)
    forms_of = {"paid": MarkPaid, "cancel": Why, "refund": GiveBack, "mail": forms.Form}
    if verb not in forms_of:
        return redirect("bank_transfer:inspect", pk)
    form = forms_of[verb](request.POST)
    if form.is_valid():
        try:
            said = _do(bill, verb, form, request.user)
        except Refused as no:
            form.add_error(None, str(no))
        else:
            if said:
                messages.success(request, said)
                return redirect("bank_transfer:inspect", pk)
    for name, wrong in form.errors.items():
        field = form.fields.get(name)
        label = f"{field.label or name.capitalize()}: " if field else ""
        messages.error(request, label + " ".join(map(str, wrong)))
    return redirect("bank_transfer:inspect", pk)


def _do(bill: IssuedBill, verb: str, form: forms.Form, by: Any) -> str:
    """Do it and say so; "" where the form says what is wrong."""
    cleaned, now = form.cleaned_data, timezone.now()
    if verb == "mail":
        mail_again(bill)
        return f"{bill} is mailed again."
    if verb == "cancel":
        note = cancel_bill(bill, why=cleaned["why"], by=by, now=now)
        return f"{bill} is cancelled by credit note {note}."
    amount = amount_of(form, "amount", bill.currency)
    if form.errors:
        return ""
    if verb == "refund":
        note_refund(bill, amount=amount, why=cleaned["why"], key=cleaned["key"], by=by, now=now)
        return "The refund is noted."
    mark_paid(
        bill,
        on=cleaned["on"],
        amount=amount or 0,
        all_the_same=cleaned["all_the_same"],
        by=by,
        now=now,
    )
    return f"{bill} is paid."
