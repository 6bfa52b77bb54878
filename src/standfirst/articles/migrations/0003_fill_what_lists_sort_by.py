"""The columns that lists sort by. Shelves are filled by `standfirst prepare`, with today's code."""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from standfirst.articles.rules import filed_as


def fill(apps, schema_editor):
    article, page = apps.get_model("articles", "Article"), apps.get_model("wagtailcore", "Page")
    edited = page.objects.filter(pk=OuterRef("pk")).values("latest_revision_created_at")[:1]
    article.objects.update(edited_at=Coalesce(Subquery(edited), F("published_at"), F("edited_at")))
    for name in ("Section", "Region", "Topic", "Author"):
        model = apps.get_model("articles", name)
        rows = list(model.objects.all())
        for row in rows:
            row.filed_as = filed_as(row.name)[:255]
        model.objects.bulk_update(rows, ["filed_as"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("articles", "0002_shelves"), ("wagtailcore", "0002_initial_data")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
