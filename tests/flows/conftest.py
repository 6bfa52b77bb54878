"""What every flow may use."""

from pathlib import Path

import pytest

from tests.letters import postbox

__all__ = ["postbox"]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder: empty for the first module that starts it, and then loaded."""
    return tmp_path_factory.mktemp("demo")
