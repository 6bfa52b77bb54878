"""The report “Subscribers and revenue”: what was asked, the tables, the plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.safestring import SafeString
from wagtail.admin.widgets import AdminDateInput

from standfirst.insights.drawing import Series, plot
from standfirst.insights.queries import Money, figures_of, first_day, moments, money
from standfirst.insights.rules import Figures, Grain, Period, cut
from standfirst.publication.money import decimals, written

ALL = "all"
SPANS = {
    "30d": "the last 30 days",
    "12m": "the last 12 months",
    "all": "everything",
    "own": "from … to …",
}
MOST_PERIODS = 750


class Asked(forms.Form):
    """Which span, in which periods, in which currency."""

    span = forms.ChoiceField(choices=list(SPANS.items()), required=False, label="Time")
    first = forms.DateField(required=False, widget=AdminDateInput, label="From")
    last = forms.DateField(required=False, widget=AdminDateInput, label="To")
    grain = forms.ChoiceField(
        choices=[("", "as fits"), *((g.value, g.value) for g in Grain)], required=False, label="By"
    )
    currency = forms.CharField(required=False, max_length=3, label="Currency")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("span") == "own" and not self.errors:
            first, last = cleaned.get("first"), cleaned.get("last")
            if not first or not last:
                raise forms.ValidationError("Say from which day to which day.")
            if last < first or first.year < 1970 or last.year > 2200:
                raise forms.ValidationError("The last day lies before the first one. Change one.")
        return cleaned


@dataclass(frozen=True, slots=True)
class Table:
    """One table with what it is called in an address, and the plots above it."""

    key: str
    title: str
    told: str
    heads: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    plots: tuple[SafeString, ...] = ()
    money_in: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows. `days` begin the periods, and end the last."""

    days: list[date]
    grain: Grain
    currency: str
    currencies: list[str]
    tables: list[Table]
    latest: dict[str, Any]
    open_until: datetime | None


def span_of(asked: dict[str, Any], today: date, began: date | None) -> tuple[date, date, Grain]:
    """First day, the day after the last one, and the length of a period."""
    end = today + timedelta(days=1)
    match asked.get("span"):
        case "30d":
            first = today - timedelta(days=29)
        case "all":
            first = (began or today).replace(day=1)
        case "own":
            first, end = asked["first"], asked["last"] + timedelta(days=1)
        case _:
            first = date(today.year - (today.month < 12), today.month % 12 + 1, 1)
    long = (end - first).days
    fits = Grain.DAY if long <= 62 else Grain.WEEK if long <= 200 else Grain.MONTH
    grain = Grain(asked["grain"]) if asked.get("grain") else fits
    most = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 28}[grain] * MOST_PERIODS
    return max(first, end - timedelta(days=most)), end, grain


def report(asked: dict[str, Any], zone: ZoneInfo, now: datetime, language: str) -> Report:
    """Work everything out. `asked` is what the form said, `zone` where the publication is."""
    today = now.astimezone(zone).date()
    first, end, grain = span_of(asked, today, first_day(zone))
    days = cut(first, end, grain)
    bounds = moments(days, zone, now)
    found = figures_of(bounds)
    taken = money(bounds)
    known = sorted({c for c in (*found.by_currency, *taken) if c})
    wish = str(asked.get("currency") or "").upper()
    currency = wish if wish in known else known[0] if len(known) == 1 else ALL
    chosen = known if currency == ALL else [currency]
    labels = labels_of(days, grain)
    periods = _chosen(found, currency, len(labels))
    open_until = now if end > today else None
    return Report(
        days=days,
        grain=grain,
        currency=currency,
        currencies=known,
        tables=[
            _subscribers(labels, periods),
            *(
                _revenue(labels, found, code, language)
                for code in chosen
                if code in found.by_currency
            ),
            _coming(labels, periods),
            _trials(labels, periods),
            _past_due(labels, periods),
            *(_money(labels, taken[code], code, language) for code in chosen if code in taken),
            _losses(found, currency),
        ],
        latest=_latest(found, chosen, periods, language),
        open_until=open_until,
    )


