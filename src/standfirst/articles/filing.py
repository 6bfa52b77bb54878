"""Sections, topics, regions and authors in the newsroom.

What is filed under one of them may be a tenth of the archive, so nothing here looks through it: how
many articles it holds says its shelf, and which they are, the list of articles.
"""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from wagtail.admin.ui.components import MediaContainer
from wagtail.snippets.side_panels import SnippetStatusSidePanel
from wagtail.snippets.views.snippets import (
    DeleteView,
    EditView,
    IndexView,
    SnippetViewSet,
    SnippetViewSetGroup,
    UsageView,
)

from standfirst.articles.models import Article, Author, Byline, Filed, Region, Section, Topic
from standfirst.articles.on_shelves import shelf_of


class Use:
    """How much is filed under something, and whether that keeps it from being deleted."""

    def __init__(self, subject: Filed) -> None:
        self._subject = subject

    def count(self) -> int:
        """Published articles; where there are none, 1 if a draft needs it."""
        return shelf_of(self._subject).count or int(self.is_protected)

    @cached_property
    def is_protected(self) -> bool:
        if isinstance(self._subject, Section):
            return Article.objects.filter(section=self._subject).exists()
        if isinstance(self._subject, Author):
            return Byline.objects.filter(author=self._subject).exists()
        return False


class _Index(IndexView):  # type: ignore[misc]
    """One deletes them one at a time: for many at once Wagtail reads all that is filed there."""

    @cached_property
    def columns(self) -> list[Any]:
        return [column for column in super().columns if column.name != "bulk_actions"]


class _Status(SnippetStatusSidePanel):  # type: ignore[misc]
    def get_usage_context(self) -> dict[str, Any]:
        count = Use(self.object).count()
        text = f"{count:,} article" if count == 1 else f"{count:,} articles"
        return {"usage_count": count, "usage_url": self.usage_url, "usage_url_text": text}


class _Edit(EditView):  # type: ignore[misc]
    def get_side_panels(self) -> MediaContainer:
        status = _Status(
            self.object,
            self.request,
            usage_url=self.get_usage_url(),
            history_url=self.get_history_url(),
            last_updated_info=self.get_last_updated_info(),
        )
        return MediaContainer([status])


class _Delete(DeleteView):  # type: ignore[misc]
    def get_usage(self) -> Use:
        return Use(self.object)


class _Usage(UsageView):  # type: ignore[misc]
    """Which articles: the list of articles says it, the newest first."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        query = urlencode({self.object.kind: self.object.pk})
        return redirect(f"{reverse('articles:index')}?{query}")


class _Filed(SnippetViewSet):  # type: ignore[misc]
    search_backend_name = None
    search_fields = ["name"]
    list_display = ["name", "slug"]
    list_per_page = 50
    copy_view_enabled = False
    index_view_class = _Index
    edit_view_class = _Edit
    delete_view_class = _Delete
    usage_view_class = _Usage


class Topics(_Filed):
    model = Topic
    icon = "tag"


class Regions(_Filed):
    model = Region
    icon = "globe"


class Authors(_Filed):
    model = Author
    icon = "user"
    list_display = ["name", "role"]


class Sections(_Filed):
    model = Section
    icon = "folder-open-inverse"
    list_display = ["name", "terms", "position"]


class Filing(SnippetViewSetGroup):  # type: ignore[misc]
    """Everything that articles are filed under."""

    menu_label = "Filing"
    menu_name = "filing"
    menu_icon = "folder-open-inverse"
    menu_order = 400
    add_to_admin_menu = True
    items = (Topics, Regions, Authors, Sections)
