"""Bounces and complaints stop further mail, once, and only where they are about our own letters."""

import hmac
import importlib
import json
import socketserver
import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.test import Client
from django.urls import clear_url_caches

from standfirst.members.consent import give
from standfirst.members.models import Consent, ConsentEntry, Member, Merger
from standfirst.newsletters import jobs
from standfirst.newsletters.actions.hearing import hear_event, hear_mail, suppress
from standfirst.newsletters.bounces.mailbox import Unreadable, read_mailbox
from standfirst.newsletters.links import delivery_of, message_id
from standfirst.newsletters.models import (
    TALLIES,
    Batch,
    Delivery,
    DeliveryState,
    Returned,
    Sending,
    Suppression,
)
from standfirst.project import environment
from tests.rules.test_bounces import report

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
ADA = "ada@reader.example"


@pytest.fixture
def letter() -> Delivery:
    return sent(7)


def sent(number: int, state: DeliveryState = DeliveryState.ACCEPTED) -> Delivery:
    """The one letter of a sending with this number, to Ada."""
    member, _ = Member.objects.get_or_create(email=ADA)
    sending = Sending.objects.create(
        pk=number, key=f"edition:{number}", kind="edition", consent="daily-review", sender="x",
        total=1, state="done",
    )  # fmt: skip
    column = TALLIES[state]
    Batch.objects.create(sending=sending, first=1, last=1, state="settled", **{column: 1})
    return Delivery.objects.create(
        id=(number << 32) + 1, member=member.pk, address=ADA, name="", variant="member", state=state
    )


def what_became_of(letter: Delivery) -> str:
    letter.refresh_from_db()
    batch = Batch.objects.get(sending=letter.pk >> 32)
    label = TALLIES[DeliveryState(letter.state)]
    assert getattr(batch, label) == 1
    return label


def bounce(words: str = "550 5.1.1 No such user", about: int = (7 << 32) + 1) -> bytes:
    return report(
        "delivery-status",
        f"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; {ADA}\nAction: failed\n"
        f"Status: {words.split()[1]}\nDiagnostic-Code: smtp; {words}\n",
        f"Message-ID: {message_id(about, 'mag.example')}",
    )


def reasons() -> dict[str, str]:
    return dict(Suppression.objects.values_list("address", "reason"))


def test_a_message_id_names_its_delivery_and_cannot_be_made_up():
    made = message_id(7 << 32, "mag.example")
    assert delivery_of(f"To: x\nMessage-ID: {made}\n") == 7 << 32
    assert delivery_of(made.replace("d3006", "d3007")) is None
    assert delivery_of("<d7.AAAAAAAAAAAAAAAA@mag.example>") is None


def test_an_address_that_does_not_exist_gets_no_more_mail(letter: Delivery):
    assert hear_mail(bounce(), NOW)
    assert reasons() == {ADA: "bounced"}
    assert what_became_of(letter) == "bounced"


def test_the_same_bounce_told_twice_counts_once(letter: Delivery):
    hear_mail(bounce(), NOW)
    hear_mail(bounce(), NOW)
    assert Returned.objects.count() == Suppression.objects.count() == 1


def test_a_bounce_that_somebody_made_up_changes_nothing(letter: Delivery):
    made_up = report(
        "delivery-status",
        f"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; {ADA}\nAction: failed\n"
        "Status: 5.1.1\n",
        f"Message-ID: <d{letter.pk}.AAAAAAAAAAAAAAAA@mag.example>",
    )
    assert not hear_mail(made_up, NOW)
    assert not Suppression.objects.exists()


def test_a_bounce_of_an_answer_to_a_letter_of_ours_stops_nobodys_mail(letter: Delivery):
    # A colleague answers Ada with a copy to somebody whose address is wrong.
    answered = report(
        "delivery-status",
        "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; wrong@elsewhere.example\n"
        "Action: failed\nStatus: 5.1.1\n",
        f"Message-ID: <answer@desk.example>\nReferences: {message_id(letter.pk, 'mag.example')}",
    )
    assert not hear_mail(answered, NOW)
    assert not Suppression.objects.exists()


