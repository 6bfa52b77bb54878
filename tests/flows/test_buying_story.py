"""The whole story of a purchase as a reader has it, in a real Chromium, against the demo: the wall,
the plans, an address, a card that is declined and one that works, the article, the bill,
cancelling, and the article still open."""

import re
from uuid import uuid4

import axe_playwright_python.sync_playwright as axe
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.test_story import chromium, opened, pytestmark, rest_is_there

__all__ = ["chromium", "pytestmark"]


def for_subscribers(page: Page, demo: str) -> str:
    """An article whose wall sells All-Access alone."""
    page.goto(f"{demo}/")
    links = [link.get_attribute("href") or "" for link in page.locator("main a").all()]
    for address in dict.fromkeys(links):
        if re.match(r"^/\d{4}/\d{2}/[-\w]+/$", address):
            page.goto(demo + address)
            if (
                page.locator(".wall a[href*='/all-access/']").count()
                and not page.locator(".wall form[action*='join']").count()
            ):
                return address
    raise AssertionError("no article for subscribers on the front page")


def accessible(page: Page) -> None:
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]})
    assert not found.violations_count, found.generate_report()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_from_the_wall_to_the_account_by_paying(chromium: Browser, demo: str, script: bool) -> None:
    context = opened(chromium, demo, script=script)
    page = context.new_page()
    email = f"buyer-{uuid4().hex[:8]}@example.org"
    article = for_subscribers(page, demo)
    assert not rest_is_there(page)

    # From the wall to the plans, and with an address on to pay.
    page.locator(".wall a[href*='/all-access/']").first.click()
    page.wait_for_url(re.compile(r"/all-access/"))
    form = page.locator("form[action*='/all-access/buy/']").first
    form.locator("input[name=email]").fill(email)
    form.locator("button").first.click()
    page.wait_for_url(re.compile(r"/pay/cs_"))
    pay = page.url
    expect(page.locator("body")).to_contain_text("To pay today")

    # Come back without having paid: the page says so, waits, and harms nothing.
    checkout = pay.rsplit("/", 1)[1]
    page.goto(f"{demo}/all-access/bought/{checkout}/")
    expect(page.locator("h1")).to_have_text("One moment")
    if script:
        accessible(page)
    page.get_by_role("link", name="Go back to the payment page").click()
    assert page.url == pay

    # Declined, and then paid with another card.
    choose(page, "4000000000000002")
    expect(page.locator("body")).to_contain_text(re.compile("declined", re.IGNORECASE))
    choose(page, "4242424242424242")
    page.wait_for_url(re.compile(re.escape(article)))
    assert rest_is_there(page)
    if script:
        expect(page.get_by_role("status")).to_contain_text("Thank you")
        page.reload()
        expect(page.get_by_text("Thank you. From now on")).to_have_count(0)

    # Neither the back button nor the plans sell it a second time.
    page.goto(pay)
    expect(page.locator("body")).to_contain_text("already paid")
    page.goto(f"{demo}/all-access/bought/{checkout}/")
    page.wait_for_url(re.compile(re.escape(article)))
    leave(page, demo, script=script)
    page.goto(demo + article)
    assert rest_is_there(page)
    context.close()

    # The same address from another device: neither signed in nor charged.
    context = opened(chromium, demo, script=script)
    page = context.new_page()
    page.goto(f"{demo}/all-access/?next={article}")
    form = page.locator("form[action*='/all-access/buy/']").first
    form.locator("input[name=email]").fill(email)
    form.locator("button").first.click()
    expect(page.locator("h1")).to_have_text("Check your mail")
    if script:
        accessible(page)
    context.close()


def leave(page: Page, demo: str, *, script: bool) -> None:
    """From the account: the bill, two clicks to cancel, and what stays until when."""
    page.goto(f"{demo}/account/all-access/")
    main = page.locator("main")
    expect(main).to_contain_text("Next payment")
    expect(main.locator("table")).to_contain_text("paid")
    bill = page.request.get(main.locator("table a").first.get_attribute("href") or "")
    assert bill.ok
    page.get_by_role("link", name=re.compile("^Cancel")).click()
    if script:
        accessible(page)
    main.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(main).to_contain_text("No further payment")
    expect(main).to_contain_text(re.compile(r"[Uu]ntil \d{1,2} \w+ \d{4}"))


def choose(page: Page, card: str) -> None:
    page.locator(f"input[name=card][value='{card}']").check()
    page.locator("main form:has(input[name=card]) button").last.click()
