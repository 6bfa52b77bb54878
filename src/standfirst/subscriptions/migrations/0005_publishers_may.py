"""A magazine that is set up already gets the group Publishers too; a new one's is made by
`articles.actions.set_up_magazine`. Editors may write notes about members."""

from typing import Any

from django.db import migrations

NOTES = [("members", "membernote", "view"), ("members", "membernote", "add")]
BUSINESS = [
    *NOTES,
    ("members", "member", "view"),
    ("members", "merger", "view"),
    ("members", "merger", "add"),
    ("subscriptions", "subscription", "view"),
    ("subscriptions", "subscription", "add"),
    ("subscriptions", "subscription", "change"),
    ("subscriptions", "bill", "view"),
    ("subscriptions", "entry", "view"),
]


def permit(apps: Any, schema_editor: Any) -> None:
    groups = apps.get_model("auth", "Group").objects
    editors = groups.filter(name="Editors").first()
    if editors is None or not groups.filter(name="Writers").exists():
        return  # Wagtail's own group of that name
    publishers, made = groups.get_or_create(name="Publishers")
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects

    def give(group: Any, wanted: list[tuple[str, str, str]]) -> None:
        for app, model, verb in wanted:
            kind, _ = content_types.get_or_create(app_label=app, model=model)
            called = apps.get_model(app, model)._meta.verbose_name
            permission, _ = permissions.get_or_create(
                content_type=kind,
                codename=f"{verb}_{model}",
                defaults={"name": f"Can {verb} {called}"},
            )
            group.permissions.add(permission)

    give(editors, NOTES)
    if made:
        give(publishers, BUSINESS)
        door = permissions.filter(codename="access_admin").first()
        if door:
            publishers.permissions.add(door)


class Migration(migrations.Migration):
    dependencies = [
        ('subscriptions', '0004_leaving_doubles_and_bank_transfer'),
        ("members", "0002_notes_and_mergers"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("wagtailadmin", "0001_create_admin_access_permissions"),
    ]

    operations = [migrations.RunPython(permit, migrations.RunPython.noop)]
