"""The member's own pages. Each is for its member alone: never kept by anybody."""

import json

from allauth.account.signals import password_changed
from allauth.core import ratelimit
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from standfirst.access.queries import credits_of, standing_of
from standfirst.account.actions import Leaving, delete_account
from standfirst.account.frame import language_of, own_page, page
from standfirst.account.queries import browsers_of, everything_about, passkeys_of, shelf
from standfirst.articles.queries import published
from standfirst.library.reading_list import (
    MOST_SAVED,
    Saving,
    reading_list,
    save_for_later,
    saved_of,
    take_off,
    withdrawn_of,
)
from standfirst.members.actions import (
    ask_to_change_address,
    rename,
    set_password,
)
from standfirst.members.consent import By
from standfirst.members.forms import AddressForm, NameForm, PasswordForm
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.members.sign_in import next_of, proved_by_mail_just_now, too_often
from standfirst.newsletters.preferences import change, only_confirmed, preferences_of
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions.leaving import may_withdraw
from standfirst.subscriptions.queries import main_subscription, subscribed_until
from standfirst.subscriptions.words import told

FAREWELL_WORD = "delete"


@require_safe
@own_page
def account(request: HttpRequest, member: Member) -> HttpResponse:
    """Credits left, when new ones come, All-Access, and a reminder to confirm the address."""
    now = timezone.now()
    mine = main_subscription(member, now)
    return page(
        request,
        "overview",
        mine=told(mine, language_of(request), now) if mine else None,
        credits=credits_of(member, now),
        verified=is_verified(member),
        letters_wait=only_confirmed(),
        subscribed_until=subscribed_until(member, now),
        latest=shelf(member, the_publication())[:3],
    )


@require_safe
@own_page
def shelf_page(request: HttpRequest, member: Member) -> HttpResponse:
    """Every article the member unlocked."""
    now = timezone.now()
    found = shelf(member, the_publication())
    return page(request, "shelf", shelf=[(item, item.is_open(now)) for item in found])


@require_safe
@own_page
def chosen(request: HttpRequest, member: Member) -> HttpResponse:
    """The rows that the `spent` wall shows: what this member chose this month."""
    context = {"chosen": credits_of(member, timezone.now()).chosen}
    return render(request, "reader_account/chosen.html", context)


@own_page
def newsletters(request: HttpRequest, member: Member) -> HttpResponse:
    """Which letters the member wants, and what they follow."""
    if request.method == "POST":
        done = change(member, request.POST, By.ACCOUNT, delivery=None, now=timezone.now())
        return redirect(f"{reverse('my_newsletters')}?done={done}")
    return page(
        request,
        "newsletters",
        preferences=preferences_of(member),
        done=request.GET.get("done", ""),
    )


# -- what they saved for later ---------------------------------------------------------------


@require_safe
@own_page
def reading_list_page(request: HttpRequest, member: Member) -> HttpResponse:
    """What the member saved, with what they can open of it now, and what was just taken off."""
    now = timezone.now()
    found, rows = reading_list(member, standing_of(member, now), request.GET.get("page"), now)
    taken = _number(request.GET.get("taken"))
    return page(
        request,
        "reading_list",
        list=found,
        rows=rows,
        withdrawn=withdrawn_of(member),
        taken=published().filter(pk=taken).defer("body").first() if taken else None,
    )


@require_safe
@own_page
def saved_ids(request: HttpRequest, member: Member) -> HttpResponse:
    """Which articles the member saved, for the buttons on pages that are the same for all."""
    return JsonResponse({"saved": saved_of(member)})


@own_page
def save(request: HttpRequest, member: Member, article: int) -> HttpResponse:
    """Save an article for later. A GET, to which one comes back from logging in, asks first."""
    found = get_object_or_404(published().defer("body"), pk=_number(str(article)))
    if request.method != "POST":
        return page(request, "save", article=found, on_list=found.pk in saved_of(member))
    outcome = save_for_later(member, found, timezone.now())
    sentence = f"“{found.title}” is on your list."
    if outcome is Saving.FULL:
        sentence = (
            f"Your list holds {MOST_SAVED} articles, as many as it can. "
            "Take one off, and there is room for another."
        )
    if request.headers.get("Accept") == "application/json":
        status = 409 if outcome is Saving.FULL else 200
        return JsonResponse({"sentence": sentence}, status=status)
    if outcome is Saving.FULL:
        messages.error(request, sentence)
    elif back := next_of(request):
        return redirect(back)
    else:
        messages.success(request, sentence)
    return redirect("reading_list")


@own_page
def unsave(request: HttpRequest, member: Member, article: int) -> HttpResponse:
    """Take an article off the list; a look at the address only leads there."""
    if request.method != "POST" or not take_off(member, _number(str(article))):
        return redirect("reading_list")
    return redirect(f"{reverse('reading_list')}?taken={article}")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


