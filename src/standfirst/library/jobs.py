"""What the worker does for the library, beside its indexer."""

from django.utils import timezone

from standfirst.library import actions, misses


def forget_notes() -> int:
    """Drop notes of a week ago."""
    return actions.forget_notes(timezone.now())


def forget_missed() -> int:
    """Drop what nobody has missed for half a year, and the key of the week before."""
    return misses.forget_missed(timezone.now())
