"""Newsletters in the newsroom: editions on their way, what was sent, the newsletters' settings."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path, reverse_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSetGroup

from standfirst.newsletters.newsroom import addresses, sendings, suppressions
from standfirst.newsletters.newsroom.editions import Editions
from standfirst.newsletters.newsroom.newsletters import Newsletters


class _Permitted(MenuItem):  # type: ignore[misc]
    def __init__(self, permission: str, label: str, url: Any, **more: Any) -> None:
        super().__init__(label, url, **more)
        self._permission = permission

    def is_shown(self, request: Any) -> bool:
        return bool(request.user.has_perm(self._permission))


class AllOfIt(ViewSetGroup):  # type: ignore[misc]
    menu_label = "Newsletters"
    menu_name = "newsletters"
    menu_icon = "mail"
    menu_order = 120
    items = (Editions, Newsletters)

    def get_submenu_items(self) -> list[MenuItem]:
        return [
            *super().get_submenu_items(),
            _Permitted(
                addresses.LOOK,
                "Addresses",
                reverse_lazy("newsletters_addresses"),
                name="addresses",
                icon_name="group",
                order=900,
            ),
            _Permitted(
                suppressions.LOOK,
                "No mail to",
                reverse_lazy("newsletters_suppressions"),
                name="no-mail-to",
                icon_name="no-view",
                order=910,
            ),
        ]


@hooks.register("register_admin_viewset")
def newsletters_in_the_newsroom() -> AllOfIt:
    return AllOfIt()


@hooks.register("register_admin_urls")
def what_is_sent() -> list[URLPattern]:
    return [
        path("newsletters/sent/", sendings.sendings, name="newsletters_sendings"),
        path("newsletters/sent/<int:pk>/", sendings.sending, name="newsletters_sending"),
        path("newsletters/sent/<int:pk>/do/", sendings.steer, name="newsletters_sending_steer"),
    ]


class _Sent(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: Any) -> bool:
        return bool(request.user.has_perm(sendings.LOOK))


@hooks.register("register_reports_menu_item")
def sent_in_the_menu() -> MenuItem:
    return _Sent("Sent", reverse_lazy("newsletters_sendings"), name="sent", icon_name="mail")


@hooks.register("construct_homepage_panels")
def what_runs_on_the_first_page(request: HttpRequest, panels: list[Any]) -> None:
    if request.user.has_perm(sendings.LOOK):
        panels.append(sendings.RunningNow())


# -- readers' wishes ----------------------------------------------------------------------------


@hooks.register("register_admin_urls")
def who_gets_what() -> list[URLPattern]:
    return [
        path("newsletters/addresses/", addresses.addresses, name="newsletters_addresses"),
        path(
            "newsletters/addresses/all.csv", addresses.export, name="newsletters_addresses_export"
        ),
        path(
            "newsletters/addresses/<int:pk>/", addresses.one_list, name="newsletters_addresses_one"
        ),
        path(
            "newsletters/addresses/<int:pk>/decide/",
            addresses.decide,
            name="newsletters_addresses_decide",
        ),
        path("newsletters/no-mail-to/", suppressions.suppressions, name="newsletters_suppressions"),
        path(
            "newsletters/no-mail-to/<int:pk>/",
            suppressions.lift_one,
            name="newsletters_suppressions_lift",
        ),
    ]
