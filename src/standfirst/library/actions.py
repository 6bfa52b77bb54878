"""Telling the library's indexes what has changed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Max

from standfirst.library.models import Kind, Note

KEPT = timedelta(days=7)
BATCH = 500


def note(*articles: int) -> None:
    """These articles (ids) have changed, come or gone. Part of the caller's transaction."""
    note_all(Kind.ARTICLE, articles)


def note_all(kind: Kind, subjects: Iterable[int]) -> None:
    """The same for all that is filed under something. Part of the caller's transaction."""
    rows = [Note(kind=kind, subject=subject) for subject in dict.fromkeys(subjects)]
    if len(rows) == 1:
        rows[0].save(force_insert=True)
    else:
        Note.objects.bulk_create(rows, batch_size=BATCH)


def forget_notes(now: datetime) -> int:
    """Drop notes that every running indexer has read long ago; says how many. The newest stays:
    by it an index that was left behind knows that it was. (It is rebuilt then.)"""
    newest = Note.objects.aggregate(newest=Max("pk"))["newest"] or 0
    count, _ = Note.objects.filter(at__lt=now - KEPT, pk__lt=newest).delete()
    return count
