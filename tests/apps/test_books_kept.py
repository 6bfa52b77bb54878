"""The database itself holds the ledger, and what was given before there was one is in it."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from standfirst.subscriptions.actions import give_all_access
from standfirst.subscriptions.ledger_sql import POSTGRESQL, SQLITE
from standfirst.subscriptions.models import Entry, Subscription
from tests.making import make_member, make_staff

pytestmark = pytest.mark.django_db

the_migration = import_module(
    "standfirst.subscriptions.migrations.0003_the_books_are_only_added_to"
)


def test_the_database_refuses_that_an_entry_is_changed_or_taken_out() -> None:
    with connection.cursor() as cursor:
        for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[connection.vendor]:
            cursor.execute(statement)
    now = timezone.now()
    give_all_access(
        make_member(),
        starts_at=now,
        ends_at=now + timedelta(days=9),
        note="For a review",
        by=make_staff(),
        now=now,
    )
    for statement in (
        "UPDATE subscriptions_entry SET why = 'nothing'",
        "DELETE FROM subscriptions_entry",
    ):
        with (
            pytest.raises(DatabaseError, match="only added to"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert [entry.why for entry in Entry.objects.all()] == ["For a review"]
    with pytest.raises(TypeError, match="only added to"):
        Entry.objects.update(why="")
    with pytest.raises(TypeError, match="only added to"):
        Entry.objects.get().delete()


def test_what_was_given_before_there_was_a_ledger_gets_its_first_entry() -> None:
    start = timezone.now() - timedelta(days=40)
    boss = make_staff("boss@example.org")
    member = make_member()
    old = [
        Subscription.objects.create(
            member=one,
            starts_at=start,
            ends_at=start + timedelta(days=90),
            note=note,
            created_by=by,
        )
        for one, note, by in ((member, "A prize", boss), (None, "", None))
    ]
    the_migration.open_the_books(apps, None)
    found = list(Entry.objects.order_by("subscription"))
    assert [(e.subscription_id, e.member, e.change, e.by, e.why) for e in found] == [
        (old[0].pk, member.pk, "given", "boss@example.org", "A prize"),
        (old[1].pk, None, "given", "a colleague", ""),
    ]
    for one, entry in zip(old, found, strict=True):
        one.refresh_from_db()
        assert (one.begun_at, one.cancel_at) == (one.starts_at, one.ends_at)
        assert (entry.at, entry.starts_at, entry.ends_at) == (
            *(one.created_at, one.starts_at, one.ends_at),
        )
        assert entry.monthly == 0
