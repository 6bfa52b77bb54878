from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("members", "0004_what_was_said")]

    operations = [
        migrations.RemoveField(model_name="member", name="wants_newsletter"),
        migrations.RemoveField(model_name="member", name="wants_daily_review"),
    ]
