"""How often one may search. A text that one may search but not read could be guessed: word by word,
by asking whether these words stand in a row somewhere. Searches are counted for each member and
each network, and apart from them the phrases in them, so that this takes longer than it is worth.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from standfirst.access.queries import standing_of
from standfirst.access.rules import FullText, Terms, decide
from standfirst.library.asked import Asked
from standfirst.library.models import SearchCount
from standfirst.library.rules import parse
from standfirst.library.synonyms import rows_in
from standfirst.members.models import Member
from standfirst.publication.statements import in_turn, planned_once

SECONDS = {"minute": 60, "day": 86_400}
Limits = Mapping[str, Any]  # who -> span -> how often; "phrases" -> the same once more
REMEMBERED = 20  # phrases of a reader
SEARCHES, PHRASES = "searches", "phrases"


def too_often(request: HttpRequest) -> str:
    """Count a search of this reader's. Says of what that was too much (SEARCHES or PHRASES); ""
    where it was not."""
    limits: Limits = settings.LIBRARY_LIMITS
    if _any_exceeded(_counted(request, limits), 1):
        return SEARCHES
    rows = rows_in(parse(Asked.of(request.GET).text))  # what is searched, to the letter
    if not rows or "phrases" not in limits or _reads_everything(request):
        return ""
    # To ask again, on page 2 or while typing on, tells nothing new. Kept are digests of the last.
    who, _ = list(_counted(request, {}))[-1]
    said: list[str] = cache.get(f"library-said-{who}") or []
    digests = [salted_hmac(f"library-{who}", row).hexdigest()[:12] for row in rows]
    new = [digest for digest in digests if digest not in said]
    if new:
        if _any_exceeded(_counted(request, limits["phrases"], of="phrases-"), len(new)):
            return PHRASES
        cache.set(f"library-said-{who}", [*new, *said][:REMEMBERED], 3_600)
    return ""


def exceeded(who: str, rates: Mapping[str, int], count: int = 1) -> bool:
    """Count something of somebody's: is it more than a minute or a day allows?"""
    return _any_exceeded([(who, rates)], count)


def _any_exceeded(counted: Iterable[tuple[str, Mapping[str, int]]], count: int) -> bool:
    now = int(time.time())
    most, rows = {}, []
    for who, rates in counted:
        for span, rate in rates.items():
            number = now // SECONDS[span]
            key = f"{who}-{span}-{number}"
            most[key] = rate
            rows.append((key, (number + 1) * SECONDS[span], count))
    return any(found > most[key] for key, found in _add(rows))


# By hand: one statement counts exactly, for all machines, where a cache would take two dozen.
_ADD = f"""
INSERT INTO {SearchCount._meta.db_table} (key, ends, count) VALUES {{}}
ON CONFLICT (key) DO UPDATE SET count = {SearchCount._meta.db_table}.count + EXCLUDED.count
RETURNING key, count
"""  # noqa: S608  our own table's name


def _add(rows: list[tuple[str, int, int]]) -> list[tuple[str, int]]:
    """Add to counts (key, when it ends, how many more); gives them."""
    if not rows:
        return []
    rows = sorted(rows)  # whoever counts the same rows takes them in the same order
    statement = _ADD.format(", ".join(["(%s, %s, %s)"] * len(rows)))
    with in_turn(), planned_once() as cursor:
        cursor.execute(statement, [value for row in rows for value in row])
        found: list[tuple[str, int]] = cursor.fetchall()
    return found


def forget_counts() -> int:
    """Drop the counts of minutes and days that are over; says how many."""
    count, _ = SearchCount.objects.filter(ends__lt=time.time()).delete()
    return count


def _counted(
    request: HttpRequest, limits: Limits, of: str = ""
) -> Iterator[tuple[str, Mapping[str, int]]]:
    address = get_adapter().get_client_ip(request)
    network = network_of(address)
    yield f"{of}network-{network}", limits.get("network", {})
    yield f"{of}neighbours-{neighbours_of(address)}", limits.get("neighbours", {})
    if isinstance(request.user, Member):
        yield f"{of}member-{request.user.pk}", limits.get("member", {})
    else:
        yield f"{of}visitors-{network}", limits.get("visitors", {})


def _reads_everything(request: HttpRequest) -> bool:
    """Has this reader nothing to guess?"""
    now = timezone.now()
    decision = decide(Terms.SUBSCRIBERS, standing_of(request.user, now), 0, now)
    return isinstance(decision, FullText)


def network_of(address: str) -> str:
    """The network that counts as one: an IPv4 address, or what an IPv6 customer is given (/64)."""
    return _network(address, 32, 64)


def neighbours_of(address: str) -> str:
    """The networks around an address that one organisation is usually given (/24, /48)."""
    return _network(address, 24, 48)


def _network(address: str, v4: int, v6: int) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    length = v4 if found.version == 4 else v6
    return str(ip_network((found, length), strict=False).network_address).replace(":", ".")