def test_who_is_refused_for_what_is_said_of_us_is_forgiven_always():
    for number in range(5):
        hear_mail(bounce("550 5.7.1 Your network is blocked", sent(8 + number).pk), NOW)
    assert not reasons()
    assert Returned.objects.filter(what="blocked").count() == 5


def test_a_full_mailbox_is_forgiven_twice_in_a_month(letter: Delivery):
    for number, day in enumerate((0, 5, 40, 45, 50)):
        other = sent(8 + number)
        hear_mail(bounce("552 5.2.2 Mailbox full", other.pk), NOW + timedelta(days=day))
        assert bool(reasons()) is (day == 50), day


def test_a_bounce_of_a_letter_whose_reader_is_forgotten_stops_nobodys_mail(letter: Delivery):
    Delivery.objects.update(address="")
    assert hear_mail(bounce(), NOW)
    assert what_became_of(letter) == "bounced"
    assert not Suppression.objects.exists()
    assert (letter.why, Returned.objects.get().words) == ("", "")


def test_a_complaint_stops_mail_and_says_so(letter: Delivery):
    raw = report(
        "feedback-report",
        "Feedback-Type: abuse\nVersion: 1\n",
        f"Message-ID: {message_id(letter.pk, 'mag.example')}",
    )
    give(letter.member, ["daily-review", "newsletter"], ConsentEntry.By.JOINING, now=NOW)
    assert hear_mail(raw, NOW)
    assert reasons() == {ADA: "complained"}
    assert what_became_of(letter) == "complained"
    assert list(Consent.objects.filter(given=False).values_list("letter", flat=True)) == [
        "daily-review"
    ]
    entry = ConsentEntry.objects.get(by=ConsentEntry.By.COMPLAINED)
    assert (entry.delivery, entry.proof) == (letter.pk, "abuse")


def test_a_letter_in_doubt_is_settled_by_what_the_provider_says():
    doubtful = sent(9, DeliveryState.UNCERTAIN)
    told = AnymailTrackingEvent(
        event_type=EventType.DELIVERED, recipient=ADA, metadata={"delivery": str(doubtful.pk)}
    )
    assert hear_event(told, "Mailgun", NOW)
    assert what_became_of(doubtful) == "accepted"
    assert not hear_event(told, "Mailgun", NOW)
    assert not reasons()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"event_type": EventType.BOUNCED, "mta_response": "550 5.1.1 no such user"}, "bounced"),
        ({"event_type": EventType.BOUNCED}, "bounced"),
        ({"event_type": EventType.REJECTED, "reject_reason": RejectReason.BOUNCED}, "bounced"),
        ({"event_type": EventType.COMPLAINED}, "complained"),
        ({"event_type": EventType.BOUNCED, "mta_response": "552 5.2.2 full"}, None),
        ({"event_type": EventType.REJECTED, "reject_reason": RejectReason.BLOCKED}, None),
        # What Anymail makes of SparkPost's class 51: the reader's server took us for spam.
        (
            {
                "event_type": EventType.BOUNCED,
                "reject_reason": RejectReason.SPAM,
                "mta_response": "550 5.7.1 Looks like spam",
            },
            None,
        ),
        ({"event_type": EventType.BOUNCED, "reject_reason": RejectReason.SPAM}, None),
        ({"event_type": EventType.BOUNCED, "reject_reason": RejectReason.BLOCKED}, None),
        ({"event_type": EventType.BOUNCED, "reject_reason": RejectReason.TIMED_OUT}, None),
        ({"event_type": EventType.REJECTED, "reject_reason": RejectReason.SPAM}, "complained"),
        ({"event_type": EventType.DEFERRED}, None),
        ({"event_type": EventType.DELIVERED}, None),
        ({"event_type": EventType.OPENED}, None),
    ],
)
def test_a_providers_events_are_understood(letter: Delivery, event: dict, reason: str | None):
    told = AnymailTrackingEvent(metadata={"delivery": str(letter.pk)}, recipient=ADA, **event)
    hear_event(told, "Mailgun", NOW)
    hear_event(told, "Mailgun", NOW)
    assert reasons() == ({ADA: reason} if reason else {})


