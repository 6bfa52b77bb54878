"""Paying in the demo: by the real adapter for Stripe, at a stand-in that moves no money.

It runs as a child of the demo, and keeps what it knows in the demo's folder.
"""

import hashlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from standfirst.project.demo import cast
from standfirst.project.demo.together import Child, end
from standfirst.project.ports import listener

CARD = "4242424242424242"
WEBHOOK = "/webhooks/stripe/"
SECONDS_TO_START = 30


class StandIn:
    """Where the demo's stand-in for Stripe is, and how it is run."""

    def __init__(self, home: Path, magazine: str, near: int) -> None:
        """`magazine` is the address it tells of everything, `near` the port it would rather have,
        so that addresses of invoices stay what they are at the next start."""
        self.port = _free_port(near)
        self.address = f"http://127.0.0.1:{self.port}"
        self._file = home / "stand-in-for-stripe.sqlite3"
        self._webhook = f"{magazine}{WEBHOOK}"
        key = (home / "secret").read_bytes()
        self._secret = f"whsec_{hashlib.sha256(b'webhooks:' + key).hexdigest()[:32]}"

    @property
    def settings(self) -> Mapping[str, str]:
        """What the magazine has to know of it."""
        return {
            "STRIPE_KEY": "sk_test_standin",
            "STRIPE_API": self.address,
            "STRIPE_WEBHOOK_SECRET": self._secret,
        }

    @contextmanager
    def running(self) -> Iterator[Child]:
        """Run it, and end it after; the child may be started again meanwhile."""
        child = Child(
            [
                *(sys.executable, "-m", "standfirst.subscriptions.standin", "--quiet"),
                *("--port", str(self.port), "--file", str(self._file)),
                *("--webhook", self._webhook, "--secret", self._secret),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            self._wait_for(child)
            yield child
        finally:
            end([child])

    def _wait_for(self, child: Child) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until and child.is_alive:
            with suppress(OSError, http.client.HTTPException):
                _ask("GET", f"{self.address}/standin")
                return
            time.sleep(0.05)
        raise TimeoutError("the stand-in for Stripe did not start; the reason stands above.")


def sell(now: datetime) -> None:
    """Put the plans at the stand-in, and let the sample's subscriber buy one as a reader would."""
    from standfirst.members.models import Member
    from standfirst.subscriptions.actions.buying import begin_checkout, mirror_checkout
    from standfirst.subscriptions.actions.catalogue import bring_in_line
    from standfirst.subscriptions.models import Price, Subscription
    from standfirst.subscriptions.providers import for_readers

    provider = for_readers()
    assert provider is not None  # noqa: S101  the settings name the stand-in
    bring_in_line(provider)
    email = next(person.email for person in cast.PEOPLE if person.key == "subscriber")
    member = Member.objects.get(email=email)
    offered = Price.objects.filter(is_offered=True, plan__is_offered=True, interval="month")
    price = offered.order_by("plan__position", "currency").first()
    if price is None or Subscription.objects.filter(member=member, provider=provider.name).exists():
        return
    checkout = begin_checkout(provider, member, price, "", now=now)
    _ask("POST", checkout.url, {"card": CARD, "email": email})
    mirror_checkout(provider, checkout)


def _ask(method: str, url: str, form: Mapping[str, str] | None = None) -> None:
    """One request to the stand-in; where it leads on to is not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request(method, parts.path, urlencode(form or {}))
        status = connection.getresponse().status
    finally:
        connection.close()
    if status not in (200, 303):
        raise OSError(f"{parts.path} answers {status}")


def _free_port(near: int) -> int:
    for port in (near, 0):
        if listening := listener("127.0.0.1", port):
            with listening:
                return int(listening.getsockname()[1])
    raise OSError("no port is free")
