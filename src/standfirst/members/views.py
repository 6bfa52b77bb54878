"""Confirming an address and signing in by mail. The other ways in are allauth's own views."""

from typing import Any
from urllib.parse import urlencode

from allauth.core import ratelimit
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from standfirst.members.actions import (
    Confirmation,
    ask_to_confirm,
    confirm_address,
    sign_in_by_mail,
)
from standfirst.members.codes import (
    ConfirmLink,
    is_code_of,
    read_confirm_token,
    read_sign_in_token,
)
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.members.sign_in import next_of, sign_in, too_often
from standfirst.publication.same_origin import posts_from_here_only

PAGE = ["GET", "HEAD", "POST"]

SENTENCES = {
    Confirmation.CONFIRMED: "Your address is confirmed.",
    Confirmation.CHANGED: "Your address is changed. From now on our mail goes to the new one.",
    Confirmation.ALREADY: "This address is confirmed already. The link has done its work.",
    Confirmation.TAKEN: "Another account has this address by now. Log in to that one instead.",
    Confirmation.GONE: "The account that this link was for does not exist any more.",
}


def _said(request: HttpRequest, sentence: str, status: int, **context: Any) -> HttpResponse:
    return render(request, "members/said.html", {"sentence": sentence, **context}, status=status)


# -- the code, typed where one joined --------------------------------------------------------


@never_cache
@posts_from_here_only
@require_http_methods(PAGE)
@login_required
def confirm_code(request: HttpRequest) -> HttpResponse:
    """A form for the code that was mailed; the right one confirms the member's address."""
    member: Any = request.user
    onward = next_of(request, reverse("account"))
    if is_verified(member):
        if request.method == "POST":
            return redirect(onward)
        return _said(request, "Your address is confirmed.", 200, onward=onward)
    if request.method != "POST":
        return _code_page(request, onward)
    if not ratelimit.consume(request, action="confirm_code", user=member):
        return _code_page(
            request,
            onward,
            error="Those were too many tries. Wait an hour, or use the link in the mail instead.",
            status=429,
        )
    typed = request.POST.get("code", "")
    if not is_code_of(member, typed[:100], timezone.now()):
        error = (
            "This is not the code in our newest mail. Look again, or have a new one sent."
            if typed.strip()
            else "Please type the code that we mailed to you."
        )
        return _code_page(request, onward, error=error, status=422, typed=typed[:20])
    confirm_address(member.pk, member.email, member.email)
    return redirect(onward)


def _code_page(
    request: HttpRequest, onward: str, *, error: str = "", status: int = 200, typed: str = ""
) -> HttpResponse:
    context = {
        "onward": onward,
        "error": error,
        "typed": typed.replace("\0", ""),
        "sent": "sent" in request.GET,
    }
    return render(request, "members/confirm_code.html", context, status=status)


@never_cache
@posts_from_here_only
@require_POST
@login_required
def send_confirmation(request: HttpRequest) -> HttpResponse:
    """Mail code and link once more."""
    member: Any = request.user
    onward = next_of(request, reverse("account"))
    if is_verified(member):
        return redirect(onward)
    if not ratelimit.consume(request, action="send_confirmation", user=member):
        return _code_page(
            request,
            onward,
            error="We mailed you several codes just now. Wait ten minutes before you ask again.",
            status=429,
        )
    ask_to_confirm(member, next=onward)
    return redirect(f"{reverse('confirm_code')}?{urlencode({'next': onward, 'sent': ''})}")


# -- links in mail: a page whose button posts ------------------------------------------------


@never_cache
@require_http_methods(PAGE)
def confirm_link(request: HttpRequest, token: str) -> HttpResponse:
    """Where a confirmation mail leads: GET asks, POST confirms the address, in any browser."""
    link = read_confirm_token(token)
    onward = next_of(request, reverse("account"))
    too_old = "This link is too old, or not complete. Log in, and have a new one sent."
    if link is None:
        return _said(request, too_old, 410, onward=onward)
    member = Member.objects.filter(pk=link.member, is_active=True).first()
    if member is None:
        return _said(request, SENTENCES[Confirmation.GONE], 410, onward="/")
    if not link.holds(member):
        return _said(request, too_old, 410, onward=onward)
    if member.email != link.present or (link.address == link.present and is_verified(member)):
        return _said(request, SENTENCES[Confirmation.ALREADY], 410, onward=onward)
    if request.method != "POST":
        context = {"link": link, "member": member, "onward": onward}
        return render(request, "members/confirm_link.html", context)
    return _confirmed(request, member, link, onward)


def _confirmed(
    request: HttpRequest, member: Member, link: ConfirmLink, onward: str
) -> HttpResponse:
    outcome = confirm_address(link.member, link.address, link.present)
    if outcome is Confirmation.CHANGED:
        return _said(request, SENTENCES[outcome], 200, onward=onward)
    if outcome is not Confirmation.CONFIRMED:
        return _said(request, SENTENCES[outcome], 410, onward=onward)
    if request.user != member:
        member.refresh_from_db()
        sign_in(request, member, by="link")
    return redirect(onward)


@never_cache
@require_http_methods(PAGE)
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Where a sign-in mail leads: GET asks, POST signs in, once."""
    onward = next_of(request, reverse("account"))
    if not ratelimit.consume(request, action="sign_in_link"):
        return too_often(request)
    member = read_sign_in_token(token)
    if member and request.method != "POST":
        return render(request, "members/sign_in_link.html", {"member": member, "onward": onward})
    if member and request.user == member and is_verified(member):
        return redirect(onward)
    if member and sign_in_by_mail(member) and sign_in(request, member, by="link"):
        return redirect(onward)
    sentence = "This link was used already, or is too old. Ask for a new one below."
    return _said(request, sentence, 410, ask_again=True, onward=onward)


# -- addresses of allauth's that we answer otherwise -----------------------------------------


@require_safe
def join_instead(request: HttpRequest) -> HttpResponse:
    """allauth's sign-up page: ours asks for less."""
    onward = next_of(request)
    return redirect(reverse("join_page") + (f"?{urlencode({'next': onward})}" if onward else ""))


@require_safe
def sign_in_instead(request: HttpRequest, **_: str) -> HttpResponse:
    """No password needs resetting: a code by mail signs in, and then a new one can be set."""
    if request.user.is_authenticated:
        return redirect("password")
    return redirect("account_login")


@require_safe
def confirm_instead(request: HttpRequest, **_: str) -> HttpResponse:
    """allauth's confirmation pages: ours has the code as well."""
    return redirect("confirm_code")


@require_safe
def passkeys_instead(request: HttpRequest) -> HttpResponse:
    """allauth's overview of second factors: here are only passkeys."""
    return redirect("mfa_list_webauthn")
