"""The strip in the header: a readable cookie that says who is signed in, for display only."""

import json
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from standfirst.access.queries import credits_of
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.subscriptions.queries import subscribed_until

STRIP_COOKIE = "strip"


def tell_the_strip(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Keep the display-only cookie true, so that pages need hold nothing of one person.

    Nothing is ever decided from it: a forged one changes what its forger sees in the header.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "public" in response.get("Cache-Control", ""):
            return response  # a feed or a picture, kept for all: it must not carry one's name
        reader = request.user
        wanted = _strip_of(reader) if isinstance(reader, Member) else None
        present = request.COOKIES.get(STRIP_COOKIE)
        if wanted and wanted != present:
            response.set_cookie(
                STRIP_COOKIE,
                wanted,
                max_age=settings.SESSION_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                samesite="Lax",
            )
        elif not wanted and present is not None:
            response.delete_cookie(STRIP_COOKIE, samesite="Lax")
        return response

    return middleware


def _strip_of(member: Member) -> str:
    """Name, choices left (nothing for those whom choices do not concern), and whether on staff."""
    now = timezone.now()
    chooses = is_verified(member) and not subscribed_until(member, now)
    told = {
        "name": member.get_short_name()[:40],
        "left": credits_of(member, now).left if chooses else None,
        "staff": member.is_staff,
    }
    return quote(json.dumps(told, separators=(",", ":")))
