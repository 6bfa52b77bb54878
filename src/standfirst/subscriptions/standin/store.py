"""What the stand-in remembers: one table of things, beside it keys, deliveries and settings.

Every request is one transaction under one lock: its effect, the events it causes and the answer
kept for its idempotency key are written together or not at all, also under kill -9."""

import json
import secrets
import sqlite3
import string
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from standfirst.subscriptions.standin import rules
from standfirst.subscriptions.standin.errors import missing
from standfirst.subscriptions.standin.rules import Thing

TABLES = """
create table if not exists thing (
    seq integer primary key autoincrement, id text not null unique, kind text not null,
    customer text, clock text not null, due integer, created integer not null, body text not null
);
create index if not exists thing_kind on thing (kind, seq);
create index if not exists thing_customer on thing (customer, kind, seq);
create index if not exists thing_due on thing (clock, due, seq) where due is not null;
create table if not exists answer (
    key text primary key, request text not null, status integer not null, body text not null
);
create table if not exists delivery (
    seq integer primary key autoincrement, event text not null, endpoint text not null,
    due real not null, tries integer not null default 0, state text not null, said text
);
create index if not exists delivery_due on delivery (due) where state = 'waiting';
create table if not exists setting (name text primary key, value text not null);
"""
DEFAULTS: Thing = {
    "shift": 0,  # seconds that the account's clock is ahead of the machine's
    "retries": [3, 5, 7],  # days between attempts at a payment that failed
    "after_retries": "cancel",  # or "unpaid", "past_due"
    "webhooks": {"hold": False, "times": 1, "delay": 0, "drop": 0, "shuffle": False},
    "faults": [],
    "invoices": 0,
}
LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    return f"{prefix}_" + "".join(secrets.choice(LETTERS) for _ in range(24))


class Store:
    """`path` is a file, or ":memory:" for a stand-in that forgets."""

    def __init__(self, path: str, base: str = "http://127.0.0.1") -> None:
        self.base = base
        self.lock = threading.RLock()
        self.at: int | None = None  # the moment that is being replayed, while a clock advances
        self.request: Thing | None = None
        self.fresh = threading.Event()  # there is something to deliver
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(TABLES)
        # What a killed stand-in was delivering is delivered again, as Stripe would.
        self._db.execute("update delivery set state = 'waiting' where state = 'sending'")

    def close(self) -> None:
        with self.lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All within is written, or nothing. An error that says `keep` is raised, and what was
        done is written."""
        with self.lock:
            if self._depth:
                yield
                return
            self._db.execute("begin immediate")
            self._depth = 1
            try:
                yield
            except BaseException as error:
                self._db.execute("commit" if getattr(error, "keep", False) else "rollback")
                raise
            else:
                self._db.execute("commit")
            finally:
                self._depth = 0

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.lock:
            return self._db.execute(sql, values).fetchall()

    # -- things ----------------------------------------------------------------------------------

    def put(self, thing: Thing) -> None:
        kind, customer = thing["object"], thing.get("customer") or thing.get("_customer")
        clock = thing.get("test_clock") or self.clock_of(customer)
        self.run(
            "insert into thing (id, kind, customer, clock, due, created, body)"
            " values (?, ?, ?, ?, ?, ?, ?) on conflict (id) do update"
            " set customer = excluded.customer, due = excluded.due, body = excluded.body",
            thing["id"], kind, customer, clock, rules.due_of(thing), thing.get("created", 0),
            json.dumps(thing),
        )  # fmt: skip

    def remove(self, key: str) -> None:
        self.run("delete from thing where id = ?", key)

    def get(self, key: str, kind: str | None = None) -> Thing | None:
        rows = self.run("select body, kind from thing where id = ?", key)
        return json.loads(rows[0][0]) if rows and kind in (None, rows[0][1]) else None

    def need(self, kind: str, key: str, param: str | None = None) -> Thing:
        """The thing, or what Stripe says of one that is not there: 404 where the address named it,
        400 where a parameter did."""
        thing = self.get(key, kind)
        if thing is None:
            raise missing(kind, key, param or "id", status=400 if param else 404)
        return thing

    def find(self, kind: str, *, customer: str | None = None, **fields: Any) -> list[Thing]:
        """All of a kind, oldest first."""
        return self.page(kind, customer=customer, fields=fields, newest_first=False)

    def page(
        self, kind: str, *, customer: str | None = None, fields: Thing | None = None,
        created: Thing | None = None, after: str | None = None, before: str | None = None,
        limit: int = -1, newest_first: bool = True,
    ) -> list[Thing]:  # fmt: skip
        """Things of a kind with these fields, newest first; `after` and `before` are ids."""
        where, values = ["kind = ?"], [kind]  # type: tuple[list[str], list[Any]]
        if customer is not None:
            where.append("customer = ?")
            values.append(customer)
        for name, value in (fields or {}).items():
            many = list(value) if isinstance(value, (list, tuple)) else [value]
            marks = ", ".join("?" for _ in many)
            where.append(f"json_extract(body, ?) in ({marks})")
            values += [f"$.{name}", *many]
        signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
        for name, moment in (created or {}).items():
            where.append(f"created {signs[name]} ?")
            values.append(moment)
        for key, sign in ((after, "<"), (before, ">")):
            if key is not None:
                where.append(f"seq {sign} (select seq from thing where id = ?)")  # noqa: S608
                values.append(key)
        order = "asc" if before is not None or not newest_first else "desc"
        sql = f"select body from thing where {' and '.join(where)} order by seq {order} limit ?"  # noqa: S608
        return [json.loads(row[0]) for row in self.run(sql, *values, limit)]

    # -- time ------------------------------------------------------------------------------------

    def clock_of(self, customer: str | None) -> str:
        """The test clock a customer lives by, or "" for the account's clock."""
        rows = self.run("select clock from thing where id = ?", customer) if customer else []
        return rows[0][0] if rows else ""

    def now(self, customer: str | None = None) -> int:
        if self.at is not None:
            return self.at
        clock = self.clock_of(customer)
        if clock and (thing := self.get(clock)):
            return int(thing["frozen_time"])
        return int(time.time()) + int(self.setting("shift"))

    def next_due(self, clock: str, until: int) -> tuple[int, Thing] | None:
        rows = self.run(
            "select due, body from thing where clock = ? and due <= ? order by due, seq limit 1",
            clock, until,
        )  # fmt: skip
        return (rows[0][0], json.loads(rows[0][1])) if rows else None

    # -- settings --------------------------------------------------------------------------------

    def setting(self, name: str) -> Any:
        rows = self.run("select value from setting where name = ?", name)
        return json.loads(rows[0][0]) if rows else json.loads(json.dumps(DEFAULTS[name]))

    def set(self, name: str, value: Any) -> None:
        self.run("insert or replace into setting values (?, ?)", name, json.dumps(value))
