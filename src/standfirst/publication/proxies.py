"""Who is asking, when a proxy of our own stands in front."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def believe_our_own(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Set REMOTE_ADDR and the scheme from X-Forwarded-For and -Proto, if our own proxy sent them.

    A forwarded address is believed only from a network in TRUSTED_PROXIES, and then it is the last
    one that is not itself such a proxy: whoever asks can write anything before it.
    """
    ours = [ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES]

    behind_door = settings.BEHIND_DOOR

    def is_ours(address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in ours)

    def middleware(request: HttpRequest) -> HttpResponse:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        if behind_door:  # it alone reaches our socket, and writes last who asked it
            request.META["REMOTE_ADDR"] = str(_address(forwarded.pop().strip()) or "")
        if is_ours(_address(request.META.get("REMOTE_ADDR", ""))):
            for text in reversed(forwarded):
                address = _address(text.strip())
                if not is_ours(address):
                    if address:
                        request.META["REMOTE_ADDR"] = str(address)
                    break
            if request.headers.get("X-Forwarded-Proto") == "https":
                request.META["wsgi.url_scheme"] = "https"
                request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]
        # allauth must not read the header a second time, believing anybody.
        request.META.pop("HTTP_X_FORWARDED_FOR", None)
        return get_response(request)

    return middleware


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address; IPv4 that arrived at an IPv6 socket as IPv4. None for what is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
