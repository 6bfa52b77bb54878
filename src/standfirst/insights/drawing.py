"""Plots as SVG, drawn on the server: lines and columns, no more. Plain values in, markup out.

Colours are the page's (see report.css), so that one drawing does for light and dark. Text in a
drawing does not grow when a narrow screen shrinks it, so a plot is drawn twice, wide and narrow,
and the style sheet shows one. What it shows stands in a table beside it, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDE, NARROW = (760, 240), (340, 220)
_TOP, _BOTTOM = 14, 26
_numbers = count(1)
Written = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One thing that is drawn: its name, its values (None: none), and which colour it has. A line,
    or columns from nought; of two with columns, one goes up and the other down."""

    name: str
    values: Sequence[float | None]
    colour: int = 1
    columns: bool = False


def plot(
    title: str, told: str, labels: Sequence[str], series: Sequence[Series], written: Written
) -> SafeString:
    """A figure with its legend. `told` says in a sentence what it shows; `labels` name the places
    from left to right; `written` writes a value at the axis."""
    legend = format_html_join(
        "", '<li class="plot__key plot__key--{}">{}</li>', ((s.colour, s.name) for s in series)
    )
    return format_html(
        '<figure class="plot">{}{}<ul class="plot__legend">{}</ul></figure>',
        _drawing("wide", WIDE, title, told, labels, series, written),
        _drawing("narrow", NARROW, title, told, labels, series, written),
        legend if len(series) > 1 else "",
    )


def steps(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers from `low` or below to `high` or above, about `most` of them, whole ones."""
    span = (high - low) or 1.0
    rough = span / most
    unit = 10.0 ** floor(log10(rough))
    size = max(next(unit * part for part in (1, 2, 5, 10) if unit * part >= rough), 1.0)
    first, last = floor(low / size), ceil(high / size)
    return [n * size for n in range(first, max(last, first + 1) + 1)]


def _drawing(
    kind: str,
    size: tuple[int, int],
    title: str,
    told: str,
    labels: Sequence[str],
    series: Sequence[Series],
    written: Written,
) -> SafeString:
    width, height = size
    values = [v for s in series for v in s.values if v is not None]
    ticks = steps(min([0.0, *values]), max([0.0, *values], default=0.0))
    texts = [written(tick) for tick in ticks]
    left = 10 + max(len(text) for text in texts) * 7.6
    right = width - 12
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (height - _TOP - _BOTTOM)

    places = len(labels)
    step = (right - left) / max(places, 1)

    def x(place: int) -> float:
        return left + (place + 0.5) * step

    axis = format_html_join(
        "",
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="plot__text plot__text--end" x="{}" y="{}">{}</text>',
        (
            (
                "plot__zero" if tick == 0 else "plot__rule",
                *(_n(left), right, _n(y(tick)), _n(y(tick)), _n(left - 8), _n(y(tick) + 4), text),
            )
            for tick, text in zip(ticks, texts, strict=True)
        ),
    )
    names = format_html_join(
        "",
        '<text class="plot__text plot__text--{}" x="{}" y="{}">{}</text>',
        (
            (*_anchored(n, places, x(n), left, right), height - 8, labels[n])
            for n in _named(labels, right - left)
        ),
    )
    columns = format_html_join(
        "",
        '<path class="plot__column plot__colour--{}" d="{}"/>',
        ((s.colour, _columns(s, x, y, step)) for s in series if s.columns),
    )
    lines = format_html_join(
        "",
        '<path class="plot__line plot__colour--{}" d="{}"/>',
        ((s.colour, _line(s, x, y)) for s in series if not s.columns),
    )
    key = f"plot-{next(_numbers)}"
    return format_html(
        '<svg class="plot__drawing plot__drawing--{}" viewBox="0 0 {} {}" role="img" '
        'aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title><desc id="{}-d">{}</desc>'
        "{}{}{}{}</svg>",
        *(kind, width, height, key, key, key, title, key, told, axis, names, columns, lines),
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _named(labels: Sequence[str], room: float) -> list[int]:
    """The places that are named: so many that their names do not touch."""
    longest = max((len(label) for label in labels), default=1)
    most = max(int(room / (longest * 6.6 + 32)), 2)
    every = max(-(-len(labels) // most), 1)
    return list(range((len(labels) - 1) % every, len(labels), every))


def _anchored(place: int, places: int, x: float, left: float, right: float) -> tuple[str, str]:
    if places > 2 and place == places - 1:
        return "end", _n(right)
    if places > 2 and place == 0:
        return "start", _n(left)
    return "middle", _n(x)


def _line(s: Series, x: Callable[[int], float], y: Callable[[float], float]) -> str:
    parts, pen = [], "M"
    for place, value in enumerate(s.values):
        if value is None:
            pen = "M"
            continue
        alone = pen == "M" and (place + 1 == len(s.values) or s.values[place + 1] is None)
        parts.append(f"{pen}{_n(x(place))} {_n(y(value))}" + ("h.1" if alone else ""))
        pen = "L"
    return "".join(parts)


def _columns(s: Series, x: Callable[[int], float], y: Callable[[float], float], step: float) -> str:
    wide = max(min(step * 0.66, 26), 1)
    return "".join(
        f"M{_n(x(place) - wide / 2)} {_n(y(0))}V{_n(y(value))}h{_n(wide)}V{_n(y(0))}z"
        for place, value in enumerate(s.values)
        if value
    )
