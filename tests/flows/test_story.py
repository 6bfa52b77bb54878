"""The reader's story in a real browser, on the demo as it ships, with script and without.

A visitor meets the wall, joins at it, reads the rest; confirms the address with the code from the
mail; chooses three articles; meets the wall of the spent; signs out and in again; finds the shelf.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is missing: apt-get install chromium"),
]
SCREENS = os.environ.get("STANDFIRST_SCREENS")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic", *quiet]
        )
        yield browser
        browser.close()


def opened(
    chromium: Browser, demo: str, *, script: bool = True, **options: object
) -> BrowserContext:
    options = {"viewport": {"width": 390, "height": 844}, **options}
    context = chromium.new_context(base_url=demo, java_script_enabled=script, **options)
    context.set_default_timeout(10_000)
    return context


def from_a_letter_to(page: Page, email: str, demo: str, wanted: str) -> str:
    """What a pattern finds in the newest mail to an address that has it, on the outbox page."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        page.goto(f"{demo}/outbox/")
        links = [link.get_attribute("href") or "" for link in page.locator("main a").all()]
        for link in [link for link in links if re.match(r"^/outbox/.+/$", link)][:4]:
            page.goto(demo + link)
            text = page.locator("main").inner_text()
            found = re.search(wanted, text) if email in text else None
            if found:
                return found[0]
        time.sleep(0.5)
    raise AssertionError(f"no mail to {email} with {wanted} in the outbox")


def gated_articles(page: Page, demo: str) -> list[str]:
    """Addresses of articles whose wall asks a visitor to join, from the archive of this month."""
    found: list[str] = []
    page.goto(f"{demo}/")
    for link in page.locator("main a").all():
        address = link.get_attribute("href") or ""
        if re.match(r"^(https?://[^/]+)?/\d{4}/\d{2}/[-\w]+/$", address) and address not in found:
            found.append(address)
    walled = []
    for address in found:
        page.goto(address if address.startswith("http") else demo + address)
        if page.locator(".wall form[action*='join']").count():
            walled.append(page.url)
        if len(walled) == 6:
            break
    assert len(walled) >= 5
    return walled


