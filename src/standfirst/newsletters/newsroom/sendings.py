"""What was sent and what is being sent: a list, and a page for each with its progress."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateformat import format as formatted
from django.utils.formats import number_format
from django.utils.timezone import localtime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin.ui.components import Component

from standfirst.members.models import ConsentEntry
from standfirst.newsletters.actions.sending import (
    CannotBeSent,
    cancel,
    pause,
    resume,
    send_again,
)
from standfirst.newsletters.delivery.figures import Figures, named, watched
from standfirst.newsletters.models import (
    TALLIES,
    Delivery,
    DeliveryState,
    Sending,
    SendingKind,
    SendingState,
)

LOOK, STEER = "newsletters.view_sending", "newsletters.change_sending"
A_PAGE, MOST_SHOWN = 30, 200
_SHOWN = {
    "refused": DeliveryState.REFUSED,
    "uncertain": DeliveryState.UNCERTAIN,
    "bounced": DeliveryState.BOUNCED,
    "complained": DeliveryState.COMPLAINED,
}
_LEFT_OUT = (
    DeliveryState.SUPPRESSED,
    DeliveryState.UNSUBSCRIBED,
    DeliveryState.UNCONFIRMED,
    DeliveryState.GONE,
    DeliveryState.OUTSIDE,
    DeliveryState.CANCELLED,
)


def _permitted(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def title_of(sending: Sending) -> str:
    """What a colleague calls it."""
    if sending.edition is not None:
        return str(sending.edition.title)
    return f"{SendingKind(sending.kind).label}: {sending.key.partition(':')[2]}".capitalize()


def left_out(figures: Figures) -> list[tuple[str, int]]:
    """Who was on the list and not written to: the reasons, with how many each."""
    found = [(str(state.label), getattr(figures, TALLIES[state])) for state in _LEFT_OUT]
    return [(reason, count) for reason, count in found if count]


def unsubscribed_by(sending: Sending) -> int:
    """How many readers took their consent back by a link or button of this very letter."""
    ids = Delivery.ids_of(sending.pk, 0, (1 << Delivery.NUMBERS) - 1)
    entries = ConsentEntry.objects.filter(delivery__range=ids, given=False)
    return entries.values("member").distinct().count()


@never_cache
@require_safe
def sendings(request: HttpRequest) -> HttpResponse:
    """All sendings, the newest first, with what became of each."""
    _permitted(request, LOOK)
    found = Sending.objects.select_related("edition", "newsletter").order_by("-begun_at", "-pk")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("p"))
    rows = [
        {
            "sending": one,
            "title": title_of(one),
            "figures": (figures := watched(one)),
            "left_out": sum(count for _, count in left_out(figures)),
            "unsubscribed": unsubscribed_by(one),
        }
        for one in page
    ]
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
    figures = watched(one)
    if "live" in request.GET:
        return JsonResponse(_live(one, figures))
    wanted = request.GET.get("show", "")
    state = _SHOWN.get(wanted)
    context = {
        "sending": one,
        "live": _live(one, figures),
        "left_out": left_out(figures),
        "unsubscribed": unsubscribed_by(one),
        "shown": wanted if state is not None else "",
        "deliveries": [] if state is None else named(one, state)[:MOST_SHOWN],
        "most_shown": MOST_SHOWN,
        "may_steer": request.user.has_perm(STEER),
        "page_title": title_of(one),
        "header_icon": "mail",
    }
    return render(request, "newsletters/newsroom/sending.html", context)


def _live(sending: Sending, figures: Figures) -> dict[str, Any]:
    """What changes while one looks, as a person reads it."""
    counts = {
        "total": figures.total,
        "queued": figures.queued,
        "accepted": figures.sent,
        "refused": figures.refused,
        "bounced": figures.bounced,
        "complained": figures.complained,
        "uncertain": figures.uncertain,
        "left_out": sum(count for _, count in left_out(figures)),
    }
    return {
        "state": _sentence(sending, figures),
        "runs": figures.state == SendingState.SENDING,
        "share": figures.percent,
        "figures": {
            name: number_format(count, use_l10n=True, force_grouping=True)
            for name, count in counts.items()
        },
    }


def _sentence(sending: Sending, figures: Figures) -> str:
    match figures.state:
        case SendingState.DONE:
            ended = f" {_clock(sending.ended_at)}" if sending.ended_at else ""
            return f"Sent{ended}." if figures.total else "There was nobody to send it to."
        case SendingState.CANCELLED:
            return f"Cancelled. {sending.why}".strip()
        case SendingState.PAUSED:
            return f"Paused. {sending.why}".strip()
    if figures.troubles:
        return f"Waiting: {' '.join(figures.troubles)}"
    if not figures.rate:
        waits = figures.next_try
        if waits and waits > timezone.now():
            return f"What was put off is tried again {_clock(waits)}."
        return "Begun; the first letters are being handed over."
    rate = figures.rate
    said = f"{rate:,.0f} letters a second" if rate >= 1 else f"{rate * 60:,.0f} letters a minute"
    if figures.ends_at is None:
        return f"{said}."
    return f"{said}; at this pace it ends {_clock(figures.ends_at)}."


def _clock(moment: datetime) -> str:
    local = localtime(moment)
    if local.date() == localtime().date():
        return f"at {formatted(local, 'H:i:s')}"
    return formatted(local, "j F, H:i")


# -- steering -------------------------------------------------------------------------------------


@require_POST
def steer(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause, resume or cancel; or send again what is in doubt."""
    _permitted(request, STEER)
    one = get_object_or_404(Sending, pk=pk)
    who = request.user.get_username()
    match request.POST.get("verb"):
        case "pause":
            done = pause(pk, why=f"Paused by {who}.")
            said = "Paused: what is under way is finished, and nothing more begins."
        case "resume":
            done, said = resume(pk), "It goes on."
        case "cancel":
            cancel(pk, why=f"Cancelled by {who}.")
            done, said = True, "Cancelled: who has no letter yet gets none."
        case "again":
            done, said = _again(request, one)
        case _:
            done, said = False, ""
    if said and done:
        messages.success(request, said)
    elif said:
        messages.warning(request, "It stands otherwise by now; look at what the page says.")
    return redirect("newsletters_sending", pk)


def _again(request: HttpRequest, sending: Sending) -> tuple[bool, str]:
    wanted = {int(one) for one in request.POST.getlist("delivery") if one.isdigit()}
    doubtful = [one.pk for one in named(sending, DeliveryState.UNCERTAIN) if one.pk in wanted]
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
        running = Sending.objects.filter(state=SendingState.SENDING).select_related("edition")
        return {"running": [(one, title_of(one), watched(one)) for one in running[:5]]}
