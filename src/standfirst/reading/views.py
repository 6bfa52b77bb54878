"""What happens when a reader opens an article, joins at its wall, or chooses it."""

from typing import Any
from urllib.parse import unquote

from allauth.core import ratelimit
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from standfirst.access.actions import Outcome, unlock_with_credit
from standfirst.access.crawlers import verified_crawler
from standfirst.access.queries import month_for_all, standing_of
from standfirst.access.rules import FullText, Preview, Reason, Wall, decide
from standfirst.articles.models import Article
from standfirst.articles.queries import article_page, find_article, published
from standfirst.members.actions import join_again
from standfirst.members.forms import JoinForm
from standfirst.members.sign_in import next_of, sign_in
from standfirst.publication.kept import true_today
from standfirst.publication.same_origin import posts_from_here_only
from standfirst.reading.actions import join_at


@require_safe
def article(request: HttpRequest, year: str, month: str, slug: str) -> HttpResponse:
    """An article: full text or preview, as `decide` says of this reader at this moment."""
    found = find_article(slug)
    address = found.get_absolute_url()
    if request.path != unquote(address):
        return redirect(address, permanent=True)
    return render_article(request, found)


def render_article(
    request: HttpRequest, found: Article, *, form: JoinForm | None = None, status: int = 200
) -> HttpResponse:
    """The page of an article for whoever is asking. `form` is a join form that had errors."""
    now = timezone.now()
    standing = standing_of(request.user, now, crawler=verified_crawler(request))
    decision = decide(found.effective_terms, standing, found.pk, now)
    context: dict[str, Any] = {
        "page": article_page(found, decision),
        "decision": decision,
        "form": form or JoinForm(),
    }
    if isinstance(decision, Preview) and decision.wall in {Wall.CHOOSE, Wall.SPENT}:
        context["credits"] = month_for_all(now)
        true_today()  # the wall names the month
    response = render(request, "articles/article.html", context, status=status)
    patch_vary_headers(response, ["Cookie"])
    patch_cache_control(response, private=True, no_cache=True)
    if decision == FullText(Reason.CRAWLER):
        response["X-Robots-Tag"] = "noarchive"  # a search engine's copy is open to everybody
    if form:  # what was typed stands in the page
        patch_cache_control(response, no_store=True)
    else:
        response.kept_as = (decision.variant, found.pk, found.effective_terms)  # type: ignore[attr-defined]
    return response


@require_safe
def join_page(request: HttpRequest) -> HttpResponse:
    """Joining away from an article."""
    if request.user.is_authenticated:
        return redirect("account")
    return render(request, "reading/join.html", {"form": JoinForm(), "next": next_of(request)})


@posts_from_here_only
@require_POST
def join(request: HttpRequest) -> HttpResponse:
    """Create a free account and open the article it was created at, in the same moment."""
    article = published().filter(pk=_number(request.POST.get("article"))).first()
    back = f"{article.get_absolute_url()}#rest" if article else next_of(request, reverse("account"))
    if request.user.is_authenticated:
        return redirect(back)
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _join_again(request, article, form, 422)
    email = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="join", key=email):
        form.add_error(None, "That was too often. Please wait some minutes and try again.")
        return _join_again(request, article, form, 429)
    member = join_at(article, email, form.cleaned_data["password"], now=timezone.now())
    if member is None:
        join_again(email, next=back)
        return render(
            request, "reading/mail_sent.html", {"email": email, "article": article}, status=202
        )
    sign_in(request, member)
    return redirect(back)


def _join_again(
    request: HttpRequest, article: Article | None, form: JoinForm, status: int
) -> HttpResponse:
    if article:
        return render_article(request, article, form=form, status=status)
    context = {"form": form, "next": next_of(request)}
    return render(request, "reading/join.html", context, status=status)


@posts_from_here_only
@require_POST
def choose(request: HttpRequest, article: int) -> HttpResponse:
    """Spend one of this month's choices on an article, then show it."""
    found = get_object_or_404(published(), pk=_number(str(article)))
    if not request.user.is_authenticated:
        return redirect_to_login(found.get_absolute_url())
    if not ratelimit.consume(request, action="choose", user=request.user):
        return render(request, "errors/too_often.html", status=429)
    choice = unlock_with_credit(
        request.user, found.pk, found.title, found.effective_terms, now=timezone.now()
    )
    anchor = "#rest" if choice.outcome in {Outcome.CHOSEN, Outcome.ALREADY_OPEN} else "#wall"
    return redirect(found.get_absolute_url() + anchor)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
