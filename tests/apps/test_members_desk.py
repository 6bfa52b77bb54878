"""The newsroom's list of members, one member's page, and what they could read on a day."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from standfirst.access.actions import unlock_as, unlock_with_credit
from standfirst.access.models import Unlock
from standfirst.access.rules import Terms, UnlockKind
from standfirst.articles.actions import set_up_magazine
from standfirst.articles.why import Unknown, explain_article, moment_from
from standfirst.members.models import Member, MemberNote
from standfirst.project.cli import main
from standfirst.subscriptions.actions import end_early, give_all_access
from standfirst.subscriptions.models import AtProvider, Bill, Entry, Plan, Subscription
from tests.making import at, make_article, make_member, make_staff

pytestmark = pytest.mark.django_db
LIST = "/newsroom/members/"


@pytest.fixture
def publisher() -> Client:
    set_up_magazine()
    member = make_member("publisher@example.org", is_staff=True)
    member.groups.add(Group.objects.get(name="Publishers"))
    client = Client()
    client.force_login(member)
    return client


def bought(member: Member, state: str, days: int = 20, **fields: Any) -> Subscription:
    now = timezone.now()
    return Subscription.objects.create(
        member=member,
        provider="stripe",
        provider_id=f"sub_{member.pk}_{state}",
        state=state,
        starts_at=now - timedelta(days=10),
        ends_at=now + timedelta(days=days),
        **fields,
    )


def named(page: str) -> set[str]:
    return {
        name
        for name in ("ada", "ben", "cem", "dua", "eva", "fox", "gil", "publisher")
        if f"{name}@example.org" in page
    }


@pytest.fixture
def people(publisher: Client) -> dict[str, Member]:
    joined = timezone.now() - timedelta(days=50)
    found = {
        name: make_member(
            f"{name}@example.org",
            verified=name != "fox",
            joined_at=joined + timedelta(days=number),
            wants=() if name == "gil" else ("newsletter",),
        )
        for number, name in enumerate(("ada", "ben", "cem", "dua", "eva", "fox", "gil"))
    }
    bought(found["ada"], "active", 30, plan=Plan.objects.create(name="Yearly"))
    bought(found["ben"], "trialing", 5)
    bought(found["cem"], "past_due", 3)
    bought(found["dua"], "cancelled", 40)
    bought(found["gil"], "active", -5)
    now = timezone.now()
    give_all_access(
        *(found["eva"],),
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=10),
        note="",
        by=found["ada"],
        now=now,
    )
    MemberNote.objects.create(member=found["gil"], text="Writes to us often")
    return found


def test_each_filter_finds_just_its_members(publisher: Client, people: dict[str, Member]) -> None:
    day = (timezone.now() - timedelta(days=48)).date().isoformat()
    for query, expected in (
        ({"standing": "subscriber"}, {"ada"}),
        ({"standing": "trialing"}, {"ben"}),
        ({"standing": "past_due"}, {"cem"}),
        ({"standing": "cancelled"}, {"dua"}),
        ({"standing": "complimentary"}, {"eva"}),
        ({"standing": "free"}, {"fox", "gil"}),
        ({"standing": "unconfirmed"}, {"fox"}),
        ({"standing": "staff"}, {"publisher"}),
        ({"plan": Plan.objects.get().pk}, {"ada"}),
        ({"joined_to": day}, {"ada", "ben", "cem"}),
        ({"joined_from": day, "standing": "trialing"}, set()),
        ({"newsletter": "false"}, {"gil", "publisher"}),
        ({"note": "true"}, {"gil"}),
        ({"note": "false", "standing": "free"}, {"fox"}),
        ({"q": "DUA@"}, {"dua"}),
        ({"q": "o", "standing": "unconfirmed"}, {"fox"}),
        ({"ordering": "until"}, {"ben", "cem", "eva", "ada", "dua"}),
    ):
        page = publisher.get(f"{LIST}results/", query).content.decode()
        assert named(page) == expected, query
        text = publisher.get(LIST, {**query, "export": "csv"}).getvalue().decode()
        assert named(text) == expected, query


def test_the_list_is_sorted_and_nobody_is_on_it_twice(
    publisher: Client, people: dict[str, Member]
) -> None:
    bought(people["ben"], "active", 100)  # ends after their trial
    rows = csv.DictReader(
        StringIO(publisher.get(LIST, {"ordering": "-until", "export": "csv"}).getvalue().decode())
    )
    listed = [(row["Address"].partition("@")[0], row["Standing"]) for row in rows]
    assert [name for name, _ in listed] == ["ben", "dua", "ada", "eva", "cem"]
    assert listed[0][1] == "subscriber, trialing", "both are true of them"
    page = publisher.get(f"{LIST}results/", {"ordering": "-joined_at"}).content.decode()
    assert page.index("gil@") < page.index("fox@") < page.index("ada@")


def test_pages_count_from_either_end(publisher: Client) -> None:
    start = timezone.now() - timedelta(days=300)
    Member.objects.bulk_create(
        Member(email=f"m{n:03}@example.org", joined_at=start + timedelta(hours=n))
        for n in range(230)
    )
    pages = [
        publisher.get(f"{LIST}results/", {"p": n, "ordering": "joined_at"}).content.decode()
        for n in range(1, 6)
    ]
    for n in range(230):
        assert [f"m{n:03}@" in page for page in pages].index(True) == n // 50
    assert sum(page.count("@example.org</a>") for page in pages) <= 231


def test_a_name_is_no_formula(publisher: Client) -> None:
    make_member("=cmd@example.org", name="=1+1")
    text = publisher.get(LIST, {"export": "csv"}).getvalue().decode()
    assert "'=cmd@example.org,'=1+1" in text


def test_one_page_tells_standing_bills_notes_and_where_to_look(
    publisher: Client, people: dict[str, Member]
) -> None:
    ada = people["ada"]
    one = ada.subscriptions.get()
    Subscription.objects.filter(pk=one.pk).update(customer="cus_1")
    AtProvider.objects.create(
        provider="stripe", realm="test", kind="customer", ours=ada.pk, theirs="cus_1"
    )
    now = timezone.now()
    Bill.objects.create(
        subscription=one,
        provider="stripe",
        provider_id="in_1",
        number="M-7",
        status="paid",
        currency="EUR",
        total=9000,
        paid=9000,
        refunded=4500,
        issued_at=now,
        period_from=now,
        period_until=now,
    )
    path = f"{LIST}{ada.pk}/"
    assert publisher.get(reverse("member_note", args=[ada.pk])).status_code == 405
    publisher.post(reverse("member_note", args=[ada.pk]), {"text": "Called: <b>fine</b>"})
    publisher.post(reverse("member_note", args=[ada.pk]), {"text": "  "})
    page = publisher.get(path).content.decode()
    for fact in (
        *("M-7", "€90.00", "€45.00", "paid and renewed", "Yearly"),
        "https://dashboard.stripe.com/test/customers/cus_1",
        "Called: &lt;b&gt;fine&lt;/b&gt;",
        "publisher@example.org",
    ):
        assert fact in page
    assert MemberNote.objects.filter(member=ada).count() == 1
    reader = Client()
    reader.force_login(ada)
    assert "Called: " in reader.get("/account/data/download/").content.decode(), "it is theirs too"
    assert "publisher@" not in reader.get("/account/data/download/").content.decode()


def test_writers_see_no_notes_no_trail_and_no_list(
    publisher: Client, people: dict[str, Member]
) -> None:
    writer = make_member(is_staff=True)
    writer.groups.add(Group.objects.get(name="Writers"))
    client = Client()
    client.force_login(writer)
    gil = people["gil"]
    for address in (LIST, f"{LIST}?export=csv", f"{LIST}{gil.pk}/", f"{LIST}{gil.pk}/trail/"):
        answer = client.get(address, follow=True)
        assert "gil@" not in b"".join(answer).decode(), address
    client.post(f"{LIST}{gil.pk}/note/", {"text": "x"})
    client.post(f"{LIST}{gil.pk}/merge/", {"email": "ada@example.org", "why": "x"})
    assert MemberNote.objects.count() == 1


# -- why could she read this on 3 May? --------------------------------------------------------


def entry(one: Subscription, when: str, change: str, state: str, ends: str, **more: Any) -> None:
    Entry.objects.create(
        subscription=one,
        member=one.member_id,
        at=at(when),
        change=change,
        by=more.pop("by", "the reader"),
        state=state,
        starts_at=one.starts_at,
        ends_at=at(ends),
        **more,
    )


@pytest.fixture
def her() -> Member:
    """Began in March, was refunded in June; the row of today says nothing of May any more."""
    set_up_magazine()
    her = make_member("her@example.org", joined_at=at("2026-02-01"))
    one = Subscription.objects.create(
        member=her,
        provider="stripe",
        provider_id="sub_1",
        state="refunded",
        starts_at=at("2026-03-01"),
        ends_at=at("2026-03-01"),
    )
    entry(one, "2026-03-01", "began", "active", "2026-04-06", why="checkout cs_1")
    entry(
        *(one, "2026-04-01", "renewed", "active", "2026-06-06"),
        by="stripe evt_2",
        paid_through=at("2026-06-01"),
    )
    entry(one, "2026-06-03", "refunded", "refunded", "2026-06-03")
    return her


def test_the_ledger_says_why_she_could_read_it_on_3_may(her: Member, capsys: Any) -> None:
    article = make_article("Salt roads", terms=Terms.SUBSCRIBERS, published_at=at("2026-01-01"))
    for moment, decision in (
        ("2026-01-15T12:00", "the preview with the wall subscribe"),
        ("2026-02-15T12:00", "the preview with the wall subscribe"),
        ("2026-03-01T00:00", "All-Access runs"),
        ("2026-05-03T12:00", "All-Access runs"),
        ("2026-06-02T12:00", "All-Access runs"),
        ("2026-06-03T00:00", "the preview with the wall subscribe"),
    ):
        told = explain_article(
            article.slug, "her@example.org", timezone.now(), on=moment_from(moment)
        )
        assert decision in told[-1], moment
    assert (
        main(["why", article.slug, "--member", "her@example.org", "--on", "2026-05-03T12:00"]) == 0
    )
    said = capsys.readouterr().out
    for fact in (
        "Asked of 3 May 2026, 12:00",
        "All-Access, active",
        "paid until 1 Jun 2026",
        "began 1 Mar 2026, 00:00 by the reader (checkout cs_1)",
        "last change 1 Apr 2026, 00:00: renewed, by stripe evt_2",
        "Not kept for the past",
    ):
        assert fact in said
    with pytest.raises(Unknown, match="no moment"):
        moment_from("in May")
    assert main(["why", article.slug, "--on", "9999-12-31T23:59"]) != 0


def test_unlocks_count_from_when_they_were_made(her: Member) -> None:
    article = make_article("Tides", published_at=at("2026-01-01"))
    unlock_with_credit(her, article.pk, article.title, Terms.METERED, now=at("2026-02-10"))
    other = make_article("Lamps", published_at=at("2026-01-01"))
    unlock_as(UnlockKind.GIFT, her, other.pk, other.title, now=at("2026-02-20"), by=make_staff())
    now = timezone.now()
    before = explain_article(article.pk, her.email, now, on=at("2026-02-09"))
    assert "choose" in before[-1]
    assert any(line.startswith("3 of 3 choices are left in February 2026") for line in before)
    after = explain_article(article.pk, her.email, now, on=at("2026-02-11"))
    assert "the reader unlocked it" in after[-1]
    assert any(line.startswith("2 of 3 choices are left in February 2026") for line in after)
    assert "choose" in explain_article(other.pk, her.email, now, on=at("2026-02-19"))[-1]


def test_the_newsroom_shows_the_trail_and_that_day(her: Member) -> None:
    boss = make_staff()
    client = Client()
    client.force_login(boss)
    article = make_article("Salt roads", terms=Terms.SUBSCRIBERS, published_at=at("2026-01-01"))
    path = reverse("member_trail", args=[her.pk])
    page = client.get(path, {"on": "2026-05-03T12:00"}).content.decode()
    assert "Everything, by All-Access" in page
    changes = page[page.index('class="trail"') :]
    assert changes.index("refunded") < changes.index("renewed") < changes.index("Joined")
    some = client.get(path, {"since": "2026-04-01", "until": "2026-05-31"}).content.decode()
    assert "renewed" in some
    assert "refunded" not in some[some.index('class="trail"') :]
    for wrong in ({"on": "x"}, {"on": "9999-12-31T23:59"}, {"since": "0000-00-00"}):
        assert client.get(path, wrong).status_code == 422
    panel = client.get(
        reverse("newsroom_why", args=[article.pk]),
        {"member": her.email, "on": "2026-05-03T12:00"},
    ).content.decode()
    assert "All-Access runs" in panel
    assert "Give this article" not in panel
    wrong = client.get(reverse("newsroom_why", args=[article.pk]), {"on": "soon"})
    assert "is no moment" in wrong.content.decode()
    assert Unlock.objects.count() == 0


def test_what_was_ended_early_was_open_until_then() -> None:
    set_up_magazine()
    now, member, boss = timezone.now(), make_member(joined_at=at("2026-01-01")), make_staff()
    given = give_all_access(
        member,
        starts_at=now - timedelta(days=3),
        ends_at=now + timedelta(days=30),
        note="a prize",
        by=boss,
        now=now - timedelta(days=2),
    )
    end_early(given, now, by=boss.email, why="it was another reader’s")
    article = make_article(terms=Terms.SUBSCRIBERS, published_at=at("2026-01-01"))

    def told(hours: int) -> list[str]:
        return explain_article(article.pk, member.email, now, on=now + timedelta(hours=hours))

    assert "All-Access runs" in told(-1)[-1]
    assert "subscribe" in told(1)[-1]
    assert any("it was another reader’s" in line for line in told(1))
    assert "subscribe" in told(-60)[-1], "the entry came later: nobody let them in before"
