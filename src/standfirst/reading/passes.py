"""The pass: the short-lived signed cookie that carries a member's standing to the door.

No framework here: the door reads passes, Django writes them. A pass is `payload.signature`: facts
separated by colons, and their HMAC-SHA256 (RFC 2104) in hexadecimal. It is bound to one session, to
the numbers of this host (see `generations`) and to a time. The door reads most passes once, so
there is nothing in them that takes long to read.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType

from standfirst.access.rules import OpenDoor, Standing, UnlockKind

COOKIE = "pass"
LONGEST = 3000  # characters; browsers keep cookies of 4096 bytes (RFC 6265, 6.1)
MOST_UNLOCKED = 60  # what does not fit is asked of Django
_VERSION = "2"
_SIGNATURE = 64
_OPEN = {kind.value[0]: OpenDoor(kind=kind) for kind in UnlockKind}  # c, w, g, s
_NOTHING: Mapping[int, OpenDoor] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Who reads, with which standing. `complete`: no unlock was left out for want of room.

    `epoch` and `generation` are the host's when the truth was read; `session` is
    `fingerprint(session key)`; `expires` is in seconds since 1970, UTC.
    """

    member: int
    standing: Standing
    complete: bool
    epoch: int
    generation: int
    session: str
    expires: int


def key_of(secret: str) -> bytes:
    """The key for passes that follows from one of Django's secret keys."""
    return sha256(b"standfirst.pass:" + secret.encode()).digest()


def fingerprint(session_key: str) -> str:
    """What a pass says of the session it belongs to; the key itself cannot be found from it."""
    return sha256(b"standfirst.session:" + session_key.encode()).hexdigest()[:20]


def write(it: Pass, key: bytes) -> str:
    """The pass as the value of a cookie, signed with `key`."""
    standing = it.standing
    until = standing.subscribed_until
    # Those for good may be believed as long as the pass is; the others bound its life, see Django.
    unlocked = [f"{article}{door.kind[0]}" for article, door in standing.unlocked.items()]
    flags = standing.verified | standing.staff << 1 | it.complete << 2
    facts = [
        *(_VERSION, it.member, f"{it.epoch:x}", it.generation, it.session, it.expires, flags),
        *(until.timestamp() if until else "", standing.credits_left, "_".join(unlocked)),
    ]
    payload = ":".join(map(str, facts))
    return f"{payload}.{hmac.digest(key, payload.encode(), 'sha256').hex()}"


def read(text: str, keys: Sequence[bytes], now: float) -> Pass | None:
    """The pass in a cookie, or None for one that is forged, malformed or over.

    `keys` are the present key and older ones that are still believed; `now` is seconds since 1970.
    """
    return facts_of(text, now) if has_our_shape(text) and is_signed(text, keys) else None


def facts_of(text: str, now: float) -> Pass | None:
    """What a pass that `is_signed` says; None where it is over."""
    try:
        version, member, epoch, generation, session, ends, bits, until, left, unlocked = text[
            : -_SIGNATURE - 1
        ].split(":")
        expires, flags = int(ends), int(bits)
        if version != _VERSION or now >= expires:
            return None
        standing = Standing(
            signed_in=True,
            verified=bool(flags & 1),
            staff=bool(flags & 2),
            subscribed_until=datetime.fromtimestamp(float(until), UTC) if until else None,
            unlocked=_unlocked(unlocked) if unlocked else _NOTHING,
            credits_left=int(left),
        )
        return Pass(
            member=int(member),
            standing=standing,
            complete=bool(flags & 4),
            epoch=int(epoch, 16),
            generation=int(generation),
            session=session,
            expires=expires,
        )
    except (ValueError, LookupError):
        return None  # an older version of ours: signed, but of another shape


def _unlocked(text: str) -> dict[int, OpenDoor]:
    return {int(one[:-1]): _OPEN[one[-1]] for one in text.split("_")}


def has_our_shape(text: str) -> bool:
    """Could this be a pass, from its outside?"""
    return text.isascii() and _SIGNATURE < len(text) <= LONGEST and text[-_SIGNATURE - 1] == "."


def is_signed(text: str, keys: Sequence[bytes]) -> bool:
    """Was a text of our shape signed with one of the keys?"""
    payload, signature = text[: -_SIGNATURE - 1].encode(), text[-_SIGNATURE:]
    for key in keys:
        if hmac.compare_digest(hmac.digest(key, payload, "sha256").hex(), signature):
            return True
    return False
