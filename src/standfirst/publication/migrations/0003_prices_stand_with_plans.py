from django.db import migrations


class Migration(migrations.Migration):
    """What All-Access costs is told by its plans."""

    dependencies = [("publication", "0002_grace")]

    operations = [migrations.RemoveField(model_name="publication", name="all_access_price")]
