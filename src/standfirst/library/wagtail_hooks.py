"""The library in the newsroom: synonyms, pinned results, and what readers searched in vain."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import path, reverse
from django.utils.html import format_html
from wagtail import hooks
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet, ModelViewSetGroup

from standfirst.library.models import Missed, Pinning, Synonyms


class _Add(generic.CreateView):  # type: ignore[misc]
    """Begun with the words of a search in vain, where one comes from there."""

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "words": self.request.GET.get("words", "")[:80]}


class _OfTheLibrary(ModelViewSet):  # type: ignore[misc]
    copy_view_enabled = False
    add_to_reference_index = False
    add_view_class = _Add
    search_fields = ["words"]
    list_per_page = 50


class SynonymsList(_OfTheLibrary):
    model = Synonyms
    name = "library_synonyms"
    icon = "copy"
    menu_label = "Synonyms"
    list_display = [
        "words",
        Column(
            "one_way",
            label="Direction",
            accessor=lambda it: "from the first" if it.one_way else "both ways",
            width="16%",
        ),
        DateColumn("changed_at", label="Changed", width="14%"),
    ]


class _Pinnings(generic.IndexView):  # type: ignore[misc]
    def get_base_queryset(self) -> QuerySet[Pinning]:
        return Pinning.objects.prefetch_related("articles__article")


class PinningList(_OfTheLibrary):
    model = Pinning
    name = "library_pinned"
    icon = "thumbtack"
    menu_label = "Pinned results"
    index_view_class = _Pinnings
    list_display = [
        "words",
        Column(
            "articles",
            label="Articles",
            accessor=lambda it: "; ".join(row.article.title for row in it.articles.all()),
        ),
        Column("until", label="Until", accessor=lambda it: it.until or "", width="12%"),
    ]


class _Words(TitleColumn):  # type: ignore[misc]
    """What was searched; it leads to the search itself."""

    def __init__(self) -> None:
        super().__init__("query", label="Searched", get_url=_search, sort_key="query")


def _search(row: Missed) -> str:
    return f"{reverse('library')}?{urlencode({'q': row.query})}"


def _remedies(row: Missed) -> str:
    words = urlencode({"words": row.query})
    return format_html(
        '<a href="{}?{}">Synonyms</a> · <a href="{}?{}">Pin a result</a>',
        reverse("library_synonyms:add"),
        words,
        reverse("library_pinned:add"),
        words,
    )


class _MissedList(generic.IndexView):  # type: ignore[misc]
    any_permission_required = ["view"]
    page_title = "Not found"
    default_ordering = "-times"
    list_export = ["query", "outcome", "times", "first", "last"]

    @property
    def columns(self) -> list[Any]:
        columns = [
            _Words(),
            Column("outcome", label="Found", accessor="get_outcome_display", width="16%"),
            Column("times", label="Times", sort_key="times", width="8%"),
            Column("first", accessor=lambda row: f"{row.first:%d %b %Y}", sort_key="first"),
            Column("last", accessor=lambda row: f"{row.last:%d %b %Y}", sort_key="last"),
        ]
        if self.request.user.has_perm("library.add_synonyms"):
            columns.append(Column("remedy", label="Make", accessor=_remedies, width="18%"))
        return columns

    def get_edit_url(self, instance: Missed) -> None:
        return None


class MissedList(ModelViewSet):  # type: ignore[misc]
    """Nobody adds to it or changes it; a row can be deleted."""

    model = Missed
    name = "library_missed"
    icon = "help"
    menu_label = "Not found"
    index_view_class = _MissedList
    index_results_template_name = "library/missed_results.html"
    add_to_reference_index = False
    form_fields = ["query"]
    search_fields = ["query"]
    export_filename = "searches-without-a-result"
    list_per_page = 50

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("delete/<int:pk>/", self.delete_view, name="delete"),
        ]

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        gone = {f"{name}_url_name" for name in ("add", "edit", "history", "usage")}
        given = super().get_common_view_kwargs(**kwargs)
        return {name: None if name in gone else value for name, value in given.items()}


class Library(ModelViewSetGroup):  # type: ignore[misc]
    menu_label = "Library"
    menu_name = "library"
    menu_icon = "search"
    menu_order = 405
    items = (SynonymsList, PinningList, MissedList)


@hooks.register("register_admin_viewset")
def the_library_in_the_newsroom() -> Library:
    return Library()
