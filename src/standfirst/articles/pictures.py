"""The sizes in which pictures are kept, and the mark-up that offers them to a browser."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import AbstractImage, AbstractRendition, SourceImageIOError

WIDTHS = (480, 800, 1280, 1920)
CARD = "fill-1200x630|format-jpeg"  # what other sites show beside a link


def _spec(width: int) -> str:
    return f"width-{width}|format-webp"


def specs_for(image: AbstractImage) -> list[str]:
    """The sizes of this picture: never wider than it is, but always one."""
    fitting = [width for width in WIDTHS if width <= image.width]
    return [_spec(width) for width in fitting or WIDTHS[:1]]


def prepare(image: AbstractImage) -> None:
    """Make every size now, so that showing a page later writes nothing."""
    image.get_renditions(*specs_for(image), CARD)


def picture(
    image: AbstractImage | None, alt: str, sizes: str, *, eager: bool = False
) -> SafeString | str:
    """An <img> in WebP with every size. `eager`: it is what the page is looked at for first.

    Returns "" where there is no picture or its file cannot be read.
    """
    if image is None:
        return ""
    try:
        made = image.get_renditions(*specs_for(image))
    except (SourceImageIOError, InvalidFilterSpecError, OSError):
        return ""
    renditions = sorted(made.values(), key=lambda rendition: rendition.width)
    shown = next((r for r in renditions if r.width >= 800), renditions[-1])
    return format_html(
        '<img src="{}" srcset="{}" sizes="{}" width="{}" height="{}" alt="{}" {}>',
        shown.url,
        ", ".join(f"{r.url} {r.width}w" for r in renditions),
        sizes,
        renditions[-1].width,
        renditions[-1].height,
        alt,
        SafeString('fetchpriority="high"' if eager else 'loading="lazy" decoding="async"'),
    )


def card_of(image: AbstractImage | None) -> AbstractRendition | None:
    """The picture for other sites' link cards, 1200 × 630, or None."""
    if image is None:
        return None
    try:
        return image.get_rendition(CARD)
    except (SourceImageIOError, InvalidFilterSpecError, OSError):
        return None
