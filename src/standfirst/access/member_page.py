"""One member in the newsroom: what they have and why, notes, and the trail of every change."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin.views import generic

from standfirst.access.members_list import what_they_have
from standfirst.access.past import standing_then
from standfirst.access.queries import credits_of, shelf_of, standing_of
from standfirst.access.trail import trail
from standfirst.members.actions import write_note
from standfirst.members.consent import said_by, wanted_by
from standfirst.members.models import Member, Merger
from standfirst.publication.money import written as money_written
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import start_of
from standfirst.subscriptions.models import STRIPE, AtProvider, Bill, Subscription
from standfirst.subscriptions.rules import State

MOST_BILLS = 60
MOST_SAID = 60
_STATES = {
    State.INCOMPLETE: "the first payment is not through: nothing is open",
    State.TRIALING: "free to begin with",
    State.ACTIVE: "paid and renewed",
    State.PAST_DUE: "a payment failed and is tried again",
    State.PAUSED: "paused: nothing is taken",
    State.CANCELLED: "ends on its day, nothing renews it",
    State.ENDED: "over",
    State.REFUNDED: "over, the last payment was given back",
    State.DISPUTED: "the bank took the payment back",
}


class OneMember(generic.InspectView):  # type: ignore[misc]
    """A member's standing and what it rests on."""

    page_title = "Member"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = timezone.now()
        user, member = self.request.user, self.object
        may = user.has_perm
        return {
            **super().get_context_data(**kwargs),
            "member": member,
            "has": what_they_have([member], now)[member.pk],
            "standing": standing_of(member, now),
            "credits": credits_of(member, now),
            "shelf": shelf_of(member),
            "subscriptions": [
                (one, _STATES[State(one.state)], dashboard(one))
                for one in member.subscriptions.select_related("plan").order_by("-ends_at")
            ],
            "wanted": sorted(wanted_by(member)),
            "said": said_by(member)[-MOST_SAID:],
            "bills": bills_of(member) if may("subscriptions.view_subscription") else [],
            "notes": member.notes.select_related("by") if may("members.view_membernote") else [],
            "may_see_notes": may("members.view_membernote"),
            "may_note": may("members.add_membernote"),
            "may_follow": may("subscriptions.view_entry"),
            "mergers": Merger.objects.filter(kept=member).select_related("by"),
            "merge_url": _merge_url(member) if may("members.add_merger") else "",
            "colleague_url": reverse("wagtailusers_users:edit", args=[member.pk])
            if user.is_superuser
            else "",
            "subscribe_url": reverse("subscriptions:add")
            if may("subscriptions.add_subscription")
            else "",
        }


def _merge_url(member: Member) -> str:
    """The page where an account is merged into this one; it stands in a layer above."""
    try:
        return reverse("merge_members", args=[member.pk])
    except NoReverseMatch:
        return ""


def bills_of(member: Member) -> list[tuple[Bill, str, str]]:
    """The newest bills of a member, each with what was asked and given back, as it is read."""
    language = the_publication().language
    bills = Bill.objects.filter(subscription__member=member).select_related("subscription")
    return [
        (
            bill,
            money_written(bill.total, bill.currency, language),
            money_written(bill.refunded, bill.currency, language) if bill.refunded else "",
        )
        for bill in bills[:MOST_BILLS]
    ]


def dashboard(subscription: Subscription) -> str:
    """The address of the customer in Stripe's dashboard; "" where there is none to look at."""
    if subscription.provider != STRIPE or not subscription.customer:
        return ""
    realms = AtProvider.objects.filter(
        provider=STRIPE, kind="customer", theirs=subscription.customer
    ).values_list("realm", flat=True)
    folder = {"test": "test/", "live": ""}.get(realms.first() or "")
    if folder is None:
        return ""
    return f"https://dashboard.stripe.com/{folder}customers/{subscription.customer}"


class _Note(forms.Form):
    text = forms.CharField(max_length=2000, widget=forms.Textarea)


@require_POST
def note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note about a member."""
    if not request.user.has_perm("members.add_membernote"):
        raise PermissionDenied
    member = get_object_or_404(Member, pk=pk)
    form = _Note(request.POST)
    if form.is_valid() and isinstance(request.user, Member):
        write_note(member, form.cleaned_data["text"], by=request.user, now=timezone.now())
        messages.success(request, "The note is kept.")
    else:
        messages.error(request, "Write something, of at most 2,000 characters.")
    return redirect("members:inspect", pk)


def _within_reason(moment: datetime) -> None:
    if not 1970 <= moment.year <= 2200:
        raise forms.ValidationError("No ledger reaches there.")


class _Asked(forms.Form):
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(required=False, label="To")
    on = forms.DateTimeField(
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[_within_reason],
        label="On",
    )


@never_cache
@require_safe
def trail_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Every change of a member's access; with `on`, what they could read at that moment and why."""
    if not request.user.has_perms(["members.view_member", "subscriptions.view_entry"]):
        raise PermissionDenied
    member = get_object_or_404(Member, pk=pk)
    form = _Asked(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    on = asked.get("on")
    then = standing_then(member, on) if on else None
    context = {
        "member": member,
        "form": form,
        "steps": trail(
            member, since=_start(asked.get("since")), until=_start(asked.get("until"), days=1)
        ),
        "on": on,
        "then": then,
        "open_then": [row for row in then.unlocks if _is_open(then.standing, row.article_id, on)]
        if then and on
        else [],
        "page_title": "Changes of access",
        "header_icon": "history",
        "breadcrumbs_items": [
            {"url": reverse("members:index"), "label": "Members"},
            {"url": reverse("members:inspect", args=[pk]), "label": member.email},
            {"url": "", "label": "Changes of access"},
        ],
    }
    status = 200 if form.is_valid() else 422
    return render(request, "access/newsroom/trail.html", context, status=status)


def _start(day: date | None, days: int = 0) -> datetime | None:
    if day is None or day.year > 9000:
        return None
    return start_of(day + timedelta(days=days), the_publication().zone)


def _is_open(standing: Any, article: int | None, on: datetime) -> bool:
    door = standing.unlocked.get(article)
    return door is not None and (door.until is None or on < door.until)
