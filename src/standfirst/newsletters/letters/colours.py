"""The colours of a letter: the site's tokens, and the publisher's accent made legible on them.

It imports no framework. A test holds the tokens against the site's own style sheet.
"""

from collections.abc import Iterator, Mapping
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass

LIGHT: Mapping[str, str] = {
    "paper": "#fffdf9",
    "ink": "#1b1a18",
    "soft": "#66625b",
    "rule": "#ded8cd",
    "wash": "#f5f0e6",
}
DARK: Mapping[str, str] = {
    "paper": "#161513",
    "ink": "#ebe6dd",
    "soft": "#a49d92",
    "rule": "#35322d",
    "wash": "#201e1b",
}
LEGIBLE = 4.5  # WCAG 2.2, 1.4.3: the contrast of text
ON_ACCENT = ("#ffffff", "#161513")
STEPS = 40


@dataclass(frozen=True, slots=True)
class Palette:
    """The tokens by name, `accent` and `on_accent` among them, in light and in dark."""

    light: Mapping[str, str]
    dark: Mapping[str, str]


def palette(accent: str) -> Palette:
    """The colours with this accent (`#` and six digits), made lighter or darker until it can be
    read as text on both grounds of a letter. What is no colour counts as ink."""
    return Palette(*(_with_accent(tokens, accent) for tokens in (LIGHT, DARK)))


def contrast(one: str, other: str) -> float:
    """How far two colours are apart, from 1 to 21, as WCAG 2 reckons it."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _with_accent(tokens: Mapping[str, str], accent: str) -> Mapping[str, str]:
    legible = (
        colour
        for colour in _shades(accent, lighter=tokens["paper"] < tokens["ink"])
        if min(contrast(colour, tokens[ground]) for ground in ("paper", "wash")) >= LEGIBLE
    )
    chosen = next(legible, tokens["ink"])
    on_accent = max(ON_ACCENT, key=lambda colour: contrast(colour, chosen))
    return {**tokens, "accent": chosen, "on_accent": on_accent}


def _shades(colour: str, *, lighter: bool) -> Iterator[str]:
    """The colour itself, then ever lighter or darker ones of the same hue."""
    if not _is_colour(colour):
        return
    hue, light, saturation = rgb_to_hls(*(part / 255 for part in _parts(colour)))
    for step in range(STEPS):
        part = step / STEPS
        shade = light + (1 - light) * part if lighter else light * (1 - part)
        red, green, blue = (round(255 * one) for one in hls_to_rgb(hue, shade, saturation))
        yield f"#{red:02x}{green:02x}{blue:02x}"


def _is_colour(text: str) -> bool:
    digits = text.removeprefix("#")
    return len(digits) == 6 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in _parts(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
