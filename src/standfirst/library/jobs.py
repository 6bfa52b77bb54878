"""What the worker does for the library, beside its indexer."""

from django.utils import timezone

from standfirst.library import actions, limits, misses


def forget_notes() -> int:
    """Drop notes of a week ago."""
    return actions.forget_notes(timezone.now())


def forget_counts() -> int:
    """Drop the counts of searches that limit nothing any more."""
    return limits.forget_counts()


def forget_missed() -> int:
    """Drop what nobody has missed for half a year, and the key of the week before."""
    return misses.forget_missed(timezone.now())
