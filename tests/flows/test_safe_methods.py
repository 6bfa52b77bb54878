"""Safe methods change nothing (RFC 9110, 9.2.1): every GET and HEAD, as every kind of reader."""

import hashlib
from typing import Any

import pytest
from django.db import connection

from standfirst.newsletters.models import MailSettings
from tests.cast import Magazine, Reader, make_cast
from tests.walker import addresses

pytestmark = [pytest.mark.django_db, pytest.mark.attack]

# Not about any reader: sizes of pictures that were drawn for the first time, Wagtail's notes that
# an editor was here and has a form open, the session's own bookkeeping (a passkey's challenge),
# how often was searched (a limit, like those of signing in, which a cache holds).
# Who is signed in, and how, is looked at apart.
DERIVED = {
    "wagtailimages_rendition",
    "wagtailadmin_editingsession",
    "wagtailusers_userprofile",
    "django_session",
    "library_searchcount",
}


def contents() -> dict[str, str]:
    """Every table with a digest of all its rows."""
    tables = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in DERIVED:
                continue
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = sorted(repr(row) for row in cursor.fetchall())
            tables[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return tables


@pytest.fixture
def magazine(settings: Any, tmp_path: Any) -> Magazine:
    settings.MEDIA_ROOT = tmp_path
    made = make_cast()
    MailSettings.objects.all().delete()  # what nobody has set yet is not made by a look
    return made


def test_no_get_or_head_changes_anything(magazine: Magazine) -> None:
    """By HEAD only where GET answered as to nobody before: who is given the same is on the same
    way through the same view, of which HEAD is a second look."""
    readers_pages = [a for a in addresses(magazine.props, each=2) if "/newsroom/" not in a]
    # One page of Wagtail is made to fail, for operators who try their alarms.
    newsroom = [a for a in addresses(magazine.props, each=1) if "/newsroom/" in a]
    newsroom.remove("/newsroom/failwhale/")
    assert len(readers_pages) > 100
    assert len(newsroom) > 100
    answered: set[tuple[str, int, bytes]] = set()
    for reader in magazine.readers:
        # The newsroom turns all away who are not staff, known or not.
        knocks = reader.name in {"visitor", "subscriber", "staff"}
        look_at(reader, [*readers_pages, *(newsroom if knocks else ())], answered)


def look_at(reader: Reader, start: list[str], answered: set[tuple[str, int, bytes]]) -> None:
    """Ask for all these as one reader; `answered` are the answers that were given before."""
    reader.client.raise_request_exception = False
    before = contents()
    key = reader.client.session.session_key if reader.member else None
    for address in start:
        for ask in (reader.client.get, reader.client.head):
            response = ask(address, headers={"purpose": "prefetch"})
            # Wagtail's own pages may stumble over numbers that are none; ours may not.
            assert response.status_code < 500 or "/newsroom/" in address, address
            streaming = response.streaming
            body = b"".join(response.streaming_content) if streaming else response.content
            answer = address, response.status_code, body
            if answer in answered:
                break
            answered.add(answer)
    after = contents()
    changed = {table for table in before if before[table] != after[table]}
    assert not changed, reader.name
    if reader.member:
        assert reader.client.session.session_key == key, "still signed in, in the same session"
        assert int(reader.client.session["_auth_user_id"]) == reader.member.pk
    else:
        assert "_auth_user_id" not in reader.client.session
