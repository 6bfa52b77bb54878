"""Editors of a magazine that is set up already may look after what is sold; a new one's are given
this by `articles.actions.set_up_magazine`."""

from typing import Any

from django.db import migrations


def permit(apps: Any, schema_editor: Any) -> None:
    groups = apps.get_model("auth", "Group").objects
    editors = groups.filter(name="Editors").first()
    if editors is None or not groups.filter(name="Writers").exists():
        return  # Wagtail's own group of that name
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for model in ("plan", "coupon"):
        kind, _ = content_types.get_or_create(app_label="subscriptions", model=model)
        for verb in ("add", "change", "delete"):
            permission, _ = permissions.get_or_create(
                content_type=kind,
                codename=f"{verb}_{model}",
                defaults={"name": f"Can {verb} {model}"},
            )
            editors.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0005_publishers_may"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(permit, migrations.RunPython.noop)]
