"""The meter's ledger under attack: threads, processes, kill -9, a month's end, a changed allowance.

Runs on whatever database the settings name; `make test` runs it on SQLite and on PostgreSQL.
"""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from standfirst.access.actions import Choice, Outcome, unlock_as, unlock_with_credit
from standfirst.access.models import Unlock
from standfirst.access.queries import credits_of, standing_of
from standfirst.access.rules import FullText, Terms, UnlockKind, decide
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.publication.models import Publication, UnlockLasts
from tests.apart import Apart, begin
from tests.attacker import choose_all
from tests.making import at, make_article, make_magazine, make_member
from tests.patience import patient

pytestmark = pytest.mark.attack
NOW = at("2026-11-20T12:00")


def choose(member: Member, article: Article, now: datetime = NOW) -> Choice:
    return unlock_with_credit(member, article.pk, article.title, article.effective_terms, now=now)


def attack(calls: list[tuple[int, int, datetime]], threads: int = 50) -> list[Outcome]:
    """Choose (member, article, now) from many threads that all start at the same moment."""
    start = Barrier(threads)

    def one(number: int) -> list[Outcome]:
        outcomes = []
        start.wait()
        try:
            for member, article, now in calls[number::threads]:
                choice = unlock_with_credit(
                    Member.objects.get(pk=member), article, f"No. {article}", Terms.METERED, now=now
                )
                outcomes.append(choice.outcome)
        finally:
            connection.close()
        return outcomes

    with ThreadPoolExecutor(threads) as pool:
        return [outcome for found in pool.map(one, range(threads)) for outcome in found]


def assert_exact(allowance: int = 3) -> None:
    """No member holds more than the allowance in a month, and no article is paid for twice."""
    credits = Unlock.objects.filter(kind=UnlockKind.CREDIT)
    months = Counter(credits.values_list("member", "month"))
    articles = Counter(credits.values_list("member", "article"))
    assert all(n <= allowance for n in months.values()), months
    assert all(n == 1 for n in articles.values()), articles


@pytest.fixture
def articles(transactional_db: None) -> list[Article]:
    return [make_article() for _ in range(10)]


def test_fifty_threads_at_one_members_credits_get_exactly_three(articles: list[Article]) -> None:
    member = make_member()
    outcomes = Counter(attack([(member.pk, a.pk, NOW) for a in articles for _ in range(5)]))
    assert outcomes[Outcome.CHOSEN] == 3
    # A second wish for a chosen article is free, whenever it comes; all others are refused.
    assert set(outcomes) <= {Outcome.CHOSEN, Outcome.ALREADY_OPEN, Outcome.SPENT}
    assert sum(outcomes.values()) == 50
    assert credits_of(member, NOW).left == 0
    assert_exact()


def test_fifty_threads_at_one_article_spend_one_credit(articles: list[Article]) -> None:
    member = make_member()
    outcomes = Counter(attack([(member.pk, articles[0].pk, NOW)] * 50))
    assert outcomes == {Outcome.CHOSEN: 1, Outcome.ALREADY_OPEN: 49}
    assert credits_of(member, NOW).left == 2


def test_many_members_at_once_each_get_their_own_three(articles: list[Article]) -> None:
    members = [make_member() for _ in range(6)]
    calls = [(m.pk, a.pk, NOW) for a in articles[:5] for m in members for _ in range(2)]
    outcomes = Counter(attack(calls))
    assert outcomes[Outcome.CHOSEN] == 18
    assert_exact()


def test_across_a_months_end_each_month_has_its_own_credits_and_no_article_is_paid_twice(
    articles: list[Article],
) -> None:
    make_magazine(time_zone="Europe/Vienna")
    member = make_member()
    midnight = at("2026-12-01T00:00+01:00")
    before, after = midnight - timedelta(microseconds=1), midnight
    calls = [(member.pk, a.pk, now) for a in articles for now in (before, after, before, after)]
    outcomes = Counter(attack(calls))
    assert outcomes[Outcome.CHOSEN] == 6
    assert_exact()
    months = Counter(Unlock.objects.values_list("month", flat=True))
    assert months == {date(2026, 11, 1): 3, date(2026, 12, 1): 3}


