"""Statements and transactions of which many come at once: planned once, written in turn."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper


@contextmanager
def planned_once() -> Iterator[CursorWrapper]:
    """A cursor whose statements PostgreSQL plans once for each connection, as SQLite does anyway.

    Django writes the values into the statement, so that PostgreSQL knows none again and plans each
    anew, which takes longer than running it. Here values are sent beside the statement, and the
    driver prepares what it has seen `prepare_threshold` times (see project.environment.database).
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.cursor = psycopg.Cursor(connection.connection)
        yield cursor


@contextmanager
def in_turn() -> Iterator[None]:
    """Wait for one's turn to write on SQLite.

    SQLite itself lets whoever finds the database taken sleep for up to 100 ms and try again; here
    they stand in the kernel's queue instead, in the order in which they came. It only saves time:
    others may write without it. PostgreSQL needs none, and a transaction has had its turn.
    """
    if connection.vendor == "postgresql" or connection.in_atomic_block:
        yield
        return
    # Not the database's own file: closing that would take away SQLite's locks.
    queue = os.open(f"{connection.settings_dict['NAME']}-queue", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(queue, fcntl.LOCK_EX)
        yield
    finally:
        os.close(queue)


@contextmanager
def transaction_in_turn() -> Iterator[None]:
    """A transaction that waits for its turn on SQLite, where many are written at the same time."""
    with in_turn(), transaction.atomic():
        yield


def forget_connection(one: BaseDatabaseWrapper) -> None:
    """Let go of a connection that may be dead, whatever state it is in; the next query makes a new
    one."""
    one.in_atomic_block = False
    one.savepoint_ids = []
    one.needs_rollback = False
    try:
        one.close()
    except (DatabaseError, InterfaceError):
        one.connection = None
