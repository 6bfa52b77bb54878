"""The forms of bank transfer."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from wagtail.admin.widgets import AdminDateInput

from standfirst.members.models import Member
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.models import Plan
from standfirst.subscriptions.models.billing import BilledTo
from standfirst.subscriptions.newsroom.money import amount_in, currency_choices


def today() -> date:
    """The day it is where the magazine is."""
    return timezone.localdate(timezone.now(), the_publication().zone)


def amount_of(form: forms.Form | forms.ModelForm, name: str, currency: str) -> int | None:  # type: ignore[type-arg]
    """A field's amount in minor units, or None with the form's error saying what is wrong."""
    typed = form.cleaned_data.get(name)
    if not typed:
        return None
    try:
        if amount := amount_in(typed, currency):
            return amount
        raise forms.ValidationError("Write an amount above zero.")
    except forms.ValidationError as wrong:
        form.add_error(name, wrong)
    return None


class BillSomebody(forms.ModelForm):  # type: ignore[type-arg]
    """A subscription for a member, and who pays for it."""

    reader = forms.EmailField(
        label="Reader’s address", help_text="The member who is to read; they need not be who pays."
    )
    plan = forms.ModelChoiceField(Plan.objects.all(), required=False, empty_label="none")
    amount = forms.CharField(max_length=30, label="Amount without tax", help_text="As 1,200.00.")
    currency = forms.ChoiceField()
    tax_rate = forms.DecimalField(
        label="Tax in percent",
        max_digits=5,
        decimal_places=2,
        min_value=0,
        max_value=100,
        initial=0,
        help_text="With 0 the bill has no line for tax; say why under Settings, Publication.",
    )
    field_order = (
        *("reader", "plan", "wording", "amount", "currency", "tax_rate", "begins_on", "months"),
        *("days_to_pay", "at_once", "goes_on", "name", "address", "email", "tax_number", "order"),
    )

    class Meta:
        model = BilledTo
        fields = (
            *("wording", "tax_rate", "currency", "begins_on", "months", "days_to_pay", "at_once"),
            *("goes_on", "name", "address", "email", "tax_number", "order"),
        )
        widgets = {"begins_on": AdminDateInput, "address": forms.Textarea(attrs={"rows": 4})}
        labels = {
            "wording": "What is billed",
            "months": "Months a bill pays for",
            "goes_on": "Goes on: the next bill is issued some weeks before a period ends",
        }
        help_texts = {
            "wording": "One line, as “All-Access for the library of Example School”.",
            "at_once": "Otherwise it begins when the first bill is marked as paid.",
            "email": "Bills and reminders are mailed here.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].choices = currency_choices()  # type: ignore[attr-defined]
        self.fields["wording"].required = False

    def clean_reader(self) -> Member:
        email = str(self.cleaned_data["reader"])
        found = Member.objects.filter(email__iexact=email, is_active=True).first()
        if found is None:
            raise forms.ValidationError(
                "No member has this address. They must join first, which is free."
            )
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("wording"):
            plan = cleaned.get("plan")
            if plan is None:
                self.add_error("wording", "Choose a plan, or write what is billed.")
            else:
                cleaned["wording"] = plan.name
        if "currency" in cleaned:
            cleaned["net"] = amount_of(self, "amount", cleaned["currency"])
        return cleaned

    def agreed(self) -> dict[str, Any]:
        """The fields of what was agreed on."""
        return {name: self.cleaned_data[name] for name in (*self.Meta.fields, "net")}


class MarkPaid(forms.Form):
    """The money came."""

    on = forms.DateField(label="Day", widget=AdminDateInput)
    amount = forms.CharField(max_length=30)
    all_the_same = forms.BooleanField(
        required=False, label="Counts as paid, though it is another amount"
    )


class Why(forms.Form):
    """A reason, which stands in the ledger."""

    why = forms.CharField(max_length=300, label="Why")


class GiveBack(Why):
    """Money that was sent back."""

    amount = forms.CharField(
        max_length=30, required=False, help_text="Leave empty for all that is left."
    )
    key = forms.CharField(max_length=100, widget=forms.HiddenInput)
    field_order = ("amount", "why", "key")
