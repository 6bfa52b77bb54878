"""Reads mails that come back: bounces (RFC 3464) and complaints (RFC 5965). No framework.

Who refused what is believed only together with our own Message-ID, which nobody can make up; so the
caller looks for it in `returned`, the headers of the letter that came back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from enum import StrEnum

WORDS = 400
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Of a class 5, yet not about the address: the mailbox is full, the letter is too big, or we are
# not liked (RFC 3463; 7.x is policy). Another letter may well be taken.
_NOT_OF_THE_ADDRESS = re.compile(r"5\.(2\.[23]|3\.\d+|4\.\d+|5\.\d+|6\.\d+|7\.(?!13\b|17\b)\d+)\b")


class What(StrEnum):
    """What a mail that came back says."""

    REFUSED = "refused"  # for good: no such address
    NOT_TAKEN = "not_taken"  # this letter was not; another may be
    LATE = "late"  # not yet; the server goes on trying
    COMPLAINED = "complained"  # its owner called it spam


@dataclass(frozen=True, slots=True)
class Return:
    """One answer to one of our letters. `recipient` is the address as the report names it, or "";
    `returned` holds the headers of our letter, as far as they came back."""

    what: What
    recipient: str
    words: str
    returned: str


def read_return(raw: bytes) -> Return | None:
    """What a mail in the mailbox for bounces says; None for one that is no bounce (somebody
    answered, is out of the office, or sends spam)."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    if mail.get_content_type() != "multipart/report":
        return None
    kind = str(mail.get_param("report-type") or "").lower()
    if kind == "delivery-status":
        return _bounce(mail)
    if kind == "feedback-report":
        return _complaint(mail)
    return None


def _bounce(mail: Message) -> Return | None:
    fields = next((list(_blocks(p)) for p in mail.walk() if _is(p, "delivery-status")), [])
    about = [block for block in fields if "final-recipient" in block]
    if not about:
        return None
    block = about[0]
    action = block.get("action", "").strip().lower()
    status = block.get("status", "")
    words = _clean(block.get("diagnostic-code", "").partition(";")[2] or status)
    if action == "delayed":
        what = What.LATE
    elif action != "failed":
        return None  # delivered, relayed, expanded
    elif is_of_the_address(status, words):
        what = What.REFUSED
    else:
        what = What.NOT_TAKEN
    said = block.get("original-recipient") or block["final-recipient"]
    return Return(what, _clean(said.partition(";")[2]), words, _returned(mail))


def _complaint(mail: Message) -> Return | None:
    blocks = [block for p in mail.walk() if _is(p, "feedback-report") for block in _blocks(p)]
    kind = next((b["feedback-type"] for b in blocks if "feedback-type" in b), "")
    if kind.strip().lower() not in {"abuse", "fraud", "opt-out"}:
        return None
    said = next((b["original-rcpt-to"] for b in blocks if "original-rcpt-to" in b), "")
    return Return(What.COMPLAINED, _clean(said.strip("<> ")), _clean(kind), _returned(mail))


def is_of_the_address(status: str, words: str) -> bool:
    """Does a refusal (its status of RFC 3463, and the server's words) mean that the address will
    never take mail? A full mailbox, a letter too big, or a policy do not."""
    found = _STATUS.search(status) or _STATUS.search(words)
    if not found:
        return words.lstrip().startswith("550 ")
    more_exact = _STATUS.search(words)
    for one in (found.group(), more_exact.group() if more_exact else ""):
        if one and (not one.startswith("5") or _NOT_OF_THE_ADDRESS.match(one)):
            return False
    return True


def _blocks(part: Message) -> Iterator[dict[str, str]]:
    """The groups of fields in a report's machine part, names in small letters."""
    payload = part.get_payload()
    parts = payload if isinstance(payload, list) else [payload]
    for one in parts:
        if isinstance(one, Message):
            yield {name.lower(): str(value) for name, value in one.items()}
        else:
            text = one.decode("ascii", "replace") if isinstance(one, bytes) else str(one)
            for block in re.split(r"\r?\n\r?\n", text):
                found = message_from_bytes(block.encode("ascii", "replace") + b"\n\n")
                if found.keys():
                    yield {name.lower(): str(value) for name, value in found.items()}


def _returned(mail: Message) -> str:
    """The headers of the letter that came back, as text."""
    for part in mail.walk():
        if _is(part, "rfc822-headers", "text"):
            return str(part.get_payload())
        if part.get_content_type() in {"message/rfc822", "message/global"}:
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                return "\n".join(f"{name}: {value}" for name, value in inner[0].items())
    return ""


def _is(part: Message, kind: str, main: str = "message") -> bool:
    return part.get_content_type() in {f"{main}/{kind}", f"{main}/global-{kind}"}


def _clean(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:WORDS]
