"""From a plan to reading: a checkout at the provider, and the way back.

A reader has an account before paying, so that what was paid for always belongs to somebody. Nothing
that is asked here by GET begins, spends or pays: it mirrors what the provider says.
"""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from allauth.core import ratelimit
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from standfirst.members.actions import join, join_again
from standfirst.members.forms import JoinForm
from standfirst.members.models import Member
from standfirst.members.rules import Unusable, address_from
from standfirst.members.sign_in import next_path, sign_in, too_often
from standfirst.publication.same_origin import posts_from_here_only
from standfirst.subscriptions.actions.buying import (
    LONGEST_ONWARD,
    AlreadyRuns,
    NotForSale,
    begin_checkout,
    mirror_checkout,
)
from standfirst.subscriptions.models import Checkout, OfferedTo, Price, Subscription
from standfirst.subscriptions.providers import for_readers
from standfirst.subscriptions.providers.base import Progress, Provider, Refused, Unreachable
from standfirst.subscriptions.queries import subscribed_until

THANKS = "thanks"  # a cookie that a kept page's script turns into a sentence, once
# Seconds before a page that waits for a payment looks again: some six minutes in all.
PAUSES = (1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 60, 60, 60)

CLOCKS_DIFFER = timedelta(minutes=5)
SLOW = "provider-is-slow"
PATIENCE, LEFT_ALONE = 2.0, 8  # seconds

RUNS = {
    "active": "You have All-Access already, so nothing was bought a second time.",
    "past_due": (
        "You have All-Access already, and its last payment is still open. Rather than buy it a "
        "second time, look at your card here."
    ),
    "paused": (
        "You have All-Access already; it is paused. Rather than buy it a second time, go on with "
        "it here."
    ),
    "cancelled": (
        "You have All-Access already, until the day on which it ends. Rather than buy it a second "
        "time, keep it here."
    ),
}


# -- to the provider ----------------------------------------------------------------------------


@never_cache
@posts_from_here_only
@require_POST
def buy(request: HttpRequest, price: int) -> HttpResponse:
    """Begin a checkout for a price and lead to where it is paid.

    Fields: `next` (the path to read on at), from visitors `email`, and `confirmed` for plans that
    are not for everybody.
    """
    onward = next_path(request, LONGEST_ONWARD)
    provider = for_readers()
    wanted = Price.objects.select_related("plan").filter(pk=price).first()
    if provider is None or wanted is None:
        return _said(request, "not_for_sale", 404, onward=onward)
    asked = {"onward": onward, "price": wanted, "confirmed": request.POST.get("confirmed", "")}
    if wanted.plan.offered_to != OfferedTo.EVERYONE and not asked["confirmed"]:
        return _said(request, "confirm", 422, **asked)
    member = _member(request)
    if member is None:
        return _join_first(request, asked)
    return _to_pay(request, provider, member, asked)


def _join_first(request: HttpRequest, asked: dict[str, Any]) -> HttpResponse:
    """Make a visitor an account, sign them in, and have the browser post the same once more.

    So whatever becomes of the second request, the session of the first is there to stay.
    """
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _said(request, "address", 422, form=form, **asked)
    email = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="join", key=email):
        form.add_error(None, "That was too often. Please wait some minutes and try again.")
        return _said(request, "address", 429, form=form, **asked)
    member = join(email, form.cleaned_data["password"])
    if member is None:  # whoever types an address is not its owner
        join_again(email, next=plans_at(asked["onward"], asked["price"].pk))
        return _said(request, "mail_sent", 202, email=email, **asked)
    sign_in(request, member)
    return redirect(request.path, preserve_request=True)


def _to_pay(
    request: HttpRequest, provider: Provider, member: Member, asked: dict[str, Any]
) -> HttpResponse:
    if not ratelimit.consume(request, action="buy", user=member):
        return too_often(request)
    now = timezone.now()
    try:
        address_from(member.email)
        checkout = begin_checkout(provider, member, asked["price"], asked["onward"], now=now)
    except AlreadyRuns as already:
        messages.info(request, _why(already.subscription))
        return redirect("my_all_access")
    except NotForSale:
        return _said(request, "not_for_sale", 410, **asked)
    except Unreachable:
        response = _said(request, "unreachable", 503, **asked)
        response["Retry-After"] = "30"
        return response
    except (Refused, Unusable) as refused:
        by_address = isinstance(refused, Unusable) or refused.code == "email_invalid"
        return _said(request, "address_unusable" if by_address else "refused", 409, **asked)
    return redirect(checkout.url)