def test_the_proof_of_a_complaint_names_no_address(letter: Delivery):
    give(letter.member, ["daily-review"], ConsentEntry.By.JOINING, now=NOW)
    told = AnymailTrackingEvent(
        event_type=EventType.COMPLAINED, recipient=ADA, metadata={"delivery": str(letter.pk)},
        description=f"A report of {ADA.upper()}",
    )  # fmt: skip
    assert hear_event(told, "Postmark", NOW)
    assert ConsentEntry.objects.get(given=False).proof == "A report of …"


def test_who_leaves_by_a_providers_own_button_gets_no_more_of_that_letter(letter: Delivery):
    give(letter.member, ["daily-review", "newsletter"], ConsentEntry.By.JOINING, now=NOW)
    told = AnymailTrackingEvent(
        event_type=EventType.UNSUBSCRIBED, recipient=ADA, metadata={"delivery": str(letter.pk)}
    )
    assert hear_event(told, "Brevo", NOW)
    assert not hear_event(told, "Brevo", NOW)
    assert list(Consent.objects.filter(given=True).values_list("letter", flat=True)) == [
        "newsletter"
    ]
    entry = ConsentEntry.objects.get(given=False)
    assert (entry.by, entry.delivery, entry.proof) == ("one_click", letter.pk, "Brevo says so.")
    assert what_became_of(letter) == "accepted"
    assert not reasons()


def test_who_leaves_by_the_button_of_a_letter_that_is_forgotten_leaves_all_the_same(
    letter: Delivery,
):
    give(letter.member, ["daily-review"], ConsentEntry.By.JOINING, now=NOW)
    Delivery.objects.update(address="", member=0)  # half a year later
    told = AnymailTrackingEvent(
        event_type=EventType.UNSUBSCRIBED, recipient=ADA.upper(),
        metadata={"delivery": str(letter.pk)},
    )  # fmt: skip
    assert hear_event(told, "Brevo", NOW)
    assert not Consent.objects.get().given


def test_who_leaves_by_a_button_after_the_account_became_part_of_another_gets_no_more(
    letter: Delivery,
):
    left = Member.objects.get(pk=letter.member)
    kept = Member.objects.create(email="ada@home.example")
    give(kept, ["daily-review"], ConsentEntry.By.JOINING, now=NOW)
    Merger.objects.create(
        left=left.pk, kept=kept, address=left.email, joined_at=NOW, why="x", at=NOW
    )
    left.delete()
    told = AnymailTrackingEvent(
        event_type=EventType.UNSUBSCRIBED, recipient=ADA, metadata={"delivery": str(letter.pk)}
    )
    assert hear_event(told, "Mailgun", NOW)
    assert not Consent.objects.filter(given=True).exists()


def test_an_event_about_a_letter_that_is_no_newsletters_stops_newsletters_too():
    told = AnymailTrackingEvent(event_type=EventType.BOUNCED, recipient="Bob@Reader.example")
    assert hear_event(told, "Postmark", NOW)
    assert not hear_event(told, "Postmark", NOW)
    assert reasons() == {"bob@reader.example": "bounced"}


