"""Sign-in codes, bills and the welcome leave signed, as newsletters do."""

import smtplib
from base64 import b64encode
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.mail import EmailMultiAlternatives, get_connection

from standfirst.newsletters.delivery.in_use import road_in_use
from standfirst.newsletters.delivery.roads import SmtpRoad, road
from standfirst.newsletters.occasions import welcome_letter
from standfirst.project import environment
from tests.making import make_magazine, make_member, make_newsletters
from tests.rules.test_dkim import pem

KEY = rsa.generate_private_key(65537, 2048)
DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
RECORD = b"v=DKIM1; p=" + b64encode(DER)


@pytest.fixture(params=["smtp://relay.example", "smtps://relay.example"])
def sent_by_smtp(request: Any, settings: Any, tmp_path: Path, monkeypatch: Any) -> Any:
    """Sends a mail by what EMAIL_URL sets up, and gives what the server hears."""
    (tmp_path / "key.pem").write_bytes(pem(KEY))
    for name, value in environment.email(request.param).items():
        setattr(settings, name, value)
    settings.DKIM_KEY, settings.DKIM_SELECTOR = str(tmp_path / "key.pem"), "s1"
    heard: list[bytes] = []
    monkeypatch.setattr(
        smtplib.SMTP, "sendmail", lambda self, sender, to, message: heard.append(message)
    )

    def send(letter: EmailMultiAlternatives) -> bytes:
        connection = get_connection()
        connection.connection = connection.connection_class()  # to nowhere yet
        connection.close = lambda: None
        assert connection.send_messages([letter]) == 1
        return heard.pop()

    return send


def is_good(message: bytes, domain: bytes = b"mag.example") -> bool:
    names = {b"s1._domainkey." + domain + b".": RECORD}
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: names.get(name)))


def letter() -> EmailMultiAlternatives:
    made = EmailMultiAlternatives(
        "Dein Code für heute", "..12\n.34\n\nGrüße  \n\n", "Zeitung <post@mag.example>",
        ["ada@reader.example"],
    )  # fmt: skip
    made.attach_alternative("<p>12 34 — Grüße</p>", "text/html")
    return made


def test_a_single_mail_is_signed_for_the_domain_that_it_is_from(sent_by_smtp: Any) -> None:
    message = sent_by_smtp(letter())
    assert message.startswith(b"DKIM-Signature: ")
    assert is_good(message)
    assert not is_good(message.replace(b"12 34", b"56 78"))


def test_without_a_key_the_relay_signs(sent_by_smtp: Any, settings: Any) -> None:
    settings.DKIM_KEY = ""
    assert b"DKIM-Signature" not in sent_by_smtp(letter())


def test_a_key_that_cannot_be_used_keeps_no_code_from_its_reader(
    sent_by_smtp: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DKIM_KEY = "/nowhere/key.pem"
    assert b"Subject: " in sent_by_smtp(letter())
    assert "without a signature" in caplog.text


@pytest.mark.django_db
def test_the_unsubscribe_link_of_the_welcome_is_signed(sent_by_smtp: Any, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "The Harbour <post@mag.example>"
    make_magazine()
    make_newsletters()
    message = sent_by_smtp(welcome_letter(make_member("ada@reader.example")))
    assert is_good(message)
    head = message.partition(b"\r\n\r\n")[0]
    signature = head.partition(b"bh=")[0]
    for field in (b"List-Unsubscribe:", b"List-Unsubscribe-Post:"):
        assert field in signature
        assert b"\n" + field in head
    assert b"@mag.example>" in head.partition(b"\nMessage-ID:")[2].partition(b"\r\n")[0]


def test_newsletters_know_the_road_as_before(sent_by_smtp: Any) -> None:
    assert road_in_use() == "relay.example"
    assert isinstance(road(), SmtpRoad)
