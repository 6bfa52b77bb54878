"""Two accounts of one person become one: nothing is lost, nothing is given twice."""

from datetime import date, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from standfirst.access.actions import unlock_as, unlock_with_credit
from standfirst.access.models import Unlock
from standfirst.access.rules import Terms, UnlockKind
from standfirst.access.trail import trail
from standfirst.account.merging import Refused, merge
from standfirst.articles.actions import set_up_magazine
from standfirst.articles.models import Topic
from standfirst.articles.why import explain_article
from standfirst.library.models import Saved
from standfirst.members.consent import By, give, said_by, take_back, wanted_by
from standfirst.members.models import Member, MemberNote, Merger
from standfirst.members.queries import whoever_is
from standfirst.newsletters.actions.following import follow
from standfirst.publication.models import Publication, UnlockLasts
from standfirst.subscriptions.actions import give_all_access
from standfirst.subscriptions.models import AtProvider, Checkout, Entry, Plan, Price, Subscription
from tests.apart import begin
from tests.attacker import merge_or_die
from tests.letters import Postbox, postbox  # noqa: F401  a fixture
from tests.making import at, make_article, make_member, make_staff

pytestmark = pytest.mark.django_db

# What becomes of each table's rows. A new table that belongs to a member must be thought of here:
# does merging move its rows, or may they go with the account?
MOVED = {
    *("subscriptions.Subscription.member", "subscriptions.Subscription.payer"),
    *("access.Unlock.member", "library.Saved.member"),
    *("members.MemberNote.member", "members.Merger.kept", "newsletters.Follow.member"),
}
GOES = {
    *("account.EmailAddress.user", "mfa.Authenticator.user", "usersessions.UserSession.user"),
    *("subscriptions.Checkout.member", "wagtailusers.UserProfile.user"),
    "members.Consent.member",  # what was agreed to at another address is not agreed to here
}


@pytest.fixture
def boss() -> Member:
    set_up_magazine()
    return make_staff("boss@example.org")


@pytest.fixture
def two(boss: Member) -> tuple[Member, Member]:
    return make_member("left@example.org", name="Ada"), make_member("kept@example.org")


def paid(member: Member, state: str = "active") -> Subscription:
    now = timezone.now()
    return Subscription.objects.create(
        member=member,
        provider="stripe",
        provider_id=f"sub_{member.pk}",
        customer=f"cus_{member.pk}",
        state=state,
        starts_at=now - timedelta(days=5),
        ends_at=now + timedelta(days=25),
    )


def customer(member: Member) -> AtProvider:
    return AtProvider.objects.create(
        provider="stripe",
        realm="test",
        kind="customer",
        ours=member.pk,
        theirs=f"cus_{member.pk}",
    )


def test_every_table_of_a_member_is_thought_of() -> None:
    found = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Member and field.remote_field.on_delete.__name__ == "CASCADE"
    }
    ours = {name for name in found if name.split(".")[0] in ("members", "subscriptions", "access")}
    assert found - MOVED - GOES <= {n for n in found if n.startswith(("wagtail", "auth", "admin"))}
    assert ours <= MOVED | GOES


