"""How often one may search. A text that one may search but not read could be guessed word by word;
counted for each member, and for each network, so that this takes longer than it is worth."""

import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest

from standfirst.library.models import SearchCount
from standfirst.members.models import Member
from standfirst.publication.statements import in_turn, planned_once

SECONDS = {"minute": 60, "day": 86_400}


def too_often(request: HttpRequest) -> bool:
    """Count a search of this reader's. Says whether that was one too many."""
    now = int(time.time())
    most, rows = {}, []
    for who, rates in _counted(request):
        for span, rate in rates.items():
            number = now // SECONDS[span]
            key = f"{who}-{span}-{number}"
            most[key] = rate
            rows.append((key, (number + 1) * SECONDS[span]))
    return any(count > most[key] for key, count in _one_more(rows))


# By hand: one statement counts exactly, for all machines, where a cache would take two dozen.
_ONE_MORE = f"""
INSERT INTO {SearchCount._meta.db_table} (key, ends, count) VALUES {{}}
ON CONFLICT (key) DO UPDATE SET count = {SearchCount._meta.db_table}.count + 1
RETURNING key, count
"""  # noqa: S608  our own table's name


def _one_more(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Add one to each of these counts (key, when it ends); gives them."""
    if not rows:
        return []
    rows = sorted(rows)  # whoever counts the same rows takes them in the same order
    statement = _ONE_MORE.format(", ".join(["(%s, %s, 1)"] * len(rows)))
    with in_turn(), planned_once() as cursor:
        cursor.execute(statement, [value for row in rows for value in row])
        found: list[tuple[str, int]] = cursor.fetchall()
    return found


def forget_counts() -> int:
    """Drop the counts of minutes and days that are over; says how many."""
    count, _ = SearchCount.objects.filter(ends__lt=time.time()).delete()
    return count


def _counted(request: HttpRequest) -> Iterator[tuple[str, dict[str, int]]]:
    network = network_of(get_adapter().get_client_ip(request))
    yield f"network-{network}", settings.LIBRARY_LIMITS["network"]
    if isinstance(request.user, Member):
        yield f"member-{request.user.pk}", settings.LIBRARY_LIMITS["member"]
    else:
        yield f"visitors-{network}", settings.LIBRARY_LIMITS["visitors"]


def network_of(address: str) -> str:
    """The network that counts as one: an IPv4 address, or what an IPv6 customer is given (/64)."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    length = 32 if found.version == 4 else 64
    return str(ip_network((found, length), strict=False).network_address).replace(":", ".")
