"""What an editor writes in an edition."""

from wagtail import blocks

from standfirst.articles.blocks import INLINE


class NewsItem(blocks.StructBlock):  # type: ignore[misc]
    """One piece of the day's news: what happened and our take, with where it was reported."""

    headline = blocks.CharBlock(max_length=160)
    text = blocks.RichTextBlock(
        features=INLINE, help_text="What happened, and what we make of it. Links work in mail too."
    )
    source_name = blocks.CharBlock(
        max_length=80, required=False, help_text="Who reported it, such as: the port authority."
    )
    source_url = blocks.URLBlock(required=False, label="Source’s address")

    class Meta:
        icon = "doc-full"
        label = "News item"


class TakeBlock(blocks.StreamBlock):  # type: ignore[misc]
    """Our take on the most important news."""

    item = NewsItem()


class RadarItem(blocks.StructBlock):  # type: ignore[misc]
    """Something that is coming up, with its day."""

    day = blocks.DateBlock(
        help_text="It stays in the editions that are drafted until this day is over."
    )
    text = blocks.RichTextBlock(features=INLINE)

    class Meta:
        icon = "date"
        label = "Coming up"


class RadarBlock(blocks.StreamBlock):  # type: ignore[misc]
    """On our radar: dated items."""

    item = RadarItem()
