"""The page “Growth of lists”: who is on a list, who came and who went; every number exact."""

import csv
import io
from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from standfirst.account.actions import delete_account
from standfirst.insights.growth import Now, Period, doors, first_day_of, growth, now_on
from standfirst.insights.rules import Grain, cut
from standfirst.members.consent import By, give, take_back
from standfirst.members.models import Consent
from standfirst.newsletters.models import Suppression
from tests.making import at, make_magazine, make_member, make_newsletters, make_staff

pytestmark = pytest.mark.django_db

AUCKLAND = ZoneInfo("Pacific/Auckland")
PAGE = "/newsroom/reports/lists/"


@pytest.fixture(autouse=True)
def magazine() -> None:
    make_magazine(time_zone="Pacific/Auckland")
    make_newsletters()


def test_who_came_and_went_is_counted_by_the_publications_days() -> None:
    a, b, c = (make_member() for _ in range(3))
    give(a, ["newsletter"], By.JOINING, now=at("2026-10-31T10:59:59"))  # in Auckland 31 October
    give(b, ["newsletter"], By.IMPORT, now=at("2026-10-31T11:00:00"))  # 1 November
    give(c, ["newsletter", "choices"], By.JOINING, now=at("2026-11-10T00:00"))
    take_back(a, ["newsletter"], By.ONE_CLICK, now=at("2026-11-20T00:00"))
    give(a, ["newsletter"], By.ACCOUNT, now=at("2026-11-21T00:00"))
    days = cut(date(2026, 10, 1), date(2026, 12, 1), Grain.MONTH)
    assert growth("newsletter", days, AUCKLAND) == [Period(0, 1, 0), Period(1, 3, 1)]
    assert growth("newsletter", [days[1], days[2]], AUCKLAND) == [Period(1, 3, 1)]
    assert growth("daily-review", days, AUCKLAND) == [Period(0, 0, 0)] * 2
    assert first_day_of("newsletter", AUCKLAND) == date(2026, 10, 31)
    assert doors("newsletter", days[1], days[2], AUCKLAND) == [
        ("Joining", 1, 0),
        ("the account's pages", 1, 0),
        ("the unsubscribe button of a mail program", 0, 1),
        ("a list that was imported", 1, 0),
    ]


def test_whoever_deletes_the_account_leaves_its_lists() -> None:
    ada = make_member(wants=["newsletter"])
    delete_account(ada)
    today = timezone.now().astimezone(AUCKLAND).date()
    days = [today - timedelta(days=1), today + timedelta(days=1)]
    assert growth("newsletter", days, AUCKLAND) == [Period(0, 1, 1)]


def test_the_ledger_and_the_list_always_agree() -> None:
    random, now = Random(7), timezone.now()
    members = [make_member() for _ in range(12)]
    for step in range(200):
        verb = give if random.random() < 0.6 else take_back
        verb(random.choice(members), ["newsletter"], By.ACCOUNT, now=now - timedelta(hours=step))
    delete_account(members.pop())
    today = now.astimezone(AUCKLAND).date()
    days = cut(today - timedelta(days=10), today + timedelta(days=1), Grain.DAY)
    found = growth("newsletter", days, AUCKLAND)
    assert found[0].before == 0
    assert (
        found[-1].after == Consent.objects.filter(given=True).count() == now_on("newsletter").on_it
    )


def test_who_is_on_the_list_but_gets_nothing_is_counted_beside() -> None:
    for name in ("a", "b", "c"):
        make_member(f"{name}@example.org", wants=["newsletter"])
    make_member("closed@example.org", wants=["newsletter"], is_active=False)
    Suppression.objects.create(address="B@example.org", reason="bounced")
    Suppression.objects.create(address="closed@example.org", reason="bounced")
    Suppression.objects.create(address="stranger@example.org", reason="bounced")
    assert now_on("newsletter") == Now(on_it=4, closed=1, suppressed=1)


def test_the_page_has_a_plot_a_table_and_the_table_to_take_away() -> None:
    make_member(wants=["newsletter"])
    publisher = Client()
    publisher.force_login(make_staff())
    text = publisher.get(PAGE, {"letter": "newsletter", "span": "30d"}).content.decode()
    assert text.count("<svg") >= 4  # two plots, each wide and narrow
    assert "The free newsletter" in text
    assert "On the list of" in text
    answer = publisher.get(PAGE, {"letter": "newsletter", "span": "30d", "csv": ""})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert rows[0] == ["From", "Before", "Joined", "Left", "After"]
    assert rows[-1][1:] == ["0", "1", "0", "1"]
    assert len(rows) == 31
    for query in ({"letter": "made-up"}, {"span": "all", "letter": "alerts"}, {"grain": "month"}):
        assert publisher.get(PAGE, query).status_code == 200
    assert publisher.get(PAGE, {"span": "own"}).status_code == 422


def test_who_may_not_sees_nothing(client: Client) -> None:
    client.force_login(make_member(is_staff=True))
    assert client.get(PAGE).status_code in {302, 403}
