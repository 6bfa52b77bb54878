"""Withdrawing from a purchase within fourteen days: two steps, for whoever bought it, signed in or
not (Directive 2011/83/EU, articles 9 to 16, with 11a of Directive (EU) 2023/2673)."""

import logging
from typing import Any

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from standfirst.account.frame import language_of, own_page
from standfirst.members.models import Member
from standfirst.members.rules import Unusable, address_from
from standfirst.members.sign_in import too_often
from standfirst.publication.events import WithdrawalWanted, happened
from standfirst.publication.money import written
from standfirst.publication.same_origin import posts_from_here_only
from standfirst.subscriptions.actions.following import Unknown
from standfirst.subscriptions.actions.leaving import TooLate, finish, may_withdraw, withdraw
from standfirst.subscriptions.links import read_withdrawal_token
from standfirst.subscriptions.models import Ending, Subscription
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import ProviderError
from standfirst.subscriptions.queries import main_subscription, paid_and_kept
from standfirst.subscriptions.words import told

log = logging.getLogger("standfirst.account")

METHODS = ["GET", "HEAD", "POST"]
LONGEST_NAMED = 60


@own_page
def mine(request: HttpRequest, member: Member) -> HttpResponse:
    """For a member who is signed in."""
    found = main_subscription(member, timezone.now())
    if found is None:
        return redirect("my_all_access")
    return _steps(request, found, leave_to=reverse("my_all_access"))


@never_cache
@posts_from_here_only
@require_http_methods(METHODS)
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """For whoever has the link of the receipt. It signs nobody in."""
    if not ratelimit.consume(request, action="withdraw"):
        return too_often(request)
    found = read_withdrawal_token(token)
    if found is None:
        return _shown(request, "unknown", status=410)
    return _steps(request, found, leave_to="/")


@never_cache
@posts_from_here_only
@require_http_methods(METHODS)
def by_naming(request: HttpRequest) -> HttpResponse:
    """For those without either: an address with a bill's number or the day of the purchase.

    Whatever is typed, the answer is the same; a link is mailed where they fit."""
    if request.method != "POST":
        return _shown(request, "ask")
    typed = {name: request.POST.get(name, "")[:200] for name in ("email", "named")}
    typed = {name: text.replace("\0", "").strip() for name, text in typed.items()}
    try:
        email = address_from(typed["email"])
    except Unusable as error:
        return _shown(request, "ask", status=422, error=str(error), typed=typed)
    if not typed["named"]:
        sentence = "Please type the number of a bill, or the day of the purchase."
        return _shown(request, "ask", status=422, error_named=sentence, typed=typed)
    if not ratelimit.consume(request, action="withdraw_ask", key=email):
        return too_often(request)
    happened(WithdrawalWanted(email=email, named=typed["named"][:LONGEST_NAMED]))
    return _shown(request, "mailed", email=email)


def _steps(request: HttpRequest, found: Subscription, *, leave_to: str) -> HttpResponse:
    """The statement, then its confirmation; only a POST of the second declares anything."""
    now, language = timezone.now(), language_of(request)
    declared = found.endings.filter(kind=Ending.Kind.WITHDRAWN).first()
    ends, kept = may_withdraw(found, now), paid_and_kept(found)
    context: dict[str, Any] = {
        "subscription": found,
        "mine": told(found, language, now),
        "ends": ends,
        "back": written(kept, found.currency, language) if kept else "",
        "leave_to": leave_to,
    }
    if declared is None and ends is None:
        return _shown(
            request, "too_late", status=410 if request.method == "POST" else 200, **context
        )
    if declared is None and request.POST.get("step") == "confirm":
        try:
            declared = withdraw(found, now=now)
        except TooLate:
            return _shown(request, "too_late", status=410, **context)
        _finish_at_once(declared)
        return redirect(request.path)
    if declared is None:
        step = "confirm" if request.POST.get("step") == "state" else "state"
        return _shown(request, step, **context)
    return _shown(request, "done", ending=declared, **context)


def _finish_at_once(ending: Ending) -> None:
    """As a rule it is done while the reader waits; what fails is taken up by the worker."""
    try:
        finish(ending, by_name(ending.subscription.provider), now=timezone.now())
    except (ProviderError, LookupError, Unknown) as error:
        log.warning("Withdrawal %s is finished later: %s", ending.number, error)


def _shown(request: HttpRequest, kind: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context = {"kind": kind, **context}
    return render(request, "reader_account/withdraw.html", context, status=status)
