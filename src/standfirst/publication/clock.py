"""The newsroom's clock: times are shown and typed as they are where the magazine is."""

from contextlib import AbstractContextManager
from datetime import tzinfo

from django.conf import settings
from django.utils import timezone

from standfirst.publication.queries import the_publication


def in_newsroom_time(name: str | tzinfo | None) -> AbstractContextManager[None]:
    """Wagtail asks for the server's zone where a colleague has chosen none: the publication's."""
    zone = the_publication().zone if name == settings.TIME_ZONE else name
    return timezone.override(zone)
