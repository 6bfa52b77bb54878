"""How often one may search. A text that one may search but not read could be guessed word by word;
counted for each member, and for each network, so that this takes longer than it is worth."""

import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from standfirst.members.models import Member

SECONDS = {"minute": 60, "day": 86_400}


def too_often(request: HttpRequest) -> bool:
    """Count a search of this reader's. Says whether that was one too many."""
    exceeded = False
    for who, rates in _counted(request):
        for span, most in rates.items():
            seconds = SECONDS[span]
            key = f"library-{who}-{span}-{int(time.time()) // seconds}"
            cache.add(key, 0, seconds)
            try:
                exceeded |= cache.incr(key) > most
            except ValueError:  # it ran out between the two
                continue
    return exceeded


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
