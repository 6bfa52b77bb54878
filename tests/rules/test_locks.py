"""The locks install on every Python that the README promises, the oldest included."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OLDEST = {"python_version": "3.11", "python_full_version": "3.11.0"}


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_locked_runs_on_the_oldest_python_and_lacks_nothing_there(name: str) -> None:
    there = locked(name)
    assert len(there) > 30
    missing, too_new = [], []
    for package, version in there.items():
        try:
            found = distribution(package)
        except PackageNotFoundError:
            continue  # locked for another Python than this one
        if found.version != version:
            continue  # the other lock was installed
        if not SpecifierSet(found.metadata.get("Requires-Python") or "").contains("3.11.0"):
            too_new.append(f"{package} {version} needs {found.metadata['Requires-Python']}")
        for text in found.requires or ():
            asked = Requirement(text)
            on_oldest = asked.marker is None or asked.marker.evaluate({**OLDEST, "extra": ""})
            if on_oldest and canonicalize_name(asked.name) not in there:
                missing.append(f"{asked.name}, which {package} asks for")
    assert not too_new
    assert not missing
