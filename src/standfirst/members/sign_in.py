"""Starting a session, through allauth, so that every way in ends in the same place."""

import time
from urllib.parse import urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from standfirst.members.actions import forget_what_was_not_proved
from standfirst.members.models import Member
from standfirst.publication.events import AddressConfirmed, happened

BY_MAIL = {"code", "link"}
JUST_NOW = 15 * 60
LONGEST_NEXT = 2000


def sign_in(request: HttpRequest, member: Member, *, by: str = "") -> bool:
    """Sign a member in at this browser; False for an account that was switched off.

    The session gets a new key (no fixation), and a fresh one where somebody else was signed in.
    `by` is remembered in it: `link` counts as a recent proof of the mailbox.
    """
    perform_login(request, member, email=member.email)
    signed_in = request.user.is_authenticated and request.user.pk == member.pk
    if signed_in and by:
        record_authentication(request, member, method=by)
    return signed_in


def proved_by_mail_just_now(request: HttpRequest) -> bool:
    """Did this browser sign in with a code or link from the mailbox within a quarter of an hour?"""
    earliest = time.time() - JUST_NOW
    records = get_authentication_records(request, request.user)
    return any(r.get("method") in BY_MAIL and r.get("at", 0) > earliest for r in records)


def is_ours(request: HttpRequest, url: str | None) -> bool:
    """Is this an address of this magazine, and of nobody else, that one may be sent on to?"""
    return (
        bool(url)
        and len(url or "") <= LONGEST_NEXT
        and url_has_allowed_host_and_scheme(
            url, {request.get_host()}, require_https=request.is_secure()
        )
    )


def too_often(request: HttpRequest) -> HttpResponse:
    """The page that says so, with status 429."""
    response: HttpResponse = ratelimit.respond_429(request)
    return response


def next_of(request: HttpRequest, otherwise: str = "") -> str:
    """Where the reader wanted to go on to (`next`), if that is ours."""
    wanted = request.POST.get("next") or request.GET.get("next")
    return wanted if wanted and is_ours(request, wanted) else otherwise


def next_path(request: HttpRequest, longest: int) -> str:
    """The same as a path, without host and fragment, to be remembered; "" where there is none, or
    it is too long, or a browser would take it for another's."""
    wanted = next_of(request)
    parts = urlsplit(wanted)  # which drops line ends
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    usable = path.startswith("/") and wanted.isprintable() and len(path) <= longest
    return path if usable and is_ours(request, path) else ""


def after_confirmation_by_code(
    request: HttpRequest, email_address: EmailAddress, **_: object
) -> None:
    """allauth signed someone in by a mailed code, and with it confirmed their address.

    The same rule as for links: see `actions.sign_in_by_mail`.
    """
    member = email_address.user
    if request.user != member:
        forget_what_was_not_proved(member)
    happened(AddressConfirmed(member=member.pk))