def test_everything_moves_and_the_account_is_gone(
    two: tuple[Member, Member],
    boss: Member,
    postbox: Postbox,  # noqa: F811
) -> None:
    left, kept = two
    now = timezone.now()
    articles = [make_article() for _ in range(3)]
    unlock_with_credit(left, articles[0].pk, "One", Terms.METERED, now=now)
    one = paid(left)
    customer(left)
    comp = give_all_access(
        kept, starts_at=now, ends_at=now + timedelta(days=2), note="", by=boss, now=now
    )
    unlock_as(UnlockKind.WELCOME, left, articles[1].pk, "Two", now=now - timedelta(days=9))
    for number, article in enumerate(articles):
        Saved.objects.create(member=left, article=article, saved_at=now - timedelta(days=number))
    Saved.objects.create(member=kept, article=articles[0], saved_at=now)
    MemberNote.objects.create(member=left, text="Two accounts?", by=boss)
    browser = Client()
    browser.force_login(left)
    UserSession.objects.create(
        user=left,
        session_key=browser.session.session_key,
        ip="127.0.0.1",
        user_agent="x",
    )
    number = left.pk
    give(left, ["newsletter"], By.JOINING, now=now)
    give(kept, ["newsletter"], By.JOINING, now=now)
    take_back(kept, ["newsletter"], By.ACCOUNT, now=now)
    topic = Topic.objects.create(name="Ports", slug="ports")
    follow(left, topic, now)
    merger = merge(left, kept, by=boss, why="She wrote to us", now=now)

    kept.refresh_from_db()
    assert not Member.objects.filter(pk=number).exists()
    assert not EmailAddress.objects.filter(email="left@example.org").exists()
    assert (kept.email, kept.name, wanted_by(kept)) == ("kept@example.org", "Ada", set())
    assert [row.topic for row in kept.follows.all()] == [topic]
    # What was said by either number is still there for whoever asks for a proof.
    assert [(e.member, e.letter, e.given) for e in said_by(kept)] == [
        (number, "newsletter", True),
        (kept.pk, "newsletter", True),
        (kept.pk, "newsletter", False),
        (number, "alerts", True),
        (number, "alerts", False),
        (number, "newsletter", False),
    ]
    assert set(kept.subscriptions.all()) == {one, comp}
    entry = Entry.objects.get(change="moved to another account")
    assert (entry.subscription, entry.member, entry.by) == (one, kept.pk, "boss@example.org")
    assert "She wrote to us" in entry.why
    rows = Unlock.objects.filter(member=kept).order_by("pk")
    assert [(row.kind, row.slot) for row in rows] == [("credit", 1), ("welcome", None)]
    assert rows[1].unlocked_at == now - timedelta(days=9)
    assert merger.unlocks == [row.pk for row in rows]
    assert Saved.objects.filter(member=kept).count() == 3
    assert MemberNote.objects.get().member == kept
    assert AtProvider.objects.get().ours == kept.pk
    assert whoever_is(number) == kept
    assert browser.get("/account/").status_code == 302, "logged out"
    assert {letter.to[0] for letter in mail.outbox} == {"left@example.org", "kept@example.org"}
    assert all("are one now" in letter.subject for letter in mail.outbox)
    told = [step.what for step in trail(kept)]
    assert any(f"Account {number} became part of this one" in what for what in told)
    assert any("“Two” opened on joining" in what for what in told)
    # Before that day it was not hers.
    article = make_article(terms=Terms.SUBSCRIBERS, published_at=at("2026-01-01"))
    day = now - timedelta(hours=1)
    Member.objects.filter(pk=kept.pk).update(joined_at=now - timedelta(days=30))
    assert "subscribe" in explain_article(article.pk, kept.email, now, on=day)[-1]
    assert "choose" in explain_article(articles[1].pk, kept.email, now, on=day)[-1]
    told = explain_article(article.pk, kept.email, now, on=now)
    assert "All-Access runs" in told[-1]
    assert any(f"Subscription {one.pk}: All-Access, active" in line for line in told)


def test_no_month_gets_more_credits_than_it_has_and_no_article_is_lost(
    two: tuple[Member, Member], boss: Member
) -> None:
    left, kept = two
    now = timezone.now()
    articles = [make_article() for _ in range(5)]
    for article in articles[:2]:
        unlock_with_credit(kept, article.pk, article.title, Terms.METERED, now=now)
    for article in articles[1:4]:  # one of them both chose
        unlock_with_credit(left, article.pk, article.title, Terms.METERED, now=now)
    merge(left, kept, by=boss, why="one person", now=now)
    rows = Unlock.objects.filter(member=kept).order_by("pk")
    assert [(row.article_id, row.kind, row.slot) for row in rows] == [
        (articles[0].pk, "credit", 1),
        (articles[1].pk, "credit", 2),
        (articles[2].pk, "credit", 3),
        (articles[3].pk, "staff", None),
    ]
    assert rows[3].by == boss
    outcome = unlock_with_credit(kept, articles[4].pk, "x", Terms.METERED, now=now)
    assert outcome.outcome == "spent"


def test_what_lasts_a_month_stays_open_and_what_is_over_stays_over(
    two: tuple[Member, Member], boss: Member
) -> None:
    left, kept = two
    Publication.objects.update(unlock_lasts=UnlockLasts.MONTH, allowance=1)
    now = at("2026-05-20T12:00")
    articles = [make_article() for _ in range(4)]
    for member, numbers in ((kept, (0, 1)), (left, (2, 3))):
        for number, month in zip(numbers, ("2026-04-10", "2026-05-10"), strict=True):
            unlock_with_credit(member, articles[number].pk, "x", Terms.METERED, now=at(month))
    merge(left, kept, by=boss, why="one person", now=now)
    rows = Unlock.objects.filter(member=kept).order_by("pk")
    assert [(row.article_id, row.kind, row.valid_month) for row in rows] == [
        (articles[0].pk, "credit", date(2026, 4, 1)),
        (articles[1].pk, "credit", date(2026, 5, 1)),
        (articles[3].pk, "staff", None),
    ]


@pytest.mark.parametrize("state", ["active", "past_due", "cancelled"])
def test_two_that_are_paid_for_are_refused_with_what_to_do(
    two: tuple[Member, Member], boss: Member, state: str
) -> None:
    left, kept = two
    paid(left, state)
    paid(kept)
    with pytest.raises(Refused, match="End one of them first"):
        merge(left, kept, by=boss, why="x", now=timezone.now())
    assert Member.objects.filter(pk=left.pk).exists()
    assert not Entry.objects.exists()


