"""What every flow may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo import running_demo
from tests.letters import postbox

__all__ = ["postbox"]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo below is in."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(demo_home: Path) -> Iterator[str]:
    """The address of the demo, which is made and started once for all who use it."""
    running = os.environ.get("STANDFIRST_DEMO_AT")  # one that runs already, to be quicker
    if running:
        yield running
        return
    with running_demo(demo_home) as address:
        yield address
