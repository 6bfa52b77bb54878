"""What the first page of the newsroom says, from what is known without looking through years."""

from typing import Any

from wagtail.admin.site_summary import PagesSummaryItem
from wagtail.admin.views.home import RecentEditsPanel
from wagtail.models import Page, PageLogEntry

from standfirst.articles.models import ArticleIndex
from standfirst.publication.queries import the_publication

EDITS = 5
LOOKED_THROUGH = 100  # of a colleague's last changes; more than one may be to the same article


class ArticlesSummary(PagesSummaryItem):  # type: ignore[misc]
    """How many articles there are, as their index page knows it; Wagtail counts them each time."""

    template_name = "articles/newsroom/summary.html"

    def get_context_data(self, parent_context: dict[str, Any]) -> dict[str, Any]:
        index = ArticleIndex.objects.first()
        return {
            "root_page": index,
            "total_pages": index.numchild if index else 0,
            "site_name": the_publication().name,
        }


class LastEdits(RecentEditsPanel):  # type: ignore[misc]
    """What a colleague changed last. Wagtail sorts all that they ever changed."""

    def get_context_data(self, parent_context: dict[str, Any]) -> dict[str, Any]:
        request = parent_context["request"]
        mine = PageLogEntry.objects.filter(user=request.user).order_by("-timestamp")
        latest: dict[int, Any] = {}
        rows = mine.values_list("page_id", "timestamp", "action")[:LOOKED_THROUGH]
        for page, moment, action in rows:
            if action == "wagtail.edit":
                latest.setdefault(page, moment)
        newest = list(latest.items())[:EDITS]
        pages = Page.objects.specific().prefetch_workflow_states().annotate_approved_schedule()
        found = pages.in_bulk([page for page, _ in newest])
        edits = [(moment, found[page]) for page, moment in newest if page in found]
        return {"request": request, "last_edits": edits}
