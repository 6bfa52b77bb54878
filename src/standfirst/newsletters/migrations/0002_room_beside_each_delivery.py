"""PostgreSQL: a delivery's one change finds room on its own page.

Each row is written when the list is frozen and once more when its batch is settled. On pages filled
to the brim the second writing goes elsewhere and into the index anew: twice the work, and three and
a half times the log. The table grows no larger by it: it would hold both versions anyway.
"""

from django.db import migrations


def leave_room(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE newsletters_delivery SET (fillfactor = 50)")


class Migration(migrations.Migration):
    dependencies = [("newsletters", "0001_newsletters")]

    operations = [migrations.RunPython(leave_room, migrations.RunPython.noop)]
