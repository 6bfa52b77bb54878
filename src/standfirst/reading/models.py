"""What has changed for the hosts' page stores."""

import json

from django.db import connection, models
from django.utils import timezone

CHANNEL = "standfirst_change"  # of PostgreSQL's NOTIFY; its followers read at once then


class Change(models.Model):
    """Something that made kept pages or passes untrue; written in the transaction of its cause.

    The process that caused it tells its own host at once after the commit. Every host's follower
    reads what it has not yet heard of, so that neither a kill nor another machine leaves anything
    stale. A new row of the ledger says as much of its member, and needs none here. `tags` are of
    pages to drop (`*`: all); `member` 0 means every member.
    """

    tags = models.JSONField(default=list)
    member = models.BigIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.at}: {' '.join(self.tags) or self.member}"

    @classmethod
    def write(cls, tags: list[str], member: int | None) -> None:
        """Add a row. PostgreSQL tells every follower of it when the transaction is committed, one
        transaction after the other, and says what time it is."""
        values = (json.dumps(tags), member)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(_ADD_AND_TELL, values)
            else:
                at = connection.ops.adapt_datetimefield_value(timezone.now())
                cursor.execute(_ADD, (*values, at))


_ADD = f"INSERT INTO {Change._meta.db_table} (tags, member, at) VALUES (%s, %s, %s)"  # noqa: S608
_ADD_AND_TELL = f"""
WITH added AS (
    INSERT INTO {Change._meta.db_table} (tags, member, at)
    VALUES (%s, %s, STATEMENT_TIMESTAMP()) RETURNING id
)
SELECT pg_notify('{CHANNEL}', '') FROM added
"""  # noqa: S608
