"""The newsroom's own pages about articles: lists, names while typing, and who may read what."""

from typing import Any, ClassVar
from urllib.parse import urlencode

import django_filters
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_http_methods, require_safe
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.ui.tables.pages import PageStatusColumn, PageTitleColumn
from wagtail.admin.views.chooser import BrowseView
from wagtail.admin.views.pages.listing import ExplorableIndexView, IndexView
from wagtail.admin.viewsets.pages import PageListingViewSet, PageViewSet
from wagtail.models import Page

from standfirst.access.actions import unlock_as
from standfirst.access.rules import Preview, UnlockKind
from standfirst.articles.models import (
    TERMS,
    Article,
    ArticleIndex,
    Author,
    Byline,
    Format,
    FrontPage,
    Region,
    Section,
    Topic,
)
from standfirst.articles.on_shelves import newest, shelf_of
from standfirst.articles.why import Unknown, member_with, moment_from, why, why_then
from standfirst.members.models import Member
from standfirst.publication.clock import written

# -- lists of articles ------------------------------------------------------------------------


MOST_PAGES = 50  # of a list; who looks for older articles narrows it
IN_THE_CHOOSER = 500
LOOKED_THROUGH = 10_000  # headlines, for a word or for what no index of ours knows


def _filed(model: type[Author | Topic | Region]) -> django_filters.ModelChoiceFilter:
    return django_filters.ModelChoiceFilter(
        queryset=model.objects.all(),
        label=model.kind.capitalize(),
        widget=forms.HiddenInput,
        method="filed_under",
    )


class ArticleFilters(WagtailFilterSet):  # type: ignore[misc]
    section = django_filters.ModelChoiceFilter(
        queryset=Section.objects.all(), widget=forms.RadioSelect, empty_label="all"
    )
    live = django_filters.ChoiceFilter(
        label="State",
        field_name="state",
        choices=[("true", "published"), ("false", "not published")],
        widget=forms.RadioSelect,
        empty_label="all",
        method="in_state",
    )
    published_at = django_filters.DateFromToRangeFilter(
        field_name="desk_at", label="Publication time", widget=DateRangePickerWidget
    )
    # What follows has no index: see `_Newest.filter_queryset`.
    terms = django_filters.MultipleChoiceFilter(
        choices=TERMS,
        widget=forms.CheckboxSelectMultiple,
        label="The article's own terms",
        distinct=False,
    )
    format = django_filters.MultipleChoiceFilter(
        choices=Format.choices, widget=forms.CheckboxSelectMultiple, distinct=False
    )

    # Shown once a link from there has set it: nobody picks one of thousands from a list.
    author = _filed(Author)
    topic = _filed(Topic)
    region = _filed(Region)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("author", "topic", "region"):
            if not (self.data or {}).get(name):
                del self.filters[name]

    def filed_under(
        self, articles: QuerySet[Article], name: str, subject: Author | Topic | Region
    ) -> QuerySet[Article]:
        """The newest from its shelf, and drafts."""
        most = MOST_PAGES * Articles.list_per_page
        drafts = Article.objects.filter(state="").order_by("-desk_at", "-pk")
        latest = list(drafts.values_list("pk", flat=True)[:most])
        which = {"bylines__author" if name == "author" else f"{name}s": subject}
        here = Article.objects.filter(pk__in=latest, **which).values_list("pk", flat=True)
        return articles.filter(pk__in=[*here, *newest(shelf_of(subject), most)])

    def in_state(self, articles: QuerySet[Article], name: str, value: str) -> QuerySet[Article]:
        return articles.filter(state="live" if value == "true" else "")

    class Meta:
        model = Article
        fields: list[str] = []


COLUMNS = [
    PageTitleColumn("title", label="Headline", classname="title"),
    Column("section", width="14%"),
    Column("terms", label="Terms", accessor="effective_terms", width="10%"),
    Column(
        "published_at",
        label="Published",
        accessor=lambda article: written(article.published_at),
        sort_key="desk_at",
        width="12%",
    ),
    DateColumn("latest_revision_created_at", label="Updated", sort_key="edited_at", width="12%"),
    PageStatusColumn("status", label="Status", width="10%"),
]


class BoundedPaginator(WagtailPaginator):  # type: ignore[misc]
    """Counts no further than to the last page that it shows."""

    @cached_property
    def count(self) -> int:
        most = MOST_PAGES * self.per_page
        rows = self.object_list.order_by().values("pk")[: most + 1]
        return min(most, int(rows.count()))

    @cached_property
    def items_count_label(self) -> str:
        more = "or more " if self.count == MOST_PAGES * self.per_page else ""
        return f"{self.count:,} {more}{self.verbose_name_plural}"


