"""What every test may use."""

import pytest
from django.core.cache import cache
from django.test import Client


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
