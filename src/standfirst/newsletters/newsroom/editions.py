"""The newsroom's page of editions: what is in hand, what can be done with it, what was sent."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from standfirst.members.models import Member
from standfirst.newsletters.actions import editions
from standfirst.newsletters.actions.drafting import draft_today
from standfirst.newsletters.desk import hour_written, on_desk, rows, with_what_is_shown
from standfirst.newsletters.models import EditionIndex, Newsletter, Turn
from standfirst.newsletters.newsroom.sendings import LOOK
from standfirst.publication.queries import the_publication

PER_PAGE = 30
MAY_LOOK = "newsletters.view_newsletter"


def may_draft(user: Any) -> bool:
    """Whoever may add pages below the editions' index: those who write."""
    if user.is_active and user.is_superuser:
        return True
    index = EditionIndex.objects.order_by("pk").first()
    return index is not None and "add" in index.permissions_for_user(user).permissions


def may_look(user: Any) -> bool:
    return bool(user.has_perm(MAY_LOOK)) or may_draft(user)


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """Every newsletter with its next hour and the edition in hand, and the turns before."""
    if not may_look(request.user):
        raise PermissionDenied
    with timezone.override(the_publication().zone):
        now = timezone.now()
        in_hand = rows(now)
        shown = [row.current.turn.pk for row in in_hand if row.current]
        turns = with_what_is_shown(Turn.objects.exclude(pk__in=shown))
        page = Paginator(turns.order_by("-day", "newsletter"), PER_PAGE).get_page(
            request.GET.get("page")
        )
        context = {
            "rows": [(row, _buttons(row.current, request.user)) for row in in_hand],
            "past": [on_desk(turn) for turn in page],
            "list": page,
            "may_draft": may_draft(request.user),
            "may_see_sendings": request.user.has_perm(LOOK),
            "may_change": request.user.has_perm("newsletters.change_newsletter"),
            "page_title": "Editions",
            "header_icon": "mail",
            "breadcrumbs_items": [
                {"url": reverse("wagtailadmin_home"), "label": "Home"},
                {"url": "", "label": "Editions"},
            ],
        }
        return render(request, "newsletters/newsroom/desk.html", context)


def _buttons(current: Any, user: Any) -> dict[str, bool]:
    """What this colleague can do with an edition as it stands."""
    if current is None or current.edition is None:
        return {}
    may = current.edition.permissions_for_user(user)
    can_send = may.can_send()
    return {
        "edit": may.can_edit(),
        "test": may.can_edit(),
        "approve": can_send and current.may_approve,
        "hold": can_send and current.may_hold,
        "send": can_send and current.may_send,
    }


@require_POST
def draft(request: HttpRequest, newsletter: int) -> HttpResponse:
    """Draft today's edition of a newsletter now."""
    if not may_draft(request.user):
        raise PermissionDenied
    found = get_object_or_404(Newsletter, pk=newsletter)
    turn = draft_today(found, by=_who(request), now=timezone.now())
    return redirect("wagtailadmin_pages:edit", turn.edition_id)


def _approve(turn: Turn, request: HttpRequest) -> str:
    now = timezone.now()
    done = editions.approve(turn.pk, seen=request.POST.get("seen", ""), by=_who(request), now=now)
    if done.due_at and done.due_at > now:
        return f"Approved: it goes out {hour_written(done.due_at)}."
    return "Approved. Press “Send now”, and it goes out."


def _hold(turn: Turn, request: HttpRequest) -> str:
    editions.hold(turn.pk, by=_who(request), now=timezone.now())
    return "Held: it goes out only when it is approved again."


def _send(turn: Turn, request: HttpRequest) -> str:
    editions.send_now(turn.pk, by=_who(request), now=timezone.now())
    return "It is on its way, and stands on the web."


def _test(turn: Turn, request: HttpRequest) -> str:
    if turn.edition is None:
        raise editions.NotNow("There is no edition for this day. Draft it first.")
    member = _who(request)
    editions.test_to(turn.edition, member)
    return f"A test is on its way to {member.email}: one letter for each kind of reader."


_VERBS: dict[str, Callable[[Turn, HttpRequest], str]] = {
    "approve": _approve,
    "hold": _hold,
    "send": _send,
    "test": _test,
}


@require_POST
def act(request: HttpRequest, turn: int, verb: str) -> HttpResponse:
    """Approve, hold or send an edition, or mail it to oneself."""
    found = get_object_or_404(Turn.objects.select_related("edition__newsletter"), pk=turn)
    if verb not in _VERBS or found.edition is None:
        raise Http404("There is no such thing to do.")
    may = found.edition.permissions_for_user(request.user)
    if not (may.can_edit() if verb == "test" else may.can_send()):
        raise PermissionDenied
    with timezone.override(the_publication().zone):
        try:
            messages.success(request, _VERBS[verb](found, request))
        except editions.NotNow as why:
            messages.error(request, str(why))
    return redirect("newsletters_desk:index")


def _who(request: HttpRequest) -> Member:
    return request.user  # type: ignore[return-value]


class _Item(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: HttpRequest) -> bool:
        return may_look(request.user)


class Editions(ViewSet):  # type: ignore[misc]
    """What is drafted, approved, held and sent."""

    name = "newsletters_desk"
    url_prefix = "newsletters/editions"
    icon = "mail"
    menu_label = "Editions"
    menu_item_class = _Item

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", desk, name="index"),
            path("draft/<int:newsletter>/", draft, name="draft"),
            path("<int:turn>/<slug:verb>/", act, name="act"),
        ]
