"""A pass never outlives what the clock alone will change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.publication.models import UnlockLasts
from standfirst.reading import host, passes
from standfirst.reading.queries import LASTS, pass_for
from standfirst.subscriptions.models import Subscription
from tests.making import make_article, make_magazine, make_member

pytestmark = pytest.mark.django_db

# December begins in Bucharest at this moment.
MONTH_ENDS = datetime(2026, 11, 30, 22, tzinfo=UTC)
SOON = MONTH_ENDS - timedelta(minutes=3)
LONG_BEFORE = MONTH_ENDS - timedelta(days=9)


@pytest.fixture(autouse=True)
def own_store(settings: Any, tmp_path: Any) -> None:
    settings.PAGE_STORE = tmp_path / "pages"


def ends(member: Any, now: datetime) -> datetime:
    given = pass_for(member, "session", host.generations(), now)
    return datetime.fromtimestamp(given.expires, UTC)


def test_it_lasts_ten_minutes_where_nothing_will_change() -> None:
    make_magazine(time_zone="Europe/Bucharest")
    assert ends(make_member(), LONG_BEFORE) == LONG_BEFORE + LASTS


def test_it_ends_with_the_month_where_the_magazine_is() -> None:
    make_magazine(time_zone="Europe/Bucharest")
    assert ends(make_member(), SOON) == MONTH_ENDS


def test_it_ends_when_a_subscription_begins() -> None:
    make_magazine()
    member = make_member()
    begins = LONG_BEFORE + timedelta(minutes=4)
    Subscription.objects.create(
        member=member, starts_at=begins, ends_at=begins + timedelta(days=30)
    )
    assert ends(member, LONG_BEFORE) == begins


def test_an_unlock_that_lasts_for_the_month_is_not_believed_beyond_it() -> None:
    make_magazine(time_zone="Europe/Bucharest", unlock_lasts=UnlockLasts.MONTH)
    member, article = make_member(), make_article(terms=Terms.METERED)
    unlock_with_credit(member, article.pk, article.title, Terms.METERED, now=SOON)
    given = pass_for(member, "session", host.generations(), SOON)
    assert article.pk in given.standing.unlocked
    key = b"k" * 32
    text = passes.write(given, key)
    assert passes.read(text, [key], MONTH_ENDS.timestamp() - 1) is not None
    assert passes.read(text, [key], MONTH_ENDS.timestamp()) is None
