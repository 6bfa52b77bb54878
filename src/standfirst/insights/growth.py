"""How the lists of newsletters grow: who is on one now, and who came and went, from the ledger of
consent. It only reads; nothing is kept."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from standfirst.insights.drawing import Series, plot
from standfirst.insights.queries import seconds_of
from standfirst.insights.report import Asked, labels_of, shortened, span_of, whole
from standfirst.insights.rules import cut
from standfirst.members.consent import ALERTS, AT_JOINING, CHOICES
from standfirst.members.models import Consent, ConsentEntry
from standfirst.newsletters.models import Newsletter, Suppression
from standfirst.newsletters.preferences import name_of
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import start_of
from standfirst.publication.spreadsheets import csv_response

MAY = "newsletters.view_sending"


@dataclass(frozen=True, slots=True)
class Period:
    """What happened to a list in a period: `before` + `joined` - `left` = `after`."""

    before: int
    joined: int
    left: int

    @property
    def after(self) -> int:
        return self.before + self.joined - self.left


@dataclass(frozen=True, slots=True)
class Now:
    """How many are on a list at this moment, and how many of them get none of its letters."""

    on_it: int
    closed: int
    suppressed: int


def now_on(letter: str) -> Now:
    """The list as it is; whoever is both closed and suppressed counts as closed."""
    given = Consent.objects.filter(letter=letter, given=True)
    stopped = Suppression.objects.annotate(small=Lower("address"))
    open_ones = given.filter(member__is_active=True).annotate(small=Lower("member__email"))
    return Now(
        on_it=given.count(),
        closed=given.filter(member__is_active=False).count(),
        suppressed=open_ones.filter(Exists(stopped.filter(small=OuterRef("small")))).count(),
    )


def growth(letter: str, days: Sequence[date], zone: ZoneInfo) -> list[Period]:
    """What happened to a list in the periods that begin on `days` (the last one ends them), where
    the publication is."""
    bounds = [int(start_of(day, zone).timestamp()) for day in days]
    began = datetime.fromtimestamp(bounds[0], tz=UTC)
    change = Case(When(given=True, then=Value(1)), default=Value(-1), output_field=IntegerField())
    entries = ConsentEntry.objects.filter(letter=letter)
    before = entries.filter(at__lt=began).aggregate(sum=Sum(change))["sum"] or 0
    joined, left = [0] * len(days), [0] * len(days)
    for quarter, given, count in _by_quarters(letter, began, bounds[-1]):
        place = bisect_right(bounds, quarter * 900) - 1
        (joined if given else left)[place] += count
    found = []
    for place in range(len(days) - 1):
        found.append(Period(before, joined[place], left[place]))
        before = found[-1].after
    return found


def _by_quarters(letter: str, began: datetime, end: int) -> list[tuple[int, bool, int]]:
    # By quarters of an hour, since every time zone begins its days at one.
    sql = f"""
        SELECT {seconds_of("at")} / 900, given, count(*) FROM {ConsentEntry._meta.db_table}
        WHERE letter = %s AND at >= %s AND at < %s GROUP BY 1, 2
    """  # noqa: S608  our own table's name
    span = [began, datetime.fromtimestamp(end, tz=UTC)]
    moments = [connection.ops.adapt_datetimefield_value(moment) for moment in span]
    with connection.cursor() as cursor:
        cursor.execute(sql, [letter, *moments])
        return [(int(quarter), bool(given), count) for quarter, given, count in cursor.fetchall()]


def doors(letter: str, first: date, end: date, zone: ZoneInfo) -> list[tuple[str, int, int]]:
    """By which door they came and went from `first` until `end`: its words, in, out."""
    span = Q(at__gte=start_of(first, zone), at__lt=start_of(end, zone), letter=letter)
    rows = ConsentEntry.objects.filter(span).order_by().values("by", "given")
    counts: Counter[tuple[str, bool]] = Counter()
    for by, given, count in rows.annotate(many=Count("pk")).values_list("by", "given", "many"):
        counts[by, given] += count
    return [
        (door.label, counts[door.value, True], counts[door.value, False])
        for door in ConsentEntry.By
        if counts[door.value, True] or counts[door.value, False]
    ]


def first_day_of(letter: str, zone: ZoneInfo) -> date | None:
    """The day of the first word to a letter; None while there is none."""
    entries = ConsentEntry.objects.filter(letter=letter).order_by("at")
    at = entries.values_list("at", flat=True).first()
    return at.astimezone(zone).date() if at else None


def letters_there_are() -> list[str]:
    """The letters that have a list: newsletters, new choices, alerts."""
    slugs = list(Newsletter.objects.values_list("slug", flat=True)) or list(AT_JOINING)
    return [*slugs, CHOICES, ALERTS]


# -- the page -----------------------------------------------------------------------------------


@never_cache
@require_safe
def growth_of_lists(request: HttpRequest) -> HttpResponseBase:
    """Who is on each list now; of one of them a plot and a table; with `?csv` the table alone."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    form = Asked({"span": "12m", **request.GET.dict()})
    asked = form.cleaned_data if form.is_valid() else {}
    letters = letters_there_are()
    letter = request.GET.get("letter", "")
    letter = letter if letter in letters else letters[0]
    zone = the_publication().zone
    today = timezone.now().astimezone(zone).date()
    first, end, grain = span_of(asked, today, first_day_of(letter, zone))
    days = cut(first, end, grain)
    periods = growth(letter, days, zone)
    if "csv" in request.GET:
        rows = [
            ("From", "Before", "Joined", "Left", "After"),
            *(
                (day.isoformat(), one.before, one.joined, one.left, one.after)
                for day, one in zip(days, periods, strict=False)
            ),
        ]
        return csv_response(rows, f"{letter}-{days[0]}-{days[-1]}")
    labels = labels_of(days, grain)
    kept = request.GET.copy()
    kept["letter"] = letter
    context = {
        "form": form,
        "letter": letter,
        "name": name_of(letter),
        "lists": [(one, name_of(one), now_on(one)) for one in letters],
        "plots": _plots(name_of(letter), labels, periods),
        "rows": list(zip(labels, periods, strict=True))[::-1],
        "doors": doors(letter, first, end, zone),
        "grain": grain,
        "query": kept.urlencode(),
        "zone": zone.key,
        "page_title": "Growth of lists",
        "header_icon": "group",
        "breadcrumbs_items": [{"url": "", "label": "Growth of lists"}],
    }
    status = 200 if form.is_valid() else 422
    return render(request, "insights/growth.html", context, status=status)


def _plots(name: str, labels: list[str], periods: list[Period]) -> list[SafeString]:
    joined, left = sum(one.joined for one in periods), sum(one.left for one in periods)
    return [
        plot(
            f"On the list of {name}",
            f"From {periods[0].before:,} to {periods[-1].after:,}.",
            shortened(labels),
            [Series("on the list", [one.after for one in periods], 1)],
            whole,
        ),
        plot(
            "Joined and left",
            f"{joined:,} joined and {left:,} left, from {labels[0]} to {labels[-1]}.",
            shortened(labels),
            [
                Series("joined", [one.joined for one in periods], 1, columns=True),
                Series("left", [-one.left for one in periods], 3, columns=True),
            ],
            whole,
        ),
    ]
