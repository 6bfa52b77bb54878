"""What was given before there was a ledger gets its first entry, and the database holds the ledger."""

from django.db import migrations
from django.db.models import F

from standfirst.subscriptions.ledger_sql import POSTGRESQL, SQLITE


def open_the_books(apps, schema_editor):
    subscriptions = apps.get_model("subscriptions", "Subscription")
    entries = apps.get_model("subscriptions", "Entry")
    subscriptions.objects.update(begun_at=F("starts_at"), cancel_at=F("ends_at"))
    for one in subscriptions.objects.select_related("created_by").iterator():
        entries.objects.create(
            subscription=one,
            member=one.member_id,
            at=one.created_at,
            change="given",
            by=one.created_by.email if one.created_by else "a colleague",
            why=one.note,
            state=one.state,
            cancel_at=one.cancel_at,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
        )


def hold_the_ledger(apps, schema_editor):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0002_plans_bills_and_the_ledger")]

    operations = [
        migrations.RunPython(open_the_books, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(hold_the_ledger, migrations.RunPython.noop),
    ]
