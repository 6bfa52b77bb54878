"""Addresses that get no newsletter: search, add by hand, lift with a reason."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry, LogFormatter
from wagtail.models import ModelLogEntry

from standfirst.members.models import Member
from standfirst.members.rules import Unusable, address_from
from standfirst.newsletters.actions.suppressing import LIFTED, STOPPED, lift, stop
from standfirst.newsletters.models import Suppression

LOOK, ADD, LIFT = (f"newsletters.{verb}_suppression" for verb in ("view", "add", "delete"))
A_PAGE = 50


class Stop(forms.Form):
    """An address to which no newsletter is to go, and why."""

    address = forms.CharField(
        max_length=254, error_messages={"required": "Type the address."}, label="Address"
    )
    why = forms.CharField(
        max_length=300,
        error_messages={"required": "Say why, for whoever asks later."},
        label="Why",
    )

    def clean_address(self) -> str:
        try:
            return address_from(str(self.cleaned_data["address"]))
        except Unusable as error:
            raise ValidationError(str(error)) from error


class Lift(forms.Form):
    why = forms.CharField(
        max_length=300,
        error_messages={"required": "Say why mail may go to this address again."},
        label="Why mail may go there again",
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def suppressions(request: HttpRequest) -> HttpResponse:
    """The list, the newest first, narrowed by a part of the address and a reason; a POST adds."""
    _permitted(request, LOOK)
    form = Stop()
    if request.method == "POST":
        _permitted(request, ADD)
        form = Stop(request.POST)
        if form.is_valid():
            address, why = form.cleaned_data["address"], form.cleaned_data["why"]
            if stop(address, why, by=_colleague(request), now=timezone.now()):
                messages.success(request, f"No newsletter goes to {address} any more.")
            else:
                messages.warning(request, f"{address} is on the list already.")
            return redirect("newsletters_suppressions")
    sought = request.GET.get("q", "").replace("\0", "").strip()[:254]
    reason = request.GET.get("reason", "")
    rows = Suppression.objects.order_by("-at", "-pk")
    if sought:
        rows = rows.filter(address__icontains=sought)
    if reason in Suppression.Reason.values:
        rows = rows.filter(reason=reason)
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("p"))
    context = {
        "form": form,
        "page": page,
        "sought": sought,
        "reason": reason,
        "reasons": Suppression.Reason.choices,
        "may_add": request.user.has_perm(ADD),
        "may_lift": request.user.has_perm(LIFT),
        "page_title": "No mail to",
        "header_icon": "no-view",
        "breadcrumbs_items": [{"url": "", "label": "No mail to"}],
    }
    status = 422 if form.errors else 200
    return render(request, "newsletters/newsroom/suppressions.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def lift_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask why, then take an address off the list."""
    _permitted(request, LIFT)
    found = get_object_or_404(Suppression, pk=pk)
    form = Lift(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        lift(pk, form.cleaned_data["why"], by=_colleague(request))
        messages.success(request, f"Newsletters may go to {found.address} again.")
        return redirect("newsletters_suppressions")
    context = {
        "one": found,
        "form": form,
        "page_title": f"Mail to {found.address} again",
        "header_icon": "no-view",
        "breadcrumbs_items": [
            {"url": reverse("newsletters_suppressions"), "label": "No mail to"},
            {"url": "", "label": found.address},
        ],
    }
    status = 422 if form.errors else 200
    return render(request, "newsletters/newsroom/lift.html", context, status=status)


@hooks.register("register_log_actions")
def stopping_is_logged(actions: LogActionRegistry) -> None:
    for name, told in ((STOPPED, "Stop newsletters to an address"), (LIFTED, "Mail to it again")):
        actions.register_action(name)(_formatter(told))


def _formatter(told: str) -> type[LogFormatter]:
    class Told(LogFormatter):  # type: ignore[misc]
        label = told

        def format_message(self, entry: ModelLogEntry) -> str:
            return f"{told}: {entry.data.get('said', '')}"

    return Told


def _colleague(request: HttpRequest) -> Member | None:
    return request.user if isinstance(request.user, Member) else None


def _permitted(request: HttpRequest, permission: str) -> Any:
    if not request.user.has_perm(permission):
        raise PermissionDenied
