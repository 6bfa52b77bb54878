from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class ArticlesConfig(AppConfig):
    name = "standfirst.articles"
    label = "articles"

    def ready(self) -> None:
        from standfirst.articles.shelves import watch

        watch()
        post_migrate.connect(_index_pages, sender=self)


# What Wagtail asks of its own tables on every page of the newsroom, and has no index for. Made
# after migrations rather than in one, for SQLite makes a table anew when a migration changes it.
_INDEXES = {
    "page_root": "wagtailcore_page (path) WHERE depth = 1",
    "page_expiry": "wagtailcore_page (expire_at) WHERE expire_at IS NOT NULL",
    "page_locked": "wagtailcore_page (locked) WHERE locked",
    "review_status": "wagtailcore_workflowstate (status)",
    "review_of": "wagtailcore_workflowstate (object_id, base_content_type_id)",
    "review_task_status": "wagtailcore_taskstate (status)",
    "done_by": "wagtailcore_pagelogentry (user_id, timestamp)",
}
# There LIKE cannot use the index of paths, for it heeds no case.
_ON_SQLITE = {"page_below": "wagtailcore_page (path COLLATE NOCASE)"}


def _index_pages(using: str, **_: Any) -> None:
    connection = connections[using]
    if "wagtailcore_page" not in connection.introspection.table_names():
        return
    more = _ON_SQLITE if connection.vendor == "sqlite" else {}
    with connection.cursor() as cursor:
        for name, what in (_INDEXES | more).items():
            cursor.execute(f"CREATE INDEX IF NOT EXISTS standfirst_{name} ON {what}")
