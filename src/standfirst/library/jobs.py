"""What the worker does for the library, beside its indexer."""

from django.utils import timezone

from standfirst.library import actions


def forget_notes() -> int:
    """Drop notes of a week ago."""
    return actions.forget_notes(timezone.now())