def _why(subscription: Subscription) -> str:
    return RUNS.get(subscription.state, RUNS["active"])


# -- back from the provider ---------------------------------------------------------------------


@never_cache
@require_safe
def bought(request: HttpRequest, checkout: str) -> HttpResponse:
    """Where the provider sends a reader back to: ask it what became of the checkout, and read.

    `checkout` is the provider's id; `n` in the query counts the looks of a page that waits.
    """
    if not ratelimit.consume(request, action="bought"):
        return too_often(request)
    provider = for_readers()
    mine = _known(provider, checkout) if provider else None
    if provider is None or mine is None:
        return _said(request, "unknown_payment", 404)
    trouble = mine.progress != Progress.PAID and not _mirrored(provider, mine)
    paid = mine.progress == Progress.PAID or _opened_meanwhile(mine)
    if request.user != mine.member:
        kind = "paid_elsewhere" if paid else "not_yours"
        return _said(request, kind, 200, here=request.path, stranger=_member(request) is not None)
    if paid:
        return _read_on(request, mine)
    if mine.progress == Progress.EXPIRED:
        return _said(request, "expired", 410, onward=mine.onward)
    return _wait(request, mine, trouble=trouble)


def _known(provider: Provider, id: str) -> Checkout | None:
    if not id.isprintable():  # PostgreSQL takes no NUL
        return None
    found = Checkout.objects.select_related("member", "price")
    return found.filter(provider=provider.name, provider_id=id).first()


def _mirrored(provider: Provider, mine: Checkout) -> bool:
    """Ask the provider; False where it could not be asked.

    One that keeps us waiting is left alone for some seconds, so that many who wait for it don't
    hold up everybody else.
    """
    if cache.get(SLOW):
        return False
    began = time.monotonic()
    try:
        mirror_checkout(provider, mine)
    except (Unreachable, Refused):
        if time.monotonic() - began > PATIENCE:
            cache.set(SLOW, 1, LEFT_ALONE)
        return False
    return True


def _opened_meanwhile(mine: Checkout) -> bool:
    """Did an event say, before the provider answered us, that this is paid?"""
    begun = Subscription.objects.filter(
        member=mine.member, provider=mine.provider, begun_at__gte=mine.created_at - CLOCKS_DIFFER
    )
    return bool(begun.filter(ends_at__gt=timezone.now()).exists())


def _read_on(request: HttpRequest, mine: Checkout) -> HttpResponse:
    """To the article, open: the middleware renews the pass in this very answer."""
    if not subscribed_until(mine.member, timezone.now()):  # it is over by now, or yet to begin
        return redirect("my_all_access")
    if not mine.onward:
        messages.success(request, "Thank you. From now on everything is open to you.")
        return redirect("my_all_access")
    response = redirect(f"{mine.onward}#rest")
    # Kept pages are the same for all, so the sentence of thanks is the browser's to show.
    response.set_cookie(THANKS, "1", max_age=120, samesite="Lax", secure=request.is_secure())
    return response


def _wait(request: HttpRequest, mine: Checkout, *, trouble: bool) -> HttpResponse:
    """A page that looks again by itself, less and less often, and gives up after some minutes."""
    given = request.GET.get("n", "")
    turn = min(int(given), len(PAUSES)) if given.isascii() and given.isdecimal() else 0
    pause = PAUSES[turn] if turn < len(PAUSES) else None
    waiting = {
        "mine": mine,
        "trouble": trouble,
        "pause": pause,
        "again": f"{request.path}?n={turn + 1}",
        "pauses": " ".join(map(str, PAUSES[turn:])),
        "plans": plans_at(mine.onward, mine.price_id),
    }
    response = render(request, "reading/waiting.html", waiting, status=503 if trouble else 202)
    if pause and trouble:
        response["Retry-After"] = str(pause)
    return response


# -- paths --------------------------------------------------------------------------------------


def plans_at(onward: str, price: int) -> str:
    """The plans page with a price ready."""
    asked = {"price": str(price), **({"next": onward} if onward else {})}
    return f"{reverse('all_access')}?{urlencode(asked)}"


def _member(request: HttpRequest) -> Member | None:
    return request.user if isinstance(request.user, Member) else None


def _said(request: HttpRequest, kind: str, status: int, **told: Any) -> HttpResponse:
    price = told.get("price")
    plans = plans_at(told.get("onward", ""), price.pk) if price else reverse("all_access")
    context = {"kind": kind, "plans": plans, **told}
    return render(request, "reading/buying.html", context, status=status)
