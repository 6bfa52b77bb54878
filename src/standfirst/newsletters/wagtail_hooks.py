"""Newsletters in the newsroom: editions on their way, and the newsletters' own settings."""

from wagtail import hooks
from wagtail.admin.viewsets.base import ViewSetGroup

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
