"""Wagtail's API of its own newsroom."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from wagtail.admin.api.views import PagesAdminAPIViewSet


class Pages(PagesAdminAPIViewSet):  # type: ignore[misc]
    """Single pages. A list of them would be for the tree in Wagtail's menu, which is not shown."""

    def listing_view(self, request: Request) -> Any:
        raise Http404("The newsroom has no list of pages here. Look in /newsroom/articles/.")
