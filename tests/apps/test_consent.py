"""Who said yes to which letter: what holds now, and the ledger of what was said."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from itertools import pairwise
from threading import Barrier
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from standfirst.account.actions import delete_account
from standfirst.account.queries import everything_about
from standfirst.members.actions import join
from standfirst.members.consent import ALERTS, By, Unless, give, give_many, take_back, wanted_by
from standfirst.members.models import Consent, ConsentEntry, Member
from standfirst.newsletters.models import Suppression
from tests.making import at, make_member, make_staff

pytestmark = pytest.mark.django_db
NOW = at("2026-11-28T12:00")

the_migration = import_module("standfirst.members.migrations.0004_what_was_said")


def entries(member: Member | int) -> list[tuple[str, bool, str]]:
    number = member if isinstance(member, int) else member.pk
    rows = ConsentEntry.objects.filter(member=number).order_by("pk")
    return [(row.letter, row.given, row.by) for row in rows]


def test_joining_is_a_yes_to_what_its_form_speaks_of_and_to_nothing_else() -> None:
    member = join("ada@example.org")
    assert member
    assert wanted_by(member) == {"newsletter", "daily-review"}
    assert entries(member) == [("daily-review", True, "joining"), ("newsletter", True, "joining")]
    assert "at the page of joining" in ConsentEntry.objects.first().proof
    other = join("bob@example.org", article=7)
    assert "under article 7" in ConsentEntry.objects.filter(member=other.pk)[0].proof


def test_for_whom_somebody_else_made_the_account_nobody_says_yes() -> None:
    member = join("ada@example.org", quiet=True)
    assert member
    assert wanted_by(member) == set()
    assert entries(member) == []


def test_what_was_said_stands_in_the_ledger_with_its_door_its_letter_and_its_proof() -> None:
    member = make_member()
    give(member, ["newsletter"], By.IMPORT, proof="The list of the 2024 conference", now=NOW)
    later = NOW + timedelta(days=1)
    take_back(member, ["newsletter"], By.ONE_CLICK, delivery=7 << 32 | 3, now=later)
    first, second = ConsentEntry.objects.order_by("pk")
    assert (first.given, first.proof, first.at) == (True, "The list of the 2024 conference", NOW)
    assert (second.given, second.delivery, second.at) == (False, 7 << 32 | 3, later)
    row = Consent.objects.get()
    assert (row.given, row.at) == (False, later)


def test_to_say_the_same_twice_writes_nothing() -> None:
    member = make_member()
    assert give(member, ["newsletter", ALERTS], By.ACCOUNT, now=NOW) == [ALERTS, "newsletter"]
    assert give(member.pk, ["newsletter", ALERTS, "choices"], By.STAFF, now=NOW) == ["choices"]
    assert take_back(member, ["newsletter", "newsletter"], By.ACCOUNT, now=NOW) == ["newsletter"]
    assert take_back(member, ["newsletter", "never-heard-of"], By.ACCOUNT, now=NOW) == []
    assert take_back(member, [], By.ACCOUNT, now=NOW) == []
    assert len(entries(member)) == 4
    assert give(member, ["newsletter"], By.ACCOUNT, now=NOW) == ["newsletter"]


def test_a_yes_that_must_not_override_a_no_does_not() -> None:
    member, other = make_member(), make_member()
    give(member, ["newsletter"], By.JOINING, now=NOW)
    take_back(member, ["newsletter"], By.COMPLAINED, now=NOW)
    pairs = [(member.pk, "newsletter"), (other.pk, "newsletter"), (other.pk, "newsletter")]
    said = give_many(pairs, By.IMPORT, unless=Unless.SAID, now=NOW)
    assert said == [(other.pk, "newsletter")]
    assert wanted_by(member) == set()


def test_who_is_gone_says_nothing() -> None:
    assert give(987654, ["newsletter"], By.ACCOUNT, now=NOW) == []
    assert not Consent.objects.exists()
    assert not ConsentEntry.objects.exists()


def test_when_an_account_is_deleted_the_ledger_keeps_its_number_and_no_more() -> None:
    member = make_member("ada@example.org", wants=["newsletter"])
    number = member.pk
    delete_account(member)
    assert not Consent.objects.exists()
    rows = ConsentEntry.objects.order_by("pk")
    assert [(row.member, row.letter, row.given) for row in rows] == [
        (number, "newsletter", True),
        (number, "newsletter", False),
    ]
    assert "ada" not in repr([row.__dict__ for row in rows])


def test_a_member_gets_all_they_said_with_their_data() -> None:
    member = make_member()
    give(member, ["newsletter", ALERTS], By.IMPORT, proof="The fair in Turin", now=NOW)
    take_back(member, [ALERTS], By.BOUNCED, now=NOW)
    found = everything_about(member)["letters"]
    assert found["wanted"] == ["newsletter"]
    assert [(row["letter"], row["said"], row["by"], row["proof"]) for row in found["said"]] == [
        ("alerts", "yes", "a list that was imported", "The fair in Turin"),
        ("newsletter", "yes", "a list that was imported", "The fair in Turin"),
        ("alerts", "no", "the address refused mail", ""),
    ]
    assert found["followed"] == []
    assert found["no_mail_to_your_address"] == []
    Suppression.objects.create(address=member.email.upper(), reason="bounced", detail="550 no")
    (told,) = everything_about(member)["letters"]["no_mail_to_your_address"]
    assert (told["why"], told["in_words"]) == ("its server refused it for good", "550 no")


def test_the_database_refuses_that_an_entry_is_changed_or_taken_out() -> None:
    statements = {"sqlite": the_migration.SQLITE, "postgresql": the_migration.POSTGRESQL}
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
    make_member(wants=["newsletter"])
    for statement in (
        "UPDATE members_consententry SET proof = 'forged'",
        "DELETE FROM members_consententry",
    ):
        with (
            pytest.raises(DatabaseError, match="only added to"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert ConsentEntry.objects.get().proof == ""


# -- many at once ---------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.django_db(transaction=True)
def test_of_many_who_say_it_at_the_same_moment_one_has_said_it() -> None:
    member = make_member()
    letters = ["newsletter", "daily-review", "choices", ALERTS]
    threads = 12
    start = Barrier(threads)

    def say(number: int) -> Counter[tuple[str, bool]]:
        told: Counter[tuple[str, bool]] = Counter()
        start.wait()
        try:
            for turn in range(6):
                yes = (number + turn) % 2 == 0
                verb = give if yes else take_back
                order = letters if number % 3 else letters[::-1]
                told.update((one, yes) for one in verb(member, order, By.ACCOUNT, now=NOW))
        finally:
            connection.close()
        return told

    with ThreadPoolExecutor(threads) as pool:
        told = sum(pool.map(say, range(threads)), Counter[tuple[str, bool]]())
    for letter in letters:
        rows = list(ConsentEntry.objects.filter(letter=letter).order_by("pk"))
        assert rows[0].given
        # Each entry changed something, and each was told to exactly one of the callers.
        assert all(one.given != next.given for one, next in pairwise(rows))
        for given in (True, False):
            assert told[letter, given] == sum(row.given is given for row in rows)
        assert Consent.objects.get(letter=letter).given == rows[-1].given


# -- what there was before ------------------------------------------------------------------------


def test_what_the_two_boxes_said_becomes_consent_with_the_day_of_joining() -> None:
    joined = timezone.now() - timedelta(days=400)
    members = [make_member(joined_at=joined), make_staff()]
    boxes = "wants_newsletter", "wants_daily_review"
    with connection.cursor() as cursor:
        for box in boxes:
            cursor.execute(f"ALTER TABLE members_member ADD COLUMN {box} bool DEFAULT true")
        cursor.execute(
            "UPDATE members_member SET wants_daily_review = %s WHERE id = %s",
            [False, members[0].pk],
        )
    the_migration.write_down(apps, SimpleNamespace(connection=connection))
    assert wanted_by(members[0]) == {"newsletter"}
    assert wanted_by(members[1]) == {"newsletter", "daily-review"}
    assert entries(members[0]) == [
        ("newsletter", True, "joining"),
        ("daily-review", True, "joining"),
        ("daily-review", False, "account"),
    ]
    rows = ConsentEntry.objects.filter(member=members[0].pk)
    assert {row.at for row in rows} == {joined}
    assert rows.get(given=False).proof.endswith("the day is not known.")
