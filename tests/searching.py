"""The library's engines for tests: embedded in a folder, and OpenSearch, for the same tests.

OpenSearch is our own small one (`opensearch`), or a real one where OPENSEARCH_TEST_URL names it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from standfirst.library.engines import wire
from tests.opensearch import OpenSearch

ENGINES = ("embedded", "opensearch")


@contextmanager
def library(kind: str, settings: Any, folder: Path) -> Iterator[None]:
    """The settings name an engine of this kind, without an index."""
    settings.LIBRARY = folder / "library"
    settings.SEARCH_URL = ""
    if kind == "embedded":
        yield
    elif url := os.environ.get("OPENSEARCH_TEST_URL"):
        with real(url) as settings.SEARCH_URL:
            yield
    else:
        with cluster() as ours:
            settings.SEARCH_URL = ours.address
            yield


@contextmanager
def cluster() -> Iterator[OpenSearch]:
    """A cluster of ours, which a busy machine may take long to answer for."""
    ours = OpenSearch()
    try:
        with patch.object(wire, "READ_SECONDS", 20.0):
            yield ours
    finally:
        ours.stop()


@contextmanager
def real(url: str) -> Iterator[str]:
    """An address in a real cluster that nobody else uses; what is made there is deleted."""
    from standfirst.library.cluster import Cluster
    from standfirst.library.folders import Folders

    address = f"{url.rstrip('/')}/standfirst-test-{uuid4().hex[:8]}"
    try:
        yield address
    finally:
        house = Cluster(address, Folders(Path(os.devnull)))
        for name in house._names:
            house._patient.ask("DELETE", f"/{name}", ignore_unavailable=True)
