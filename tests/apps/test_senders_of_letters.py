"""Who letters come from, as the publisher wrote it: whatever the alphabet, on every road."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from standfirst.members.consent import By, give
from standfirst.newsletters.actions.sending import Written, begin
from standfirst.newsletters.delivery.roads import compiled
from standfirst.newsletters.delivery.values import Recipient
from standfirst.newsletters.models import Newsletter, SendingKind
from standfirst.newsletters.senders import from_header, sender_of
from standfirst.newsletters.slots import SLOTS
from tests.making import make_magazine, make_member

pytestmark = pytest.mark.django_db

HERE = "post@mag.example"


def newsletter(name: str, address: str = HERE) -> Newsletter:
    make_magazine()
    made = Newsletter(name="News", slug="news", sender_name=name, sender_address=address)
    made.full_clean()
    made.save()
    return made


def letter_from(sender: Newsletter) -> bytes:
    """The finished message to the one reader of a sending."""
    member = make_member()
    give(member, [sender.slug], By.ACCOUNT, now=timezone.now())
    sending = begin(
        SendingKind.EDITION, "edition:1", {"member": Written("a", "<p>b</p>", "c")},
        consent=sender.slug, sender=from_header(sender), newsletter=sender, now=timezone.now(),
    )  # fmt: skip
    assert sending.total == 1
    to = Recipient((sending.pk << 32) + 1, member.pk, member.email, "", "member", 0, 0)
    return compiled(sending.pk, "member")(to, dict.fromkeys(SLOTS, "https://mag.example/")).body


def sender_in(raw: bytes) -> tuple[str, str]:
    name, address = parseaddr(message_from_bytes(raw)["From"])
    return str(make_header(decode_header(name))), address


NAMES = ["Münchner Blick", "世界の" * 26, 'The "Blick", daily', "C:\\News", "The Review"]


@pytest.mark.parametrize("name", NAMES)
def test_the_senders_name_arrives_as_it_was_written(name: str):
    sender = newsletter(name)
    assert parseaddr(from_header(sender)) == (name, HERE)
    assert sender_in(letter_from(sender)) == (name, HERE)
    # The welcome and tests go by Django's own message.
    mail = EmailMessage("a", "b", from_header(sender), ["ada@reader.example"])
    assert sender_in(mail.message().as_bytes()) == (name, HERE)


def test_an_address_of_any_domain_can_send():
    sender = newsletter("Blick", "post@münchen.example")
    assert sender_of(sender) == ("Blick", "post@xn--mnchen-3ya.example")
    raw = letter_from(sender)
    assert sender_in(raw) == ("Blick", "post@xn--mnchen-3ya.example")
    assert b"@xn--mnchen-3ya.example>\r\n" in raw[raw.index(b"Message-ID:") :]


def test_a_name_begins_no_header_of_its_own(settings: Any):
    settings.DEFAULT_FROM_EMAIL = HERE
    sender = newsletter("x")
    sender.sender_name = "Ada\r\nBcc: eve@evil.example"
    assert parseaddr(from_header(sender)) == ("Ada Bcc: eve@evil.example", HERE)
