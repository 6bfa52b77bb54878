"""What all of a member's own pages have in common. Each is for its member alone: never kept by
anybody."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from standfirst.members.models import Member
from standfirst.publication.money import readers_language
from standfirst.publication.queries import the_publication
from standfirst.publication.same_origin import posts_from_here_only

View = Callable[..., HttpResponse]


def own_page(view: View) -> View:
    """For the member who is signed in, who is handed on; its forms are posted from here only."""

    @wraps(view)
    def for_member(request: HttpRequest, **parameters: Any) -> HttpResponse:
        if not isinstance(request.user, Member):
            return redirect_to_login(request.get_full_path())
        return view(request, request.user, **parameters)

    methods = require_http_methods(["GET", "HEAD", "POST"])
    return never_cache(posts_from_here_only(methods(for_member)))


def page(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A page in the account's frame, its own tab marked."""
    context = {"tab": name, "member": request.user, **context}
    return render(request, f"reader_account/{name}.html", context, status=status)


def language_of(request: HttpRequest) -> str:
    """The language by whose numbers this reader reads."""
    accepted = request.headers.get("Accept-Language", "")
    return readers_language(accepted, the_publication().language)
