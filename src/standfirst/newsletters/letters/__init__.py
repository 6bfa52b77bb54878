"""What letters look like and say. Composed once a sending, with slots where readers differ."""

from standfirst.newsletters.letters.composing import (
    VARIANTS,
    Composed,
    compose,
    compose_alert,
    compose_choices,
    compose_welcome,
    composed,
)
from standfirst.newsletters.letters.previews import preview, sample_values, test_values
from standfirst.newsletters.letters.source import (
    Source,
    choices_left,
    encoded_size,
    filled,
    greeting,
)

__all__ = [
    "VARIANTS",
    "Composed",
    "Source",
    "choices_left",
    "compose",
    "compose_alert",
    "compose_choices",
    "compose_welcome",
    "composed",
    "encoded_size",
    "filled",
    "greeting",
    "preview",
    "sample_values",
    "test_values",
]