def test_an_event_that_a_provider_tells_again_counts_once_also_where_it_names_no_letter():
    told = AnymailTrackingEvent(
        event_type=EventType.BOUNCED, recipient=ADA, mta_response="552 5.2.2 Mailbox full"
    )
    assert [hear_event(told, "Postmark", NOW + timedelta(hours=n)) for n in range(4)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert not reasons()
    for day in (2, 4):
        assert hear_event(told, "Postmark", NOW + timedelta(days=day))
    assert reasons() == {ADA: "bounced"}


def test_the_first_reason_stays():
    assert suppress(ADA, Suppression.Reason.COMPLAINED, "abuse", NOW)
    assert not suppress(ADA.upper(), Suppression.Reason.BOUNCED, "550", NOW)
    assert reasons() == {ADA: "complained"}


# -- the mailbox ----------------------------------------------------------------------------------


class _Box(socketserver.StreamRequestHandler):
    """As much of IMAP as is spoken here."""

    def handle(self) -> None:
        mails, seen = self.server.mails, self.server.seen  # type: ignore[attr-defined]
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, _, rest = line.decode().strip().partition(" ")
            words = rest.upper().split()
            if words[0] == "CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            elif words[0] == "LOGIN" and "pass word" not in rest:
                self.wfile.write(f"{tag} NO wrong password\r\n".encode())
                continue
            elif words[0] == "SELECT":
                self.wfile.write(f"* {len(mails)} EXISTS\r\n".encode())
            elif words[:2] == ["UID", "SEARCH"]:
                new = " ".join(str(n + 1) for n in range(len(mails)) if n not in seen)
                self.wfile.write(f"* SEARCH {new}\r\n".encode())
            elif words[:2] == ["UID", "FETCH"]:
                raw = mails[int(words[2]) - 1]
                if raw == b"gone":
                    self.wfile.write(f"{tag} NO not now\r\n".encode())
                    continue
                head = f"* {words[2]} FETCH (UID {words[2]} BODY[] {{{len(raw)}}}\r\n"
                self.wfile.write(head.encode() + raw + b")\r\n")
            elif words[:2] == ["UID", "STORE"]:
                seen.add(int(words[2]) - 1)
            elif words[0] == "LOGOUT":
                self.wfile.write(b"* BYE\r\n")
            self.wfile.write(f"{tag} OK done\r\n".encode())


@pytest.fixture
def box() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Box) as server:
        server.daemon_threads = True
        server.mails, server.seen = [], set()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def url_of(box: socketserver.ThreadingTCPServer, password: str = "pass%20word") -> str:
    return f"imap://bounces:{password}@127.0.0.1:{box.server_address[1]}/INBOX"


def test_unread_bounces_are_read_once(letter: Delivery, box: socketserver.ThreadingTCPServer):
    box.mails += [bounce(), b"Subject: I am away\r\n\r\nUntil Monday."]  # type: ignore[attr-defined]
    assert read_mailbox(url_of(box), lambda raw: hear_mail(raw, NOW)) == (2, 1)
    assert reasons() == {ADA: "bounced"}
    assert read_mailbox(url_of(box), lambda raw: hear_mail(raw, NOW)) == (0, 0)


def test_a_bounce_at_which_the_worker_died_is_read_again(
    letter: Delivery, box: socketserver.ThreadingTCPServer
):
    def dies(raw: bytes) -> bool:
        raise KeyboardInterrupt

    box.mails.append(bounce())  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        read_mailbox(url_of(box), dies)
    assert read_mailbox(url_of(box), lambda raw: hear_mail(raw, NOW)) == (1, 1)


def test_a_mail_that_the_server_does_not_hand_out_is_asked_for_again(
    letter: Delivery, box: socketserver.ThreadingTCPServer
):
    box.mails += [b"gone", bounce()]  # type: ignore[attr-defined]
    assert read_mailbox(url_of(box), lambda raw: hear_mail(raw, NOW)) == (1, 1)
    assert box.seen == {1}  # type: ignore[attr-defined]


def test_a_full_mailbox_holds_the_worker_up_for_seconds_and_no_longer(
    box: socketserver.ThreadingTCPServer,
):
    box.mails += [b"mail"] * 20  # type: ignore[attr-defined]

    def slow(raw: bytes) -> bool:
        sleep(0.05)
        return True

    read, heard = read_mailbox(url_of(box), slow, seconds=0.2)
    assert read == heard
    assert 1 <= read < 10
    assert len(box.seen) == read  # type: ignore[attr-defined]
    assert read_mailbox(url_of(box), lambda raw: True, seconds=0.0)[0] == 1  # it always goes on


