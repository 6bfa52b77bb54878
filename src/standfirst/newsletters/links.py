"""Links that mails carry: who it is, which letter, and nothing that signs anybody in.

They are good for as long as the key of the magazine is (mail is read years later), open one page,
and change nothing by being fetched. Made a million times a sending, so signed by keyed BLAKE2
(RFC 7693), which takes a quarter of the time that HMAC does.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from django.conf import settings

SIZE = 16  # bytes of the signature that are kept: 128 bits
BODY = 16


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a link names: a member's number, and the delivery it came with (0: none)."""

    member: int
    delivery: int = 0


def token_for(member: int, delivery: int = 0) -> str:
    """The token of a link, in characters that need no escaping in an address."""
    body = member.to_bytes(8, "big") + delivery.to_bytes(8, "big")
    return urlsafe_b64encode(body + _sign(_keys()[0], body)).rstrip(b"=").decode()


def read_token(token: str) -> Named | None:
    """Whom it names, or None where we did not sign it, with this key or one before."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        return None
    body, signature = raw[:BODY], raw[BODY:]
    if len(raw) != BODY + SIZE or token_from(raw) != token:
        return None
    if not any(hmac.compare_digest(_sign(key, body), signature) for key in _keys()):
        return None
    return Named(int.from_bytes(body[:8], "big"), int.from_bytes(body[8:], "big"))


def token_from(raw: bytes) -> str:
    """The one way in which these bytes are written as a token."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _sign(key: bytes, body: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=SIZE).digest()


@cache
def _keys() -> tuple[bytes, ...]:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return tuple(
        hmac.digest(secret.encode(), b"standfirst.newsletters.links", "sha256")
        for secret in secrets
    )


# -- the Message-ID, by which what comes back is known --------------------------------------------

_MESSAGE = re.compile(r"<?d(\d{1,19})\.([A-Za-z0-9_-]{16})@[^>\s]*>?")


def message_id(delivery: int, host: str) -> str:
    """The Message-ID of a delivery (RFC 5322, 3.6.4), the same whenever it is made."""
    return f"<d{delivery}.{_mark(_keys()[0], delivery)}@{host}>"


def delivery_of(text: str) -> int | None:
    """The delivery whose Message-ID stands in a text, or None where there is none of ours: a bounce
    that anybody could have made up stops no mail."""
    for number, mark in _MESSAGE.findall(text):
        if any(hmac.compare_digest(_mark(key, int(number)), mark) for key in _keys()):
            return int(number)
    return None


def _mark(key: bytes, delivery: int) -> str:
    made = blake2b(b"message %d" % delivery, key=key, digest_size=12)
    return urlsafe_b64encode(made.digest()).decode()
