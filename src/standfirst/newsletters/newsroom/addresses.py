"""Addresses in and out: lists that are taken in with proof of consent, and a list to take away."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from standfirst.members.models import Member
from standfirst.newsletters.actions.importing import drop, put_up, take_all_in
from standfirst.newsletters.exporting import consents_as_rows
from standfirst.newsletters.importing.rules import Unreadable
from standfirst.newsletters.importing.taking_in import TOLD, Became
from standfirst.newsletters.models import AddressImport, ImportState
from standfirst.newsletters.preferences import only_confirmed
from standfirst.publication.spreadsheets import csv_response

LOOK, ADD = "newsletters.view_addressimport", "newsletters.add_addressimport"
LARGEST = 40_000_000
SHOWN = 30


class Upload(forms.Form):
    file = forms.FileField(
        label="List (CSV)",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty.",
            "invalid": "Choose a file.",
        },
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("The file is larger than 40 MB. Cut it into parts.")
        return file


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def addresses(request: HttpRequest) -> HttpResponse:
    """The lists so far, and a form for one more; a POST puts it up and changes nobody's consent."""
    _permitted(request, LOOK)
    form = Upload()
    if request.method == "POST":
        _permitted(request, ADD)
        form = Upload(request.POST, request.FILES)
        if form.is_valid():
            file = form.cleaned_data["file"]
            by = request.user if isinstance(request.user, Member) else None
            try:
                put = put_up(file.name, file.read(), by=by, now=timezone.now())
            except Unreadable as error:
                form.add_error("file", str(error))
            else:
                return redirect("newsletters_addresses_one", put.pk)
    context = {
        "form": form,
        "lists": AddressImport.objects.defer("content").select_related("by")[:SHOWN],
        "may_add": request.user.has_perm(ADD),
        "only_confirmed": only_confirmed(),
        "page_title": "Addresses",
        "header_icon": "group",
        "breadcrumbs_items": [{"url": "", "label": "Addresses"}],
    }
    status = 422 if form.errors else 200
    return render(request, "newsletters/newsroom/addresses.html", context, status=status)


@never_cache
@require_safe
def one_list(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a list is, what would become of its rows, or became of them."""
    _permitted(request, LOOK)
    found = get_object_or_404(AddressImport.objects.defer("content"), pk=pk)
    taking = found.state in {ImportState.TAKING_IN, ImportState.DONE}
    counts = found.taken if taking else found.looked
    context = {
        "list": found,
        "counts": [(TOLD[kind], counts.get(kind.value, 0)) for kind in Became],
        "share": 100 * found.rows_done // max(found.rows, 1),
        "takes_in": taking,
        "waits": found.state == ImportState.LOOKED_AT,
        "anybody": any(found.looked.get(kind.value) for kind in (Became.NEW, Became.ADDED)),
        "may_add": request.user.has_perm(ADD),
        "only_confirmed": only_confirmed(),
        "page_title": found.name,
        "header_icon": "group",
        "breadcrumbs_items": [
            {"url": reverse("newsletters_addresses"), "label": "Addresses"},
            {"url": "", "label": found.name},
        ],
    }
    return render(request, "newsletters/newsroom/address_list.html", context)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the list in, or drop it."""
    _permitted(request, ADD)
    if "drop" in request.POST:
        if drop(pk, timezone.now()):
            messages.success(request, "The list is dropped, and its addresses are forgotten.")
    elif not take_all_in(pk):
        messages.error(request, "This list does not wait for a decision any more.")
    return redirect("newsletters_addresses_one", pk)


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Every address with what it said to each letter, and the proof; as CSV, written as it goes."""
    _permitted(request, LOOK)
    return csv_response(consents_as_rows(), f"consent-{timezone.localdate()}")


def _permitted(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