def rest_is_there(page: Page) -> bool:
    return page.locator("#rest").count() == 1 and page.locator(".wall").count() == 0


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_the_readers_story(chromium: Browser, demo: str, script: bool) -> None:
    context = opened(chromium, demo, script=script)
    page, mailbox = context.new_page(), opened(chromium, demo).new_page()
    email = f"reader-{uuid4().hex[:8]}@example.org"
    articles = gated_articles(page, demo)

    # The wall is part of the page; a slip of the pen loses nothing and tells what is wrong.
    page.goto(articles[0])
    assert not rest_is_there(page)
    words_before = len(page.locator("article.piece").inner_text().split())
    wall = page.locator(".wall")
    expect(wall).to_contain_text("free")
    wall.locator("input[name=email]").fill("reader@example")
    wall.locator("form[action*='join']").evaluate("f => f.noValidate = true") if script else None
    if script:
        wall.locator("form[action*='join'] button").first.click()
        expect(page.locator(".wall input[name=email]")).to_have_value("reader@example")
        expect(page.locator(".wall")).to_contain_text("complete e-mail address")

    # Joining opens the rest of this article at once.
    page.locator(".wall input[name=email]").fill(email)
    page.locator(".wall form[action*='join'] button").first.click()
    page.wait_for_url(re.compile(re.escape(articles[0])))
    assert rest_is_there(page)
    assert len(page.locator("article.piece").inner_text().split()) > words_before + 150

    # Further choices wait for a confirmed address.
    page.goto(articles[1])
    expect(page.locator(".wall")).to_contain_text(re.compile("confirm", re.IGNORECASE))
    code = from_a_letter_to(mailbox, email, demo, r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b")
    page.locator(".wall input[name=code]").fill(code)
    page.locator(".wall form:has(input[name=code]) button").first.click()
    page.wait_for_url(re.compile(re.escape(articles[1])))

    # Three of their own choice; looking spends nothing.
    for number, address in enumerate(articles[1:4]):
        page.goto(address)
        page.reload()
        choose = page.locator(".wall form[action*='choose'] button")
        expect(page.locator(".wall")).to_contain_text(str(3 - number))
        choose.click()
        page.wait_for_url(re.compile(re.escape(address)))
        assert rest_is_there(page), address

    # The fourth meets the wall of the spent: the three, or the shelf, and the day new ones come.
    page.goto(articles[4])
    assert not rest_is_there(page)
    wall = page.locator(".wall")
    for address in articles[1:4] if script else []:
        path = address.removeprefix(demo)
        expect(wall.locator(f"a[href$='{path}']")).to_have_count(1)
    expect(wall.get_by_role("link", name="your shelf")).to_be_visible()
    expect(wall).to_contain_text(
        re.compile(
            r"1 (January|February|March|April|May|June|July|"
            r"August|September|October|November|December)"
        )
    )
    if script:
        expect(page.locator("header.site")).to_contain_text(
            re.compile("0 choices|no choices", re.I)
        )

    # Sign out, and the chosen article is closed to whoever comes next.
    page.goto(f"{demo}/account/logout/")
    page.locator("main form button").first.click()
    page.goto(articles[1])
    assert not rest_is_there(page)

    # Sign in again by the link of the wall, with the link from the mail, and come back.
    page.locator(".wall a[href*='/account/login/']").first.click()
    page.locator("main input[type=email]").first.fill(email)
    page.locator("main form button[type=submit], main form button").first.click()
    link = from_a_letter_to(mailbox, email, demo, rf"{re.escape(demo)}/account/link/\S+")
    page.goto(link)
    assert not page.get_by_text("Log out").count(), "a look at the link signs nobody in"
    page.locator("main form button").first.click()
    page.wait_for_url(re.compile(re.escape(articles[1])))
    assert rest_is_there(page)

    # The shelf: the welcome and the three choices, with their reasons.
    page.goto(f"{demo}/account/shelf/")
    shelf = page.locator("main")
    for address in articles[:4]:
        expect(shelf.locator(f"a[href$='{address.removeprefix(demo)}']").first).to_be_visible()
    expect(shelf).to_contain_text(re.compile("joined", re.IGNORECASE))
    saves_for_later(page, articles[4], script)
    cites(page, articles[4], script)
    searches(page, demo, script)
    context.close()


def saves_for_later(page: Page, article: str, script: bool) -> None:
    """From the article, whose bytes are everybody's, onto the list, off it, and back."""
    page.goto(article)
    page.get_by_role("button", name="Save for later").click()
    if script:
        expect(page.locator("header .on-list")).to_be_focused()
        page.reload()
        page.locator("header .on-list").click()
    page.wait_for_url(re.compile("/account/reading-list/$"))
    here = page.locator(f"main .hit a[href='{re.sub('^https?://[^/]+', '', article)}']")
    expect(here).to_be_visible()
    page.get_by_role("button", name=re.compile("off your list")).click()
    expect(page.get_by_role("status")).to_contain_text("is off your list")
    expect(here).to_have_count(0)
    page.get_by_role("button", name="Put it back").click()
    expect(here).to_be_visible()


def cites(page: Page, article: str, script: bool) -> None:
    page.goto(article)
    page.locator("#cite summary").click()
    citation = page.locator("#cite-apa")
    expect(citation).to_contain_text(article)
    copies = page.locator("#cite button:visible")
    expect(copies).to_have_count(2 if script else 0)
    if script:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        copies.last.click()
        expect(copies.last).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == citation.text_content()
    with page.expect_download() as download:
        page.get_by_role("link", name="BibTeX").click()
    assert download.value.suggested_filename.endswith(".bib")
    assert Path(download.value.path()).read_text().startswith("@article{")


def searches(page: Page, demo: str, script: bool) -> None:
    """By the keyboard alone: results while one types, back from an article to them, and out."""
    page.goto(f"{demo}/library/")
    page.locator("#q").focus()
    page.keyboard.type("canal wat")
    if not script:
        page.keyboard.press("Enter")
    hits = page.locator("article.hit")
    expect(hits.first).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q=canal\+wat"))
    expect(page.locator("#completions option[value='canal water']")).to_have_count(1)
    if script:
        expect(page.locator("#said")).to_have_text(re.compile(r"^\d+ articles?$"))
        expect(page.locator("#q")).to_be_focused()
    page.locator("#q").press("End")
    page.keyboard.type("er")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=canal\+water"))
    expect(page.locator("mark").first).to_be_visible()
    count = page.locator("#count").inner_text()
    hits.locator("h2 a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/\d{4}/\d{2}/"))
    page.go_back()
    expect(page.locator("#count")).to_have_text(count)
    expect(page.locator("#q")).to_have_value("canal water")
    if script:
        page.locator("#sort").select_option("newest")
        expect(page).to_have_url(re.compile("sort=newest"))
        page.go_back()  # undoes the choice and stays in the library
        expect(page.locator("#sort")).to_have_value("")
        expect(page.locator("#q")).to_have_value("canal water")
        page.goto(f"{demo}/library/")
        page.locator("#q").press_sequentially("canal")
        expect(hits.first).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator("form.search button")).to_be_focused()
        page.locator("#q").press("Escape")  # empties the field, as browsers do
        expect(page.get_by_role("heading", name="By section")).to_be_visible()
        expect(page).to_have_url(f"{demo}/library/")


