"""The report in the newsroom. It only reads; nothing is kept."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from standfirst.insights.report import ALL, Asked, Report, Table, report
from standfirst.publication.money import decimals, written
from standfirst.publication.queries import the_publication
from standfirst.publication.spreadsheets import csv_response

MAY = "subscriptions.view_entry"


@never_cache
@require_safe
def subscribers_and_revenue(request: HttpRequest) -> HttpResponseBase:
    """Tables and plots of a span; with `?csv=` one table of it to take away."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    form = Asked({"span": "12m", **request.GET.dict()})
    publication = the_publication()
    asked = form.cleaned_data if form.is_valid() else {}
    found = report(asked, publication.zone, timezone.now(), publication.language)
    if wanted := request.GET.get("csv"):
        return _csv(found, wanted)
    kept = request.GET.copy()
    kept.pop("csv", None)
    context = {
        "form": form,
        "report": found,
        "all": ALL,
        "tables": [(table, _as_read(table, publication.language)) for table in found.tables],
        "query": kept.urlencode(),
        "zone": publication.zone.key,
        "page_title": "Subscribers and revenue",
        "header_icon": "table",
        "breadcrumbs_items": [{"url": "", "label": "Subscribers and revenue"}],
    }
    status = 200 if form.is_valid() else 422
    return render(request, "insights/report.html", context, status=status)


_MONEY = {"MRR", "Each", "Taken", "Given back", "Kept"}


def _as_read(table: Table, language: str) -> list[list[str]]:
    """The rows as a person reads them, the newest first where they follow in time."""
    rows = []
    for row in table.rows:
        cells = []
        for head, value in zip(table.heads, row, strict=True):
            if value is None:
                cells.append("–")
            elif head in _MONEY:
                cells.append(written(value, table.money_in, language))
            else:
                cells.append(f"{value:,}" if isinstance(value, int) else value)
        rows.append(cells)
    return rows if table.heads[0] else rows[::-1]


def _csv(found: Report, wanted: str) -> HttpResponseBase:
    """Dates as ISO writes them, money as a number with its currency beside it, shares without %."""
    table = next((one for one in found.tables if one.key == wanted), None)
    if table is None:
        raise Http404("There is no such table in this time.")
    in_time = not table.heads[0]
    heads = ["From", *table.heads[1:]] if in_time else list(table.heads)
    heads += ["Currency"] if table.money_in else []

    def rows():  # type: ignore[no-untyped-def]
        yield heads
        for number, row in enumerate(table.rows):
            cells = [
                _number(head, value, table.money_in)
                for head, value in zip(table.heads, row, strict=True)
            ]
            if in_time:
                cells[0] = found.days[number].isoformat()
            yield [*cells, *([table.money_in] if table.money_in else [])]

    days = found.days
    return csv_response(rows(), f"{table.key}-{days[0]}-{days[-1]}")


def _number(head: str, value: object, currency: str) -> object:
    if isinstance(value, int) and head in _MONEY:
        digits = decimals(currency)
        return f"{value / 10**digits:.{digits}f}"
    if isinstance(value, str) and value.endswith(" %"):
        return value.removesuffix(" %")
    return value
