"""Newsletters in the newsroom: editions on their way, what was sent, the newsletters' settings."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path, reverse_lazy
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSetGroup

from standfirst.newsletters.newsroom import sendings
from standfirst.newsletters.newsroom.editions import Editions
from standfirst.newsletters.newsroom.newsletters import Newsletters


class AllOfIt(ViewSetGroup):  # type: ignore[misc]
    menu_label = "Newsletters"
    menu_name = "newsletters"
    menu_icon = "mail"
    menu_order = 120
    items = (Editions, Newsletters)


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
