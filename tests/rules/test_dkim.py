"""DKIM signatures as another library reads them."""

from base64 import b64decode, b64encode
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as some

from standfirst.newsletters.delivery.dkim import SIGNED, BadKey, Signer, relaxed_body
from standfirst.newsletters.delivery.message import Compiled, Head, compile_letter
from tests.rules.test_message import DATE, HEAD, HTML, ID, NAMES, SUBJECT, TEXT, VALUES

RSA = rsa.generate_private_key(65537, 2048)
ED = Ed25519PrivateKey.generate()
DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
RAW = ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
RECORDS = {
    b"r1._domainkey.magazine.example.": b"v=DKIM1; k=rsa; p=" + b64encode(DER),
    b"e1._domainkey.magazine.example.": b"v=DKIM1; k=ed25519; p=" + b64encode(RAW),
}


class VerifyKey:
    """What dkimpy asks of PyNaCl, which is not among our tools, by cryptography."""

    def __init__(self, key: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(key))

    def verify(self, data: bytes, signature: bytes) -> bytes:
        try:
            self._key.verify(signature, data)
        except InvalidSignature as error:
            raise BadSignatureError from error
        return data


class BadSignatureError(Exception):
    pass


NACL = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=BadSignatureError, ValueError=ValueError),
)
dkim.nacl = NACL


def pem(key: object) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]


BY_RSA, BY_ED = (
    Signer("magazine.example", "r1", pem(RSA)),
    Signer("magazine.example", "e1", pem(ED)),
)


def good(message: bytes, index: int = 0) -> bool:
    found = dkim.DKIM(message)
    try:
        return bool(found.verify(index, dnsfunc=lambda name, timeout=0: RECORDS.get(name)))
    except dkim.ValidationError:  # the body's hash is another
        return False


def signed(
    letter: Compiled, name: str = "Ada Lovelace", address: str = "ada@home.example"
) -> bytes:
    return letter.body_for({**VALUES, "greeting": f"Hello {name}"}, name, address, ID, DATE)


LETTER = compile_letter(SUBJECT, HTML, TEXT, HEAD, [BY_RSA])


@pytest.mark.parametrize("name", [name for name in NAMES if len(name) < 5000])
def test_a_compiled_letter_is_signed_whatever_its_reader_is_called(name: str) -> None:
    message = signed(LETTER, name)
    assert good(message)
    assert all(len(line) <= 78 for line in message.partition(b"From:")[0].split(b"\r\n"))


def test_two_signatures_both_hold() -> None:
    message = signed(compile_letter(SUBJECT, HTML, TEXT, HEAD, [BY_ED, BY_RSA]), "Jörg")
    assert good(message, 0)
    assert good(message, 1)
    assert message.count(b"DKIM-Signature:") == 2


def test_what_is_signed_is_what_unsubscribing_needs() -> None:
    named = signed(LETTER).partition(b"h=")[2].partition(b";")[0].replace(b"\r\n ", b"")
    names = named.split(b":")
    assert {b"List-Unsubscribe", b"List-Unsubscribe-Post", b"From", b"Message-ID"} <= set(names)
    assert names.count(b"From") == 2
    assert set(names) <= set(SIGNED.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hullo"), (b"Ada Love", b"Ada Byro"), (b"the harbour", b"the airport"),
        (b"One-Click", b"Two-Click"), (b"/mail/off/", b"/mail/odd/"), (b"2026", b"2027"),
        (b"d17.", b"d18."), (b"\r\nPrecedence", b"\r\nFrom: x@y.example\r\nPrecedence"),
        (b"\r\nPrecedence", b"\r\nSubject: x\r\nPrecedence"),
    ],
)  # fmt: skip
def test_whatever_is_changed_on_the_way_breaks_it(old: bytes, new: bytes) -> None:
    message = (
        signed(LETTER) if old != b"Good" else LETTER.body_for(VALUES, "A", "a@b.example", ID, DATE)
    )
    assert old in message
    assert good(message)
    assert not good(message.replace(old, new))


def test_what_may_change_on_the_way_does_not_break_it() -> None:
    message = signed(LETTER)
    assert good(b"Received: by relay.example\r\n" + message)
    assert good(message.replace(b"Subject: ", b"SUBJECT:   ") + b"\r\n\r\n")


def test_a_letter_without_slots_and_without_a_list_is_signed() -> None:
    head = Head("post@magazine.example", unsubscribe=False, bulk=False)
    letter = compile_letter("Hello", "<p>Hello</p>", "Hello", head, [BY_RSA])
    assert good(letter.body_for({}, "", "ada@home.example", ID, DATE))


@settings(max_examples=40)
@given(
    some.lists(some.text(alphabet="ab \t.=ä", max_size=30), max_size=8),
    some.text(alphabet="ab \t:ä", max_size=40),
)
def test_any_other_message_can_be_signed(lines: list[str], subject: str) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    head = f"From:  a@magazine.example\r\nSubject: {subject}\r\n b\r\n\tc\r\nTo: x\r\nTo: y\r\n"
    assert good(BY_RSA.sign(head.encode() + b"\r\n" + body))
    assert good(BY_ED.sign(head.encode() + b"\r\n" + body))


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b"", b""), (b"\r\n\r\n", b""), (b"a", b"a\r\n"), (b" a \t b \r\n\r\n", b" a b\r\n"),
        (b"a\r\n \r\n", b"a\r\n"), (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
    ],
)  # fmt: skip
def test_the_relaxed_body(body: bytes, relaxed: bytes) -> None:
    assert relaxed_body(body) == relaxed


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (b"", "openssl genpkey"), (b"nonsense", "openssl genpkey"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_sign_is_refused_with_what_to_do(key: bytes, says: str) -> None:
    with pytest.raises(BadKey, match=says):
        Signer("magazine.example", "r1", key)


@pytest.mark.parametrize(
    "domain", ["", "a b.example", "x;y", "magazine.example\r\n", "münchen.example"]
)
def test_a_domain_that_is_none_is_refused(domain: str) -> None:
    with pytest.raises(BadKey, match="in ASCII"):
        Signer(domain, "r1", pem(RSA))
