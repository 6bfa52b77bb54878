"""What every test may use."""

import gc

import pytest
from django.core.cache import cache
from django.test import Client


def pytest_collection_finish() -> None:
    """What is loaded by now stays: not to look through it for garbage again and again makes all
    tests a tenth quicker."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def _no_limits_from_the_test_before() -> None:
    """Rate limits are counted in the cache: each test begins with an empty one."""
    cache.clear()


class Browser(Client):
    """Django's test client, saying of its posts what a browser says of our own forms."""

    def __init__(self, **defaults: str) -> None:
        super().__init__(headers={"sec-fetch-site": "same-origin"}, **defaults)


@pytest.fixture
def browser() -> Browser:
    return Browser()
