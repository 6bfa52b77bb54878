"""What letters look like and say. Composed once a sending, with slots where readers differ."""

from standfirst.newsletters.letters.composing import (
    VARIANTS,
    Composed,
    compose,
    compose_alert,
    compose_choices,
    compose_to_send,
    compose_welcome,
    composed,
)
from standfirst.newsletters.letters.previews import preview, sample_values, test_values
from standfirst.newsletters.letters.source import Source, encoded_size, filled

__all__ = [
    "VARIANTS",
    "Composed",
    "Source",
    "compose",
    "compose_alert",
    "compose_choices",
    "compose_to_send",
    "compose_welcome",
    "composed",
    "encoded_size",
    "filled",
    "preview",
    "sample_values",
    "test_values",
]
