"""What was sent and what is being sent: a list, and a page for each with its progress."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as formatted
from django.utils.formats import number_format
from django.utils.timezone import localtime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin.ui.components import Component

from standfirst.newsletters.actions.sending import (
    CannotBeSent,
    cancel,
    in_doubt,
    pause,
    resume,
    send_again,
)
from standfirst.newsletters.figures import (
    Progress,
    deliveries_in,
    progress_of,
    unsubscribed_by,
    watched,
)
from standfirst.newsletters.models import DeliveryState, Sending, SendingKind, SendingState

LOOK, STEER = "newsletters.view_sending", "newsletters.change_sending"
A_PAGE, MOST_SHOWN = 30, 200
_SHOWN = {
    "refused": DeliveryState.REFUSED,
    "uncertain": DeliveryState.UNCERTAIN,
    "bounced": DeliveryState.BOUNCED,
    "complained": DeliveryState.COMPLAINED,
}


def _permitted(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def title_of(sending: Sending) -> str:
    """What a colleague calls it."""
    if sending.edition is not None:
        return str(sending.edition.title)
    return f"{SendingKind(sending.kind).label}: {sending.key.partition(':')[2]}".capitalize()


@never_cache
@require_safe
def sendings(request: HttpRequest) -> HttpResponse:
    """All sendings, the newest first, with what became of each."""
    _permitted(request, LOOK)
    found = Sending.objects.select_related("edition", "newsletter").order_by("-begun_at", "-pk")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("p"))
    now = timezone.now()
    rows = [(one, title_of(one), progress_of(one, now), unsubscribed_by(one)) for one in page]
    context = {
        "page": page,
        "rows": rows,
        "page_title": "Sent",
        "header_icon": "mail",
        "breadcrumbs_items": [{"url": "", "label": "Sent"}],
    }
    return render(request, "newsletters/newsroom/sendings.html", context)


@never_cache
@require_safe
def sending(request: HttpRequest, pk: int) -> HttpResponse:
    """One sending: how far it is, and what became of each letter. With `?live` the figures alone,
    as JSON, which the page asks for while it runs."""
    _permitted(request, LOOK)
    one = get_object_or_404(Sending.objects.select_related("edition", "newsletter"), pk=pk)
    now = timezone.now()
    if "live" in request.GET:
        return JsonResponse(_live(watched(one, now)))
    progress = progress_of(one, now)
    wanted = request.GET.get("show", "")
    state = _SHOWN.get(wanted)
    context = {
        "sending": one,
        "progress": progress,
        "live": _live(progress),
        "unsubscribed": unsubscribed_by(one),
        "shown": wanted if state is not None else "",
        "deliveries": [] if state is None else deliveries_in(one, state, MOST_SHOWN),
        "most_shown": MOST_SHOWN,
        "may_steer": request.user.has_perm(STEER),
        "page_title": title_of(one),
        "header_icon": "mail",
        "breadcrumbs_items": [
            {"url": reverse("newsletters_sendings"), "label": "Sent"},
            {"url": "", "label": title_of(one)},
        ],
    }
    return render(request, "newsletters/newsroom/sending.html", context)


def _live(progress: Progress) -> dict[str, Any]:
    """What changes while one looks, as a person reads it."""
    return {
        "state": _sentence(progress),
        "runs": progress.runs,
        "share": round(progress.share * 100, 1),
        "figures": {
            name: number_format(getattr(progress, name), use_l10n=True, force_grouping=True)
            for name in (
                *("total", "queued", "accepted", "refused", "bounced", "complained"),
                *("uncertain", "left_out"),
            )
        },
    }


def _sentence(progress: Progress) -> str:
    one = progress.sending
    match one.state:
        case SendingState.DONE:
            ended = f" {_clock(one.ended_at)}" if one.ended_at else ""
            return f"Sent{ended}." if progress.total else "There was nobody to send it to."
        case SendingState.CANCELLED:
            return f"Cancelled. {one.why}".strip()
        case SendingState.FREEZING:
            return "Begun; the list of who gets it is being made."
        case SendingState.PAUSED:
            return f"Paused. {one.why}".strip()
    if progress.waits:
        return f"Waiting: {progress.waits}"
    if progress.rate is None:
        return "Begun; the first letters are being handed over."
    rate = progress.rate
    said = f"{rate:,.0f} letters a second" if rate >= 1 else f"{rate * 60:,.0f} letters a minute"
    if progress.ends_at is None:
        return f"{said}."
    return f"{said}; at this pace it ends {_clock(progress.ends_at)}."


def _clock(moment: Any) -> str:
    local = localtime(moment)
    if local.date() == localtime().date():
        return f"at {formatted(local, 'H:i:s')}"
    return formatted(local, "j F, H:i")


# -- steering -------------------------------------------------------------------------------------


@require_POST
def steer(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause, resume or cancel; or send again what is in doubt."""
    _permitted(request, STEER)
    get_object_or_404(Sending, pk=pk)
    who = request.user.get_username()
    match request.POST.get("verb"):
        case "pause":
            done = pause(pk, why=f"Paused by {who}.")
            said = "Paused: what is under way is finished, and nothing more begins."
        case "resume":
            done, said = resume(pk), "It goes on."
        case "cancel":
            cancel(pk, why=f"Cancelled by {who}.")
            # It may have ended meanwhile; and of one that was cancelled before nothing changes.
            done = Sending.objects.filter(pk=pk, state=SendingState.CANCELLED).exists()
            said = "Cancelled: who has no letter yet gets none."
        case "again":
            done, said = _again(request, pk)
        case _:
            done, said = False, ""
    if said and done:
        messages.success(request, said)
    elif said:
        messages.warning(request, "It stands otherwise by now; look at what the page says.")
    return redirect("newsletters_sending", pk)


def _again(request: HttpRequest, pk: int) -> tuple[bool, str]:
    wanted = {int(one) for one in request.POST.getlist("delivery") if one.isdecimal()}
    doubtful = [one for one in in_doubt(pk) if one in wanted or "all" in request.POST]
    try:
        count = send_again(doubtful)
    except CannotBeSent as error:
        messages.error(request, str(error))
        return True, ""
    return bool(count), f"Sent again: {count}. Whoever had it already gets it twice."


class RunningNow(Component):  # type: ignore[misc]
    """What is being sent at this moment, on the newsroom's first page."""

    name = "sending_now"
    template_name = "newsletters/newsroom/running.html"
    order = 50

    def get_context_data(self, parent_context: dict[str, Any]) -> dict[str, Any]:
        running = Sending.objects.filter(
            state__in=[SendingState.FREEZING, SendingState.SENDING]
        ).select_related("edition")
        now = timezone.now()
        return {"running": [(one, title_of(one), progress_of(one, now)) for one in running[:5]]}
