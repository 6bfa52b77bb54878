"""The library for tests: its engines, embedded in a folder and OpenSearch, for the same tests; what
is written, indexed and found.

OpenSearch is our own small one (`opensearch`), or a real one where OPENSEARCH_TEST_URL names it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from standfirst.articles.models import Article
from standfirst.library import house
from standfirst.library.engine import Search
from standfirst.library.engines import wire
from standfirst.library.indexer import Indexer
from standfirst.library.rules import parse
from tests.making import make_article
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


def catch_up(indexer: Indexer) -> None:
    """Let it do all there is to do."""
    while indexer.step():
        pass


def found(text: str, **more: Any) -> list[int]:
    """The keys that the live index gives for what a reader types."""
    return list(house.live().search(Search(query=parse(text), **more)).keys)


def written(title: str, text: str = "", **fields: Any) -> Article:
    """An article with this text before the end of its preview."""
    body = [("paragraph", f"<p>{text or 'Nothing to see here.'}</p><p>More.</p>")]
    return make_article(title, body=body, **fields)
