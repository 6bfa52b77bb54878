"""The page of a bill, in a real browser: read on a screen, and printed."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from standfirst.subscriptions.actions import bill_member, cancel_bill
from standfirst.subscriptions.providers.invoice import page_of
from tests.flows.test_story import CHROMIUM, SCREENS
from tests.making import make_magazine, make_member, make_staff

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is missing: apt-get install chromium"),
]
_SHEET = re.compile(r'<link rel="stylesheet" href="/static/([^"]+)">')


def _with_its_style(text: str) -> str:
    """The page with its style sheets in it, so that no server is needed."""

    def sheet(link: re.Match[str]) -> str:
        found = finders.find(link[1])
        assert isinstance(found, str)
        return f"<style>{Path(found).read_text()}</style>"

    return _SHEET.sub(sheet, text)


@pytest.fixture
def pages(db: None) -> Iterator[dict[str, str]]:
    """A bill with all it may have, and the credit note that cancels it."""
    make_magazine(
        imprint="Meridian Publishing Ltd\nHarbour Street 12\n1010 Port Meridian",
        bank_details="Meridian Publishing Ltd\nIBAN XX12 3456 7890 1234 5678\nBIC MERIXX00",
        invoice_notes="Company number 123456. VAT number XX123456789.",
    )
    desk = make_staff()
    bill = bill_member(
        make_member(),
        plan=None,
        agreed={
            "name": "Königliche Oberschule am Hafen",
            "address": "Lange Zeile 4\n1010 Port",
            "email": "office@school.example",
            "tax_number": "XX987654321",
            "order": "PO-77/26",
            "wording": "All-Access for the library and forty readers",
            "net": 120_005,
            "tax_rate": Decimal("20.00"),
            "currency": "EUR",
            "begins_on": date(2026, 3, 2),
            "months": 12,
            "days_to_pay": 30,
            "at_once": True,
            "goes_on": True,
        },
        by=desk,
        now=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
    asked = page_of(bill)
    texts = {"bill": Client().get(asked).content.decode()}
    note = cancel_bill(bill, why="x", by=desk, now=datetime(2026, 3, 3, 12, tzinfo=UTC))
    texts["credit"] = Client().get(page_of(note)).content.decode()
    texts["cancelled"] = Client().get(asked).content.decode()
    return {name: _with_its_style(text) for name, text in texts.items()}


def test_it_passes_axe_and_prints_on_one_sheet(pages: dict[str, str]) -> None:
    assert "€1,440.06" in pages["bill"]
    assert "20 %" in pages["bill"]
    assert "-€1,440.06" in pages["credit"]
    assert "cancelled by credit note 2026-0002" in pages["cancelled"]
    # Not a fixture: Django's database can't be asked while Playwright's loop runs.
    with sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        problems = looked_at(chromium, pages)
        colours, hint, sheets = printed(chromium, pages["bill"])
        chromium.close()
    assert not problems, "\n".join(problems)
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert not hint
    assert sheets == 1


def looked_at(chromium: Browser, pages: dict[str, str]) -> list[str]:
    """What is wrong on a phone in the light and on a wide screen in the dark."""
    problems = []
    for scheme, width in (("light", 390), ("dark", 1280)):
        page = chromium.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        for name, text in pages.items():
            page.set_content(text)
            if SCREENS:
                Path(SCREENS).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=f"{SCREENS}/bill-{name}-{scheme}-{width}.png", full_page=True)
            found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})
            if found.violations_count:
                problems.append(f"{name}: {found.generate_report()}")
            if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                problems.append(f"{name} scrolls sideways at {width}")
        page.close()
    return problems


def printed(chromium: Browser, text: str) -> tuple[list[str], bool, int]:
    """Ink and paper of the printed page, whether it shows the hint, and how many sheets it takes;
    for a reader whose screen is dark."""
    page = chromium.new_page(color_scheme="dark", viewport={"width": 794, "height": 1123})
    page.set_content(text)
    page.emulate_media(media="print", color_scheme="dark")
    colours = page.evaluate(
        "[getComputedStyle(document.querySelector('h1')).color,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    if SCREENS:
        page.screenshot(path=f"{SCREENS}/bill-print.png", full_page=True)
    sheets = page.pdf(format="A4", prefer_css_page_size=True)
    count = len(re.findall(rb"/Type\s*/Page\b", sheets))
    return colours, page.locator(".hint").is_visible(), count
