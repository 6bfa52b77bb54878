"""What every flow may use."""

from tests.letters import postbox

__all__ = ["postbox"]
