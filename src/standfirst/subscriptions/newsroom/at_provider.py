"""How what is sold stands where readers pay: the dry run, and doing it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from standfirst.subscriptions.actions.catalogue import bring_in_line, differences
from standfirst.subscriptions.providers import for_readers
from standfirst.subscriptions.providers.base import Difference, ProviderError, Unreachable

KINDS = {"plan": "Plan", "price": "Price", "intro": "Introductory price", "coupon": "Code"}


def at_the_provider(request: HttpRequest) -> HttpResponse:
    """A GET says what would be done there; a POST does it."""
    if not request.user.has_perm("subscriptions.change_plan"):
        raise PermissionDenied
    provider = for_readers()
    name = provider.name.capitalize() if provider else ""
    found: list[Difference] = []
    trouble = ""
    try:
        if provider and request.method == "POST":
            bring_in_line(provider)
            messages.success(request, f"All that is sold stands at {name} as it should.")
            return redirect("selling_at_provider:index")
        if provider:
            found = differences(provider)
    except ProviderError as error:
        trouble = _sentence(name, error)
    return render(
        request,
        "subscriptions/newsroom/at_provider.html",
        {
            "provider": provider,
            "name": name,
            "rows": [(KINDS.get(one.kind, one.kind), one.sentence) for one in found],
            "trouble": trouble,
            "page_title": f"Prices at {name}" if name else "Prices where readers pay",
            "header_icon": "globe",
            "breadcrumbs_items": [
                {"url": reverse("wagtailadmin_home"), "label": "Home"},
                {"url": "", "label": f"Prices at {name}" if name else "Prices"},
            ],
        },
        status=502 if trouble else 200,
    )


def _sentence(name: str, error: ProviderError) -> str:
    if isinstance(error, Unreachable):
        return f"{name} does not answer: {error} Try again in some minutes; it goes on from here."
    return f"{name} refused: {error} What stands there already stays."


class _MenuItem(MenuItem):  # type: ignore[misc]
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("subscriptions.change_plan"))


class AtTheProvider(ViewSet):  # type: ignore[misc]
    name = "selling_at_provider"
    icon = "globe"
    menu_label = "Prices where readers pay"
    menu_item_class = _MenuItem

    def get_urlpatterns(self) -> list[Any]:
        return [path("", at_the_provider, name="index")]
