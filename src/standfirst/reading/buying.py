"""From a plan to reading: a checkout at the provider, and the way back."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from standfirst.publication.same_origin import posts_from_here_only


@posts_from_here_only
@require_POST
def buy(request: HttpRequest, price: int) -> HttpResponse:
    """Begin a checkout for a price and lead to where it is paid. Fields: `next` (the path to read
    on at), and from visitors `email`."""
    return render(request, "reading/all_access.html", status=503)


@require_safe
def bought(request: HttpRequest, checkout: str) -> HttpResponse:
    """Where the provider sends a reader back to: ask it what became of the checkout, and read."""
    return render(request, "reading/all_access.html", status=503)