def test_a_raised_allowance_gives_the_difference_and_a_lowered_one_takes_nothing_back(
    articles: list[Article],
) -> None:
    member = make_member()
    assert [choose(member, a).outcome for a in articles[:4]] == [Outcome.CHOSEN] * 3 + [
        Outcome.SPENT
    ]
    Publication.objects.update(allowance=5)
    outcomes = Counter(attack([(member.pk, a.pk, NOW) for a in articles[3:] for _ in range(7)]))
    assert outcomes[Outcome.CHOSEN] == 2
    Publication.objects.update(allowance=2)
    assert choose(member, articles[9]).outcome in {Outcome.SPENT, Outcome.ALREADY_OPEN}
    assert credits_of(member, NOW).left == 0
    standing = standing_of(member, NOW)
    for unlock in Unlock.objects.filter(member=member):
        assert unlock.article_id
        assert isinstance(decide(Terms.METERED, standing, unlock.article_id, NOW), FullText)
    assert_exact(5)


def test_lowering_the_allowance_in_the_middle_of_an_attack_breaks_nothing(
    articles: list[Article],
) -> None:
    Publication.objects.update(allowance=5)
    member = make_member()
    choose(member, articles[0])
    Unlock.objects.filter(member=member).update(slot=4)  # as if 1 to 3 had been freed
    Publication.objects.update(allowance=2)
    outcomes = Counter(attack([(member.pk, a.pk, NOW) for a in articles[1:] for _ in range(5)]))
    assert outcomes[Outcome.CHOSEN] == 1
    assert Unlock.objects.filter(member=member).count() == 2


def test_a_welcome_and_a_credit_for_one_article_at_once_leave_one_unlock(
    articles: list[Article],
) -> None:
    member = make_member()
    start = Barrier(20)

    def one(number: int) -> None:
        start.wait()
        try:
            if number % 2:
                choose(member, articles[0])
            else:
                unlock_as(UnlockKind.WELCOME, member, articles[0].pk, "x", now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(one, range(20)))
    assert Unlock.objects.filter(member=member, article=articles[0].pk).count() == 1


# -- processes ---------------------------------------------------------------------------------


def _attacker(member: Member, articles: list[Article]) -> Apart:
    """A process of its own that is ready to choose article after article."""
    process = begin(choose_all, member.pk, [a.pk for a in articles])
    assert process.line() == "ready\n"
    return process


def test_several_processes_at_one_member_get_exactly_three(articles: list[Article]) -> None:
    member = make_member()
    processes = [_attacker(member, articles) for _ in range(4)]
    for process in processes:
        process.tell("go")
    chosen = 0
    for process in processes:
        said = process.rest()
        assert process.code == 0
        chosen += said.split().count("chosen")
    assert chosen == 3
    assert Unlock.objects.filter(member=member).count() == 3
    assert_exact()


def test_a_process_that_is_killed_leaves_nothing_half_done(articles: list[Article]) -> None:
    """What was reported as chosen is in the ledger; what is in the ledger is whole."""
    for wait in (0.0, 0.01, 0.03):
        member = make_member()
        process = _attacker(member, articles)
        process.tell("go")
        first = process.line()
        time.sleep(wait)
        reported = (first + process.kill()).split().count("chosen")
        held = Unlock.objects.filter(member=member).count()
        assert reported <= held <= 3
        for _ in range(3):
            attack([(member.pk, a.pk, NOW) for a in articles], threads=10)
        assert Unlock.objects.filter(member=member, kind=UnlockKind.CREDIT).count() == 3
    assert_exact()


def test_who_chooses_with_a_transaction_open_does_not_wait_for_whoever_waits_for_it(
    articles: list[Article],
) -> None:
    """On SQLite one has the database, the other the first place in the queue for it."""
    one, other = make_member(), make_member()
    begun, queued = Barrier(2), Barrier(2)

    def outside() -> Outcome:
        begun.wait()
        try:
            queued.wait()
            return choose(other, articles[0]).outcome
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(outside)
        with transaction.atomic():
            Member.objects.filter(pk=one.pk).update(last_login=NOW)
            begun.wait()
            queued.wait()
            time.sleep(0.3)
            before = time.monotonic()
            assert choose(one, articles[0]).outcome is Outcome.CHOSEN
            assert time.monotonic() - before < patient(5)
        assert waiting.result() is Outcome.CHOSEN


