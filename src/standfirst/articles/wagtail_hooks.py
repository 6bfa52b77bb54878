"""What the newsroom shows of articles: menu, lists, filing, and the question who may read what."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path, reverse, reverse_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.admin.site_summary import PagesSummaryItem
from wagtail.admin.views.home import RecentEditsPanel
from wagtail.admin.widgets.button import Button
from wagtail.documents.wagtail_hooks import DocumentsSummaryItem
from wagtail.images.models import Image
from wagtail.permissions import register_permission_policy
from wagtail.snippets.models import register_snippet

from standfirst.articles import api, first_page, newsroom
from standfirst.articles.filing import Filing
from standfirst.articles.models import Article, FrontPage
from standfirst.articles.reports import PicturePolicy
from standfirst.members.models import Member

register_snippet(Filing)
register_permission_policy(
    Image,
    PicturePolicy(Image, auth_model=Image, owner_field_name="uploaded_by_user"),
    exact_class=True,  # goes before Wagtail's own, which is registered later
)


@hooks.register("register_admin_viewset")
def lists_of_articles() -> list[Any]:
    return [
        newsroom.Articles(),
        newsroom.ArticlePages("article_pages"),
        newsroom.PagesAbove("pages_above"),
    ]


@hooks.register("register_admin_urls")
def pages_of_our_own() -> list[URLPattern]:
    return [
        path("front/", newsroom.front, name="newsroom_front"),
        path("names/<str:kind>/", newsroom.names, name="newsroom_names"),
        path("why/<int:article>/", newsroom.who_may_read, name="newsroom_why"),
    ]


class _FrontPageItem(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: Any) -> bool:
        page = FrontPage.objects.first()
        return page is not None and page.permissions_for_user(request.user).can_edit()


@hooks.register("register_admin_menu_item")
def front_page_in_the_menu() -> MenuItem:
    return _FrontPageItem(
        "Front page", reverse_lazy("newsroom_front"), name="front-page", icon_name="home", order=110
    )


@hooks.register("construct_main_menu")
def order_for_a_newsroom(request: Any, items: list[MenuItem]) -> None:
    """Articles, front page, members and subscriptions come first; a magazine keeps no documents.

    The page tree goes too: all that is in it are the front page and the articles, and to show its
    branches takes the longer, the more articles there are.
    """
    items[:] = [item for item in items if item.name not in {"documents", "explorer"}]
    for item in items:
        if item.name == "images":
            item.order = 410


@hooks.register("construct_reports_menu")
def reports_of_a_magazine(request: Any, items: list[MenuItem]) -> None:
    """Not what Wagtail says about all pages. How many there are of a type nobody asks."""
    items[:] = [item for item in items if item.name not in {"aging-pages", "page-types-usage"}]


@hooks.register("register_reports_menu_item")
def longest_unchanged() -> MenuItem:
    return MenuItem(
        "Longest unchanged",
        f"{reverse_lazy('articles:index')}?ordering=edited_at",
        name="longest-unchanged",
        icon_name="time",
        order=1100,
    )


@hooks.register("construct_admin_api")
def no_tree_of_pages(router: Any) -> None:
    router.register_endpoint("pages", api.Pages)


@hooks.register("construct_page_chooser_queryset")
def newest_first_in_choosers(pages: Any, request: Any) -> Any:
    """One links to, and puts in front, what was just written."""
    return newsroom.to_choose_from(pages, request)


@hooks.register("construct_homepage_summary_items", order=1000)  # after Wagtail's own
def what_the_first_page_counts(request: Any, items: list[Any]) -> None:
    """Articles instead of pages, and no documents."""
    items[:] = [
        first_page.ArticlesSummary(request) if isinstance(item, PagesSummaryItem) else item
        for item in items
        if not isinstance(item, DocumentsSummaryItem)
    ]


@hooks.register("construct_homepage_panels")
def what_one_changed_last(request: Any, panels: list[Any]) -> None:
    panels[:] = [
        first_page.LastEdits() if isinstance(panel, RecentEditsPanel) else panel for panel in panels
    ]


def _why(page: Any, user: Member) -> Iterator[Button]:
    if isinstance(page, Article) and page.pk and page.permissions_for_user(user).can_edit():
        yield Button(
            "Who may read this?",
            url=reverse("newsroom_why", args=[page.pk]),
            icon_name="glasses",
            priority=45,
        )


@hooks.register("register_page_header_buttons")
def why_beside_the_article(
    page: Any, user: Member, next_url: str | None = None, view_name: str = ""
) -> Iterator[Button]:
    return _why(page, user)


@hooks.register("register_page_listing_more_buttons")
def why_in_the_list(page: Any, user: Member, next_url: str | None = None) -> Iterator[Button]:
    return _why(page, user)
