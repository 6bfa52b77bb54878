"""Plans with their prices, on one form."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.forms import formset_factory
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet

from standfirst.publication.queries import the_publication
from standfirst.subscriptions import countries
from standfirst.subscriptions.actions.selling import (
    PriceTyped,
    delete_plan,
    fixed_prices,
    named,
    save_plan,
    why_kept,
)
from standfirst.subscriptions.models import OfferedTo, Plan, Price
from standfirst.subscriptions.newsroom.money import amount_in, as_typed, currency_choices, narrow
from standfirst.subscriptions.rules import RUNNING, Interval


class PriceForm(forms.Form):
    """One price. `cleaned_data["typed"]` is what is wanted, as an action takes it."""

    price = forms.IntegerField(required=False, widget=forms.HiddenInput)
    amount = forms.CharField(
        max_length=20,
        widget=narrow(**{"aria-label": "Price"}),
        error_messages={"required": "Write an amount, such as 9.50."},
    )
    currency = forms.ChoiceField(widget=forms.Select(attrs={"aria-label": "Currency"}))
    interval = forms.ChoiceField(
        choices=[("month", "a month"), ("year", "a year")],
        widget=forms.Select(attrs={"aria-label": "Paid how often"}),
    )
    introductory_amount = forms.CharField(
        required=False, max_length=20, widget=narrow(**{"aria-label": "Introductory price"})
    )
    introductory_periods = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=36,
        widget=forms.NumberInput(attrs={"aria-label": "For how many payments", "size": 3}),
    )
    is_offered = forms.BooleanField(
        required=False, initial=True, widget=forms.CheckboxInput(attrs={"aria-label": "Offered"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = currency_choices()
        self.fields["currency"].choices = choices  # type: ignore[attr-defined]
        self.fields["currency"].initial = choices[0][0]

    def has_changed(self) -> bool:
        """A row without amounts that was no price before is none, whatever is ticked in it."""
        typed = ("amount", "introductory_amount", "introductory_periods")
        if self.empty_permitted and not any(self[name].data for name in typed):
            return False
        return super().has_changed()

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        currency = given.get("currency", "")
        if not currency or "amount" not in given:
            return given
        amount = self._amount("amount", currency)
        if amount == 0:
            self.add_error(
                "amount",
                "A price is more than nothing. Give All-Access without payment under "
                "Subscriptions, or set free days.",
            )
        first = self._amount("introductory_amount", currency)
        periods = given.get("introductory_periods")
        if first is not None and not periods and "introductory_periods" in given:
            self.add_error("introductory_periods", "Say how many payments cost that.")
        if periods and first is None and not self.errors:
            self.add_error("introductory_amount", "Write what these payments cost.")
        if amount and first is not None and first >= amount:
            self.add_error(
                "introductory_amount", "An introductory price is lower than the price itself."
            )
        if not self.errors and amount:
            given["typed"] = PriceTyped(
                price=given.get("price"),
                currency=currency,
                interval=Interval(given["interval"]),
                amount=amount,
                introductory_amount=first,
                introductory_periods=periods or 0,
                is_offered=given["is_offered"],
            )
        return given

    def _amount(self, name: str, currency: str) -> int | None:
        if not (text := self.cleaned_data.get(name, "")):
            return None
        try:
            return amount_in(text, currency)
        except forms.ValidationError as error:
            self.add_error(name, error)
            return None


class _Prices(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        seen = set()
        for form in self.forms:
            one = getattr(form, "cleaned_data", {}).get("typed")
            if one is None or not one.is_offered:
                continue
            if (one.currency, one.interval) in seen:
                form.add_error(
                    "amount",
                    f"There is another offered price in {one.currency} for a {one.interval}. "
                    "Withdraw one of the two.",
                )
            seen.add((one.currency, one.interval))

    def is_valid(self) -> bool:  # an error that `clean` adds to a form counts too
        return super().is_valid() and not any(form.errors for form in self.forms)

    @property
    def typed(self) -> list[PriceTyped]:
        """The prices that are wanted; empty rows are none."""
        found = (form.cleaned_data.get("typed") for form in self.forms if form.cleaned_data)
        return [one for one in found if one is not None]


Prices = formset_factory(PriceForm, formset=_Prices, extra=3, max_num=200)


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    """A plan, with its prices as a set of forms beside it (`prices`)."""

    class Meta:
        model = Plan
        fields = (
            *("name", "promise", "offered_to", "countries", "trial_days", "position"),
            "is_offered",
        )
        labels = {"trial_days": "Free days", "countries": "Countries"}
        widgets = {"promise": forms.Textarea(attrs={"rows": 4})}
        help_texts = {
            "offered_to": "Students and readers of some countries confirm it before they pay.",
            "countries": "For a regional plan: codes or names, such as AT, India, NG.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = Price.objects.filter(plan=self.instance.pk or 0)
        prices = held.order_by("-is_offered", "currency", "interval", "-pk")
        self.fixed = fixed_prices(self.instance) if self.instance.pk else set()
        data = args[0] if args else kwargs.get("data")
        self.prices: Any = Prices(data, initial=list(map(_initial, prices)), prefix="prices")
        for form in self.prices.forms:
            form.is_fixed = form.initial.get("price") in self.fixed

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        regional = given.get("offered_to") == OfferedTo.REGION
        try:
            codes = countries.codes_in(given.get("countries", ""), the_publication().language)
        except ValueError as error:
            self.add_error("countries", str(error))
            return given
        if regional and not codes:
            self.add_error("countries", "Name the countries whose readers may buy this plan.")
        if not regional and codes:
            self.add_error(
                "countries", "Countries belong to a plan for readers in some countries alone."
            )
        given["countries"] = ", ".join(codes)
        return given

    def is_valid(self) -> bool:
        plan_is_valid, prices_are_valid = super().is_valid(), self.prices.is_valid()
        return plan_is_valid and prices_are_valid

    def has_changed(self) -> bool:
        return super().has_changed() or self.prices.has_changed()

    @property
    def plan_has_changed(self) -> bool:
        """Is anything but the prices another?"""
        return super().has_changed()


def _initial(price: Price) -> dict[str, Any]:
    return {
        "price": price.pk,
        "amount": as_typed(price.amount, price.currency),
        "currency": price.currency,
        "interval": price.interval,
        "introductory_amount": as_typed(price.introductory_amount, price.currency),
        "introductory_periods": price.introductory_periods or None,
        "is_offered": price.is_offered,
    }


class _Saving:
    """Both views save through one action."""

    form: PlanForm
    request: HttpRequest

    def save_instance(self) -> Plan:
        plan: Plan = self.form.instance
        said = save_plan(
            plan,
            self.form.prices.typed,
            by=self.request.user,  # type: ignore[arg-type]
            changed=self.form.plan_has_changed,
        )
        for sentence in said:
            messages.info(self.request, sentence)
        return plan


class _Add(_Saving, generic.CreateView):  # type: ignore[misc]
    pass


class _Edit(_Saving, generic.EditView):  # type: ignore[misc]
    pass


class DeleteUnlessSold(generic.DeleteView):  # type: ignore[misc]
    """Says why something stays, and leads back to where it can be withdrawn."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.user_has_permission("delete") and (why := why_kept(self.object)):
            messages.error(request, why)
            return redirect(self.edit_url_name, self.object.pk)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response


