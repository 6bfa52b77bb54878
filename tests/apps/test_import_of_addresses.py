"""Addresses in and out: a list is looked at, taken in, and never undoes what a reader said."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from standfirst.members.actions import join
from standfirst.members.consent import By, give, take_back, wanted_by
from standfirst.members.models import Consent, ConsentEntry, Member
from standfirst.newsletters.actions import importing
from standfirst.newsletters.actions.importing import (
    TICK,
    drop,
    forget_lists,
    put_up,
    take_all_in,
)
from standfirst.newsletters.exporting import consents_as_rows
from standfirst.newsletters.importing import taking_in
from standfirst.newsletters.importing.rules import Row
from standfirst.newsletters.jobs import forget_who_left
from standfirst.newsletters.models import AddressImport, MailSettings, Suppression
from standfirst.project.worker import Chore, Worker, chores
from standfirst.publication.spreadsheets import lines
from tests.making import at, make_magazine, make_member, make_newsletters, make_staff

pytestmark = pytest.mark.django_db

NOW = at("2026-11-28T12:00")


def go_on(now: datetime, seconds: float = 60) -> int:
    """As the worker does, but on a busy machine too until there is no more to do."""
    return importing.go_on(now, seconds=seconds)


HEADING = "address,name,letters,date,source\n"


@pytest.fixture(autouse=True)
def magazine() -> None:
    make_magazine()
    make_newsletters()


def a_list(*addresses: str, letters: str = "newsletter") -> bytes:
    rows = "".join(f"{one},Ada,{letters},2024-05-31,The fair in Turin\n" for one in addresses)
    return (HEADING + rows).encode()


def taken_in(data: bytes, name: str = "fair.csv") -> AddressImport:
    put = put_up(name, data, by=None, now=NOW)
    assert go_on(NOW)
    assert take_all_in(put.pk)
    go_on(NOW)
    put.refresh_from_db()
    assert put.state == "done"
    return put


def everything() -> tuple[list[object], ...]:
    return (
        list(Member.objects.order_by("pk").values_list("email", "name", "password")),
        list(Consent.objects.order_by("pk").values_list("member", "letter", "given", "at")),
        list(ConsentEntry.objects.order_by("pk").values_list("member", "letter", "given", "by")),
    )


# -- what becomes of rows -----------------------------------------------------------------------


def test_a_list_is_looked_at_first_and_then_becomes_what_was_said() -> None:
    make_member("wants@example.org", wants=["newsletter"])
    make_member("known@example.org")
    no_more = make_member("no.more@example.org", wants=["newsletter"])
    take_back(no_more, ["newsletter"], By.ONE_CLICK, now=NOW)
    make_member("closed@example.org", is_active=False)
    Suppression.objects.create(address="Spam@Example.org", reason="complained")
    names = ("new", "wants", "known", "no.more", "closed", "spam", "not an address")
    data = a_list(*(f"{name}@example.org" for name in names))
    before = everything()
    put = put_up("fair.csv", data, by=None, now=NOW)
    assert put.rows == 7
    go_on(NOW)
    put.refresh_from_db()
    expected = {
        "new": 1, "added": 1, "already": 1, "left_alone": 2, "suppressed": 1, "refused": 1,
    }  # fmt: skip
    assert (put.state, put.looked) == ("looked_at", expected)
    assert [number for number, _ in put.refused] == [7]
    assert everything() == before
    assert go_on(NOW) == 0  # nothing goes on without a word

    assert take_all_in(put.pk)
    assert not take_all_in(put.pk)
    go_on(NOW)
    put.refresh_from_db()
    assert (put.state, put.taken, bytes(put.content)) == ("done", expected, b"")
    new = Member.objects.get(email="new@example.org")
    assert (new.name, new.has_usable_password()) == ("Ada", False)
    row = EmailAddress.objects.get(user=new)
    assert (row.email, row.primary, row.verified) == ("new@example.org", True, False)
    for name in ("new", "wants", "known"):
        assert wanted_by(Member.objects.get(email=f"{name}@example.org")) == {"newsletter"}
    for name in ("no.more", "closed"):
        assert wanted_by(Member.objects.get(email=f"{name}@example.org")) == set()
    assert not Member.objects.filter(email="spam@example.org").exists()
    entry = ConsentEntry.objects.get(member=new.pk)
    assert (entry.by, entry.at) == ("import", NOW)
    assert entry.proof == "Said yes on 2024-05-31: The fair in Turin (from fair.csv)"
    assert not mail.outbox
    assert not DBTaskResult.objects.filter(task_path__contains="send_").exists()


def test_to_take_the_same_list_in_again_changes_nothing() -> None:
    data = a_list("a@example.org", "b@example.org")
    taken_in(data)
    before = everything()
    again = taken_in(data)
    assert again.taken == {"already": 2}
    assert everything() == before


def test_who_unsubscribes_after_an_import_is_not_put_back_by_the_next() -> None:
    data = a_list("a@example.org", letters="newsletter; The Daily Review")
    taken_in(data)
    member = Member.objects.get()
    take_back(member, ["newsletter"], By.ONE_CLICK, now=NOW)
    assert taken_in(data).taken == {"left_alone": 1}
    assert wanted_by(member) == {"daily-review"}


def test_who_wants_no_letter_any_more_gets_none_by_a_list_that_is_older() -> None:
    left = make_member("left@example.org", wants=["newsletter"])
    take_back(left, ["newsletter"], By.PREFERENCES, now=at("2025-01-10T12:00"))
    rows = "left@example.org,,daily-review,{},The fair in Turin\n"
    assert taken_in((HEADING + rows.format("2024-05-31")).encode()).taken == {"left_alone": 1}
    assert wanted_by(left) == set()
    assert taken_in((HEADING + rows.format("2025-01-11")).encode()).taken == {"added": 1}
    assert wanted_by(left) == {"daily-review"}


def test_what_one_magazine_exports_another_takes_in_with_every_yes_and_no_no() -> None:
    now = timezone.now()  # what is exported was said today
    ada = make_member("ada@example.org", name="Ada", wants=["newsletter", "daily-review"])
    bob = make_member("+bob@example.org", wants=["newsletter", "choices"])
    take_back(bob, ["newsletter"], By.PREFERENCES, now=now)
    assert wanted_by(ada) == {"newsletter", "daily-review"}
    exported = "".join(lines(consents_as_rows())).encode()
    Member.objects.all().delete()
    put = put_up("export.csv", exported, by=None, now=now)
    go_on(now)
    put.refresh_from_db()
    assert put.looked == {"new": 2, "added": 1, "refused": 1}
    assert put.refused == [[4, "It does not say yes under “given”."]]
    take_all_in(put.pk)
    go_on(now)
    put.refresh_from_db()
    assert put.taken == put.looked
    wanted = {one.email: wanted_by(one) for one in Member.objects.all()}
    assert wanted == {
        "ada@example.org": {"newsletter", "daily-review"},
        "+bob@example.org": {"choices"},
    }
    assert Member.objects.get(email="ada@example.org").name == "Ada"
    assert ConsentEntry.objects.filter(by=By.IMPORT).count() == 3


def test_a_list_that_is_dropped_is_forgotten() -> None:
    put = put_up("fair.csv", a_list("a@example.org"), by=None, now=NOW)
    assert drop(put.pk, NOW)
    assert go_on(NOW) == 0
    put.refresh_from_db()
    assert (put.state, bytes(put.content)) == ("dropped", b"")
    assert not take_all_in(put.pk)
    old = put_up("old.csv", a_list("a@example.org"), by=None, now=at("2026-11-01T12:00"))
    assert forget_lists(NOW) == 1
    old.refresh_from_db()
    assert old.state == "dropped"
    assert not Member.objects.exists()


def test_somebody_who_joins_meanwhile_keeps_their_account(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    class Slow(taking_in._Known):
        def __init__(self, rows: list[Row]) -> None:
            nonlocal looks
            looks += 1
            super().__init__(rows)
            if looks == 1:  # it looked just before they joined
                self.members = {}

    put = put_up("fair.csv", a_list("a@example.org", "b@example.org"), by=None, now=NOW)
    go_on(NOW)
    take_all_in(put.pk)
    joined = join("a@example.org")
    monkeypatch.setattr(taking_in, "_Known", Slow)
    go_on(NOW)
    put.refresh_from_db()
    assert (put.state, put.taken) == ("done", {"new": 1, "already": 1})
    assert set(Member.objects.values_list("email", flat=True)) == {"a@example.org", "b@example.org"}
    assert joined
    assert wanted_by(joined) == {"newsletter", "daily-review"}


# -- many rows ----------------------------------------------------------------------------------


def test_a_long_list_goes_on_where_it_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 50)
    data = a_list(*(f"reader{n}@example.org" for n in range(320)), "bad row")
    put = put_up("long.csv", data, by=None, now=NOW)
    while go_on(NOW, seconds=0.01):
        pass
    put.refresh_from_db()
    assert put.looked == {"new": 320, "refused": 1}
    take_all_in(put.pk)
    real = importing.take_in
    calls = 0

    def killed(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        found = real(*args, **kwargs)
        if calls in (3, 5):  # after it was written, before it was counted
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(importing, "take_in", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            go_on(NOW)
        put.refresh_from_db()
        assert Member.objects.count() == put.rows_done
    go_on(NOW)
    put.refresh_from_db()
    assert (put.state, put.taken) == ("done", {"new": 320, "refused": 1})
    assert Member.objects.count() == 320
    assert ConsentEntry.objects.count() == 320


def test_a_long_list_is_not_read_from_its_beginning_for_each_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 10)
    real, begun = importing.read, []

    def read(*given: object, **more: object) -> object:
        begun.append(more["after"])
        return real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "read", read)
    put = put_up("long.csv", a_list(*(f"m{n}@x.org" for n in range(45))), by=None, now=NOW)
    assert [go_on(NOW, seconds=0) for _ in range(3)] == [10, 10, 10]
    assert begun == [0]
    # Another worker did a part meanwhile.
    AddressImport.objects.update(rows_done=40)
    assert [go_on(NOW, seconds=0) for _ in range(2)] == [5, 0]
    assert begun == [0, 40]
    take_all_in(put.pk)
    while go_on(NOW, seconds=0):
        pass
    assert begun == [0, 40, 0]
    assert Member.objects.count() == 45
    assert not importing._open


@pytest.mark.attack
@pytest.mark.django_db(transaction=True)
def test_several_workers_take_a_list_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 20)
    put = put_up("fair.csv", a_list(*(f"r{n}@example.org" for n in range(300))), by=None, now=NOW)
    go_on(NOW)
    take_all_in(put.pk)
    start = Barrier(3)

    def work(_: int) -> None:
        start.wait()
        try:
            while AddressImport.objects.get(pk=put.pk).state != "done":
                go_on(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    put.refresh_from_db()
    assert put.taken == {"new": 300}
    assert Member.objects.count() == Consent.objects.count() == ConsentEntry.objects.count() == 300


# -- in the newsroom ----------------------------------------------------------------------------


@pytest.fixture
def publisher() -> Client:
    browser = Client()
    browser.force_login(make_staff("boss@example.org"))
    return browser


def upload(data: bytes, name: str = "fair.csv") -> dict[str, object]:
    return {"file": SimpleUploadedFile(name, data, "text/csv")}


def test_the_newsroom_shows_what_would_become_and_takes_in_at_a_word(publisher: Client) -> None:
    page = reverse("newsletters_addresses")
    answer = publisher.post(page, upload(a_list("a@example.org", "bad")))
    one = answer["Location"]
    assert "http-equiv" in publisher.get(one).content.decode()
    go_on(NOW)
    text = publisher.get(one).content.decode()
    assert "Row 2: This is not a complete e-mail address." in text
    assert "Take them in" in text
    assert not Member.objects.filter(is_staff=False).exists()
    publisher.post(f"{one}decide/", {"take": "1"})
    go_on(NOW)
    text = publisher.get(one).content.decode()
    assert "What became of the rows" in text
    assert Member.objects.get(is_staff=False).email == "a@example.org"
    assert "fair.csv" in publisher.get(page).content.decode()


def test_the_newsroom_s_menu_leads_to_both_pages(publisher: Client) -> None:
    menu = publisher.get(reverse("wagtailadmin_home")).content.decode()
    for name in ("newsletters_addresses", "newsletters_suppressions", "insights_lists"):
        assert reverse(name) in menu
        assert publisher.get(reverse(name)).status_code == 200


def test_a_file_that_is_no_list_is_answered_with_a_sentence(publisher: Client) -> None:
    page = reverse("newsletters_addresses")
    for data, sentence in ((b"x", "must name the columns"), (HEADING.encode(), "no address in")):
        answer = publisher.post(page, upload(data))
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    assert publisher.post(page, {}).status_code == 422
    assert not AddressImport.objects.exists()


def test_double_opt_in_says_what_it_means_for_a_list(publisher: Client) -> None:
    page = reverse("newsletters_addresses")
    assert "confirmed addresses only" not in publisher.get(page).content.decode()
    MailSettings.objects.create(double_opt_in=True)
    assert "confirmed addresses only" in publisher.get(page).content.decode()


def test_who_may_not_does_not(client: Client) -> None:
    put = put_up("fair.csv", a_list("a@example.org"), by=None, now=NOW)
    client.force_login(make_member(is_staff=True))
    for name, args in (
        ("newsletters_addresses", []),
        ("newsletters_addresses_export", []),
        ("newsletters_addresses_one", [put.pk]),
        ("newsletters_suppressions", []),
    ):
        assert client.get(reverse(name, args=args)).status_code in {302, 403}
    client.post(reverse("newsletters_addresses_decide", args=[put.pk]), {"drop": "1"})
    put.refresh_from_db()
    assert put.state == "looking"


# -- addresses to take away ---------------------------------------------------------------------


def test_the_export_has_every_word_with_its_proof_and_no_formula(publisher: Client) -> None:
    ada = make_member("ada@example.org", name="=HYPERLINK(1)")
    proof = "Said yes on 2024-05-31: +Fair (from fair.csv)"
    give(ada, ["newsletter"], By.IMPORT, proof=proof, now=NOW)
    give(ada, ["choices"], By.ACCOUNT, now=NOW)
    take_back(ada, ["choices"], By.PREFERENCES, now=NOW)
    answer = publisher.get(reverse("newsletters_addresses_export"))
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    heads, *rows = csv.reader(io.StringIO(text))
    assert heads == ["Address", "Name", "Letter", "Given", "Since", "By", "Proof"]
    hers = ("ada@example.org", "'=HYPERLINK(1)")
    assert [tuple(row) for row in rows] == [
        (*hers, "choices", "no", "2026-11-28 12:00", "the page that mails lead to", ""),
        (*hers, "newsletter", "yes", "2026-11-28 12:00", "a list that was imported", proof),
    ]
    assert "no-store" in answer["Cache-Control"]


def test_what_was_exported_can_be_read_without_the_database_in_memory(
    publisher: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(30):
        make_member(f"m{number}@example.org", wants=["newsletter"])
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert sum(1 for _ in consents_as_rows()) == 31


# -- the suppression list -----------------------------------------------------------------------


def test_the_suppression_list_is_searched_added_to_and_lifted_with_a_reason(
    publisher: Client,
) -> None:
    Suppression.objects.create(address="gone@example.org", reason="bounced", detail="550 No")
    Suppression.objects.create(address="angry@example.net", reason="complained")
    page = reverse("newsletters_suppressions")

    def shown(**query: str) -> set[str]:
        text = publisher.get(page, query).content.decode()
        names = ("gone@example.org", "angry@example.net", "lawyer@example.com")
        return {one for one in names if one in text}

    assert shown() == {"gone@example.org", "angry@example.net"}
    assert shown(q="EXAMPLE.org") == {"gone@example.org"}
    assert shown(reason="complained") == {"angry@example.net"}
    assert shown(q="%", reason="made-up", p="x\0") == set()
    form = {"address": "Lawyer@Example.com", "why": "A letter of 3 May"}
    publisher.post(page, form)
    text = publisher.post(page, {**form, "address": "LAWYER@example.com"}, follow=True)
    assert "on the list already" in text.content.decode()
    assert shown(reason="by_hand") == {"lawyer@example.com"}
    assert publisher.post(page, {"address": "x", "why": ""}).status_code == 422
    row = Suppression.objects.get(address="gone@example.org")
    one = reverse("newsletters_suppressions_lift", args=[row.pk])
    assert "once the mailbox works again" in publisher.get(one).content.decode()
    assert publisher.post(one, {"why": " "}).status_code == 422
    publisher.post(one, {"why": "She wrote to us"}, follow=True)
    assert shown() == {"angry@example.net", "lawyer@example.com"}
    history = publisher.get(reverse("wagtailadmin_reports:site_history")).content.decode()
    assert "She wrote to us" in history
    assert "A letter of 3 May" in history


# -- at the command line ------------------------------------------------------------------------


def test_the_command_line_looks_first_and_takes_in_with_apply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    from standfirst.project.commands import newsletters

    parser = argparse.ArgumentParser()
    newsletters.arguments(parser)
    file = tmp_path / "fair.csv"
    file.write_bytes(a_list("a@example.org", "b@example.org", "bad"))
    for words, count in ((["import", str(file)], 0), (["import", str(file), "--apply"], 2)):
        options = parser.parse_args(words)
        assert options.do(options) == 0
        assert Member.objects.count() == count
    told = capsys.readouterr().out
    assert "Nothing was changed. `--apply` takes them in." in told
    assert told.count("Row 3: This is not a complete e-mail address.") == 2
    options = parser.parse_args(["export"])
    options.do(options)
    assert "a@example.org,Ada,newsletter,yes" in capsys.readouterr().out


# -- beside everything else that the worker does -------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_due_waits_for_a_part_of_a_list_not_for_all_of_it() -> None:
    put = put_up("fair.csv", a_list(*(f"r{n}@example.org" for n in range(1700))), by=None, now=NOW)
    worker = Worker([Chore("take addresses in", 0, lambda: go_on(NOW, 0.0))])
    for rows in (500, 1000, 1500, 1700):
        forget_who_left.enqueue(0, "nobody@example.org")
        worker.step(float(rows))
        put.refresh_from_db()
        assert put.rows_done == rows
        assert not DBTaskResult.objects.ready().exists()
    assert put.state == "looked_at"


def test_the_worker_is_taken_up_by_a_list_for_less_than_a_second() -> None:
    chore = next(one for one in chores() if one.name == "take addresses in")
    assert TICK <= 0.7 < chore.every
