"""The report “Subscribers and revenue”: what the page, its plots and its tables say."""

import csv
from datetime import timedelta
from io import StringIO
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from bench.subscriptions.history import fill
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from standfirst.insights.drawing import Series, plot, steps
from standfirst.insights.queries import figures_of, forget, moments, money
from standfirst.insights.rules import Grain, cut
from standfirst.publication.spreadsheets import lines
from standfirst.subscriptions.models import Bill, Entry, Subscription
from tests.making import at, make_magazine, make_member, make_staff

pytestmark = pytest.mark.django_db
PAGE = "/newsroom/reports/subscribers/"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def publisher() -> Client:
    make_magazine(time_zone="Europe/Berlin")
    member = make_member(is_staff=True)
    wanted = Permission.objects.filter(codename__in=["access_admin", "view_entry"])
    member.user_permissions.add(*wanted)
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    forget()


def bought(when: str, until: str, amount: int = 900, currency: str = "EUR") -> Subscription:
    """A subscription that began at a moment, as the ledger has it."""
    one = Subscription.objects.create(
        provider="stripe",
        provider_id=f"sub_{Subscription.objects.count()}",
        state="active",
        starts_at=at(when),
        ends_at=at(until),
        currency=currency,
        amount=amount,
        interval="month",
    )
    entry(one, when, "began", "active", amount)
    return one


def entry(
    one: Subscription, when: str, change: str, state: str, amount: int, why: str = ""
) -> None:
    Entry.objects.create(
        subscription=one,
        at=at(when),
        change=change,
        by="the reader",
        why=why,
        state=state,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        monthly=amount,
        currency=one.currency,
    )


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_a_month_ends_where_the_magazine_is(publisher: Client) -> None:
    # 23:30 in UTC is the next month in Berlin.
    one = bought("2026-01-31T23:30", "2026-04-30T12:00")
    bought("2026-01-31T22:30", "2026-12-01", 1500, "JPY")
    entry(one, "2026-04-02T09:00", "cancelled", "cancelled", 0, "=HYPERLINK(1)")
    query = {"span": "own", "first": "2026-01-01", "last": "2026-05-31", "grain": "month"}
    new = publisher.get(PAGE, {**query, "currency": "EUR", "csv": "new-and-lost"})
    rows = rows_of(new.getvalue().decode())
    assert [(r["From"], r["New"], r["Lost"], r["After"]) for r in rows] == [
        ("2026-01-01", "0", "0", "0"),
        ("2026-02-01", "1", "0", "1"),
        ("2026-03-01", "0", "0", "1"),
        ("2026-04-01", "0", "1", "0"),
        ("2026-05-01", "0", "0", "0"),
    ]
    yen = publisher.get(PAGE, {**query, "csv": "revenue-jpy"}).getvalue().decode()
    assert [r["MRR"] for r in rows_of(yen)] == ["1500"] * 5, "a yen has no cents"
    euro = publisher.get(PAGE, {**query, "csv": "revenue-eur"}).getvalue().decode()
    assert [r["MRR"] for r in rows_of(euro)] == ["0.00", "9.00", "9.00", "0.00", "0.00"]
    losses = publisher.get(PAGE, {**query, "csv": "losses"}).getvalue().decode()
    assert "'=HYPERLINK" in losses, "no reason is read as a formula"
    assert publisher.get(PAGE, {**query, "csv": "nothing"}).status_code == 404
    page = publisher.get(PAGE, query).content.decode()
    assert "¥1,500" in page
    assert "€9.00" in page


def test_money_counts_when_it_was_paid_and_says_what_was_given_back(publisher: Client) -> None:
    one = bought("2026-01-10", "2026-03-10")
    for number, (when, back) in enumerate(
        [("2026-01-31T23:30", 0), ("2026-01-31T22:59", 400), ("2026-02-01", 0)]
    ):
        Bill.objects.create(
            subscription=one,
            provider="stripe",
            provider_id=str(number),
            status="paid",
            currency="EUR",
            total=900,
            paid=900,
            refunded=back,
            issued_at=at(when),
            paid_at=at(when),
            period_from=at(when),
            period_until=at("2026-03-10"),
        )
    days = cut(at("2026-01-01").date(), at("2026-03-01").date(), Grain.MONTH)
    found = money(moments(days, BERLIN, timezone.now()))["EUR"]
    assert [(m.bills, m.taken, m.given_back) for m in found] == [(1, 900, 400), (2, 1800, 0)]


def test_the_report_of_two_years_reads_well_and_stays_the_same(publisher: Client) -> None:
    now = timezone.now()
    fill(120, now=now)
    for query in ({}, {"span": "30d"}, {"span": "all"}, {"span": "all", "currency": "EUR"}):
        page = publisher.get(PAGE, query).content.decode()
        assert "Monthly recurring revenue, EUR" in page
        for drawing in page.split("<svg")[1:]:
            drawn = "<svg" + drawing.partition("</svg>")[0] + "</svg>"
            if "plot__drawing" in drawn:
                tree = ElementTree.fromstring(drawn)
                assert tree.find("title") is not None
                assert tree.find("desc") is not None
    assert "Monthly recurring revenue, JPY" not in page
    # Months that are over stay as they are, whatever is written after them.
    today = now.astimezone(BERLIN).date()
    days = cut((today - timedelta(days=400)).replace(day=1), today.replace(day=1), Grain.MONTH)
    bounds = moments(days, BERLIN, now)
    before = figures_of(bounds)
    last = Entry.objects.order_by("pk").last()
    assert last is not None
    entry(last.subscription, now.isoformat(), "ended", "ended", 0)
    assert figures_of(bounds) == before


def test_the_report_is_for_who_may_see_the_ledger(publisher: Client) -> None:
    other = make_member(is_staff=True)
    other.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client = Client()
    client.force_login(other)
    assert "Trial conversion" not in client.get(PAGE, follow=True).content.decode()
    assert "Trial conversion" in publisher.get(PAGE).content.decode(), "also with an empty ledger"
    boss = Client()
    boss.force_login(make_staff())
    assert PAGE in boss.get("/newsroom/").content.decode(), "it stands in the menu"


def test_a_wrong_span_is_said_in_a_sentence(publisher: Client) -> None:
    answer = publisher.get(PAGE, {"span": "own", "first": "2026-02-01", "last": "2026-01-01"})
    assert answer.status_code == 422
    assert "lies before the first one" in answer.content.decode()
    assert (
        publisher.get(PAGE, {"span": "own", "first": "x", "last": "9999-99-99"}).status_code == 422
    )
    answer = publisher.get(
        PAGE, {"span": "own", "first": "1970-01-01", "last": "2200-01-01", "grain": "day"}
    )
    assert answer.status_code == 200


def test_a_plot_holds_together_whatever_is_drawn() -> None:
    assert steps(0, 0) == [0, 1], "there is no half a subscriber"
    assert steps(-30, 130) == [-50, 0, 50, 100, 150]
    drawn = plot("A <b>", "B & c", ["x"], [Series("s", [None], 1), Series("t", [-4], 2, True)], str)
    assert "A &lt;b&gt;" in drawn
    assert "nan" not in drawn


def test_no_cell_is_a_formula() -> None:
    said = "".join(lines([["=1+1", "+1", "-1", "@x", " =2", "\tx", "fine", -5, None]]))
    assert said == "'=1+1,'+1,'-1,'@x,' =2,'\tx,fine,-5,\r\n"
