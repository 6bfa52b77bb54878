"""No page, and none of the newsroom's daily lists, works the harder the larger the archive is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from standfirst.articles import newsroom, reports, shelves, sitemaps
from standfirst.articles.actions import EDITORS, set_up_magazine
from standfirst.articles.load_rows import NewArticle, Slugs, add_articles
from standfirst.articles.models import Article, Author, Region, Topic
from standfirst.members.models import Member
from tests import archive
from tests.making import make_magazine, make_member, make_section, make_staff
from tests.work import counted

pytestmark = [pytest.mark.django_db, pytest.mark.attack]

SMALL, LARGE = 200, 2_000
EXPECTED = {"nothing there": {404}, "Wagtail's API": {404}}  # all others are there, or lead on
# Where Wagtail asks less, or something else, for a superuser.
ASKED_OTHERWISE = ("first page", "explorer", "chooser", "history", "images", "workflows")
SPAN = 24 * 300  # hours; however many articles there are, the months are the same
# A page deep in a list is looked for within its month, and a month holds ten times as much.
WITHIN_A_MONTH = {"reader: section, last page": 2_000}


def grow(start: int, end: int, staff: Member | None = None) -> None:
    """Articles from `start` to `end`, over the same months."""
    section, topic = make_section(), Topic.objects.get_or_create(name="Ports", slug="ports")[0]
    author = Author.objects.get_or_create(name="Ada Sample", slug="ada-sample")[0]
    region = Region.objects.get_or_create(name="Oceans", slug="oceans")[0]
    text = [{"type": "paragraph", "value": "<p>One.</p><p>Two.</p>", "id": "p"}]
    slugs, latest = Slugs(), datetime(2026, 11, 1, tzinfo=UTC)
    for first in range(start, end, 300):
        added = add_articles(
            [
                NewArticle(
                    source_id=str(n),
                    source_hash="1",
                    title=f"Piece {n}",
                    section=section,
                    format="analysis",
                    published_at=latest - timedelta(hours=n * 7919 % SPAN),
                    body=text,
                    words=2,
                    authors=[author],
                    topics=[topic],
                    regions=[region],
                )
                for n in range(first, min(first + 300, end))
            ],
            slugs,
        )
        if staff:
            archive.add_years(added, staff.pk)


def editor() -> Member:
    """A colleague as most are: no superuser, so that Wagtail asks what they may see."""
    editor = make_member("editor@example.org", is_staff=True)
    editor.groups.set([Group.objects.get(name=EDITORS)])
    return editor


def steps_of_pages(clients: dict[str, Client], *, warm: bool) -> dict[str, int]:
    """The work of each address once everything that is remembered between requests is."""
    found = {}
    for kind, addresses in archive.pages().items():
        for name, address in addresses.items():
            for who in ["reader"] if kind == "reader" else ["editor", "superuser"]:
                if who == "superuser" and not name.startswith(ASKED_OTHERWISE):
                    continue
                if not warm:
                    consume(clients[who].get(address))
                with counted() as work:
                    answer = clients[who].get(address)
                    consume(answer)
                assert answer.status_code in EXPECTED.get(name, {200, 302}), (name, address)
                found[f"{who}: {name}"] = work.steps
    return found


def consume(answer: Any) -> None:
    if answer.streaming:
        for _ in answer.streaming_content:
            pass


def steps_of_acts() -> dict[str, int]:
    found = {}
    for name, act in archive.acts().items():
        with counted() as work:
            act()
        found[name] = work.steps
    return found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite counts its steps.")
def test_ten_times_the_articles_are_no_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # Bounds that the small archive reaches as well.
    monkeypatch.setattr(newsroom, "MOST_PAGES", 3)
    monkeypatch.setattr(newsroom, "LOOKED_THROUGH", 100)
    monkeypatch.setattr(newsroom, "IN_THE_CHOOSER", 100)
    monkeypatch.setattr(reports, "MOST", 100)
    for module in (shelves, sitemaps):
        monkeypatch.setattr(module, "IN_A_SITEMAP", 100)
    set_up_magazine()
    clients = {"reader": Client(), "editor": Client(), "superuser": Client()}
    staff = {"editor": editor(), "superuser": make_staff()}
    for who, colleague in staff.items():
        clients[who].force_login(colleague, "django.contrib.auth.backends.ModelBackend")
    grow(0, SMALL, staff["editor"])
    steps_of_acts()  # what is made once
    sitemaps.write_sitemaps(datetime(2026, 11, 2, tzinfo=UTC))
    small = steps_of_pages(clients, warm=False) | steps_of_acts()
    grow(SMALL, LARGE, staff["editor"])
    sitemaps.write_sitemaps(datetime(2026, 11, 2, tzinfo=UTC))
    large = steps_of_pages(clients, warm=True) | steps_of_acts()
    grown = {
        name: (small[name], work)
        for name, work in large.items()
        if work > 1.5 * small[name] + 500 + WITHIN_A_MONTH.get(name, 0)
    }
    assert not grown


def test_lists_are_as_right_as_if_they_were_counted(client: Client) -> None:
    make_magazine()
    grow(0, 100)
    Article.objects.get(source_id="50").unpublish()
    Article.objects.get(source_id="51").delete()
    seen = [
        article.source_id
        for page in range(1, 6)
        for article in client.get(f"/section/world/?page={page}").context["list"].object_list
    ]
    newest = sorted(range(100), key=lambda n: n * 7919 % SPAN)
    assert seen == [str(n) for n in newest if n not in {50, 51}]
    assert client.get("/section/world/?page=6").status_code == 404
    months = client.get("/library/").context["years"]
    assert sum(count for _, year in months for _, count in year) == 98
    sitemaps = "".join(client.get(f"/sitemap-articles-{n}.xml").content.decode() for n in (1, 2))
    assert sitemaps.count("<url>") == 98
