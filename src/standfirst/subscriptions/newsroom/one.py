"""One subscription in the newsroom: what it is, its ledger and bills, and what can be done."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from wagtail import hooks
from wagtail.admin.views import generic
from wagtail.admin.widgets import AdminDateTimeInput

from standfirst.publication.money import in_minor_units, written
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions import (
    cancel_for,
    end_early,
    give_back_for,
    pause_for,
    resume_for,
)
from standfirst.subscriptions.models import COMPLIMENTARY, INVOICE, Bill, Subscription
from standfirst.subscriptions.providers.base import ProviderError, Unreachable, When
from standfirst.subscriptions.rules import State

OVER = {State.ENDED, State.REFUNDED}
ENTRIES = 100
NAMES = {COMPLIMENTARY: "given", INVOICE: "bank transfer", "stripe": "Stripe"}


def provider_name(subscription: Subscription) -> str:
    """Who takes the money, in a colleague's words."""
    return NAMES.get(subscription.provider, subscription.provider)


def state_of(subscription: Subscription) -> str:
    """The state in words; what was given and ran out has ended, though nobody told it so."""
    if subscription.provider == COMPLIMENTARY:
        now = timezone.now()
        if subscription.ends_at <= now:
            return "ended"
        return "given" if subscription.starts_at <= now else "not yet begun"
    words: str = subscription.get_state_display()
    return words


class Act(forms.Form):
    """What is done, and why; the key makes of a double click one wish."""

    why = forms.CharField(max_length=300)
    key = forms.CharField(max_length=100)
    until = forms.DateTimeField(required=False, widget=AdminDateTimeInput)
    bill = forms.IntegerField(required=False)
    amount = forms.CharField(max_length=30, required=False)


class One(generic.InspectView):  # type: ignore[misc]
    """A subscription of any kind."""

    page_title = "Subscription"

    def get_page_subtitle(self) -> str:
        return str(self.object.member or "a former member")

    def get_edit_url(self) -> str | None:
        """What is paid for has no end that is typed."""
        if self.object.provider != COMPLIMENTARY:
            return None
        return super().get_edit_url()  # type: ignore[no-any-return]

    def get_delete_url(self) -> None:
        """Nothing that stands in the ledger is deleted."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        it = self.object
        language = the_publication().language
        bills = list(it.bills.all())
        for bill in bills:
            bill.total_written = written(bill.total, bill.currency, language)
            bill.refunded_written = written(bill.refunded, bill.currency, language)
        numbers = it.issued.values_list("number", "pk") if it.provider == INVOICE else []
        desks = {number: reverse("bank_transfer:inspect", args=[pk]) for number, pk in numbers}
        for bill in bills:
            bill.address = desks.get(bill.provider_id) or bill.page
        running = it.state not in OVER and it.provider != COMPLIMENTARY
        return {
            **super().get_context_data(**kwargs),
            "it": it,
            "provider": provider_name(it),
            "state": state_of(it),
            "cost": written(it.amount, it.currency, language) if it.currency else "",
            "next": written(it.next_amount, it.currency, language)
            if it.next_amount is not None and it.currency
            else "",
            "bills": bills,
            "refundable": [
                # What was paid by bank transfer is sent back by hand, and noted at the bill.
                bill
                for bill in bills
                if bill.paid > bill.refunded and it.provider != INVOICE
            ],
            "entries": it.entries.order_by("-pk")[:ENTRIES],
            "given": it.provider == COMPLIMENTARY,
            "by_invoice": it.provider == INVOICE,
            "may_end": it.provider == COMPLIMENTARY and it.ends_at > timezone.now(),
            "may_cancel": running,
            "may_cancel_later": running and it.state != State.CANCELLED and not it.cancel_at,
            "may_resume": running and (it.cancel_at or it.state == State.PAUSED),
            "may_pause": it.state == State.ACTIVE and it.provider not in {COMPLIMENTARY, INVOICE},
            "may_change": self.request.user.has_perm("subscriptions.change_subscription"),
            "edit": reverse("subscriptions:edit", args=[it.pk]),
            "key": self.request.GET.get("key", "")[:100] or uuid4().hex,
        }


def _end_given(it: Subscription, form: Act, by: Any) -> str:
    if it.provider != COMPLIMENTARY:
        return ""
    ended = end_early(it, timezone.now(), by=by.email, why=form.cleaned_data["why"])
    return f"All-Access of {it.member} has ended." if ended else "It had ended already."


def _cancel(when: When) -> Callable[[Subscription, Act, Any], str]:
    def do(it: Subscription, form: Act, by: Any) -> str:
        cancel_for(it, when, why=form.cleaned_data["why"], key=form.cleaned_data["key"], by=by)
        return f"It ends {when.value}."

    return do


def _resume(it: Subscription, form: Act, by: Any) -> str:
    resume_for(it, why=form.cleaned_data["why"], key=form.cleaned_data["key"], by=by)
    return "It goes on."


def _pause(it: Subscription, form: Act, by: Any) -> str:
    told = form.cleaned_data
    pause_for(it, told["until"], why=told["why"], key=told["key"], by=by)
    return "It is paused: nothing is taken."


def _give_back(it: Subscription, form: Act, by: Any) -> str:
    told = form.cleaned_data
    bill = get_object_or_404(Bill, pk=told["bill"], subscription=it)
    amount = None
    if told["amount"]:
        amount = in_minor_units(told["amount"], bill.currency, the_publication().language)
        if not 0 < amount <= bill.paid - bill.refunded:
            left = written(bill.paid - bill.refunded, bill.currency, the_publication().language)
            raise ValueError(f"Of {bill}, {left} is left to give back.")
    give_back_for(bill, amount, why=told["why"], key=told["key"], by=by)
    return "The money is given back."


_VERBS: dict[str, Callable[[Subscription, Act, Any], str]] = {
    "end": _end_given,
    "cancel": _cancel(When.AT_THE_END),
    "stop": _cancel(When.NOW),
    "resume": _resume,
    "pause": _pause,
    "refund": _give_back,
}


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do one thing to a subscription, with a reason."""
    if not request.user.has_perm("subscriptions.change_subscription"):
        raise PermissionDenied
    it = get_object_or_404(Subscription, pk=pk)
    form = Act(request.POST)
    here = reverse("subscriptions:inspect", args=[pk])
    if verb not in _VERBS:
        return redirect(here)
    if not form.is_valid():
        for name, wrong in form.errors.items():
            said = (
                "Say why; it stands in the ledger." if name == "why" else " ".join(map(str, wrong))
            )
            messages.error(request, said)
        return redirect(here)
    key = form.cleaned_data["key"]
    form.cleaned_data["key"] = f"{verb}.{key}"  # another verb is another wish
    try:
        messages.success(request, _VERBS[verb](it, form, request.user))
    except Unreachable as silence:
        # Sent again with the same key, it is done once.
        said = f"{silence} Whether it was done is not known: send the same again."
        messages.error(request, said)
        return redirect(f"{here}?{urlencode({'key': key})}")
    except (ProviderError, ValueError) as no:
        messages.error(request, str(no))
    return redirect(here)


@hooks.register("register_admin_urls")
def acts_on_one() -> list[URLPattern]:
    return [path("subscriptions/<int:pk>/do/<str:verb>/", act, name="subscription_act")]
