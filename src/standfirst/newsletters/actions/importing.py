"""A list of addresses on its way in: put up, looked at, taken in or dropped."""

import logging
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection

from standfirst.members.models import Member
from standfirst.newsletters.importing.rules import Refused, Row, Unreadable, read, rows_in, text_of
from standfirst.newsletters.importing.taking_in import (
    AT_ONCE,
    Became,
    letters_by_name,
    take_in,
    today_at,
)
from standfirst.newsletters.models.importing import AddressImport, ImportState
from standfirst.publication.statements import transaction_in_turn

log = logging.getLogger("standfirst.newsletters")

MOST_SHOWN = 200
KEPT = timedelta(days=14)  # a list that nobody decides about
TICK = 0.7  # seconds; the worker does nothing else meanwhile

# The list at hand, read as far as this process has come with it (one at most): to begin again for
# each part of 300,000 rows would take longer than all the rest. Known by its number, what is done
# with it, its rows that are done, and a check of its content.
_Key = tuple[int, str, int, int]
_open: dict[_Key, Iterator[Row | Refused]] = {}


def put_up(name: str, data: bytes, *, by: Member | None, now: datetime) -> AddressImport:
    """Keep a list, to be looked at by the worker. Raises Unreadable with a sentence."""
    text = text_of(data)
    rows = rows_in(text)
    if not rows:
        raise Unreadable("There is no address in this file.")
    return AddressImport.objects.create(
        name=" ".join(name.split())[:120] or "a list",
        by=by,
        at=now,
        content=zlib.compress(text.encode()),
        rows=rows,
    )


def take_all_in(pk: int) -> bool:
    """Say yes to a list that was looked at. Was it waiting for that?"""
    waiting = AddressImport.objects.filter(pk=pk, state=ImportState.LOOKED_AT)
    return bool(waiting.update(state=ImportState.TAKING_IN, rows_done=0, taken={}))


def drop(pk: int, now: datetime) -> bool:
    """Take in no more of a list, and forget its addresses. Was there anything to drop?"""
    open_ones = AddressImport.objects.exclude(state__in=[ImportState.DONE, ImportState.DROPPED])
    return bool(
        open_ones.filter(pk=pk).update(state=ImportState.DROPPED, content=b"", ended_at=now)
    )


def go_on(now: datetime, seconds: float = TICK) -> int:
    """Look at, or take in, the lists that are on their way, for so long. Says how many rows.

    A part of a list is a transaction; of two workers with the same list one goes on. A call does
    at least one part, however long it takes to find it.
    """
    until = time.monotonic() + seconds
    done = 0
    waiting = AddressImport.objects.filter(state__in=AddressImport.RUNNING).order_by("pk")
    on_their_way = list(waiting.values_list("pk", "state"))
    if not on_their_way:
        _open.clear()
    for pk, state in on_their_way:
        key, rows = _rows_left(pk, state)
        while some := list(islice(rows, AT_ONCE)):
            more = _a_part(pk, state, some, now)
            if more is None:
                break
            done += len(some)
            key = (pk, state, key[2] + len(some), key[3])
            if not more:
                break
            if time.monotonic() > until:
                _open[key] = rows
                break
        if time.monotonic() > until:
            break
    return done


def _rows_left(pk: int, state: str) -> tuple[_Key, Iterator[Row | Refused]]:
    found = AddressImport.objects.get(pk=pk)
    key = (pk, state, found.rows_done, zlib.crc32(found.content))
    known = _open.pop(key, None)
    _open.clear()
    if known is not None:
        return key, known
    if not found.content:
        return key, iter(())
    text = zlib.decompress(found.content).decode()
    # The day on which it was put up, so that both readings find the same.
    return key, read(text, letters_by_name(), today_at(found.at), after=found.rows_done)


def _a_part(pk: int, state: str, rows: list[Row | Refused], now: datetime) -> bool | None:
    """Do the next rows of a list. Says whether there are more; None where it is not for us to."""
    with transaction_in_turn():
        one = AddressImport.objects.defer("content").filter(pk=pk, state=state)
        if connection.features.has_select_for_update_skip_locked:
            one = one.select_for_update(skip_locked=True)
        found = one.first()
        refused = [row for row in rows if isinstance(row, Refused)]
        usable = [row for row in rows if isinstance(row, Row)]
        first = rows[0].number - 1
        if found is None or found.rows_done != first:  # somebody else goes on with it, or ended it
            return None
        apply = state == ImportState.TAKING_IN
        became = take_in(usable, file=found.name, apply=apply, now=now)
        became[Became.REFUSED] += len(refused)
        counts = Counter(found.taken if apply else found.looked)
        counts.update({kind.value: count for kind, count in became.items() if count})
        if apply:
            found.taken = dict(counts)
        else:
            found.looked = dict(counts)
            found.refused += [[row.number, row.why] for row in refused]
            found.refused = found.refused[:MOST_SHOWN]
        found.rows_done += len(rows)
        changed = ["taken", "looked", "refused", "rows_done"]
        if ended := found.rows_done >= found.rows:
            changed.append("state")
            found.state = ImportState.DONE if apply else ImportState.LOOKED_AT
            if apply:
                found.ended_at, found.content = now, b""
                changed += ["ended_at", "content"]
        found.save(update_fields=changed)
    return not ended


def forget_lists(now: datetime) -> int:
    """Drop the lists about which nobody decided. Says how many."""
    old = AddressImport.objects.filter(at__lt=now - KEPT)
    waiting = old.exclude(state__in=[ImportState.DONE, ImportState.DROPPED])
    return waiting.update(state=ImportState.DROPPED, content=b"", ended_at=now)
