"""The migrations, as a magazine runs them, on a PostgreSQL of our own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.hosts import ROOT, TABLES
from tests.servers import postgres, postgres_programs

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        postgres_programs() is None,
        reason="PostgreSQL is not installed: apt-get install postgresql",
    ),
]
# Nobody looks a state up again, so there is nothing to collect: a fifth less time.
MIGRATE = """
import gc
gc.disable()
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""
SETUP = "import django\ndjango.setup()\n"

# What a database knows of its tables, a sentence each. Names of indexes and constraints are left
# out: Django makes them of the names that columns once had.
SHAPE = """
SELECT format('%s: %s %s%s%s', relname, attname, format_type(atttypid, atttypmod),
              CASE WHEN attnotnull THEN ' not null' END, ' default ' || pg_get_expr(adbin, adrelid))
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('%s: identity %s', table_name, column_name) FROM information_schema.columns
WHERE table_schema = 'public' AND is_identity = 'YES'
UNION ALL
SELECT format('%s: %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT format('%s: %s', tablename, regexp_replace(indexdef, 'INDEX \\S+ ON \\S+ ', 'INDEX '))
FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT format('%s: with %s', relname, unnest(reloptions)) FROM pg_class
WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('%s: trigger %s', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
"""
# What no model can say, and a migration does.
BY_HAND = {
    "members_consententry: trigger members_consententry_kept",
    "newsletters_delivery: with fillfactor=50",
    "subscriptions_entry: trigger subscriptions_entry_kept",
}
OURS = [
    "access",
    "articles",
    "library",
    "members",
    "newsletters",
    "publication",
    "reading",
    "subscriptions",
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres() as found:
        yield found


def made_by(program: str, name: str, address: str, home: Path) -> set[str]:
    """The shape of our tables in a new database, where a program has made them."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    its = address.rpartition("/")[0] + f"/{name}"
    environment = {
        **os.environ,
        "DATABASE_URL": its,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "STANDFIRST_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    subprocess.run([sys.executable, "-c", SETUP + program], env=environment, check=True)
    with psycopg.connect(its) as connection:
        known = {said for (said,) in connection.execute(SHAPE)}
    return {said for said in known if said.partition("_")[0] in OURS}


def test_on_postgresql_the_migrations_make_the_tables_that_the_tests_make_of_the_models(
    address: str, tmp_path: Path
):
    migrated = made_by(MIGRATE, "migrated", address, tmp_path)
    modelled = made_by(TABLES, "modelled", address, tmp_path)
    assert len(modelled) > 500
    assert modelled - migrated == set()
    assert migrated - modelled == BY_HAND
