"""A large archive: what is asked of one in a day, and what a newsroom does to it.

`pages` and `acts` are the same for the test, which counts the database's steps, and for the
benchmark, which measures time.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone
from wagtail.images.models import Image
from wagtail.models import (
    Collection,
    Page,
    PageLogEntry,
    Revision,
    Task,
    TaskState,
    Workflow,
    WorkflowState,
)

from standfirst.articles import jobs
from standfirst.articles.models import (
    Article,
    ArticleIndex,
    Author,
    Byline,
    FrontPage,
    Region,
    Section,
    Topic,
)

TEXT = [{"type": "paragraph", "value": "<p>One.</p><p>Two.</p>", "id": "p"}]


def pages() -> dict[str, dict[str, str]]:
    """By kind ("reader" or "newsroom"): names of pages and their addresses.

    They are about the section, topic, region and author that come first, whose lists are long.
    """
    article = Article.objects.filter(live=True).order_by("pk")[50]
    section, topic = Section.objects.order_by("pk")[0], Topic.objects.order_by("pk")[0]
    region, author = Region.objects.order_by("pk")[0], Author.objects.order_by("pk")[0]
    filed = (section, topic, region, author)
    deep = 1 + (Article.objects.filter(section=section, live=True).count() - 1) // 24
    month = article.published_at or timezone.now()
    reader = {
        "article": article.get_absolute_url(),
        "front page": "/",
        **{one.kind: one.get_absolute_url() for one in filed},
        **{f"{one.kind}, page 2": f"{one.get_absolute_url()}?page=2" for one in filed},
        "section, last page": f"{section.get_absolute_url()}?page={deep}",
        **{f"feed of a {one.kind}": f"{one.get_absolute_url()}feed.xml" for one in filed},
        "feed": "/feed.xml",
        **{name: f"/{name}/" for name in ("topics", "regions", "authors", "archive", "library")},
        "month": f"/{month:%Y/%m}/",
        "sitemap": "/sitemap.xml",
        "sitemap of lists": "/sitemap-lists.xml",
        "sitemap of articles": "/sitemap-articles-1.xml",
        "sitemap of news": "/sitemap-news.xml",
        "robots": "/robots.txt",
        "all-access": "/all-access/",
        "nothing there": "/2020/01/nothing/",
    }
    index, front = ArticleIndex.objects.get().pk, FrontPage.objects.get().pk
    of_page = ["edit", "history", "delete", "unpublish", "usage", "workflow_history", "view_draft"]
    snippet = {
        f"{one.kind}, {verb}": reverse(f"wagtailsnippets_articles_{one.kind}:{verb}", args=[one.pk])
        for one in filed
        for verb in ("edit", "delete", "usage", "history")
    }
    lists = "/newsroom/articles/"
    newsroom = {
        "first page": "/newsroom/",
        "articles": lists,
        "articles, page 3": f"{lists}?p=3",
        "articles, last edited": f"{lists}?ordering=-edited_at",
        "articles, longest unchanged": f"{lists}?ordering=edited_at",
        "articles, drafts": f"{lists}?live=false",
        "articles of a section": f"{lists}?section={section.pk}",
        "articles of an author": f"{lists}?author={author.pk}",
        "articles on a topic": f"{lists}?topic={topic.pk}",
        "articles about a region": f"{lists}?region={region.pk}",
        "articles, a word": f"{lists}?q=nothing",
        "articles, terms and a word": f"{lists}?terms=open&q=nothing",
        **{
            f"article, {verb}": reverse(f"wagtailadmin_pages:{verb}", args=[article.pk])
            for verb in of_page
        },
        "article, who may read": f"/newsroom/why/{article.pk}/",
        "article, new": f"/newsroom/pages/add/articles/article/{index}/",
        "explorer": "/newsroom/pages/",
        "explorer, front page": f"/newsroom/pages/{front}/",
        "explorer, articles": f"/newsroom/pages/{index}/",
        "explorer, by hand": f"/newsroom/pages/{index}/?ordering=ord",
        "explorer, an article": f"/newsroom/pages/{article.pk}/",
        "front page, edit": f"/newsroom/pages/{front}/edit/",
        "chooser": "/newsroom/choose-page/?page_type=articles.article",
        "chooser, a word": "/newsroom/choose-page/search/?page_type=articles.article&q=nothing",
        "search": "/newsroom/pages/search/?q=nothing",
        "search, results": "/newsroom/pages/search/results/?q=nothing",
        "pages of a type": "/newsroom/pages/usage/articles/article/",
        **snippet,
        **{
            f"{one.kind}, list": reverse(f"wagtailsnippets_articles_{one.kind}:list")
            for one in filed
        },
        "authors, several to delete": f"/newsroom/bulk/articles/author/delete/?id={author.pk}",
        "names while typing": "/newsroom/names/topic/?q=a",
        "author, chooser": "/newsroom/snippets/choose/articles/author/",
        "images": "/newsroom/images/",
        "images, page 2": "/newsroom/images/?p=2",
        "images by use": "/newsroom/images/?ordering=-usage_count",
        "image, chooser": "/newsroom/images/chooser/",
        "history of all": "/newsroom/reports/site-history/",
        "history, one verb": "/newsroom/reports/site-history/?action=wagtail.publish",
        "history as a file": "/newsroom/reports/site-history/results/?export=csv",
        "locked": "/newsroom/reports/locked/",
        "reviews": "/newsroom/reports/workflow/",
        "steps of reviews": "/newsroom/reports/workflow_tasks/",
        "ageing pages": "/newsroom/reports/aging-pages/",
        "page types": "/newsroom/reports/page-types-usage/",
        "workflows": "/newsroom/workflows/list/",
        "Wagtail's API": "/newsroom/api/main/pages/",
        "Wagtail's API, one page": f"/newsroom/api/main/pages/{article.pk}/",
    }
    return {"reader": reader, "newsroom": newsroom}


def acts() -> dict[str, Callable[[], object]]:
    """What is done to one article among many, and what the worker does then; in this order."""
    article = Article.objects.filter(live=True).order_by("pk")[60]
    made: list[Article] = []

    def create() -> None:
        new = Article(
            title="A new piece",
            slug=f"new-{uuid.uuid4().hex[:8]}",
            section=article.section,
            body=[("paragraph", "<p>One.</p>")],
            live=False,
        )
        new.bylines = [Byline(author=Author.objects.order_by("pk")[0])]
        new.topics = [Topic.objects.order_by("pk")[0]]
        made.append(ArticleIndex.objects.get().add_child(instance=new))
        made[-1].save_revision().publish()

    def publish() -> None:
        one = Article.objects.get(pk=article.pk)
        one.title = f"Changed {uuid.uuid4().hex[:6]}"
        one.save_revision().publish()

    def rename() -> None:
        one = Article.objects.get(pk=article.pk)
        one.slug = f"renamed-{uuid.uuid4().hex[:8]}"
        one.save_revision().publish()

    def file_elsewhere() -> None:
        one = Article.objects.get(pk=article.pk)
        one.section = Section.objects.exclude(pk=one.section_id).first() or one.section
        one.save_revision().publish()

    def schedule() -> None:
        one = Article.objects.get(pk=made[-1].pk)
        one.unpublish()
        one.go_live_at = timezone.now() + timedelta(hours=1)
        one.save_revision(approved_go_live_at=one.go_live_at).publish()
        one.refresh_from_db()
        revision = Revision.objects.get(pk=one.latest_revision_id)
        revision.approved_go_live_at = timezone.now() - timedelta(seconds=1)
        revision.content["go_live_at"] = revision.approved_go_live_at.isoformat()
        revision.save()

    def withdraw() -> None:
        one = Article.objects.get(pk=made[-1].pk)
        assert one.live, "The worker has not published what was due."
        one.unpublish()

    def save_author() -> None:
        Author.objects.order_by("pk")[0].save()

    return {
        "create and publish": create,
        "change and publish": publish,
        "change the slug": rename,
        "file elsewhere": file_elsewhere,
        "schedule": schedule,
        "worker: publish what is due": jobs.publish_due,
        "worker: nothing is due": jobs.publish_due,
        "worker: sitemaps": jobs.write_sitemaps,
        "withdraw": withdraw,
        "delete": lambda: made.pop().delete(),
        "save an author": save_author,
    }


def add_years(articles: Sequence[Article], staff: int) -> None:
    """What lies beside articles after years: revisions, history, reviews that ended, pictures.

    `staff` is the id of who did it all.
    """
    kind, base = (ContentType.objects.get_for_model(model) for model in (Article, Page))
    index = ArticleIndex.objects.get()
    workflow, _ = Workflow.objects.get_or_create(name="Review")
    task, _ = Task.objects.get_or_create(
        name="Reading", content_type=ContentType.objects.get_for_model(Task)
    )
    collection = Collection.get_first_root_node()
    began = datetime(2026, 11, 1, tzinfo=UTC)
    revisions = Revision.objects.bulk_create(
        Revision(
            content_type=kind,
            base_content_type=base,
            object_id=str(one.pk),
            created_at=one.published_at or began,
            object_str=one.title,
            content={"pk": one.pk, "title": one.title},
            user_id=staff,
        )
        for one in articles
    )
    PageLogEntry.objects.bulk_create(
        PageLogEntry(
            content_type=kind,
            page_id=one.pk,
            label=one.title,
            action=action,
            timestamp=one.published_at or began,
            uuid=uuid.uuid4(),
            user_id=staff,
        )
        for one in articles
        if one.pk != index.pk
        for action in ("wagtail.create", "wagtail.edit", "wagtail.publish")
    )
    states = WorkflowState.objects.bulk_create(
        WorkflowState(
            content_type=kind,
            base_content_type=base,
            object_id=str(one.pk),
            workflow=workflow,
            status=WorkflowState.STATUS_APPROVED,
            requested_by_id=staff,
        )
        for one in articles
    )
    TaskState.objects.bulk_create(
        TaskState(
            workflow_state=state,
            revision=revision,
            task=task,
            status=TaskState.STATUS_APPROVED,
            content_type=ContentType.objects.get_for_model(TaskState),
        )
        for state, revision in zip(states, revisions, strict=True)
    )
    Image.objects.bulk_create(
        Image(
            title=f"Picture {one.pk}",
            file=f"pictures/{one.pk}.jpg",
            width=10,
            height=10,
            file_size=1,
            collection=collection,
            uploaded_by_user_id=staff,
        )
        for one in articles
    )
