"""Who is asking, when a proxy of our own stands in front."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

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

    def is_ours(address: str) -> bool:
        try:
            return any(ip_address(address) in network for network in ours)
        except ValueError:
            return False

    def middleware(request: HttpRequest) -> HttpResponse:
        if is_ours(request.META.get("REMOTE_ADDR", "")):
            for address in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
                if address.strip() and not is_ours(address.strip()):
                    request.META["REMOTE_ADDR"] = address.strip()
                    break
            if request.headers.get("X-Forwarded-Proto") == "https":
                request.META["wsgi.url_scheme"] = "https"
                request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]
        # allauth must not read the header a second time, believing anybody.
        request.META.pop("HTTP_X_FORWARDED_FOR", None)
        return get_response(request)

    return middleware
