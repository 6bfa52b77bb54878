"""What every flow may use."""

from pathlib import Path

import pytest

from tests.letters import postbox

__all__ = ["postbox"]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder: empty for the first module that starts it, and then loaded."""
    return tmp_path_factory.mktemp("demo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file stay with one worker, for they share servers; and so do all of the demo."""
    for item in items:
        shared = "demo" if "demo_home" in getattr(item, "fixturenames", ()) else item.path.stem
        item.add_marker(pytest.mark.xdist_group(shared))
