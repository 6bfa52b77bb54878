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
# Not a part of an IPv4 address, which servers like to name.
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
# Says nothing of the address, however often it is said: our own address is wrong, the letter is too
# big or not liked, the server has trouble, or we are not liked (RFC 3463; 7.x is policy, but for an
# address that is gone or has another owner: RFC 7372, 7293).
_OF_US = re.compile(r"[45]\.(1\.[78]|3\.\d+|5\.\d+|6\.\d+|7\.(?!13\b|17\b)\d+)$")
# Of a class 5, yet another letter may well be taken: the mailbox is full, its server is not found.
_NOT_NOW = re.compile(r"5\.(2\.[23]|4\.\d+)$")
_WORDS_OF_US = re.compile(
    r"spam|block(ed|list)|(black|deny)[ -]?list|polic(y|ies)|reputation|dnsbl|\brbl\b|\bspf\b|dkim"
    r"|dmarc|sender",
    re.IGNORECASE,
)
_MESSAGE_ID = re.compile(r"^message-id:[ \t]*(?:\r?\n[ \t]+)?(\S+)", re.IGNORECASE | re.MULTILINE)


class What(StrEnum):
    """What a mail that came back says."""

    REFUSED = "refused"  # for good: no such address
    NOT_TAKEN = "not_taken"  # not now; another letter may be
    BLOCKED = "blocked"  # for what we are, or the letter is: it says nothing of the address
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

    @property
    def message_id(self) -> str:
        """The Message-ID of the letter that came back, or "". Those that it answers (References)
        are other letters' and other readers'."""
        found = _MESSAGE_ID.search(self.returned)
        return found[1] if found else ""


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
    else:
        what = judged(status, words)
    said = block.get("original-recipient") or block["final-recipient"]
    return Return(what, _clean(said.partition(";")[2]), words, _returned(mail))


def _complaint(mail: Message) -> Return | None:
    blocks = [block for p in mail.walk() if _is(p, "feedback-report") for block in _blocks(p)]
    kind = next((b["feedback-type"] for b in blocks if "feedback-type" in b), "")
    if kind.strip().lower() not in {"abuse", "fraud", "opt-out"}:
        return None
    said = next((b["original-rcpt-to"] for b in blocks if "original-rcpt-to" in b), "")
    return Return(What.COMPLAINED, _clean(said.strip("<> ")), _clean(kind), _returned(mail))


def judged(status: str, words: str) -> What:
    """What a refusal (its status of RFC 3463, and the server's words) says: REFUSED where the
    address will never take mail, NOT_TAKEN where it took none now, BLOCKED where it is not about
    the address."""
    found = (_STATUS.search(status), _STATUS.search(words))
    # X.0.0 says no more than its class.
    said = [one.group() for one in found if one and not one.group().endswith(".0.0")]
    if any(map(_OF_US.match, said)) or (not said and _WORDS_OF_US.search(words)):
        return What.BLOCKED
    if not said:
        return What.REFUSED if re.match(r"\s*550[ -]", words) else What.NOT_TAKEN
    for_good = all(one.startswith("5") and not _NOT_NOW.match(one) for one in said)
    return What.REFUSED if for_good else What.NOT_TAKEN


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