class _Newest:
    """Articles by their own columns, the newest first, drafts before all.

    They lie under one page, so nothing need be asked of the page tree, which takes seconds with
    tens of thousands of them. Nor is anything sorted or counted that an index does not hold.
    """

    default_ordering = "-desk_at"
    sort_order_field = None  # nobody puts tens of thousands of articles in order by hand
    base_columns = COLUMNS
    paginator_class = BoundedPaginator

    def get_base_queryset(self) -> QuerySet[Article]:
        articles = Article.objects.select_related("section").defer_streamfields()
        articles = articles.prefetch_related("content_type", "sites_rooted_here")
        articles = articles.prefetch_workflow_states().annotate_site_root_state()
        return articles.annotate_approved_schedule()

    def get_ordering(self) -> str:
        return super().get_ordering() or self.default_ordering  # type: ignore[misc]

    def order_queryset(self, articles: QuerySet[Article]) -> QuerySet[Article]:
        column = self.ordering.lstrip("-")  # type: ignore[attr-defined]
        down = "-" if self.ordering.startswith("-") else ""  # type: ignore[attr-defined]
        return articles.order_by(f"{down}{column}", f"{down}pk")

    def filter_queryset(self, articles: QuerySet[Article]) -> QuerySet[Article]:
        """By what indexes know first; by all else only among the newest that are left then."""
        given = self.request.GET  # type: ignore[attr-defined]
        found: QuerySet[Article] = super().filter_queryset(articles)  # type: ignore[misc]
        if self.is_searching or given.get("terms") or given.get("format"):  # type: ignore[attr-defined]
            known = given.copy()
            known.pop("terms", None)
            known.pop("format", None)
            rows = ArticleFilters(known, request=self.request).qs  # type: ignore[attr-defined]
            rows = rows.order_by("-desk_at", "-pk").values_list("desk_at", flat=True)
            if last := rows[LOOKED_THROUGH : LOOKED_THROUGH + 1].first():
                found = found.filter(desk_at__gt=last)
        return found

    def search_queryset(self, articles: QuerySet[Article]) -> QuerySet[Article]:
        """Every word in the headline, or in the name of an author."""
        for word in (self.search_query or "").replace("\x00", "").split()[:8]:  # type: ignore[attr-defined]
            by = Author.objects.filter(name__icontains=word).values("pk")
            written = Byline.objects.filter(article=OuterRef("pk"), author__in=by)
            articles = articles.filter(Q(title__icontains=word) | Exists(written))
        return articles


class ArticleList(_Newest, IndexView):  # type: ignore[misc]
    """All articles, from the menu."""


class ArticleExplorer(_Newest, ExplorableIndexView):  # type: ignore[misc]
    """The same where one explores the pages."""

    @property
    def explorable_columns(self) -> list[Any]:
        return self.base_columns


class Articles(PageListingViewSet):  # type: ignore[misc]
    model = Article
    index_view_class = ArticleList
    icon = "doc-full"
    menu_label = "Articles"
    menu_name = "articles"
    menu_order = 100
    add_to_admin_menu = True
    name = "articles"
    columns = COLUMNS
    filterset_class = ArticleFilters
    list_per_page = 30


class ArticlePages(PageViewSet):  # type: ignore[misc]
    model = Article
    index_view_class = ArticleExplorer
    columns = COLUMNS
    filterset_class = ArticleFilters
    list_per_page = 30


class NoFilters(WagtailFilterSet):  # type: ignore[misc]
    class Meta:
        model = Page
        fields: list[str] = []


class _OnePage(WagtailPaginator):  # type: ignore[misc]
    @cached_property
    def count(self) -> int:
        return len(self.object_list)  # to let SQLite count it would be to read every page's id


class ExplorerAbove(ExplorableIndexView):  # type: ignore[misc]
    """What lies right below the front page: the indexes. To look for them by their path is to look
    at all articles' paths."""

    paginator_class = _OnePage

    def get_base_queryset(self) -> QuerySet[Page]:
        kinds = FrontPage.allowed_subpage_models()
        found = [kind._default_manager.order_by().values_list("pk", flat=True) for kind in kinds]
        pages = Page.objects.filter(pk__in=[pk for numbers in found for pk in numbers])
        annotated: QuerySet[Page] = self.annotate_queryset(pages)
        return annotated


class PagesAbove(PageViewSet):  # type: ignore[misc]
    """What lies above the articles. Wagtail's filters would ask every article who owns it."""

    model = ArticleIndex
    parent_models: ClassVar[list[type[Page]]] = [FrontPage]
    index_view_class = ExplorerAbove
    filterset_class = NoFilters


