"""The pages that letters lead to. Whoever has the link has opened the letter: nobody signs in, and
nobody is signed in by it.

The link names its member by a signature, so a form from elsewhere could do no more than whoever
wrote it knows already: these pages need neither cookie nor token (RFC 8058 forbids to ask for one).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from standfirst.members.consent import By, wanted_by
from standfirst.members.models import Member
from standfirst.members.queries import whoever_is
from standfirst.members.sign_in import too_often
from standfirst.newsletters.links import read_token
from standfirst.newsletters.preferences import (
    change,
    letter_of,
    masked,
    name_of,
    preferences_of,
    stop,
    undo,
)

View = Callable[..., HttpResponse]
ONE_CLICK = b"One-Click"


def by_link(view: View) -> View:
    """For the member whom a letter's link names, and that letter's number (None: no letter)."""

    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponse:
        named = read_token(token)
        if named is None:
            response = _shown(request, "unknown", status=404)
        elif member := whoever_is(named.member):
            response = view(request, member, named.delivery or None, token)
        else:
            response = _shown(request, "gone")
        # A forwarded letter's page is found by nobody else, and its address is told to nobody.
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Referrer-Policy"] = "no-referrer"
        return response

    methods = require_http_methods(["GET", "HEAD", "POST"])
    return csrf_exempt(never_cache(methods(answered)))


@by_link
def preferences(
    request: HttpRequest, member: Member, delivery: int | None, token: str
) -> HttpResponse:
    """Every switch of a member; a POST changes them."""
    if request.method == "POST":
        if not ratelimit.consume(request, action="mail_preferences", key=str(member.pk)):
            return too_often(request)
        done = change(member, request.POST, By.PREFERENCES, delivery=delivery, now=timezone.now())
        return redirect(f"{request.path}?done={done}")
    return _shown(
        request,
        "switches",
        address=masked(member.email),
        preferences=preferences_of(member),
        done=request.GET.get("done", ""),
    )


@by_link
def unsubscribe(
    request: HttpRequest, member: Member, delivery: int | None, token: str
) -> HttpResponse:
    """No more of the letters that this one was of. Every POST takes the consent back at once,
    whoever sends it; one with `again` gives it back. Looking changes nothing."""
    letter = letter_of(delivery) if delivery else ""
    now = timezone.now()
    context: dict[str, Any] = {
        "address": masked(member.email),
        "name": name_of(letter) if letter else "",
        "preferences_url": reverse("mail_preferences", args=[token]),
    }
    if request.method != "POST":
        wanted = wanted_by(member)
        return _shown(
            request, "off", wanted=letter in wanted if letter else bool(wanted), **context
        )
    # Read whole before it is taken apart: mail programs send it in more than one form.
    one_click = ONE_CLICK in request.body
    if not one_click and "again" in request.POST:
        if not ratelimit.consume(request, action="mail_preferences", key=str(member.pk)):
            return too_often(request)
        undo(member, request.POST.getlist("letter"), delivery=delivery, now=now)
        return redirect(f"{context['preferences_url']}?done=kept")
    by = By.ONE_CLICK if one_click else By.PREFERENCES
    taken = stop(member, letter, by, delivery=delivery, now=now)
    return _shown(request, "is_off", taken=taken, **context)


def _shown(request: HttpRequest, kind: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context = {"kind": kind, **context}
    return render(request, "newsletters/by_link.html", context, status=status)
