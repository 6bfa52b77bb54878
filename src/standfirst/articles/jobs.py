"""What the worker does for articles."""

from django.utils import timezone

from standfirst.articles import actions, sitemaps


def publish_due() -> actions.Due:
    """Publish and withdraw what is due now; the worker's tick calls it."""
    return actions.publish_due(timezone.now())


def write_sitemaps() -> int:
    """Write anew the pages of the sitemap in which something has changed."""
    return sitemaps.write_sitemaps(timezone.now())
