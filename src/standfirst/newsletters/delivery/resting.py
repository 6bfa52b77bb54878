"""The road takes nothing now: pauses that grow, and the sentence that says why."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from standfirst.newsletters.delivery import rules
from standfirst.newsletters.models import Rest
from standfirst.newsletters.models.sending import REST_LENGTH
from standfirst.publication.clock import written


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong for all letters. `shared`: a server's words about us, which all senders
    heed; else this process reached no server and waits `seconds` by itself."""

    words: str
    shared: bool
    seconds: float = 0.0


def note(road: str, troubles: Iterable[Trouble], now: datetime, *, well: bool) -> bool:
    """Write what went wrong, or that it goes `well` again. Says whether the road rests at `now`
    (the database's). In a transaction."""
    known = {row.road: row for row in Rest.objects.filter(road__in=[road, _own(road)])}
    for trouble in troubles:
        name = road if trouble.shared else _own(road)
        row = known.get(name) or Rest(road=name, until=now, words="", shared=trouble.shared)
        if row.until <= now or not trouble.shared:  # else another line met the same
            row.times = min(row.times + 1, len(rules.RESTS))  # no pause is longer
            pause = rules.longest(rules.RESTS, row.times) if trouble.shared else trouble.seconds
            row.until = now + timedelta(seconds=pause)
        row.words, row.at = trouble.words[:400], now
        row.save()
        known[name] = row
    if well:
        over = [name for name, row in known.items() if row.until <= now or not row.shared]
        if over:
            Rest.objects.filter(road__in=over).delete()
    return road in known and known[road].until > now


def sentences(now: datetime) -> list[str]:
    """What holds letters up at `now`, for people to read. A sender that reached no server and tries
    at this moment still counts."""
    rows = Rest.objects.filter(until__gt=now - timedelta(seconds=60)).order_by("road")
    return [f"{row.words.rstrip('.')}. It is tried again at {written(row.until)}." for row in rows]


def _own(road: str) -> str:
    return f"{road}@{socket.gethostname()}"[:REST_LENGTH]
