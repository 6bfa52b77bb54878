"""Where attempts are counted for rate limits, when several machines count together."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger("standfirst.publication")

PAUSE = 5.0  # seconds for which a Redis that did not answer is not asked again


def _either(name: str) -> Callable[..., Any]:
    def method(self: "RedisElseDatabase", *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= self.ask_again:
            try:
                return getattr(super(RedisElseDatabase, self), name)(*args, **kwargs)
            except RedisError as error:
                type(self).ask_again = time.monotonic() + PAUSE
                log.warning("Redis is away (%s): attempts are counted in the database.", error)
        return getattr(caches["database"], name)(*args, **kwargs)

    return method


class RedisElseDatabase(RedisCache):
    """Redis; while it is away, the cache `database`. Limits begin anew then, but they hold."""

    ask_again = 0.0  # of the process: each thread has an object of its own

    add, get, set, touch, delete = map(_either, ("add", "get", "set", "touch", "delete"))
    incr, has_key, clear = map(_either, ("incr", "has_key", "clear"))
    get_many, set_many, delete_many = map(_either, ("get_many", "set_many", "delete_many"))
