"""What has changed for the hosts' page stores."""

from django.db import models


class Change(models.Model):
    """Something that made kept pages or passes untrue; written in the transaction of its cause.

    The process that caused it tells its own host at once after the commit. Every host's follower
    reads what it has not yet heard of, so that neither a kill nor another machine leaves anything
    stale. `tags` are of pages to drop (`*`: all); `member` 0 means every member.
    """

    tags = models.JSONField(default=list)
    member = models.BigIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.at}: {' '.join(self.tags) or self.member}"
