"""The subscriber's pages and letters in a real browser: WCAG 2.2 AA as far as a program can see,
and nothing that scrolls sideways. They are fetched first, so that no server is needed."""

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.core import mail
from django.utils import timezone

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

from playwright.sync_api import Page, Route, sync_playwright  # noqa: E402

from standfirst.members.mail import send_letter  # noqa: E402
from standfirst.members.models import Member  # noqa: E402
from standfirst.subscriptions.jobs.letters import FOLDER  # noqa: E402
from standfirst.subscriptions.letters import LETTERS  # noqa: E402
from standfirst.subscriptions.links import withdrawal_token  # noqa: E402
from standfirst.subscriptions.models import (  # noqa: E402
    AtProvider,
    Bill,
    Ending,
    Plan,
    Price,
    Subscription,
)
from standfirst.subscriptions.words import told  # noqa: E402
from tests.bought import day  # noqa: E402
from tests.conftest import Browser  # noqa: E402
from tests.making import make_magazine, make_member  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is missing: apt-get install chromium"),
]
SCREENS = os.environ.get("STANDFIRST_SCREENS")
PAGE = "/account/all-access/"
# axe takes its time; the others are made of the same parts.
ASKED = ("mine", "cancel", "change", "delete", "withdraw", "confirm", "withdrawn", "letter-welcome")
DARK = ("mine", "cancel")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def sell(member: Member) -> Subscription:
    plan = Plan.objects.create(name="All-Access")
    for interval, amount in (("month", 900), ("year", 9000)):
        price = Price.objects.create(plan=plan, currency="EUR", interval=interval, amount=amount)
        AtProvider.objects.create(
            provider="stripe", realm="test", kind="price", ours=price.pk, theirs=f"price_{interval}"
        )
    mine = Subscription.objects.create(
        member=member, provider="stripe", provider_id="sub_1", customer="cus_1", plan=plan,
        price=plan.prices.get(interval="month"), state="active", begun_at=day(-5),
        starts_at=day(-5), ends_at=day(32), paid_through=day(25), next_at=day(25),
        next_amount=900, amount=900, currency="EUR", interval="month", card="Visa ending in 4242",
    )  # fmt: skip
    for number, (status, back) in enumerate([("open", 0), ("paid", 0), ("paid", 900)]):
        Bill.objects.create(
            subscription=mine, provider="stripe", provider_id=f"in_{number}",
            number=f"9F1C44A2-000{number}", status=status, currency="EUR", total=900,
            paid=900 if status == "paid" else 0, refunded=back, issued_at=day(-5 - 30 * number),
            period_from=day(-5 - 30 * number), period_until=day(25 - 30 * number),
            page="https://pay.example/1", pdf="https://pay.example/1.pdf",
        )  # fmt: skip
    return mine


def fetch_pages(browser: Browser, mine: Subscription) -> dict[str, bytes]:
    token = f"/withdraw/{withdrawal_token(mine)}/"
    found = {}

    def put(name: str, path: str, **form: str) -> None:
        answer = browser.post(path, form) if form else browser.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        found[name] = answer.content

    for name, path in (("overview", "/account/"), ("mine", PAGE), ("cancel", f"{PAGE}cancel/"),
                       ("change", f"{PAGE}change/"), ("delete", "/account/delete/"),
                       ("withdraw", "/withdraw/"),
                       ("state", token), ("plans", "/all-access/")):  # fmt: skip
        put(name, path)
    put("confirm", token, step="state")
    put("mailed", "/withdraw/", email="x@example.org", named="1")
    states = (("trialing", {"trial_ends_at": day(9), "next_at": day(9)}),
              ("past_due", {"next_at": None, "next_amount": None}),
              ("cancelled", {"cancel_at": day(25), "next_at": None}))  # fmt: skip
    for state, fields in states:
        Subscription.objects.update(state=state, **fields)
        put(state, PAGE)
    Ending.objects.create(
        subscription=mine, kind="withdrawn", declared_at=timezone.now(), due_at=timezone.now()
    )
    Subscription.objects.update(state="refunded", ends_at=day(-1))
    put("withdrawn", token)
    put("refunded", PAGE)
    return found


def fetch_letters(mine: Subscription) -> dict[str, bytes]:
    found = {}
    kinds = {*LETTERS.values(), "trial_ends", "renews", "grace_ends", "withdrawn", "withdraw"}
    for kind in sorted(kinds):
        state = {"trial_ends": "trialing", "cancelled": "cancelled"}.get(kind, "active")
        mine.state, mine.trial_ends_at = state, day(9)
        base = "http://testserver/account/all-access/"
        send_letter(
            kind, "ada@example.org", folder=FOLDER, mine=told(mine, "en", timezone.now()),
            links={"account": base, "plans": "http://testserver/all-access/",
                   "withdraw": f"http://testserver/withdraw/{withdrawal_token(mine)}/"},
            ending={"number": "W2026-00012", "declared_at": timezone.now()}, back="€9.00",
            withdraw_until=day(9), reader="bob@example.org", number=7, at=timezone.now(),
        )  # fmt: skip
        letter: Any = mail.outbox[-1]
        found[f"letter-{kind}"] = letter.alternatives[0][0].encode()
    return found


@pytest.fixture
def fetched() -> dict[str, bytes]:
    make_magazine(name="The Meridian", contact="desk@example.org", imprint="Meridian Press\nVienna")
    ada = make_member("ada@example.org", name="Ada")
    mine = sell(ada)
    browser = Browser()
    browser.force_login(ada)
    letters = fetch_letters(Subscription.objects.get(pk=mine.pk))
    return {**fetch_pages(browser, mine), **letters}


def test_every_page_and_letter_passes_axe_and_none_scrolls_sideways(
    fetched: dict[str, bytes],
) -> None:
    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        name = path.strip("/").removesuffix(".html")
        if name in fetched:
            route.fulfill(body=fetched[name], content_type="text/html; charset=utf-8")
            return
        found = finders.find(path.removeprefix("/static/"))
        if isinstance(found, str):
            route.fulfill(path=found)
        else:
            route.fulfill(status=404, body="")

    problems: list[str] = []
    with sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        # Everything on a phone; wide and dark, what looks otherwise there.
        for scheme, width in (("light", 390), ("light", 1280), ("dark", 390)):
            context = chromium.new_context(
                color_scheme=scheme, viewport={"width": width, "height": 900}
            )
            page = context.new_page()
            page.route("**/*", answer)
            for name in fetched if SCREENS or scheme == "light" else DARK:
                asked = name in (DARK if scheme == "dark" else ASKED if width == 390 else ())
                problems += looked_at(page, name, f"{scheme}-{width}", ask_axe=asked)
            context.close()
        chromium.close()
    assert not problems, "\n".join(problems)


def looked_at(page: Page, name: str, how: str, *, ask_axe: bool) -> list[str]:
    page.goto(f"http://testserver/{name}.html")
    if SCREENS:
        Path(SCREENS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SCREENS}/{name}-{how}.png", full_page=True)
    problems = []
    if ask_axe:
        results = axe.Axe().run(page, options={"runOnly": RULES})
        if results.violations_count:
            problems.append(f"{name} ({how}): {results.generate_report()}")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
        problems.append(f"{name} ({how}) scrolls sideways")
    return problems