PUBLIC = [
    "/",
    "/section/world/",
    "/topics/",
    "/regions/",
    "/authors/",
    "/archive/",
    "/library/",
    "/library/?q=water+canal",
    "/all-access/",
    "/newsletters/",
    "/newsletters/daily-review/",
    "/join/",
    "/account/login/",
    "/no-such-page/",
]


def test_a_search_in_vain_is_reported_once_it_has_stood_and_none_while_typing(
    chromium: Browser, demo: str
) -> None:
    context = opened(chromium, demo)
    page = context.new_page()
    page.goto(f"{demo}/library/")
    posts = []
    page.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
    page.locator("#q").press_sequentially("zebra", delay=20)
    page.locator("#missed").wait_for(state="attached")
    with page.expect_response("**/library/missed/") as reported:
        page.locator("#q").press_sequentially("stan", delay=20)
    assert reported.value.status == 204
    assert len(posts) == 1
    context.close()


SHAPES = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],  # to bring home what passes takes longer than to look
}
# A page that was light a moment ago is the same in the dark but for its colours: what is still to
# be asked are axe's rules that compute colours.
OF_COLOURS = {
    **AXE,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


def test_every_page_passes_axe_and_none_scrolls_sideways(chromium: Browser, demo: str) -> None:
    """WCAG 2.2 AA as far as a program can see, in a real browser, signed out and signed in; each
    page on a narrow and a wide screen, light and dark."""
    context = opened(chromium, demo, reduced_motion="reduce")
    page = context.new_page()
    walled = gated_articles(page, demo)[:1]
    editions = [latest_edition(page, demo, name) for name in ("daily-review", "newsletter")]
    look_at(page, demo, [*PUBLIC, *walled, *editions], "visitor")
    page.goto(f"{demo}/account/login/?next=/account/")
    page.locator("main input[type=email]").first.fill(f"axe-{uuid4().hex[:8]}@example.org")
    page.goto(walled[0])
    page.locator(".wall input[name=email]").fill(f"axe-{uuid4().hex[:8]}@example.org")
    page.locator(".wall form[action*='join'] button").first.click()
    page.wait_for_url(re.compile(re.escape(walled[0])))
    page.get_by_role("button", name="Save for later").click()
    expect(page.locator("header .on-list")).to_be_visible()
    links = {"/account/", "/account/shelf/", "/library/?q=water+canal"}
    page.goto(f"{demo}/account/")
    for link in page.locator("nav.tabs a").all():
        links.add(link.get_attribute("href") or "/account/")
    look_at(page, demo, [walled[0], editions[1], *sorted(links)], "member")
    context.close()


def latest_edition(page: Page, demo: str, newsletter: str) -> str:
    page.goto(f"{demo}/newsletters/{newsletter}/")
    return page.locator(".issues h2 a").first.get_attribute("href") or ""


def look_at(page: Page, demo: str, addresses: list[str], name: str) -> None:
    problems = []
    for address in addresses:
        page.goto(address if address.startswith("http") else demo + address)
        page.locator("#cite").evaluate_all("all => all.forEach((it) => { it.open = true; })")
        page.evaluate(axe.Axe().axe_script)
        for width, scheme in SHAPES:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            where = f"{address} at {width}, {scheme}"
            if SCREENS:
                at = re.sub(r"\W+", "-", address.removeprefix(demo)).strip("-") or "front"
                Path(SCREENS).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=f"{SCREENS}/{name}-{scheme}-{width}-{at}.png", full_page=True)
            asked = AXE if scheme == "light" else OF_COLOURS
            results = axe.AxeResults(page.evaluate("options => axe.run(options)", asked))
            if results.violations_count:
                problems.append(f"{where}: {results.generate_report()}")
            wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
            if wide:
                problems.append(f"{where} scrolls sideways")
    assert not problems, "\n".join(problems)
