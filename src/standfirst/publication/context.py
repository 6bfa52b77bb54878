"""What every template may say of the magazine."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from standfirst.publication.queries import the_publication


def publication(request: HttpRequest) -> dict[str, Any]:
    return {
        "publication": the_publication(),
        "base_url": settings.WAGTAILADMIN_BASE_URL,
        "demo": settings.STANDFIRST_DEMO,
    }