def test_a_mail_that_is_stumbled_over_holds_up_no_bounce(
    letter: Delivery, box: socketserver.ThreadingTCPServer, monkeypatch: Any, settings: Any
):
    def stumbles(raw: bytes, now: datetime) -> bool:
        if raw == b"riddle":
            raise LookupError
        return hear_mail(raw, now)

    monkeypatch.setattr(jobs, "hear_mail", stumbles)
    settings.BOUNCE_MAILBOX = url_of(box)
    box.mails += [b"riddle", bounce()]  # type: ignore[attr-defined]
    jobs.read_bounces()
    assert reasons() == {ADA: "bounced"}
    assert box.seen == {0, 1}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("pop3://host", "Write imaps://"),
        ("imap://a:b@127.0.0.1:9/INBOX", "cannot be reached"),
    ],
)
def test_a_mailbox_that_cannot_be_read_is_said_in_a_sentence(url: str, sentence: str):
    with pytest.raises(Unreadable, match=sentence):
        read_mailbox(url, lambda raw: False)


def test_a_wrong_password_is_said_in_a_sentence(box: socketserver.ThreadingTCPServer):
    with pytest.raises(Unreadable, match="wrong password"):
        read_mailbox(url_of(box, "other"), lambda raw: False)


# -- a provider's webhook --------------------------------------------------------------------------


@pytest.fixture
def webhooks(settings: Any) -> Iterator[Any]:
    """Sets the secret, and lets the addresses be what they then are."""

    def believe(secret: str, **anymail: str) -> Client:
        settings.MAIL_WEBHOOK_SECRET = secret
        settings.ANYMAIL = {**environment.webhook_secret(secret), **anymail}
        importlib.reload(importlib.import_module("standfirst.project.urls"))
        clear_url_caches()
        return Client()

    yield believe
    believe("")


POSTMARK = {
    "RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "MessageID": "x", "Email": ADA,
    "Description": "gone", "BouncedAt": "2026-11-27T06:31:00Z", "Details": "550 5.1.1 no such user",
}  # fmt: skip


def tell(client: Client, provider: str, event: object, **headers: Any) -> int:
    return client.post(
        f"/webhooks/mail/{provider}/tracking/",
        json.dumps(event),
        content_type="application/json",
        **headers,
    ).status_code


def test_a_bounce_told_with_the_secret_stops_mail(webhooks: Any):
    client = webhooks("relay:a long secret")
    basic = "Basic " + b64encode(b"relay:a long secret").decode()
    assert tell(client, "postmark", POSTMARK, HTTP_AUTHORIZATION=basic) == 200
    assert reasons() == {ADA: "bounced"}


def changed(**said: Any) -> dict[str, Any]:
    """Postmark's webhook “Subscription change”, as its documentation has it for what a customer
    suppresses by hand."""
    return {
        "RecordType": "SubscriptionChange", "MessageID": None, "ServerID": 1,
        "MessageStream": "broadcast", "ChangedAt": "2026-11-27T06:31:00.416071Z",
        "Recipient": ADA.upper(), "Origin": "Customer", "SuppressSending": True,
        "SuppressionReason": "ManualSuppression", "Tag": None, "Metadata": {}, **said,
    }  # fmt: skip


# A reactivation has neither reason nor tag nor metadata.
AGAIN = changed(SuppressSending=False, SuppressionReason=None)


@pytest.fixture
def postmark(webhooks: Any) -> Any:
    client = webhooks("relay:a long secret")
    basic = "Basic " + b64encode(b"relay:a long secret").decode()

    def said(event: object) -> None:
        assert tell(client, "postmark", event, HTTP_AUTHORIZATION=basic) == 200

    return said


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, "by_hand"),
        ({"Origin": "Admin"}, "by_hand"),
        ({"Origin": "Recipient", "MessageID": "x"}, "left"),
        ({"Origin": "Recipient", "SuppressionReason": "HardBounce"}, "bounced"),
    ],
)
def test_where_postmark_sends_to_an_address_no_more_neither_do_we_until_it_does(
    postmark: Any, told: dict[str, Any], reason: str
):
    member = Member.objects.create(email=ADA)
    give(member, ["daily-review"], ConsentEntry.By.JOINING, now=NOW)
    for _ in range(2):  # it may be told more than once
        postmark(changed(**told))
        assert reasons() == {ADA: reason}
    for _ in range(2):
        postmark(AGAIN)
        assert reasons() == {}
    # What a reader said of a letter is no provider's to say where the letter is not known.
    assert Consent.objects.get().given
    postmark(changed(**told))
    assert reasons() == {ADA: reason}