def _chosen(found: Figures, currency: str, many: int) -> list[Period]:
    if not found.by_currency:
        return [Period() for _ in range(many)]
    if currency == ALL:
        return found.of_all()
    given = found.by_currency.get("", [])
    mine = found.by_currency.get(currency, [Period() for _ in range(many)])
    return [_with_given(one, given[n].complimentary if given else 0) for n, one in enumerate(mine)]


def _with_given(one: Period, given: int) -> Period:
    values = {name: getattr(one, name) for name in Period.__slots__}
    return Period(**{**values, "complimentary": one.complimentary + given})


def labels_of(days: list[date], grain: Grain) -> list[str]:
    """What the periods between days are called."""
    form = "%b %Y" if grain is Grain.MONTH else "%-d %b %Y"
    return [day.strftime(form) for day in days[:-1]]


def _latest(
    found: Figures, chosen: Sequence[str], periods: list[Period], language: str
) -> dict[str, Any]:
    last = periods[-1]
    return {
        "subscribers": f"{last.subscribers:,}",
        "trialing": f"{last.trialing:,}",
        "complimentary": f"{last.complimentary:,}",
        "new": f"{sum(p.new for p in periods):,}",
        "lost": f"{sum(p.lost for p in periods):,}",
        "mrr": [
            written(found.by_currency[c][-1].mrr or 0, c, language)
            for c in chosen
            if c in found.by_currency
        ],
    }


# -- tables ------------------------------------------------------------------------------------