def test_postgresql_plans_the_statements_of_a_choice_once(articles: list[Article]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's driver does so by itself")
    for _ in range(4):
        member = make_member()
        for article in articles[:2]:
            choose(member, article)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = " ".join(row[0] for row in cursor.fetchall())
    assert "INSERT INTO access_unlock" in prepared
    assert "LEFT JOIN access_unlock" in prepared


# -- what the database refuses, whatever code runs ----------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"slot": 4, "allowance": 3},
        {"slot": 0, "allowance": 3},
        {"slot": None, "allowance": 3},
        {"slot": 1, "allowance": None},
        {"slot": 1, "allowance": 3, "month": None},
        {"slot": 1, "allowance": 3, "kind": "welcome"},
        {"slot": 1, "allowance": 3, "kind": "something"},
        {"slot": 1, "allowance": 3, "valid_month": date(2027, 1, 1)},
    ],
)
def test_the_database_refuses_a_row_that_breaks_the_meter(
    articles: list[Article], fields: dict[str, object]
) -> None:
    row = {
        "member": make_member(),
        "article_id": articles[0].pk,
        "headline": "x",
        "kind": "credit",
        "month": date(2026, 11, 1),
        "unlocked_at": datetime.now(UTC),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Unlock.objects.create(**row | fields)


@pytest.mark.parametrize("second", [{"slot": 1, "article": 1}, {"slot": 2, "article": 0}])
def test_the_database_refuses_a_slot_or_an_article_twice(
    articles: list[Article], second: dict[str, int]
) -> None:
    member = make_member()

    def take(slot: int, article: int, month: date = date(2026, 11, 1)) -> None:
        Unlock.objects.create(
            member=member,
            article_id=articles[article].pk,
            headline="x",
            kind="credit",
            month=month,
            slot=slot,
            allowance=3,
            unlocked_at=NOW,
        )

    take(1, 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        take(**second)
    with pytest.raises(IntegrityError), transaction.atomic():
        take(1, 0, date(2026, 12, 1))  # an article that is open for good is never paid for again


# -- months that end unlocks --------------------------------------------------------------------


def test_with_unlocks_that_end_with_the_month_the_article_closes_and_may_be_chosen_again(
    articles: list[Article],
) -> None:
    make_magazine(unlock_lasts=UnlockLasts.MONTH)
    member = make_member()
    december = at("2026-12-02T12:00")
    assert choose(member, articles[0]).outcome is Outcome.CHOSEN
    assert choose(member, articles[0]).outcome is Outcome.ALREADY_OPEN
    assert not isinstance(
        decide(Terms.METERED, standing_of(member, december), articles[0].pk, december), FullText
    )
    outcomes = Counter(attack([(member.pk, articles[0].pk, december)] * 20, threads=20))
    assert outcomes == {Outcome.CHOSEN: 1, Outcome.ALREADY_OPEN: 19}
    assert credits_of(member, december).left == 2


def test_a_deleted_article_gives_no_credit_back_and_stays_on_the_shelf_by_its_headline(
    articles: list[Article],
) -> None:
    member = make_member()
    choose(member, articles[0])
    title = articles[0].title
    articles[0].delete()
    assert credits_of(member, NOW).left == 2
    unlock = Unlock.objects.get(member=member)
    assert (unlock.article_id, unlock.headline) == (None, title)


@pytest.mark.parametrize(
    ("terms", "outcome"),
    [
        (Terms.OPEN, Outcome.ALREADY_OPEN),
        (Terms.MEMBERS, Outcome.ALREADY_OPEN),
        (Terms.SUBSCRIBERS, Outcome.NOT_FOR_CREDITS),
    ],
)
def test_a_credit_is_never_spent_where_it_would_buy_nothing(
    db: None, terms: Terms, outcome: Outcome
) -> None:
    member, article = make_member(), make_article(terms=terms)
    assert choose(member, article).outcome is outcome
    assert not Unlock.objects.exists()


def test_an_unconfirmed_address_chooses_nothing(db: None) -> None:
    member, article = make_member(verified=False), make_article()
    assert choose(member, article).outcome is Outcome.CONFIRM_FIRST
    assert not Unlock.objects.exists()
