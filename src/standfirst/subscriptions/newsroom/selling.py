"""What is said of plans, prices and codes in the newsroom's log."""

from wagtail import hooks
from wagtail.log_actions import LogActionRegistry, LogFormatter
from wagtail.models import ModelLogEntry

from standfirst.subscriptions.actions.selling import CHANGED


@hooks.register("register_log_actions")
def what_is_sold_is_logged(actions: LogActionRegistry) -> None:
    @actions.register_action(CHANGED)
    class _Changed(LogFormatter):  # type: ignore[misc]
        label = "Change what is sold"

        def format_message(self, entry: ModelLogEntry) -> str:
            return str(entry.data.get("said", "What is sold was changed."))