def whole(value: float) -> str:
    """A number as it is read."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def shortened(labels: list[str]) -> list[str]:
    """Labels for an axis: without the year, where all have one."""
    years = {label[-4:] for label in labels}
    return [label[:-5] for label in labels] if len(years) == 1 else labels


def _from_to(values: Sequence[float | None], labels: list[str], written_as: Any) -> str:
    known = [(v, label) for v, label in zip(values, labels, strict=True) if v is not None]
    if not known:
        return "There is nothing in this time."
    (a, since), (b, until) = known[0], known[-1]
    return f"From {written_as(a)} ({since}) to {written_as(b)} ({until})."


def _subscribers(labels: list[str], periods: list[Period]) -> Table:
    many = [p.subscribers for p in periods]
    title = "Subscribers"
    drawn = plot(
        title,
        _from_to(many, labels, whole),
        shortened(labels),
        [
            Series("subscribers", many, 1),
            Series("trialing", [p.trialing for p in periods], 2),
            Series("complimentary", [p.complimentary for p in periods], 4),
        ],
        whole,
    )
    return Table(
        "subscribers",
        title,
        "How many there are at the end of each period. Subscribers pay, are past due, or "
        "cancelled and read on for what they paid; others who read everything are beside them.",
        ("", "Subscribers", "Paying", "Past due", "Cancelled", "Trialing", "Complimentary"),
        [
            (
                *(label, p.subscribers, p.paying, p.past_due, p.cancelled),
                *(p.trialing, p.complimentary),
            )
            for label, p in zip(labels, periods, strict=True)
        ],
        (drawn,),
    )


def _revenue(labels: list[str], found: Figures, currency: str, language: str) -> Table:
    mrr = [p.mrr or 0 for p in found.by_currency[currency]]

    def money_of(value: float) -> str:
        return written(int(value), currency, language)

    title = f"Monthly recurring revenue, {currency}"
    drawn = plot(
        title,
        _from_to(mrr, labels, money_of),
        shortened(labels),
        [Series("MRR", mrr, 1)],
        lambda value: _axis_money(value, currency, language),
    )
    earning = [p.paying + p.past_due for p in found.by_currency[currency]]
    return Table(
        f"revenue-{currency.lower()}",
        title,
        "What paying and past due subscribers pay a month at the end of each period; a year’s "
        "price by twelve. What is cancelled is not in it. It is no money yet: that is told below.",
        ("", "MRR", "From subscriptions", "Each"),
        [
            (label, value, many, round(value / many) if many else None)
            for label, value, many in zip(labels, mrr, earning, strict=True)
        ],
        (drawn,),
        currency,
    )


def _axis_money(value: float, currency: str, language: str) -> str:
    """Money beside an axis: without the decimals that all of them lack."""
    unit = 10 ** decimals(currency)
    if value % unit:
        return written(int(value), currency, language)
    return f"{value / unit:,.0f}"


def _coming(labels: list[str], periods: list[Period]) -> Table:
    title = "New and lost"
    new, lost = sum(p.new for p in periods), sum(p.lost for p in periods)
    drawn = plot(
        title,
        f"{new} became subscribers and {lost} ceased to be, from {labels[0]} to {labels[-1]}.",
        shortened(labels),
        [
            Series("new", [p.new for p in periods], 1, columns=True),
            Series("lost", [-p.lost for p in periods], 3, columns=True),
        ],
        whole,
    )
    return Table(
        "new-and-lost",
        title,
        "Who became a subscriber in a period (from nothing, from a trial, again, or moved in), "
        "and who ceased to be one. Before + new − lost = after. Churn is lost, of those before.",
        ("", "Before", "New", "Lost", "Net", "After", "Churn"),
        [
            (label, p.opening, p.new, p.lost, p.net, p.subscribers, _percent(p.churn))
            for label, p in zip(labels, periods, strict=True)
        ],
        (drawn,),
    )


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value * 100:.1f} %"


def _trials(labels: list[str], periods: list[Period]) -> Table:
    title = "Trial conversion"
    shares = [None if p.conversion is None else p.conversion * 100 for p in periods]
    ended, paid = sum(p.trials_ended for p in periods), sum(p.trials_paid for p in periods)
    drawn = plot(
        title,
        f"Of {ended} trials that ended, {paid} turned into a paid subscription.",
        shortened(labels),
        [Series("paid, per cent", shares, 1)],
        lambda value: f"{value:g} %",
    )
    return Table(
        "trials",
        title,
        "Of the trials that ended in a period, those that ended with a payment. One whose first "
        "payment fails goes on being a trial until it is paid or closed.",
        ("", "Trials ended", "Paid", "Share"),
        [
            (label, p.trials_ended, p.trials_paid, _percent(p.conversion))
            for label, p in zip(labels, periods, strict=True)
        ],
        (drawn,),
    )


def _past_due(labels: list[str], periods: list[Period]) -> Table:
    title = "Past due"
    many = [p.past_due for p in periods]
    drawn = plot(
        title, _from_to(many, labels, whole), shortened(labels), [Series(title, many, 3)], whole
    )
    return Table(
        "past-due",
        title,
        "Whose payment has failed and is tried again, at the end of each period.",
        ("", "Past due", "Of subscribers"),
        [
            (label, p.past_due, _percent(p.past_due / p.subscribers if p.subscribers else None))
            for label, p in zip(labels, periods, strict=True)
        ],
        (drawn,),
    )


def _money(labels: list[str], taken: list[Money], currency: str, language: str) -> Table:
    def money_of(value: float) -> str:
        return written(int(value), currency, language)

    title = f"Money, {currency}"
    drawn = plot(
        title,
        f"{money_of(sum(m.taken for m in taken))} taken and "
        f"{money_of(sum(m.given_back for m in taken))} of it given back.",
        shortened(labels),
        [
            Series("taken", [m.taken for m in taken], 1, columns=True),
            Series("given back", [-m.given_back for m in taken], 3, columns=True),
        ],
        lambda value: _axis_money(value, currency, language),
    )
    return Table(
        f"money-{currency.lower()}",
        title,
        "What was paid in a period, by the bills; and how much of just that has been given back "
        "until now. This is the one figure of the past that may still change.",
        ("", "Taken", "Given back", "Kept", "Bills"),
        [
            (label, m.taken, m.given_back, m.taken - m.given_back, m.bills)
            for label, m in zip(labels, taken, strict=True)
        ],
        (drawn,),
        currency,
    )


def _losses(found: Figures, currency: str) -> Table:
    rows = [
        (code, how, why, many)
        for code, counted in sorted(found.losses.items())
        if currency in (ALL, code)
        for (how, why), many in counted.most_common(200)
    ]
    return Table(
        "losses",
        "Why they left",
        "The losses of the whole time, by how they came about and the reason given, if any.",
        ("Currency", "How", "Reason given", "How many"),
        rows,
    )
