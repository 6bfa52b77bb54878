"""What is sold, in the newsroom: plans with their prices, codes, and how they stand where readers
pay."""

from wagtail import hooks
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.log_actions import LogActionRegistry, LogFormatter
from wagtail.models import ModelLogEntry

from standfirst.subscriptions.actions.selling import CHANGED
from standfirst.subscriptions.newsroom.at_provider import AtTheProvider
from standfirst.subscriptions.newsroom.coupons import Coupons
from standfirst.subscriptions.newsroom.plans import Plans


class Selling(ViewSetGroup):  # type: ignore[misc]
    menu_label = "Plans"
    menu_name = "selling"
    menu_icon = "tag"
    menu_order = 215
    items = (Plans, Coupons, AtTheProvider)


@hooks.register("register_admin_viewset")
def selling_in_the_newsroom() -> Selling:
    return Selling()


@hooks.register("register_log_actions")
def what_is_sold_is_logged(actions: LogActionRegistry) -> None:
    @actions.register_action(CHANGED)
    class _Changed(LogFormatter):  # type: ignore[misc]
        label = "Change what is sold"

        def format_message(self, entry: ModelLogEntry) -> str:
            return str(entry.data.get("said", "What is sold was changed."))
