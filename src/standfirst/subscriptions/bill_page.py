"""The page of a bill, made to be printed. Whoever holds its address, which is signed, may open
it."""

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from standfirst.publication.money import written
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.models.billing import IssuedBill
from standfirst.subscriptions.providers.invoice import bill_of


@require_safe
@never_cache
def bill_page(request: HttpRequest, token: str) -> HttpResponse:
    """A bill or credit note as it was sent out."""
    found = bill_of(token)
    if found is None:
        raise Http404
    return shown(request, found)


def shown(request: HttpRequest, bill: IssuedBill) -> HttpResponse:
    """The page itself, of which search engines are told nothing."""
    publication = the_publication()
    sign = -1 if bill.is_credit_note else 1

    def money(amount: int) -> str:
        return written(sign * amount, bill.currency, publication.language)

    with timezone.override(publication.zone), translation.override(publication.language):
        page = render(
            request,
            "subscriptions/bill.html",
            {
                "bill": bill,
                "publication": publication,
                "last_day": bill.period_until - timedelta(days=1),
                "net": money(bill.net),
                "tax": money(bill.tax),
                "gross": money(bill.gross),
                "paid": money(bill.paid),
                "refunded": money(bill.refunded),
            },
        )
    page["X-Robots-Tag"] = "noindex"
    page["Referrer-Policy"] = "no-referrer"
    return page
