"""What the two boxes of the account said becomes consent, and the database holds its ledger."""

from django.db import migrations

LETTERS = {"newsletter": "wants_newsletter", "daily-review": "wants_daily_review"}
UNDATED = "Taken back in the account before this was written down; the day is not known."

SQLITE = [
    f"""CREATE TRIGGER members_consententry_{verb.lower()} BEFORE {verb} ON members_consententry
    BEGIN SELECT RAISE(ABORT, 'The ledger of consent is only added to.'); END"""
    for verb in ("UPDATE", "DELETE")
]
POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION members_consententry_only_added_to() RETURNS trigger AS $$
    BEGIN RAISE EXCEPTION 'The ledger of consent is only added to.'; END $$
    LANGUAGE plpgsql""",
    """CREATE TRIGGER members_consententry_kept BEFORE UPDATE OR DELETE ON members_consententry
    FOR EACH ROW EXECUTE FUNCTION members_consententry_only_added_to()""",
]


def write_down(apps, schema_editor):
    """Everybody said yes by joining; who unticked a box afterwards took it back, on a day that
    nobody kept. Many members: by statements of the database's own."""
    with schema_editor.connection.cursor() as cursor:
        for letter, box in LETTERS.items():
            cursor.execute(
                "INSERT INTO members_consent (member_id, letter, given, at) "
                f"SELECT id, %s, {box}, joined_at FROM members_member ORDER BY id",
                [letter],
            )
            entry = 'INSERT INTO members_consententry (member, letter, given, "by", proof, at) '
            cursor.execute(
                entry + "SELECT id, %s, %s, 'joining', '', joined_at FROM members_member "
                "ORDER BY id",
                [letter, True],
            )
            cursor.execute(
                entry + "SELECT id, %s, %s, 'account', %s, joined_at FROM members_member "
                f"WHERE NOT {box} ORDER BY id",
                [letter, False, UNDATED],
            )


def hold_the_ledger(apps, schema_editor):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("members", "0003_consent")]

    operations = [
        migrations.RunPython(write_down, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(hold_the_ledger, migrations.RunPython.noop),
    ]
