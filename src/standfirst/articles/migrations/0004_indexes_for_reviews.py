from django.db import migrations


class Migration(migrations.Migration):
    """Changes no table of ours: after any migration `articles.apps` makes indexes for Wagtail's.

    This one lets a magazine that was there before get those for reviews and history.
    """

    dependencies = [("articles", "0003_fill_what_lists_sort_by")]
    operations = []
