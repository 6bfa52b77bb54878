"""The editor's morning in a real browser, on the demo as it ships: today's edition is edited,
tried, approved and sent; its progress is seen, each kind of reader's letter read, and one reader
unsubscribes."""

import re
import time

import pytest

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page, expect  # noqa: E402

from tests.flows.test_story import CHROMIUM, chromium, opened  # noqa: E402, F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is missing: apt-get install chromium"),
]
SUBJECT = "What the ice chart says, and what it costs"
DESK = "/newsroom/newsletters/editions/"


def log_in(page: Page) -> None:
    page.goto("/newsroom/login/")
    page.locator("main details summary").click()
    page.locator("input[name=login]").first.fill("editor@meridian.example")
    page.locator("input[type=password]").first.fill("standfirst-demo")
    page.locator("input[type=password]").first.press("Enter")
    expect(page).to_have_url(re.compile("/newsroom/$"))


def press(page: Page, newsletter: str, button: str) -> None:
    """A button of a newsletter's edition on the desk."""
    page.goto(DESK)
    of = page.locator("section", has=page.get_by_role("heading", name=newsletter))
    of.get_by_role("button", name=button).click()


def letters(page: Page, subject: str, at_least: int) -> dict[str, str]:
    """The letters of the outbox with this subject: the address of each by whom it went to."""
    end = time.monotonic() + 60
    while True:
        page.goto("/outbox/")
        found = {}
        for row in page.locator("main li", has=page.get_by_role("link", name=subject)).all():
            to = re.search(r"[\w.]+@[\w.]+", row.locator("span").inner_text())
            assert to
            found[to[0]] = row.locator("a").get_attribute("href") or ""
        if len(found) >= at_least:
            return found
        assert time.monotonic() < end, f"only {sorted(found)} got “{subject}”"
        time.sleep(0.5)


def read(page: Page, address: str) -> str:
    """A letter's plain text, and its links' addresses; what it shows is looked at too."""
    page.goto(address)
    expect(page.frame_locator("iframe").get_by_text("Unsubscribe")).to_be_visible()
    return page.locator(".letter-text").inner_text()


def test_an_edition_is_edited_tried_approved_sent_and_read(
    demo: str,
    chromium: Browser,  # noqa: F811
) -> None:
    expect.set_options(timeout=20_000)
    context = opened(chromium, demo, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    log_in(page)

    page.goto(DESK)
    expect(page.get_by_text("it waits for approval")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).first.click()
    page.locator("#id_subject").fill(SUBJECT)
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("has been updated")).to_be_visible()

    press(page, "The Daily Review", "Send a test to myself")
    assert "editor@meridian.example" in letters(page, f"[Test, as a subscriber] {SUBJECT}", 1)

    press(page, "The Daily Review", "Approve")
    expect(page.locator(".messages")).to_contain_text("Approved")
    press(page, "The Daily Review", "Send now")
    page.get_by_role("link", name="How it goes").click()
    # The worker looks every three seconds, and a sender is a process of its own that must start.
    expect(page.locator("[data-state]")).to_have_text(re.compile(r"^Sent at"), timeout=90_000)
    total = page.locator("[data-figure=total]").inner_text()
    assert total == page.locator("[data-figure=accepted]").inner_text() != "0"

    # A subscriber has all of it; the free newsletter goes to everybody, to each as they are.
    sent = letters(page, SUBJECT, 1)
    assert "member@meridian.example" not in sent
    text = read(page, sent["subscriber@meridian.example"])
    assert "What matters is who pays." in text
    assert "choices" not in text

    page.goto(DESK)
    weekly_now = page.locator(
        "section", has=page.get_by_role("heading", name="The Meridian Weekly")
    )
    draft = weekly_now.get_by_role("button", name="Draft today’s edition now")
    # On a Friday morning it has drafted itself.
    (draft if draft.count() else weekly_now.get_by_role("link", name="Edit", exact=True)).click()
    page.locator("#id_subject").fill("The week, once more")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("has been updated")).to_be_visible()
    press(page, "The Meridian Weekly", "Approve")
    press(page, "The Meridian Weekly", "Send now")
    weekly = letters(page, "The week, once more", 3)
    assert "are left until" in read(page, weekly["member@meridian.example"])
    assert "new ones come" in read(page, weekly["spent@meridian.example"])
    assert "choices" not in read(page, weekly["subscriber@meridian.example"])

    # One click, as a mail program does it; and the page of switches says so, without a log-in.
    page.goto(weekly["member@meridian.example"])
    link = page.frame_locator("iframe").get_by_role("link", name="Choose what you get")
    switches = link.get_attribute("href") or ""
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are off the list")).to_be_visible()
    stranger = opened(chromium, demo, script=False).new_page()
    stranger.goto(switches)
    expect(stranger.get_by_label("The Meridian Weekly")).not_to_be_checked()
    expect(stranger.get_by_label("The Daily Review")).to_be_visible()
    page.goto("/newsroom/newsletters/sent/")
    row = page.locator("tr", has=page.get_by_role("link", name=re.compile("Weekly"))).first
    expect(row.locator("td").nth(6)).to_have_text("1")