def test_who_is_just_paying_is_waited_for(two: tuple[Member, Member], boss: Member) -> None:
    left, kept = two
    now = timezone.now()
    price = Price.objects.create(plan=Plan.objects.create(name="P"), currency="EUR", amount=900)
    one = Checkout.objects.create(
        member=left,
        price=price,
        provider="stripe",
        key="0" * 32,
        expires_at=now + timedelta(hours=1),
    )
    with pytest.raises(Refused, match="is just paying"):
        merge(left, kept, by=boss, why="x", now=now)
    merge(left, kept, by=boss, why="x", now=now + timedelta(hours=2))
    assert not Checkout.objects.filter(pk=one.pk).exists()


def test_colleagues_and_one_and_the_same_are_not_merged(
    two: tuple[Member, Member], boss: Member
) -> None:
    left, kept = two
    for one, other, word in (
        (boss, kept, "colleague"),
        (left, boss, "colleague"),
        (left, left, "same account"),
    ):
        with pytest.raises(Refused, match=word):
            merge(one, other, by=boss, why="x", now=timezone.now())


def test_a_second_merger_follows_the_first_and_each_keeps_its_customer(
    two: tuple[Member, Member], boss: Member
) -> None:
    left, kept = two
    third = make_member("third@example.org")
    now = timezone.now()
    for one in (left, kept, third):
        customer(one)
    numbers = left.pk, kept.pk
    unlock_as(UnlockKind.WELCOME, left, make_article().pk, "From the first", now=now)
    merge(left, kept, by=boss, why="first", now=now)
    merge(kept, third, by=boss, why="second", now=now)
    assert [whoever_is(number) for number in numbers] == [third, third]
    assert set(AtProvider.objects.values_list("ours", "theirs")) == {
        (one, f"cus_{one}") for one in (*numbers, third.pk)
    }
    assert Merger.objects.filter(kept=third).count() == 2
    assert Unlock.objects.get().member == third


def test_in_the_newsroom_it_takes_two_steps_and_a_reason(
    two: tuple[Member, Member], boss: Member
) -> None:
    left, kept = two
    paid(left)
    publisher = make_member(is_staff=True)
    publisher.groups.add(Group.objects.get(name="Publishers"))
    client = Client()
    client.force_login(publisher)
    path = reverse("merge_members", args=[kept.pk])
    assert path in client.get(reverse("members:inspect", args=[kept.pk])).content.decode()
    assert client.get(path).status_code == 200
    assert client.post(path, {"email": left.email, "why": ""}).status_code == 422
    assert client.post(path, {"email": "no@example.org", "why": "x"}).status_code == 422
    page = client.post(path, {"email": "LEFT@example.org", "why": "one person"}).content.decode()
    assert "Subscription: All-Access until" in page
    assert Member.objects.filter(pk=left.pk).exists(), "the first step changes nothing"
    form = {"email": left.email, "why": "one person", "sure": left.pk}
    assert client.post(path, form).status_code == 302
    assert not Member.objects.filter(pk=left.pk).exists()
    assert Merger.objects.get().by == publisher
    shown = client.get(reverse("members:inspect", args=[kept.pk])).content.decode()
    assert "left@example.org) became part of this one" in shown
    editor = make_member(is_staff=True)
    editor.groups.add(Group.objects.get(name="Editors"))
    client.force_login(editor)
    assert client.get(path).status_code in (302, 403)


class _Gone(BaseException):
    """As if the process had ended there."""


def _nothing_moved(left: int) -> bool:
    return (
        Subscription.objects.get().member_id == left
        and list(Unlock.objects.values_list("member", flat=True)) == [left]
        and not Entry.objects.exists()
        and not Merger.objects.exists()
    )


def test_broken_off_after_any_statement_nothing_moved(
    two: tuple[Member, Member], boss: Member
) -> None:
    left, kept = two
    paid(left)
    unlock_as(UnlockKind.WELCOME, left, make_article().pk, "One", now=timezone.now())
    count, most = 0, 0

    def stop(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal count
        count += sql.lstrip().split()[0] in ("INSERT", "UPDATE", "DELETE")
        if count > most:
            raise _Gone
        return execute(sql, *rest)

    for most in range(100):
        count = 0
        try:
            with transaction.atomic(), connection.execute_wrapper(stop):
                merge(left, kept, by=boss, why="x", now=timezone.now())
            break
        except _Gone:
            assert _nothing_moved(left.pk), most
    assert most > 8, "it was broken off at many places"
    assert Merger.objects.get().kept == kept


@pytest.mark.attack
@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_both_accounts_as_they_were() -> None:
    set_up_magazine()
    boss, left, kept = make_staff(), make_member("left@example.org"), make_member()
    paid(left)
    unlock_as(UnlockKind.WELCOME, left, make_article().pk, "One", now=timezone.now())
    numbers = left.pk, kept.pk
    connection.close()
    for most, code in ((7, 9), (1_000, 0)):
        merging = begin(merge_or_die, *numbers, boss.pk, most)
        merging.rest()
        assert merging.code == code
        assert _nothing_moved(numbers[0]) == (code == 9)
    assert Subscription.objects.get().member_id == numbers[1]
    assert list(Unlock.objects.values_list("member", flat=True)) == [numbers[1]]
