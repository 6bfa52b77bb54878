"""`standfirst mail doctor` over a DNS server of our own."""

import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from standfirst.newsletters.doctor.rules import Unanswered
from standfirst.newsletters.doctor.zone import Dns
from standfirst.newsletters.models import Batch, MailSettings, Newsletter, Sending
from standfirst.newsletters.senders import key_for
from standfirst.newsletters.troubles import troubles
from standfirst.project.cli import main

pytestmark = pytest.mark.django_db

RECORDS = {
    ("mag.example.", "TXT"): '"v=spf1 ip4:203.0.113.7 " "-all"',
    ("_dmarc.mag.example.", "TXT"): '"v=DMARC1; p=reject; rua=mailto:d@mag.example"',
    ("mag.example.", "MX"): "10 mail.mag.example.",
    ("mail.mag.example.", "A"): "203.0.113.7",
}


class _Answers(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        asked = dns.message.from_wire(self.request[0])
        question = asked.question[0]
        name = question.name.to_text().lower()
        reply = dns.message.make_response(asked)
        record = RECORDS.get((name, dns.rdatatype.to_text(question.rdtype)))
        if record:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", question.rdtype, record))
        elif not any(known == name for known, _ in RECORDS):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.request[1].sendto(reply.to_wire(), self.client_address)


@pytest.fixture
def port() -> Iterator[int]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def doctor(port: int, capsys: Any, settings: Any):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.DEFAULT_FROM_EMAIL = "The Meridian <post@mag.example>"

    def examine(*more: str) -> tuple[int, str]:
        code = main(["mail", "doctor", "--dns", f"127.0.0.1:{port}", *more])
        return code, capsys.readouterr().out

    return examine


def written(folder: Path, key: Any) -> str:
    file = folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(file)


def test_what_stands_in_the_dns_is_read_over_the_network(port: int):
    zone = Dns(["127.0.0.1"], port)
    assert zone.txt("mag.example") == ["v=spf1 ip4:203.0.113.7 -all"]
    assert zone.exchangers("mag.example") == ["mail.mag.example"]
    assert zone.addresses("mail.mag.example") == ["203.0.113.7"]
    assert zone.txt("nowhere.example") == []


def test_a_server_that_does_not_answer_is_not_taken_for_a_no(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("standfirst.newsletters.doctor.zone.SECONDS", 0.2)
    with pytest.raises(Unanswered, match=r"TXT of mag\.example"):
        Dns(["127.0.0.1"], 9).txt("mag.example")


def test_the_doctor_examines_the_magazines_own_address(doctor: Any):
    code, said = doctor("--leaves-from", "203.0.113.7")
    assert code == 0
    assert "Mail from mag.example, bounces to mag.example" in said
    assert "203.0.113.7 may send for mag.example" in said
    assert "We sign nothing ourselves" in said


def test_the_doctor_says_what_to_publish_for_the_key_that_signs(
    doctor: Any, settings: Any, tmp_path: Path
):
    settings.DKIM_KEY = written(tmp_path, rsa.generate_private_key(65537, 2048))
    code, said = doctor()
    assert code == 1
    assert "standfirst._domainkey.mag.example  TXT  “v=DKIM1; k=rsa; p=MIIB" in said


def test_bounces_elsewhere_and_senders_of_all_newsletters_are_examined(doctor: Any, settings: Any):
    settings.MAIL_BOUNCES = "bounces@relay.example"
    MailSettings.objects.create(sender_address="review@news.example")
    code, said = doctor()
    assert code == 1
    assert "Mail from news.example, bounces to relay.example" in said
    assert "not of news.example’s organization" in said


def test_letters_that_no_newsletter_sends_are_examined_too(doctor: Any):
    Newsletter.objects.create(name="News", slug="news", sender_address="news@news.example")
    _, said = doctor()
    assert "Mail from news.example" in said
    assert "Mail from mag.example" in said  # new choices, alerts, the welcome


def test_what_a_provider_does_by_itself_is_not_judged_by_our_own_settings(
    doctor: Any, settings: Any, tmp_path: Path
):
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.DKIM_KEY = written(tmp_path, rsa.generate_private_key(65537, 2048))
    code, said = doctor()
    assert code == 0
    assert "Mail from mag.example, by mailgun" in said
    assert "header.d=mag.example" in said
    assert "SPF:" not in said  # mailgun's own, of an address of its own
    assert "not published" not in said  # it signs with its own key
    assert "The policy" in said


def test_a_dns_that_is_silent_about_the_relay_is_said_in_a_sentence(
    doctor: Any, settings: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("standfirst.newsletters.doctor.zone.SECONDS", 0.2)
    settings.EMAIL_HOST = "relay.example"
    assert main(["mail", "doctor", "--dns", "127.0.0.1:9"]) == 1
    assert "no server answered when asked for A of relay.example" in capsys.readouterr().err


def test_a_key_is_said_as_its_rfc_has_it(settings: Any, tmp_path: Path):
    settings.DKIM_KEY = written(tmp_path, ed25519.Ed25519PrivateKey.generate())
    key = key_for("post@mag.example")
    assert key
    assert (key.kind, len(key.public), key.domain) == ("ed25519", 44, "mag.example")
    settings.DKIM_KEY = written(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ValueError, match="neither"):
        key_for("post@mag.example")


def test_a_key_that_cannot_be_read_is_said_in_a_sentence(doctor: Any, settings: Any, capsys: Any):
    settings.DKIM_KEY = "/nowhere/key.pem"
    code = main(["mail", "doctor", "--dns", "127.0.0.1:9"])
    assert code == 1
    assert "DKIM_KEY" in capsys.readouterr().err


# -- `standfirst check` --------------------------------------------------------------------------


def said_by_check(now: Any = None) -> str:
    return " ".join(one.sentence for one in troubles(now or timezone.now()))


def test_a_key_that_cannot_be_used_is_grave(settings: Any):
    settings.DKIM_KEY = "/nowhere/key.pem"
    assert [one.grave for one in troubles(timezone.now())] == [True]
    assert "no newsletter is sent" in said_by_check()


def test_bounces_that_nobody_hears_are_said(settings: Any):
    Newsletter.objects.create(name="The Daily Review", slug="daily-review")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "Nobody hears of bounces" in said_by_check()
    settings.BOUNCE_MAILBOX = "imaps://a:b@mail.example/INBOX"
    assert "Set MAIL_BOUNCES, such as bounces@" in said_by_check()
    settings.MAIL_BOUNCES = "bounces@mag.example"
    assert not said_by_check()


def test_a_sending_that_stands_still_and_letters_in_doubt_are_said():
    Newsletter.objects.create(name="The Daily Review", slug="daily-review")
    now = timezone.now()
    sending = Sending.objects.create(
        key="edition:1", kind="edition", consent="daily-review", sender="x", total=5,
        begun_at=now - timedelta(minutes=20),
    )  # fmt: skip
    Batch.objects.create(sending=sending, first=1, last=3, queued=3)
    Batch.objects.create(
        sending=sending, first=4, last=5, uncertain=2, state="settled", settled_at=now
    )
    assert "stands still" not in said_by_check(now)
    said = said_by_check(now + timedelta(minutes=16))
    assert "“edition:1” stands still with 3 letters to go: is `standfirst worker` running?" in said
    assert "2 letters are in doubt" in said


def test_a_sending_that_is_paused_or_not_begun_in_earnest_is_said():
    Newsletter.objects.create(name="The Daily Review", slug="daily-review")
    now = timezone.now()
    sending = Sending.objects.create(
        key="edition:1", kind="edition", consent="daily-review", sender="x", total=3,
        begun_at=now - timedelta(minutes=70), state="paused", why="Paused by Ada.",
    )  # fmt: skip
    Batch.objects.create(sending=sending, first=1, last=3, queued=3)
    said = said_by_check(now)
    assert "“edition:1” is paused with 3 letters to go. Paused by Ada. Let it go on, or" in said
    Batch.objects.update(settled_at=now)
    assert "is paused" not in said_by_check(now)
    Sending.objects.update(state="freezing")
    assert "The list of “edition:1” is not whole" in said_by_check(now)
    Sending.objects.update(begun_at=now)
    assert "is not whole" not in said_by_check(now)


def test_holidays_that_are_known_no_more_are_said():
    Newsletter.objects.create(name="The Daily Review", slug="daily-review")
    MailSettings.objects.create(holidays="US")
    assert "holidays" not in said_by_check()
    MailSettings.objects.update(holidays="US-XX")
    assert "The public holidays of “US-XX” are not known" in said_by_check()
