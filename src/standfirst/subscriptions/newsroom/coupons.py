"""Codes that take something off."""

from typing import Any

from django import forms
from django.http import HttpRequest
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets import AdminDateTimeInput
from wagtail.log_actions import log

from standfirst.publication import clock
from standfirst.publication.money import written
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions.selling import CHANGED
from standfirst.subscriptions.models import Coupon
from standfirst.subscriptions.newsroom.money import amount_in, as_typed, currency_choices, narrow
from standfirst.subscriptions.newsroom.plans import DeleteUnlessSold


class CouponForm(forms.ModelForm):  # type: ignore[type-arg]
    """A code. Either a percentage or an amount with its currency."""

    code = forms.CharField(max_length=40, help_text="What readers type, such as WELCOME.")
    percent = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100,
        label="Per cent off",
        error_messages={
            "min_value": "Write a percentage from 1 to 100.",
            "max_value": "Write a percentage from 1 to 100.",
        },
    )
    amount = forms.CharField(
        required=False,
        max_length=20,
        widget=narrow(),
        label="Or an amount off",
        help_text="Off each payment, such as 2.50.",
    )
    currency = forms.ChoiceField(required=False, label="In")

    class Meta:
        model = Coupon
        fields = (
            *("code", "percent", "amount", "currency", "periods", "until", "most", "plans"),
            "is_offered",
        )
        labels = {"periods": "For how many months", "most": "How often it may be used"}
        widgets = {"until": AdminDateTimeInput, "plans": forms.CheckboxSelectMultiple}
        help_texts = {
            "periods": "From the first payment on; 0 for ever.",
            "until": "Empty: without an end.",
            "most": "By all readers together. Empty: as often as they like.",
            "plans": "None ticked: every plan.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].choices = [("", "–"), *currency_choices()]  # type: ignore[attr-defined]
        coupon = self.instance
        self.initial["percent"] = coupon.percent or None
        self.initial["amount"] = as_typed(coupon.amount or None, coupon.currency)

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        percent, text = given.get("percent"), given.get("amount")
        given["percent"], given["amount"] = percent or 0, 0
        if "percent" in self.errors:
            return given
        if percent and text:
            self.add_error("amount", "Say a percentage or an amount, not both.")
        elif text and not given.get("currency"):
            self.add_error("currency", "Say in which currency the amount is.")
        elif text:
            try:
                given["amount"] = amount_in(text, given["currency"])
            except forms.ValidationError as error:
                self.add_error("amount", error)
            else:
                if not given["amount"]:
                    self.add_error("amount", "A code takes something off.")
        elif not percent:
            self.add_error("percent", "Say a percentage, or an amount with its currency.")
        if percent and not text:
            given["currency"] = ""
        return given


def in_words(coupon: Coupon) -> str:
    """“20% off for 3 months, until 1 May 2027, 00:00”"""
    off = (
        f"{coupon.percent}%"
        if coupon.percent
        else written(coupon.amount, coupon.currency, the_publication().language)
    )
    lasting = {0: "for ever", 1: "the first payment"}.get(
        coupon.periods, f"for {coupon.periods} months"
    )
    told = [f"{off} off {lasting}"]
    if coupon.until:
        told.append(f"until {clock.written(coupon.until)}")
    if coupon.most:
        told.append(f"{coupon.most} times at most")
    return ", ".join(told)


class _Saving:
    request: HttpRequest

    def save_instance(self) -> Coupon:
        """Wagtail's own entry in the log says who; this one says what."""
        coupon: Coupon = super().save_instance()  # type: ignore[misc]
        state = "offered" if coupon.is_offered else "withdrawn"
        plans = ", ".join(plan.name for plan in coupon.plans.all()) or "every plan"
        log(
            instance=coupon,
            action=CHANGED,
            user=self.request.user,
            data={"said": f"{coupon.code}: {in_words(coupon)}; {plans}; {state}."},
        )
        return coupon


class _Add(_Saving, generic.CreateView):  # type: ignore[misc]
    pass


class _Edit(_Saving, generic.EditView):  # type: ignore[misc]
    pass


class Coupons(ModelViewSet):  # type: ignore[misc]
    model = Coupon
    name = "coupons"
    icon = "pick"
    menu_label = "Coupon codes"
    add_to_reference_index = False
    copy_view_enabled = False
    add_view_class = _Add
    edit_view_class = _Edit
    delete_view_class = DeleteUnlessSold
    search_fields = ["code"]
    list_per_page = 50
    list_display = [
        "code",
        Column("what", label="What", accessor=in_words),
        Column(
            "is_offered",
            label="State",
            accessor=lambda it: "offered" if it.is_offered else "withdrawn",
            width="12%",
        ),
    ]

    def get_edit_handler(self) -> None:
        return None

    def get_form_class(self, for_update: bool = False) -> type[CouponForm]:
        return CouponForm
