"""The newsroom's clock: times are shown and typed as they are where the magazine is."""

from contextlib import AbstractContextManager
from datetime import datetime, tzinfo

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format

from standfirst.publication.queries import the_publication


def in_newsroom_time(name: str | tzinfo | None) -> AbstractContextManager[None]:
    """Wagtail asks for the server's zone where a colleague has chosen none: the publication's."""
    zone = the_publication().zone if name == settings.TIME_ZONE else name
    return timezone.override(zone)


def day_of(moment: datetime | None) -> str:
    """The day alone, for a list with many of them; "" for none."""
    return date_format(timezone.localtime(moment), "j M Y") if moment else ""


def written(moment: datetime | None) -> str:
    """Day and time for a list in the newsroom; "" for none. Wagtail's own says “just now” of all
    that lies ahead."""
    return date_format(timezone.localtime(moment), "j M Y, H:i") if moment else ""
