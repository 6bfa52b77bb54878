"""Reports for the publisher."""

from typing import Any

from django.urls import URLPattern, path, reverse_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from standfirst.insights.growth import MAY as MAY_SEE_LISTS
from standfirst.insights.growth import growth_of_lists
from standfirst.insights.newsroom import MAY, subscribers_and_revenue


@hooks.register("register_admin_urls")
def reports_for_the_publisher() -> list[URLPattern]:
    return [
        path("reports/subscribers/", subscribers_and_revenue, name="insights_subscribers"),
        path("reports/lists/", growth_of_lists, name="insights_lists"),
    ]


class _Item(MenuItem):  # type: ignore[misc]
    may = MAY

    def is_shown(self, request: Any) -> bool:
        return bool(request.user.has_perm(self.may))


class _Lists(_Item):
    may = MAY_SEE_LISTS


@hooks.register("register_reports_menu_item")
def lists_in_the_menu() -> MenuItem:
    return _Lists(
        "Growth of lists",
        reverse_lazy("insights_lists"),
        name="growth-of-lists",
        icon_name="group",
        order=60,
    )


@hooks.register("register_reports_menu_item")
def subscribers_in_the_menu() -> MenuItem:
    return _Item(
        "Subscribers and revenue",
        reverse_lazy("insights_subscribers"),
        name="subscribers-and-revenue",
        icon_name="table",
        order=50,
    )
