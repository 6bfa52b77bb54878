"""What an editor writes in an edition."""

from wagtail import blocks

from standfirst.articles.blocks import INLINE


class NewsItem(blocks.StructBlock):  # type: ignore[misc]
    """One piece of the day's news: what happened and our take, with where it was reported."""

    headline = blocks.CharBlock(max_length=160)
    text = blocks.RichTextBlock(features=INLINE)
    source_name = blocks.CharBlock(max_length=80, required=False)
    source_url = blocks.URLBlock(required=False)


class TakeBlock(blocks.StreamBlock):  # type: ignore[misc]
    """Our take on the most important news."""

    item = NewsItem()


class RadarItem(blocks.StructBlock):  # type: ignore[misc]
    """Something that is coming up, with its day."""

    day = blocks.DateBlock()
    text = blocks.RichTextBlock(features=INLINE)


class RadarBlock(blocks.StreamBlock):  # type: ignore[misc]
    """On our radar: dated items."""

    item = RadarItem()
