"""Following a topic or an author, by the buttons of pages that are the same for all readers."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from standfirst.account.frame import View, own_page, page
from standfirst.articles.models import Author, Topic
from standfirst.members.consent import ALERTS, wanted_by
from standfirst.members.models import Member
from standfirst.newsletters.actions.following import MOST_FOLLOWED, Following
from standfirst.newsletters.actions.following import follow as follow_now
from standfirst.newsletters.preferences import follows_of

KINDS: dict[str, type[Topic] | type[Author]] = {"topic": Topic, "author": Author}


def visitors_join_first(view: View) -> View:
    """Lead whoever has no account to where one is opened, and back to this address."""

    @wraps(view)
    def with_members(request: HttpRequest, **parameters: object) -> HttpResponse:
        if isinstance(request.user, Member) or request.headers.get("Accept") == "application/json":
            return view(request, **parameters)
        return redirect(f"{reverse('join_page')}?{urlencode({'next': request.path})}")

    return with_members


@require_safe
@own_page
def follow_ids(request: HttpRequest, member: Member) -> HttpResponse:
    """What the member follows, such as `topic-7`."""
    rows = follows_of(member)
    names = [f"topic-{one.topic_id}" if one.topic_id else f"author-{one.author_id}" for one in rows]
    return JsonResponse({"followed": names})


@visitors_join_first
@own_page
def follow(request: HttpRequest, member: Member, kind: str, number: int) -> HttpResponse:
    """Follow a topic or an author. A GET, to which one comes back from joining, asks first."""
    if kind not in KINDS or number >= 1 << 63:
        raise Http404("There is nothing to follow at this address.")
    subject: Any = get_object_or_404(KINDS[kind].objects, pk=number)
    if request.method != "POST":
        known = follows_of(member).filter(**{kind: subject}).exists()
        return page(request, "follow", subject=subject, kind=kind, known=known)
    outcome = follow_now(member, subject, timezone.now())
    sentence = f"You follow {subject.name}. A mail tells you of each new article."
    if ALERTS not in wanted_by(member):
        sentence = (
            f"You follow {subject.name}, but you have switched alerts off, so no mail comes. "
            "You can switch them on here."
        )
    if outcome is Following.FULL:
        sentence = (
            f"You follow {MOST_FOLLOWED} topics and authors, as many as one can. "
            "Remove one, and there is room for another."
        )
    full = outcome is Following.FULL
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"sentence": sentence}, status=409 if full else 200)
    messages.add_message(request, messages.ERROR if full else messages.SUCCESS, sentence)
    return redirect("my_newsletters")
