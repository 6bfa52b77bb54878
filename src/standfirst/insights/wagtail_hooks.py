"""Reports for the publisher."""

from typing import Any

from django.urls import URLPattern, path, reverse_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from standfirst.insights.newsroom import MAY, subscribers_and_revenue


@hooks.register("register_admin_urls")
def reports_for_the_publisher() -> list[URLPattern]:
    return [path("reports/subscribers/", subscribers_and_revenue, name="insights_subscribers")]


class _Item(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: Any) -> bool:
        return bool(request.user.has_perm(MAY))


@hooks.register("register_reports_menu_item")
def subscribers_in_the_menu() -> MenuItem:
    return _Item(
        "Subscribers and revenue",
        reverse_lazy("insights_subscribers"),
        name="subscribers-and-revenue",
        icon_name="table",
        order=50,
    )
