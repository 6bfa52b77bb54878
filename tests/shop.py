"""A magazine that sells All-Access at a stand-in for Stripe, and readers who pay there."""

import os
import signal
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.subscriptions.actions.buying import begin_checkout
from standfirst.subscriptions.actions.catalogue import bring_in_line
from standfirst.subscriptions.models import Checkout, Plan, Price
from standfirst.subscriptions.providers import for_readers
from standfirst.subscriptions.providers.base import Provider
from standfirst.subscriptions.providers.stripe.calls import Calls
from standfirst.subscriptions.rules import Interval
from standfirst.subscriptions.standin.server import Server
from standfirst.subscriptions.standin.store import Store
from tests.conftest import Browser
from tests.standin.conftest import ASKS, DECLINED, WORKS, House, house, running

__all__ = ["ASKS", "DECLINED", "WORKS", "Shop", "house", "running", "shop"]


class Shop:
    """What is sold, and what the stand-in says was sold."""

    def __init__(self, house: House, store: Store) -> None:
        self.house, self.store = house, store
        self.plan = Plan.objects.create(name="All-Access")
        self.monthly = self.price(900)
        self.yearly = self.price(9000, Interval.YEAR)
        self.bring_in_line()

    @property
    def provider(self) -> Provider:
        found = for_readers()
        assert found
        return found

    def price(self, amount: int, interval: Interval = Interval.MONTH, **more: Any) -> Price:
        more.setdefault("plan", self.plan)
        return Price.objects.create(currency="EUR", interval=interval, amount=amount, **more)

    def bring_in_line(self) -> None:
        bring_in_line(self.provider)

    def begin(self, member: Member, price: Price | None = None, onward: str = "") -> Checkout:
        return begin_checkout(
            self.provider, member, price or self.monthly, onward, now=timezone.now()
        )

    def pay(self, url: str, card: str = WORKS, **form: str) -> tuple[int, str]:
        """Pay on the stand-in's page: status, and the path one is sent on to."""
        status, headers, body = self.house.page(url, card=card, email="reader@example.org", **form)
        there = urlsplit(headers.get("Location", ""))
        return status, there.path or body

    def sessions(self, status: str = "") -> list[Any]:
        found = self.house.v.checkout.sessions.list({"limit": 100}).data
        return [one for one in found if not status or one.status == status]

    def sold(self) -> list[Any]:
        """Subscriptions at the stand-in that go on."""
        found = self.house.v.subscriptions.list({"limit": 100, "status": "all"}).data
        return [one for one in found if one.status != "canceled"]

    def charges(self) -> list[int]:
        """What was taken, less what was given back."""
        found = self.house.v.charges.list({"limit": 100}).data
        return [one.amount - one.amount_refunded for one in found if one.status == "succeeded"]

    def charges_without_asking(self) -> list[int]:
        """The same past every fault."""
        rows = self.store.find("charge", status="succeeded")
        return [one["amount"] - one["amount_refunded"] for one in rows]


@pytest.fixture
def shop(
    running: Server, house: House, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    assert Calls.__init__.__kwdefaults__
    monkeypatch.setitem(Calls.__init__.__kwdefaults__, "pauses", (0.02, 0.05, 0.1))
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_any", house.base
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_test"]
    return Shop(house, running.store)


# -- readers -----------------------------------------------------------------------------------


def buy(browser: Client, price: Any, article: Article | None = None, **form: str) -> Any:
    """Press the button of the plans page."""
    if article:
        form["next"] = article.get_absolute_url()
    answer = browser.post(f"/all-access/buy/{price.pk}/", form)
    if answer.status_code == 307:  # one has an account now, and the browser posts the same again
        assert answer.url == f"/all-access/buy/{price.pk}/"
        answer = browser.post(answer.url, form)
    return answer


def signed_in(member: Member) -> Browser:
    browser = Browser()
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return browser


# -- programs that are killed -------------------------------------------------------------------


def in_a_process(act: Callable[[], Any]) -> int:
    """Do it in a process of its own, on the test's database. Gives the process's number."""
    connections.close_all()  # or both would talk through one
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        for_readers.cache_clear()
        act()
        connections.close_all()
        status = 0
    finally:
        os._exit(status)


def ended(number: int) -> int:
    """Wait for it: its exit code, negative for the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def dying(home: Any, name: str, *, after: bool) -> None:
    """From now on this process is killed before, or after, a step (a function of `home`)."""
    real = getattr(home, name)

    def deadly(*args: Any, **kwargs: Any) -> None:
        if after:
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(home, name, deadly)
