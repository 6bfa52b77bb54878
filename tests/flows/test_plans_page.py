"""The page on which one pays: what it says of each plan, and which changes make it untrue."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from django.test import Client

from standfirst.access.rules import Terms
from standfirst.articles.models import ArticleIndex
from standfirst.reading import host
from standfirst.subscriptions.models import Coupon, OfferedTo, Plan, Price
from tests.making import make_article, make_magazine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def store_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.PAGE_STORE = tmp_path / "pages"


@pytest.fixture
def magazine() -> ArticleIndex:
    return make_magazine(currency="EUR")


def sell(name: str = "All-Access", amount: int = 900, **more: Any) -> Price:
    """An offered price of a plan of this name."""
    plan_has = {
        key: more.pop(key) for key in ("offered_to", "trial_days", "countries") if key in more
    }
    plan, _ = Plan.objects.get_or_create(name=name, defaults=plan_has)
    return Price.objects.create(plan=plan, amount=amount, **{"currency": "EUR", **more})


def page(query: str = "") -> str:
    """The words of the plans page."""
    answer = Client().get(f"/all-access/{query}")
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def kept() -> set[str]:
    with closing(sqlite3.connect(host.folder() / "pages.sqlite3")) as db:
        return {row[0] for row in db.execute("SELECT path FROM pages")}


def test_each_plan_says_what_is_paid_when_and_by_whom(magazine: ArticleIndex) -> None:
    sell(introductory_amount=100, introductory_periods=3)
    sell(amount=9000, interval="year")
    sell(amount=1500, currency="JPY")
    sell("Students", 400, offered_to=OfferedTo.STUDENTS, trial_days=14)
    sell("Afar", 300, offered_to=OfferedTo.REGION, countries="IN, KE")
    said = page()
    for words in (
        *("€9.00 a month", "€90.00 a year", "€1.00 a month for the first 3 months"),
        *("€18.00 less", "14 days free, then €4.00 a month", "India", "Kenya", "JPY"),
    ):
        assert words in said, words
    assert "1,500" not in said
    assert "1,500 a month" in page("?currency=JPY")
    assert "€9.00" in page("?currency=XXX")


def test_what_is_withdrawn_is_not_shown(magazine: ArticleIndex) -> None:
    price = sell()
    sell(amount=9000, interval="year")
    Price.objects.filter(pk=price.pk).update(is_offered=False)
    assert "€9.00 a month" not in page()
    assert "€90.00 a year" in page()
    Plan.objects.update(is_offered=False)
    assert "€90.00" not in page()


def test_the_way_back_is_named_and_is_ours(magazine: ArticleIndex) -> None:
    sell()
    article = make_article("The Salt Roads", terms=Terms.SUBSCRIBERS)
    assert "The Salt Roads" in page(f"?next={article.get_absolute_url()}")
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        assert (
            "evil.example" not in Client().get("/all-access/", {"next": elsewhere}).content.decode()
        )


def test_no_address_that_somebody_invents_makes_another_kept_page(magazine: ArticleIndex) -> None:
    sell()
    sell(amount=1500, currency="JPY")
    for query in (
        "",
        "?a=1",
        "?b=2",
        "?next=/x/",
        "?currency=JPY",
        "?currency=EUR",
        "?currency=1x",
        "?price=7",
    ):
        page(query)
    assert kept() == {"/all-access/"}
    assert "€9.00" in page()


def test_a_change_of_what_is_sold_drops_this_page_and_walls_when_the_lowest_price_changes(
    magazine: ArticleIndex,
) -> None:
    price = sell()
    article = make_article(terms=Terms.SUBSCRIBERS).get_absolute_url()

    def all_kept() -> set[str]:
        page()
        assert "€" in Client().get(article).content.decode()
        return kept()

    for change in (
        lambda: sell(amount=9000, interval="year"),
        lambda: Coupon.objects.create(code="WELCOME", percent=20),
        lambda: Plan.objects.get().save(),
    ):
        assert all_kept() == {"/all-access/", article}
        change()
        assert kept() == {article}
    assert all_kept() == {"/all-access/", article}
    price.amount = 800
    price.save()
    assert kept() == set()
    assert "€8.00 a month" in Client().get(article).content.decode()


@pytest.mark.parametrize("query", ["?%6eext=/2026/11/x/", "?curr%65ncy=JPY", "?a=1&%70rice=1"])
def test_a_name_written_in_code_does_not_get_into_everybodys_page(
    magazine: ArticleIndex, query: str
) -> None:
    sell()
    sell(amount=1500, currency="JPY")
    Client().get("/topics/")
    page(query)
    assert kept() == {"/topics/"}