class _Delete(DeleteUnlessSold):
    def delete_action(self) -> None:
        delete_plan(self.object, by=self.request.user)


class _List(generic.IndexView):  # type: ignore[misc]
    def get_base_queryset(self) -> QuerySet[Plan]:
        running = Q(subscriptions__state__in=RUNNING)
        return (
            Plan.objects.prefetch_related("prices")
            .annotate(subscribers=Count("subscriptions", filter=running))
            .order_by("position", "pk")
        )


def _prices_of(plan: Plan) -> str:
    language = the_publication().language
    offered = [named(price, language) for price in plan.prices.all() if price.is_offered]
    return ", ".join(offered) or "none"


class Plans(ModelViewSet):  # type: ignore[misc]
    model = Plan
    name = "plans"
    icon = "tag"
    menu_label = "Plans"
    add_to_reference_index = False
    copy_view_enabled = False
    index_view_class = _List
    add_view_class = _Add
    edit_view_class = _Edit
    delete_view_class = _Delete
    create_template_name = "subscriptions/newsroom/plan.html"
    edit_template_name = "subscriptions/newsroom/plan.html"
    ordering = "position"
    list_per_page = 100
    list_display = [
        "name",
        Column("offered_to", label="For", accessor="get_offered_to_display", width="14%"),
        Column("prices", label="Offered prices", accessor=_prices_of),
        Column("subscribers", label="Subscribers", width="10%"),
        Column(
            "is_offered",
            label="State",
            accessor=lambda plan: "offered" if plan.is_offered else "withdrawn",
            width="10%",
        ),
    ]

    def get_edit_handler(self) -> None:
        return None

    def get_form_class(self, for_update: bool = False) -> type[PlanForm]:
        return PlanForm