def test_postmark_lifts_nothing_that_it_did_not_stop_and_no_complaint(postmark: Any):
    suppress(ADA, Suppression.Reason.BY_HAND, "asked by mail", NOW)
    postmark(changed())
    postmark(AGAIN)
    assert reasons() == {ADA: "by_hand"}
    assert Suppression.objects.get().detail == "asked by mail"
    Suppression.objects.all().delete()
    postmark(changed(SuppressionReason="SpamComplaint", Origin="Recipient"))
    postmark(AGAIN)
    assert reasons() == {ADA: "complained"}


def test_who_leaves_by_postmarks_own_button_leaves_that_letter_and_postmark_as_a_whole(
    postmark: Any, letter: Delivery
):
    give(letter.member, ["daily-review", "newsletter"], ConsentEntry.By.JOINING, now=NOW)
    about = {"MessageID": "x", "Metadata": {"delivery": str(letter.pk)}}
    postmark(changed(**about))  # a colleague's act says nothing of what the reader wants
    assert Consent.objects.filter(given=True).count() == 2
    postmark(AGAIN)
    postmark(changed(Origin="Recipient", **about))
    assert list(Consent.objects.filter(given=True).values_list("letter", flat=True)) == [
        "newsletter"
    ]
    assert reasons() == {ADA: "left"}
    assert Suppression.objects.get().delivery == letter.pk


@pytest.mark.parametrize("event", [EventType.SUBSCRIBED, EventType.UNSUBSCRIBED])
def test_only_postmark_says_of_an_address_whether_it_is_sent_to(event: str):
    suppress(ADA, Suppression.Reason.BOUNCED, "550", NOW, by="Brevo")
    raw = {"event": event, "SuppressSending": False}
    for address in (ADA, "bob@reader.example"):
        told = AnymailTrackingEvent(event_type=event, recipient=address, esp_event=raw)
        assert not hear_event(told, "Brevo", NOW)
    assert reasons() == {ADA: "bounced"}


@pytest.mark.parametrize("said", ["", "Basic cmVsYXk6d3Jvbmc="])
def test_an_event_without_the_secret_is_refused(webhooks: Any, said: str):
    client = webhooks("relay:a long secret")
    headers = {"HTTP_AUTHORIZATION": said} if said else {}
    assert tell(client, "postmark", POSTMARK, **headers) == 400
    assert not reasons()


@pytest.mark.parametrize("secret", ["", "key-of-mailgun"])
def test_without_a_secret_for_it_a_provider_has_no_address_to_tell_at(webhooks: Any, secret: str):
    assert tell(webhooks(secret), "postmark", POSTMARK) == 404


@pytest.mark.parametrize(("key", "status"), [("key-of-mailgun", 200), ("another", 400)])
def test_mailgun_signs_its_events(webhooks: Any, letter: Delivery, key: str, status: int):
    client = webhooks("key-of-mailgun")
    stamp, token = "1795000000", "a" * 50
    event = {
        "signature": {
            "timestamp": stamp,
            "token": token,
            "signature": hmac.new(key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest(),
        },
        "event-data": {
            "event": "complained", "timestamp": 1795000000.1, "id": "e1", "recipient": ADA,
            "user-variables": {"delivery": str(letter.pk)}, "message": {"headers": {}},
        },
    }  # fmt: skip
    assert tell(client, "mailgun", event) == status
    assert reasons() == ({ADA: "complained"} if status == 200 else {})