# -- who the member is, and how they come in -------------------------------------------------


@own_page
def sign_in_methods(request: HttpRequest, member: Member) -> HttpResponse:
    """Name, address, password, passkeys, browsers. A POST sets the name."""
    form = NameForm(request.POST if request.method == "POST" else {"name": member.name})
    if request.method == "POST" and form.is_valid():
        rename(member, form.cleaned_data["name"])
        messages.success(request, "Your name is kept.")
        return redirect("sign_in_methods")
    return page(
        request,
        "sign_in",
        status=422 if request.method == "POST" else 200,
        form=form,
        verified=is_verified(member),
        passkeys=passkeys_of(member),
        browsers=len(browsers_of(member, request.session.session_key)),
    )


@own_page
def address(request: HttpRequest, member: Member) -> HttpResponse:
    """Change the address. The present one stays until the new one is confirmed."""
    form = AddressForm(member, request.POST if request.method == "POST" else None)
    status, mailed_to = 200, ""
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif not ratelimit.consume(request, action="change_address", user=member):
            return too_often(request)
        else:
            mailed_to = form.cleaned_data["email"]
            ask_to_change_address(member, mailed_to)
    verified = is_verified(member)
    return page(
        request, "address", status=status, form=form, mailed_to=mailed_to, verified=verified
    )


@sensitive_post_parameters()
@own_page
def password(request: HttpRequest, member: Member) -> HttpResponse:
    """Set, change or remove the password; whoever just came in by mail need not know the old."""
    has_one = member.has_usable_password()
    ask_present = has_one and not proved_by_mail_just_now(request)
    form = PasswordForm(
        member, request.POST if request.method == "POST" else None, ask_present=ask_present
    )
    removing = "remove" in request.POST
    if removing:
        del form.fields["new"]
    status = 200
    if request.method == "POST":
        if not ratelimit.consume(request, action="change_password", user=member):
            return too_often(request)
        if form.is_valid():
            set_password(member, None if removing else form.cleaned_data["new"])
            update_session_auth_hash(request, member)
            # The list of browsers follows the session's new key.
            password_changed.send(sender=Member, request=request, user=member)
            messages.success(
                request,
                "Your password is removed. You log in with a code by mail."
                if removing
                else "Your password is set. Every other browser is logged out.",
            )
            return redirect("sign_in_methods")
        status = 422
        if removing:
            form.fields["new"] = PasswordForm.base_fields["new"]
    return page(request, "password", status=status, form=form, has_one=has_one)


@own_page
def sessions(request: HttpRequest, member: Member) -> HttpResponse:
    """The browsers that are signed in. A POST signs out all but this one."""
    if request.method == "POST":
        end_other_sessions(request, member)
        messages.success(request, "You are logged out everywhere but here.")
        return redirect("usersessions_list")
    return page(
        request,
        "sessions",
        browsers=browsers_of(member, request.session.session_key),
    )


# -- taking everything away ------------------------------------------------------------------


@require_safe
@own_page
def data(request: HttpRequest, member: Member) -> HttpResponse:
    """What is held about the member, to take away, and the way out."""
    return page(request, "data")


@require_safe
@own_page
def download(request: HttpRequest, member: Member) -> HttpResponse:
    """All that is held about the member, as JSON."""
    text = json.dumps(everything_about(member), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
    response = HttpResponse(text + "\n", content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@own_page
def delete(request: HttpRequest, member: Member) -> HttpResponse:
    """Delete the account: the page says what goes and what the law keeps."""
    error = ""
    if request.method == "POST":
        if request.POST.get("word", "").strip().lower() != FAREWELL_WORD:
            error = f"Nothing was deleted. To go on, type the word “{FAREWELL_WORD}”."
        elif delete_account(member) is Leaving.LAST_SUPERUSER:
            error = (
                "You are the last one who may do everything in the newsroom. "
                "Give that right to a colleague first."
            )
        else:
            logout(request)
            return render(request, "members/said.html", {"sentence": FAREWELL, "onward": "/"})
    now = timezone.now()
    mine = main_subscription(member, now)
    return page(
        request,
        "delete",
        status=422 if error else 200,
        error=error,
        word=FAREWELL_WORD,
        subscribed_until=subscribed_until(member, now),
        mine=told(mine, language_of(request), now) if mine else None,
        withdrawal_ends=may_withdraw(mine, now) if mine else None,
        has_subscriptions=member.subscriptions.exists(),
    )


FAREWELL = "Your account is deleted, and you are logged out everywhere. A last mail confirms it."


@require_safe
def password_instead(request: HttpRequest) -> HttpResponse:
    """allauth's two password pages: ours is one."""
    return redirect("password")
