"""What an article's body is made of."""

from typing import ClassVar

from wagtail import blocks
from wagtail.contrib.table_block.blocks import TableBlock
from wagtail.embeds.blocks import EmbedBlock
from wagtail.images.blocks import ImageChooserBlock

INLINE = ["bold", "italic", "link", "superscript", "subscript"]


class ImageBlock(blocks.StructBlock):
    image = ImageChooserBlock()
    alt = blocks.CharBlock(
        label="Alt text", help_text="What the picture shows, for those who cannot see it."
    )
    caption = blocks.CharBlock(required=False)
    credit = blocks.CharBlock(required=False)

    class Meta:
        icon = "image"
        template = "articles/blocks/image.html"


class QuoteBlock(blocks.StructBlock):
    text = blocks.TextBlock()
    attribution = blocks.CharBlock(required=False)

    class Meta:
        icon = "openquote"
        template = "articles/blocks/quote.html"


class FootnoteBlock(blocks.StructBlock):
    mark = blocks.CharBlock(max_length=8, help_text="Written as [^1] in the text, for the mark 1.")
    text = blocks.RichTextBlock(features=INLINE)


class CutBlock(blocks.StaticBlock):
    class Meta:
        icon = "cut"
        label = "The cut"
        admin_text = "The preview ends here. What follows is the rest."


class BodyBlock(blocks.StreamBlock):
    paragraph = blocks.RichTextBlock(features=INLINE)
    heading = blocks.CharBlock(icon="title", template="articles/blocks/heading.html")
    cut = CutBlock()
    image = ImageBlock()
    quote = QuoteBlock()
    list = blocks.RichTextBlock(
        features=["ul", "ol", *INLINE], icon="list-ul", template="articles/blocks/list.html"
    )
    table = TableBlock(template="articles/blocks/table.html")
    embed = EmbedBlock(template="articles/blocks/embed.html")
    footnotes = blocks.ListBlock(
        FootnoteBlock(), icon="list-ol", template="articles/blocks/footnotes.html"
    )

    class Meta:
        block_counts: ClassVar[dict[str, dict[str, int]]] = {
            "cut": {"max_num": 1},
            "footnotes": {"max_num": 1},
        }
