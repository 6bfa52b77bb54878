"""What every test may use."""

import gc
import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.core.management.commands import flush
from django.test import Client
from xdist.scheduler import LoadFileScheduling

# A busy machine is no fault of an example.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(trylast=True)  # pytest-django sorts too
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what asks a database is run: the rest was run with SQLite's tests.

    What takes minutes comes first, so that at the end no worker waits long for another."""
    if "DATABASE_URL" in os.environ:
        asking = [item for item in items if _asks_a_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in asking])
        items[:] = asking
    items.sort(key=lambda item: not item.get_closest_marker("attack"))


def _asks_a_database(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("django_db")) or "django_db_setup" in getattr(
        item, "fixturenames", ()
    )


def pytest_collection_finish() -> None:
    """What is loaded by now stays: not to look through it for garbage again and again makes all
    tests a tenth quicker."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


OF_THE_DEMO = {"test_buying_story", "test_review_story", "test_serving", "test_story"}


class ByServer(LoadFileScheduling):
    """Tests of one file stay with one worker, for they share servers; and so do all of the demo.

    By the files' names, since the marks of xdist 3.8 for this are lost with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the demo" if Path(file).stem in OF_THE_DEMO else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer | None:
    return ByServer(config, log) if config.getvalue("dist") == "loadfile" else None


OF_THE_PROGRAM = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def _flushing_leaves_what_no_test_makes() -> None:
    """After a test with transactions of its own all tables are emptied, but for those that would
    only be filled again with the same: which takes longer than all the rest."""

    def sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
        found = connection.introspection.django_table_names(only_existing=True, include_views=False)
        tables = [table for table in found if table not in OF_THE_PROGRAM]
        if connection.vendor == "postgresql":
            return _emptying(connection, tables)
        return list(connection.ops.sql_flush(style, tables, **options))

    flush.sql_flush = sql_flush
    flush.emit_post_migrate_signal = lambda *_: None


def _emptying(connection: Any, tables: list[str]) -> list[str]:
    """To empty the few tables that have rows; PostgreSQL takes a tenth of a second for all."""
    asked = (f"SELECT '{one}' WHERE EXISTS (SELECT FROM {one})" for one in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        filled = [table for (table,) in cursor.fetchall()]
    free = "SET LOCAL session_replication_role = replica"  # of constraints and triggers
    return [free, *(f"DELETE FROM {one}" for one in filled)] if filled else []


@pytest.fixture(autouse=True)
def _no_limits_from_the_test_before() -> None:
    """Rate limits are counted in the cache: each test begins with an empty one."""
    cache.clear()


class Browser(Client):
    """Django's test client, saying of its posts what a browser says of our own forms."""

    def __init__(self, **defaults: str) -> None:
        super().__init__(headers={"sec-fetch-site": "same-origin"}, **defaults)


@pytest.fixture
def browser() -> Browser:
    return Browser()