# -- choosing an article ----------------------------------------------------------------------


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The search beside the menu: what is looked for is an article."""
    return redirect(f"{reverse('articles:index')}?{request.GET.urlencode()}")


@require_safe
def choose_page(request: HttpRequest) -> HttpResponse:
    """Wagtail's chooser; for an article it begins where they all lie, without asking each of them
    for its parent."""
    one_kind = request.GET.get("page_type") == Article._meta.label_lower
    index = ArticleIndex.objects.first() if one_kind else None
    answer: HttpResponse = BrowseView.as_view()(request, index and index.pk)
    return answer


def to_choose_from(pages: QuerySet[Page], request: HttpRequest) -> QuerySet[Page]:
    """What a chooser shows: the articles written last, and the pages above them; a search also
    looks through the headlines of older ones."""
    searched = "q" in request.GET
    newest = Article.objects.order_by("-pk").values_list("pk", flat=True)
    if searched:
        if last := newest[LOOKED_THROUGH : LOOKED_THROUGH + 1].first():
            pages = pages.filter(pk__gt=last)
    else:
        front = FrontPage.objects.order_by().values_list("pk", flat=True)
        above = [*front, *ArticleIndex.objects.order_by().values_list("pk", flat=True)]
        pages = pages.filter(pk__in=[*above, *newest[:IN_THE_CHOOSER]])
    return pages.order_by("-pk")


# -- single pages -----------------------------------------------------------------------------


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """To the editor of the front page."""
    page = FrontPage.objects.first()
    if page is None:
        raise Http404("There is no front page yet. Run `standfirst prepare`.")
    return redirect("wagtailadmin_pages:edit", page.pk)


@require_safe
def names(request: HttpRequest, kind: str) -> JsonResponse:
    """Topics or regions whose name holds what is being typed; those that begin so stand first."""
    models: dict[str, Any] = {"topic": Topic, "region": Region}
    model = models.get(kind)
    if model is None:
        raise Http404
    typed = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    if not typed:
        return JsonResponse({"names": []})
    first = list(model.objects.filter(name__istartswith=typed)[:20])
    more = model.objects.filter(name__icontains=typed).exclude(pk__in=[one.pk for one in first])
    found = [*first, *more[: 20 - len(first)]]
    return JsonResponse({"names": [{"id": one.pk, "name": one.name} for one in found]})


@require_http_methods(["GET", "HEAD", "POST"])
def who_may_read(request: HttpRequest, article: int) -> HttpResponse:
    """Which facts decide whether a visitor, or a member given by address, reads the whole article.

    POST gives the article to that member as a gift. Members' affairs are shown only to colleagues
    who may look at members.
    """
    found = get_object_or_404(Article.objects.select_related("section"), pk=article)
    if not found.permissions_for_user(request.user).can_view_revisions():
        raise PermissionDenied
    may_look = request.user.has_perm("members.view_member")
    may_give = may_look and request.user.has_perm("access.add_unlock")
    email = request.POST.get("member") or request.GET.get("member") or ""
    member, problem, on = None, "", None
    if email and not may_look:
        raise PermissionDenied
    try:
        member = member_with(email) if email else None
        on = moment_from(request.GET["on"]) if request.GET.get("on") else None
    except Unknown as error:
        problem = str(error)
    now = timezone.now()
    if request.method == "POST":
        if not may_give:
            raise PermissionDenied
        if member:
            _give(request, found, member)
            return redirect(f"{request.path}?{urlencode({'member': member.email})}")
    explanation = None
    if not problem:
        explanation = why_then(found, member, on) if on else why(found, member, now)
    context = {
        "article": found,
        "explanation": explanation,
        "email": email,
        "on": on,
        "member": member,
        "problem": problem,
        "may_look": may_look,
        "may_give": may_give
        and on is None
        and member is not None
        and found.live
        and explanation is not None
        and isinstance(explanation.decision, Preview),
        "page_title": "Who may read this?",
        "breadcrumbs_items": [
            {"url": reverse("articles:index"), "label": "Articles"},
            {"url": reverse("wagtailadmin_pages:edit", args=[found.pk]), "label": found.title},
            {"url": "", "label": "Who may read this?"},
        ],
        "header_icon": "glasses",
    }
    status = 404 if problem else 200
    return render(request, "articles/newsroom/why.html", context, status=status)


def _give(request: HttpRequest, article: Article, member: Member) -> None:
    new = unlock_as(
        UnlockKind.GIFT,
        member,
        article.pk,
        article.title,
        now=timezone.now(),
        by=request.user,  # type: ignore[arg-type]
    )
    said = f"“{article.title}” is open to {member.email} for good."
    messages.success(request, said if new else f"{said} It was already.")
