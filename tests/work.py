"""How much the database works for a request: virtual machine steps and plans, not seconds.

SQLite counts the steps of its virtual machine. They are the same on every
machine, so that a test may compare a small magazine with a large one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

EVERY = 20  # steps between two counts; what a short query does beside is not seen


@dataclass
class Work:
    """What was done: steps, milliseconds, queries, and the queries that took most."""

    steps: int = 0
    ms: float = 0.0
    queries: list[str] = field(default_factory=list)
    heavy: list[tuple[int, str]] = field(default_factory=list)


@contextmanager
def counted() -> Iterator[Work]:
    """Count what the database does within this block; steps on SQLite only."""
    work = Work()

    def step() -> int:
        work.steps += EVERY
        return 0

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        before = work.steps
        answer = execute(sql, params, many, context)
        work.queries.append(sql)
        # Rows are still to be fetched: what that takes counts for the next query's `before`.
        work.heavy.append((before, sql))
        return answer

    connection.ensure_connection()
    sqlite = connection.connection if connection.vendor == "sqlite" else None
    if sqlite:
        sqlite.set_progress_handler(step, EVERY)
    begun = time.perf_counter()
    try:
        with connection.execute_wrapper(note):
            yield work
    finally:
        work.ms = (time.perf_counter() - begun) * 1000
        if sqlite:
            sqlite.set_progress_handler(None, 0)
        ends = [before for before, _ in work.heavy[1:]] + [work.steps]
        spent = [(end - before, sql) for (before, sql), end in zip(work.heavy, ends, strict=True)]
        work.heavy = sorted(spent, reverse=True)
