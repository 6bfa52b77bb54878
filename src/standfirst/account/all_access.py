"""What a member has of All-Access, and leaving it as easily as one joined.

The page itself asks no provider: it shows what our own tables say, also while the provider is away.
"""

import logging
from collections.abc import Callable
from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from standfirst.account.frame import language_of, own_page, page
from standfirst.members.models import Member
from standfirst.members.sign_in import too_often
from standfirst.publication.money import written
from standfirst.subscriptions.actions.following import Unknown
from standfirst.subscriptions.actions.leaving import (
    cancel,
    change_price,
    may_withdraw,
    resume,
)
from standfirst.subscriptions.models import Ending, Subscription
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import Provider, Refused, Unreachable
from standfirst.subscriptions.queries import bills_of, main_subscription, offered_instead
from standfirst.subscriptions.rules import State
from standfirst.subscriptions.words import cost, told

log = logging.getLogger("standfirst.account")

REASONS = [
    "I read too little of it.",
    "It costs too much.",
    "I miss topics that matter to me.",
    "Something did not work.",
    "I wanted it for a while only.",
]
LONGEST_REASON = 280
AWAY = (
    "Nothing was changed, as far as we know: the payment service does not answer just now. "
    "Please try again in some minutes; asking twice does no harm."
)
NOT_POSSIBLE = "Nothing was changed: this is not possible for your subscription as it stands now."


@require_safe
@own_page
def overview(request: HttpRequest, member: Member) -> HttpResponse:
    """Plan, cost, state, next payment, card, bills, and what can be done."""
    now, language = timezone.now(), language_of(request)
    mine = main_subscription(member, now)
    return page(
        request,
        "all_access",
        mine=told(mine, language, now) if mine else None,
        withdrawal_ends=may_withdraw(mine, now) if mine else None,
        withdrawn=_withdrawn(mine),
        can_change=mine is not None and _may_change(mine) and bool(offered_instead(mine)),
        open_bill=_open_bill(mine),
        bills=[
            {
                "bill": bill,
                "total": written(bill.total, bill.currency, language),
                "back": written(bill.refunded, bill.currency, language) if bill.refunded else "",
            }
            for bill in bills_of(member)
        ],
    )


def _withdrawn(mine: Subscription | None) -> Ending | None:
    return mine.endings.filter(kind=Ending.Kind.WITHDRAWN).first() if mine else None


def _open_bill(mine: Subscription | None) -> Any:
    return mine.bills.filter(status="open").exclude(page="").first() if mine else None


def _may_change(mine: Subscription) -> bool:
    return bool(mine.provider_id) and mine.state in (State.ACTIVE, State.TRIALING)


# -- what can be done -------------------------------------------------------------------------


@own_page
def cancel_page(request: HttpRequest, member: Member) -> HttpResponse:
    """What stays open until when, one question that need not be answered, and the button."""
    now = timezone.now()
    mine = main_subscription(member, now)
    if mine is None or not mine.is_running or mine.cancel_at or not mine.provider_id:
        return redirect("my_all_access")
    if request.method != "POST":
        return page(
            request,
            "all_access_cancel",
            mine=told(mine, language_of(request), now),
            reasons=REASONS,
            longest=LONGEST_REASON,
        )
    given = [request.POST.get("reason", ""), request.POST.get("words", "").strip()]
    reason = given[0] if given[0] in REASONS else ""
    words = " ".join(given[1].replace("\0", "").split())[:LONGEST_REASON]

    def do(provider: Provider) -> str:
        done = cancel(provider, mine, why=" ".join(filter(None, [reason, words])), now=now)
        if done.ends_at <= timezone.now():
            return "Your subscription is ended. Nothing more is taken."
        return "Your subscription is cancelled. Nothing more is taken."

    return _asked(request, member, mine, do)


@own_page
def resume_now(request: HttpRequest, member: Member) -> HttpResponse:
    """Go on with what was cancelled or paused. A look at the address only leads back."""
    mine = main_subscription(member, timezone.now())
    stopped = mine and (mine.cancel_at or mine.state in (State.CANCELLED, State.PAUSED))
    if request.method != "POST" or mine is None or not stopped:
        return redirect("my_all_access")

    def do(provider: Provider) -> str:
        resume(provider, mine, now=timezone.now())
        return "Good to have you. Your subscription goes on."

    return _asked(request, member, mine, do)


@own_page
def change(request: HttpRequest, member: Member) -> HttpResponse:
    """Choose among what is offered, with what it costs."""
    now, language = timezone.now(), language_of(request)
    mine = main_subscription(member, now)
    prices = offered_instead(mine) if mine and _may_change(mine) else []
    if mine is None or not prices:
        return redirect("my_all_access")
    wanted = {str(price.pk): price for price in prices}.get(request.POST.get("price", ""))
    if request.method != "POST" or wanted is None:
        offers = [
            (price, cost(price.amount, price.currency, price.interval, language))
            for price in prices
        ]
        return page(
            request,
            "all_access_change",
            status=422 if request.method == "POST" else 200,
            mine=told(mine, language, now),
            offers=offers,
            error="Choose one of these." if request.method == "POST" else "",
        )
    price = wanted

    def do(provider: Provider) -> str:
        change_price(provider, mine, price, now=now)
        now_paid = cost(price.amount, price.currency, price.interval, language)
        return f"Changed: you have {price.plan.name} for {now_paid}."

    return _asked(request, member, mine, do)


@own_page
def card(request: HttpRequest, member: Member) -> HttpResponse:
    """On to the provider's page for card, address and bills; made for a POST alone."""
    mine = main_subscription(member, timezone.now())
    if request.method != "POST" or mine is None:
        return redirect("my_all_access")
    back = request.build_absolute_uri(reverse("my_all_access"))
    leads: list[str] = []

    def do(provider: Provider) -> str:
        leads.append(provider.portal(mine.customer, back))
        return ""

    answer = _asked(request, member, mine, do)
    return redirect(leads[0]) if leads else answer


def _asked(
    request: HttpRequest, member: Member, mine: Subscription, do: Callable[[Provider], str]
) -> HttpResponse:
    """Do something at the provider and lead back to the page, which says what became of it."""
    if not ratelimit.consume(request, action="all_access", user=member):
        return too_often(request)
    try:
        if said := do(by_name(mine.provider)):
            messages.success(request, said)
    except Unreachable as error:
        log.warning("Subscription no. %s: %s", mine.pk, error)
        messages.error(request, AWAY)
    except Refused as refused:
        log.warning("Subscription no. %s: %s", mine.pk, refused)
        messages.error(request, _refused(refused))
    except (LookupError, Unknown) as error:
        log.error("Subscription no. %s cannot be changed: %s", mine.pk, error)
        messages.error(request, f"{NOT_POSSIBLE} Please write to us.")
    return redirect("my_all_access")


def _refused(refused: Refused) -> str:
    if refused.code in CARD:
        return (
            "Nothing was changed: your bank declined the payment. Look at your card, and try again."
        )
    return NOT_POSSIBLE


CARD = {
    *("card_declined", "insufficient_funds", "expired_card", "card_error"),
    *("authentication_required", "payment_intent_authentication_failure"),
    *("invoice_payment_intent_requires_action", "incorrect_cvc", "processing_error"),
}
