"""Merging two accounts in the newsroom: say which, look at what moves, then do it."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from standfirst.account.merging import Refused, merge, what_moves, why_not
from standfirst.members.models import Member


class Which(forms.Form):
    """The other account, and why. The member whose page it is stays."""

    email = forms.EmailField(max_length=254, label="The address of the account that goes")
    why = forms.CharField(max_length=300, label="Why these two are one person")

    other: Member | None = None

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        self.other = Member.objects.filter(email__iexact=email).first()
        if self.other is None:
            raise forms.ValidationError("No member has this address.")
        return email


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def merge_members(request: HttpRequest, pk: int) -> HttpResponse:
    """First POST: what would move. Second, with `sure`: it is done."""
    if not request.user.has_perms(["members.view_member", "members.add_merger"]):
        raise PermissionDenied
    kept = get_object_or_404(Member, pk=pk)
    form = Which(request.POST if request.method == "POST" else None)
    problem, moves = "", []
    now = timezone.now()
    other = None
    if request.method == "POST" and form.is_valid() and form.other:
        other = form.other
        problem = why_not(other, kept, now)
        moves = [] if problem else what_moves(other)
        if not problem and request.POST.get("sure") == str(other.pk):
            assert isinstance(request.user, Member)  # noqa: S101  the newsroom lets nobody else in
            try:
                merge(other, kept, by=request.user, why=form.cleaned_data["why"], now=now)
            except Refused as error:
                problem, moves = str(error), []
            else:
                messages.success(request, f"{other.email} is a part of {kept.email} now.")
                return redirect("members:inspect", kept.pk)
    context = {
        "kept": kept,
        "other": other,
        "form": form,
        "problem": problem,
        "moves": moves,
        "page_title": "Merge another account",
        "header_icon": "group",
        "breadcrumbs_items": [
            {"url": reverse("members:index"), "label": "Members"},
            {"url": reverse("members:inspect", args=[pk]), "label": kept.email},
            {"url": "", "label": "Merge another account"},
        ],
    }
    status = 422 if problem or form.errors else 200
    return render(request, "reader_account/newsroom/merge.html", context, status=status)
