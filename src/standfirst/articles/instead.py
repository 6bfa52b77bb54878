"""Addresses of the newsroom at which Wagtail would look through all articles, and what is there
instead: ours, or the list of articles. Tried before Wagtail's own, whose names they keep."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, re_path, reverse
from django.views.decorators.http import require_safe
from wagtail.admin.auth import require_admin_access
from wagtail.admin.viewsets.pages import page_viewset_registry
from wagtail.models import Page
from wagtail.utils.urlpatterns import decorate_urlpatterns

from standfirst.articles import newsroom, reports
from standfirst.articles.models import Article, FrontPage

_wagtails = {
    name: page_viewset_registry.as_view(name, parent_page_id_kwarg="parent_page_id")
    for name in ("index", "index_results")
}


@require_safe
def articles(request: HttpRequest, ordering: str = "", **_: Any) -> HttpResponse:
    """To the list of articles."""
    query = f"?ordering={ordering}" if ordering else ""
    return redirect(reverse("articles:index") + query)


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """Of the tree one sees the front page; above it there is nothing to do."""
    front = FrontPage.objects.first()
    if front is None:
        raise Http404("There is no front page yet. Run `standfirst prepare`.")
    return redirect("wagtailadmin_explore", front.pk)


def explore(request: HttpRequest, parent_page_id: int, view: str = "index") -> HttpResponse:
    """What lies below a page. Below an article nothing does: its form is shown."""
    if Page.objects.filter(pk=parent_page_id, depth=1).exists():
        return root(request)
    if Article.objects.filter(pk=parent_page_id).exists():
        return redirect("wagtailadmin_pages:edit", parent_page_id)
    answer: HttpResponse = _wagtails[view](request, parent_page_id=parent_page_id)
    return answer


def _both(address: str, view: Any) -> list[Any]:
    """A list and its results alone, which Wagtail's scripts ask for."""
    return [
        path(address, view.as_view()),
        path(f"{address}results/", view.as_view(results_only=True)),
    ]


def _to_articles(address: str, **more: str) -> list[Any]:
    return [path(address, articles, more), path(f"{address}results/", articles, more)]


urlpatterns = decorate_urlpatterns(
    [
        path("pages/", root),
        path("pages/<int:parent_page_id>/", explore),
        path("pages/<int:parent_page_id>/results/", explore, {"view": "index_results"}),
        path("pages/search/", newsroom.search),
        path("pages/search/results/", newsroom.search),
        path("choose-page/", newsroom.choose_page),
        *_to_articles("pages/usage/<slug:app>/<slug:model>/"),
        *_to_articles("workflows/usage/<int:pk>/"),
        *_to_articles("reports/page-types-usage/"),
        *_to_articles("reports/aging-pages/", ordering="edited_at"),
        re_path(r"^bulk/articles/(?:article|author|section|topic|region)/", articles),
        *_both("reports/site-history/", reports.History),
        *_both("reports/locked/", reports.Locked),
        *_both("reports/workflow/", reports.Reviews),
        *_both("reports/workflow_tasks/", reports.ReviewTasks),
        *_both("workflows/list/", reports.Workflows),
        *_both("images/", reports.Pictures),
    ],
    require_admin_access,
)
