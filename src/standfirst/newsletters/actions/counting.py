"""Counting that a link of a letter was followed."""

from django.db.models import F

from standfirst.newsletters.models import Counted
from standfirst.publication.statements import transaction_in_turn


def count(link: Counted) -> None:
    """Once more."""
    with transaction_in_turn():
        Counted.objects.filter(pk=link.pk).update(times=F("times") + 1)
